"""Signing in and out as a person does, through the real addresses."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
import requests
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.sandbox.server import LoopbackServer

from .world import (
    CLIENT_SECRET,
    EDITOR,
    NOBODY,
    WITHOUT_PROVIDER,
    Browser,
    World,
    create_host,
    parts_of,
    query_of,
    soup,
    with_query,
)

BAD_NEXT = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%5cevil.example",
    "/%2fevil.example",
    "/%2F%2Fevil.example",
    "https:evil.example",
    "https://evil.example/",
    "http:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "\t//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "/x\r\nSet-Cookie: a=b",
    "/x\x00",
    "/x\\y",
    "evil.example",
    "?next=//evil.example",
    "//[evil",
    "/" + "x" * 400,
    "",
]


def test_the_whole_way_in_and_out(world: World, browser: Browser) -> None:
    first = browser.open("/cpse/providers?q=oak")
    assert first.status_code == 302
    begun = browser.open(first.headers["Location"])
    chooser = browser.open(begun.headers["Location"])
    assert chooser.status_code == 200
    assert [name.text for name in soup(chooser).select(".name")] == ["Rosa Lindqvist", "Elliot Marsh", "Vernon Pike"]

    back = browser.open(browser.choose(begun.headers["Location"]))

    assert (back.status_code, back.headers["Location"]) == (302, "/cpse/providers?q=oak")
    assert "Granite Path" in browser.open("/cpse/providers").text
    assert browser.who() == {
        "subject": EDITOR,
        "name": "Elliot Marsh",
        "email": "elliot@tamarack.example",
        "role": "EDITOR",
    }

    page = browser.open("/cpse/signed-out")
    signing_out = browser.post_form(page, "/cpse/sign-out")
    assert signing_out.status_code == 200
    assert browser.who() is None
    way_on = soup(signing_out).select_one("main a")
    assert way_on is not None
    refresh = soup(signing_out).select_one('meta[http-equiv="refresh"]')
    assert refresh is not None
    assert refresh["content"] == f"0; url={way_on['href']}"
    returned = browser.open(str(way_on["href"]))
    assert (returned.status_code, returned.headers["Location"]) == (302, f"{world.host_url}/cpse/signed-out")
    # The provider has forgotten the person too: it asks again.
    assert "Who are you today?" in browser.open(browser.go_to_provider()).text


def test_the_request_to_the_provider_is_bound_to_this_sign_in(browser: Browser) -> None:
    one, other = query_of(browser.go_to_provider()), query_of(browser.go_to_provider())

    assert one["response_type"] == "code"
    assert one["code_challenge_method"] == "S256"
    assert set(one["scope"].split()) == {"openid", "profile", "email"}
    for name in ("state", "nonce", "code_challenge"):
        assert len(one[name]) >= 32
        assert one[name] != other[name]
    pending = browser.open("/session").json()["cpse_sign_ins"]
    digest = hashlib.sha256(pending[0]["verifier"].encode()).digest()
    assert one["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_two_tabs_can_be_ended_in_any_order(world: World, browser: Browser) -> None:
    first = browser.go_to_provider("/cpse/providers?q=first")
    second = browser.go_to_provider("/cpse/providers?q=second")
    at_once = [browser.choose(second), browser.choose(first)]

    assert browser.open(at_once[0]).headers["Location"] == "/cpse/providers?q=second"
    assert browser.open(at_once[1]).headers["Location"] == "/cpse/providers"
    assert browser.who() is not None


def test_five_sign_ins_are_open_at_most_and_the_cookie_stays_small(browser: Browser) -> None:
    long_page = "/cpse/providers?q=" + "".join(hashlib.sha256(str(i).encode()).hexdigest() for i in range(5))[:270]
    addresses = [browser.go_to_provider(long_page) for _ in range(8)]

    assert len(browser.open("/session").json()["cpse_sign_ins"]) == 5
    assert max(len(cookie.value or "") for cookie in browser.cookies) < 3800
    assert browser.open(browser.choose(addresses[2])).status_code == 400
    assert browser.open(browser.choose(addresses[3])).headers["Location"] == long_page


def test_the_session_holds_no_token_and_the_hosts_keys_stay(browser: Browser) -> None:
    browser.open("/host-page")
    browser.open("/cpse/signed-out")
    before = browser.open("/session").json()
    browser.go_to_provider()
    callback = browser.choose(browser.go_to_provider())
    browser.open(callback)

    after = browser.open("/session").json()
    own = {key: value for key, value in after.items() if key.startswith("cpse_")}
    assert {key: value for key, value in after.items() if key not in own} == before
    assert list(own) == ["cpse_session"]
    # 256 bits of chance, and nothing that says who it is.
    assert len(base64.urlsafe_b64decode(own["cpse_session"] + "=")) == 32
    assert query_of(callback)["code"] not in json.dumps(own)

    browser.post_form(browser.open("/cpse/signed-out"), "/cpse/sign-out")
    assert browser.open("/session").json() == before


def test_signing_in_gives_a_session_kept_by_the_server_a_new_name(world: World, browser: Browser) -> None:
    renamed: list[bool] = []

    class ServerSide(SecureCookieSessionInterface):
        def regenerate(self, session: SecureCookieSession) -> None:
            renamed.append("cpse_sign_ins" in session)

    world.host.session_interface = ServerSide()
    browser.sign_in()

    assert renamed == [False]


def test_signing_out_needs_the_forms_token(browser: Browser) -> None:
    browser.sign_in()

    assert browser.post(browser.absolute("/cpse/sign-out"), timeout=20).status_code == 400
    assert browser.open("/cpse/sign-out").status_code == 405
    assert browser.who() is not None


def test_signing_out_works_while_the_provider_is_down(world: World, browser: Browser) -> None:
    browser.sign_in()
    page = browser.open("/cpse/signed-out")
    world.clock.ahead = 4000
    world.tampered.answer_once("/.well-known/openid-configuration", b"", "503 Service Unavailable")

    response = browser.post_form(page, "/cpse/sign-out")

    assert (response.status_code, response.headers["Location"]) == (303, "/cpse/signed-out")
    assert browser.who() is None


@pytest.mark.parametrize("target", BAD_NEXT)
def test_after_signing_in_nobody_is_sent_away_from_this_host(browser: Browser, target: str) -> None:
    response = browser.sign_in(next_page=target)

    assert response.headers["Location"] == "/cpse/providers"
    assert "a" not in browser.cookies
    # Whoever is signed in already is not sent away either.
    assert browser.open("/cpse/sign-in", params={"next": target}).headers["Location"] == "/cpse/providers"


def test_a_person_without_a_role_is_told_which_groups_give_access(browser: Browser) -> None:
    refused = browser.follow(browser.sign_in(NOBODY))

    assert refused.status_code == 403
    # To load the page again sends nothing a second time that counts once.
    assert browser.open(refused.url).text.count("Vernon Pike") == refused.text.count("Vernon Pike")
    for text in ("Vernon Pike", "Readers", "Editors"):
        assert text in refused.text
    assert browser.who() is None
    # It is remembered: the page comes again without a way to the provider and back, which would never end.
    again = browser.open(browser.open("/cpse/providers").headers["Location"])
    assert again.status_code == 403
    assert "Vernon Pike" in again.text

    link = soup(again).select_one("main a.cpse-button")
    assert link is not None
    anew = browser.open(str(link["href"]))
    assert anew.status_code == 302
    assert browser.open(browser.choose(anew.headers["Location"])).headers["Location"] == "/cpse/providers"
    assert browser.who() is not None


def test_a_person_without_a_role_can_sign_out_at_the_provider_and_be_another(browser: Browser) -> None:
    page = browser.follow(browser.sign_in(NOBODY))
    way_on = soup(browser.post_form(page, "/cpse/sign-out")).select_one("main a")
    assert way_on is not None
    browser.open(str(way_on["href"]))

    assert "Who are you today?" in browser.open(browser.go_to_provider()).text


def test_a_callback_works_once(browser: Browser) -> None:
    callback = browser.choose(browser.go_to_provider())
    browser.open(callback)

    # Back in the browser's history: still signed in, and no error page.
    assert browser.open(callback).headers["Location"] == "/cpse/providers"

    browser.post_form(browser.open("/cpse/signed-out"), "/cpse/sign-out")
    replayed = browser.open(callback)
    assert_refused(browser, replayed, 400)
    link = soup(replayed).select_one("main a.cpse-button")
    assert link is not None
    assert link.text == "Sign in again"


def test_a_code_works_once(browser: Browser) -> None:
    code = query_of(callback := browser.choose(browser.go_to_provider()))["code"]
    browser.open(callback)
    browser.post_form(browser.open("/cpse/signed-out"), "/cpse/sign-out")

    fresh = browser.choose(browser.go_to_provider())

    assert_refused(browser, browser.open(with_query(fresh, code=code)), 400)


def test_a_sign_in_ends_in_the_browser_that_began_it(world: World, browser: Browser) -> None:
    callback = browser.choose(browser.go_to_provider())
    victim = world.browser()
    victim.go_to_provider()

    assert_refused(victim, victim.open(callback), 400)


def test_a_code_of_another_sign_in_is_refused(world: World, browser: Browser) -> None:
    """The code was issued for another nonce and another PKCE challenge."""
    attacker = world.browser()
    stolen = query_of(attacker.choose(attacker.go_to_provider()))["code"]
    callback = browser.choose(browser.go_to_provider())

    assert_refused(browser, browser.open(with_query(callback, code=stolen)), 400)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"state": "wrong"}, 400),
        ({"state": ""}, 400),
        ({"state": None}, 400),
        ({"code": None}, 400),
        ({"code": ""}, 400),
        ({"code": "wrong"}, 400),
        ({"code": "\ud800".encode("utf-8", "surrogatepass")}, 400),
        ({"iss": None}, 502),
        ({"iss": "https://evil.example"}, 502),
        ({"iss": ""}, 502),
        ({"error": "access_denied", "code": None}, 400),
        ({"error": "<script>alert(1)</script>"}, 400),
    ],
)
def test_an_altered_answer_is_refused(
    world: World, browser: Browser, changes: dict[str, str | None], status: int
) -> None:
    callback = browser.choose(browser.go_to_provider())

    response = browser.open(with_query(callback, **changes))

    assert_refused(browser, response, status)
    assert "<script>alert" not in response.text
    # A state is used up by an answer, right or wrong.
    if changes.get("state", "kept") == "kept":
        assert_refused(browser, browser.open(callback), 400)


def test_the_wrong_provider_gets_no_code(world: World, browser: Browser) -> None:
    callback = browser.choose(browser.go_to_provider())

    browser.open(with_query(callback, iss="https://evil.example"))

    assert world.tampered.calls["/token"] == 0


@pytest.mark.parametrize("parameter", ["state", "code", "iss", "error"])
def test_an_answer_that_says_something_twice_is_refused(browser: Browser, parameter: str) -> None:
    callback = browser.choose(browser.go_to_provider())

    assert_refused(browser, browser.open(f"{callback}&{parameter}=x&{parameter}=x"), 400)


def test_a_sign_in_that_took_too_long_is_refused(world: World, browser: Browser) -> None:
    callback = browser.choose(browser.go_to_provider())
    world.clock.ahead = 31 * 60

    assert_refused(browser, browser.open(callback), 400)


@pytest.mark.parametrize(
    "entry", ["text", "", 7, {}, [], {"sub": "x", "name": "x", "email": None, "role": "inviter", "since": 9e9}]
)
def test_what_another_version_left_in_the_session_signs_nobody_in(world: World, entry: object) -> None:
    with world.host.test_client() as client:
        with client.session_transaction() as session:
            session["cpse_session"] = entry
            session["cpse_sign_ins"] = entry
        assert client.get("/who").json is None
        assert client.get("/cpse/sign-in/callback?state=x&code=x").status_code == 400
        assert client.get("/cpse/sign-in").status_code == 302


def test_the_hosts_own_user_counts_where_there_is_no_provider(tmp_path: Path) -> None:
    people: list[Staff | None] = [None]
    host = create_host(tmp_path, WITHOUT_PROVIDER, staff_loader=lambda: people[0])
    with LoopbackServer("host", host) as server:
        browser = Browser(server.url)
        page = browser.open(browser.open("/cpse/providers?q=oak").headers["Location"])
        assert page.status_code == 403
        assert "Sign in to the intranet first" in page.text

        people[0] = Staff("host-1", "Hanna Host", None, Role.READER)
        again = soup(page).select_one("main a.cpse-button")
        assert again is not None
        assert browser.open(str(again["href"])).headers["Location"] == "/cpse/providers?q=oak"
        assert "Granite Path" in browser.open("/cpse/providers").text
        assert browser.open("/cpse/sign-in/callback?state=x&code=x").headers["Location"] == "/cpse/providers"
        # The host has signed her in, and signs her out.
        assert "Sign out</button>" not in browser.open("/cpse/providers").text
        assert "still has you signed in" in browser.open("/cpse/signed-out").text
    parts_of(host).database.engine.dispose()


def test_every_page_has_one_heading_that_its_title_begins_with(world: World, browser: Browser) -> None:
    failed = browser.open("/cpse/sign-in/callback?state=x&code=x")
    without_role = browser.sign_in(NOBODY)
    signed_out = browser.open("/cpse/signed-out")
    signing_out = browser.post_form(signed_out_of(browser), "/cpse/sign-out")

    for page in (failed, without_role, signed_out, signing_out):
        parsed = soup(page)
        headings = parsed.select("h1")
        assert len(headings) == 1
        assert parsed.title is not None
        assert parsed.title.text.startswith(headings[0].text)


def test_no_secret_is_logged(world: World, browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        browser.open(with_query(browser.choose(browser.go_to_provider()), iss="https://evil.example"))
        address = browser.go_to_provider()
        verifier = browser.open("/session").json()["cpse_sign_ins"][0]["verifier"]
        browser.open(browser.choose(address))

    own = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("cpse_plugin.sign_in"))
    assert "sign-in refused: the answer names another identity provider" in own
    for secret in (CLIENT_SECRET, verifier, "eyJ"):
        assert secret not in caplog.text


def signed_out_of(browser: Browser) -> requests.Response:
    """A page with the form to sign out."""
    begun = browser.open("/cpse/sign-in?again=1")
    browser.open(browser.choose(begun.headers["Location"]))
    return browser.open("/cpse/signed-out")


def assert_refused(browser: Browser, response: requests.Response, status: int) -> None:
    """The person reads a page that says so, and is not signed in."""
    assert response.status_code == status
    heading = soup(response).select_one("h1")
    assert heading is not None
    assert heading.text == "You are not signed in"
    assert "Nothing was lost." in response.text
    assert "Traceback" not in response.text
    assert browser.who() is None
