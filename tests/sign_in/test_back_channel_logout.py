"""Back-channel logout: the identity provider ends a session here, and nobody else does."""

import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from cpse_plugin.sandbox.identity_provider_grants import LOGOUT_EVENT

from .world import CLIENT_ID, EDITOR, Browser, World, soup

ADDRESS = "/cpse/sign-in/back-channel-logout"


def claims_of(world: World, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": world.provider_url,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_urlsafe(8),
        "sub": EDITOR,
        "events": {LOGOUT_EVENT: {}},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def token(world: World, header: dict[str, Any] | None = None, **changes: Any) -> str:
    full = {"alg": "RS256", "kid": world.idp.key.kid, "typ": "logout+jwt", **(header or {})}
    return world.idp.sign(
        claims_of(world, **changes), {name: value for name, value in full.items() if value is not None}
    )


def post(world: World, logout_token: str) -> requests.Response:
    """As the provider does it: no cookie and no CSRF token."""
    return requests.post(world.host_url + ADDRESS, data={"logout_token": logout_token}, timeout=20)


def id_token_of(world: World) -> str:
    """An id_token of a real sign-in, as a browser's plugin or a careless proxy could have got hold of it."""
    seen: list[str] = []

    def look(claims: dict[str, Any], header: dict[str, Any]) -> str:
        seen.append(world.idp.sign(claims, header))
        return seen[-1]

    world.forge(look)
    world.browser().sign_in()
    world.forge(None)
    return seen[0]


def test_signing_out_at_the_provider_ends_the_session_here(world: World, browser: Browser) -> None:
    browser.sign_in()
    elsewhere = world.browser()
    elsewhere.sign_in()

    browser.open(f"{world.provider_url}/end-session")

    assert browser.who() is None
    # Another computer has a session of its own at the provider.
    assert elsewhere.who() is not None


def test_the_provider_can_end_all_sessions_of_a_person(world: World) -> None:
    computers = [world.browser(), world.browser()]
    for computer in computers:
        computer.sign_in()
    other = world.browser()
    other.sign_in("rosa")

    answer = world.idp.tell_signed_out(sub=EDITOR)

    assert answer is not None
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert [computer.who() for computer in computers] == [None, None]
    assert other.who() is not None


@pytest.mark.parametrize("typ", ["logout+jwt", "LOGOUT+JWT", None])
def test_a_logout_token_in_order_counts(world: World, browser: Browser, typ: str | None) -> None:
    browser.sign_in()

    assert post(world, token(world, {"typ": typ})).status_code == 200
    assert browser.who() is None


BAD: dict[str, Callable[[World], str]] = {
    "no token": lambda world: "",
    "rubbish": lambda world: "a.b.c",
    "typ of an id_token": lambda world: token(world, {"typ": "JWT"}),
    "typ of an access token": lambda world: token(world, {"typ": "at+jwt"}),
    "alg none": lambda world: token(world).rpartition(".")[0] + ".",
    "another signature": lambda world: token(world).rpartition(".")[0] + "." + token(world, sub="x").rpartition(".")[2],
    "unknown key": lambda world: token(world, {"kid": "unknown"}),
    "another issuer": lambda world: token(world, iss="https://evil.example"),
    "no issuer": lambda world: token(world, iss=None),
    "another audience": lambda world: token(world, aud="other-client"),
    "one more audience": lambda world: token(world, aud=[CLIENT_ID, "other-client"]),
    "no audience": lambda world: token(world, aud=None),
    "no iat": lambda world: token(world, iat=None),
    "future iat": lambda world: token(world, iat=int(time.time()) + 90),
    "old iat": lambda world: token(world, iat=int(time.time()) - 700),
    "no exp": lambda world: token(world, exp=None),
    "exp over": lambda world: token(world, exp=int(time.time()) - 90),
    "no jti": lambda world: token(world, jti=None),
    "jti no text": lambda world: token(world, jti=7),
    "no events": lambda world: token(world, events=None),
    "other events": lambda world: token(world, events={"http://schemas.openid.net/event/other": {}}),
    "event no object": lambda world: token(world, events={LOGOUT_EVENT: True}),
    "events a list": lambda world: token(world, events=[LOGOUT_EVENT]),
    "nonce": lambda world: token(world, nonce="n"),
    "neither sub nor sid": lambda world: token(world, sub=None),
    "sub no text": lambda world: token(world, sub=["elliot"]),
    "empty sid": lambda world: token(world, sid=""),
    "a real id_token": id_token_of,
}


@pytest.mark.parametrize("kind", BAD)
def test_any_other_token_ends_nothing(world: World, browser: Browser, kind: str) -> None:
    browser.sign_in()

    answer = post(world, BAD[kind](world))

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert answer.headers["Cache-Control"] == "no-store"
    assert browser.who() is not None


def test_a_logout_token_counts_once(world: World, browser: Browser) -> None:
    """Whoever has caught one could go on throwing the person out with it."""
    caught = token(world)
    assert post(world, caught).status_code == 200

    browser.sign_in()
    assert post(world, caught).status_code == 400
    assert browser.who() is not None


def test_a_late_message_ends_no_later_session(world: World, browser: Browser) -> None:
    late = token(world, iat=int(time.time()) - 120)
    browser.sign_in()

    assert post(world, late).status_code == 200
    assert browser.who() is not None


def test_a_provider_that_names_no_session_in_the_id_token_is_understood(world: World, browser: Browser) -> None:
    world.forge(lambda claims, header: claims.pop("sid") and None)
    browser.sign_in()

    assert post(world, token(world, sid="of the provider")).status_code == 200
    assert browser.who() is None


def test_two_tokens_in_one_request_are_refused(world: World) -> None:
    pair = [("logout_token", token(world)), ("logout_token", token(world))]
    assert requests.post(world.host_url + ADDRESS, data=pair, timeout=20).status_code == 400


def test_it_is_the_one_address_without_a_csrf_token(world: World, browser: Browser) -> None:
    browser.sign_in()
    adapter = world.host.url_map.bind("localhost")
    refused = {}
    for rule in world.host.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and rule.endpoint.startswith("cpse."):
            values = {name: 1 if name == "provider_id" else "x" for name in rule.arguments}
            response = browser.submit(adapter.build(rule.endpoint, values, method="POST"), {})
            refused[rule.endpoint] = response.status_code == 400 and "<h1>This " in response.text

    assert [endpoint for endpoint, is_refused in refused.items() if not is_refused] == ["cpse.back_channel_logout"]
    assert len(refused) > 8


def test_the_page_after_it_leads_to_signing_in(world: World, browser: Browser) -> None:
    browser.sign_in()
    world.idp.tell_signed_out(sub=EDITOR)

    page = browser.follow(browser.open("/cpse/providers"))

    # The provider still has the browser signed in, so nobody is asked anything: a new session has begun.
    heading = soup(page).select_one("h1")
    assert heading is not None
    assert heading.text == "CPSE Portal User Management"
    assert browser.who() is not None
