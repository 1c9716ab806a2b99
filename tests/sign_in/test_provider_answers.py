"""Discovery, keys and the token endpoint: what a provider gets wrong once is over with the sign-in that met it."""

import gc
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from cpse_plugin.sandbox.identity_provider import discovery_document
from cpse_plugin.settings import SettingsError
from cpse_plugin.sign_in import OidcClient
from cpse_plugin.sign_in.kept import Kept
from cpse_plugin.sign_in.keys import keys_for, read_keys

from .world import CLIENT_SECRET, DISCOVERY, Browser, Clock, World, parts_of, running_world, settings_for

DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
RUBBISH: list[Any] = [
    {},
    [],
    None,
    7,
    "text",
    {"error": "temporarily_unavailable"},
    b"",
    b"<html>maintenance</html>",
    b'{"issuer": ',
    b'{"issuer": NaN}',
    b"\xff\xfe",
    DEEP,
]
BAD_TOKEN_ANSWERS: list[Any] = [
    *RUBBISH,
    {"access_token": "a", "token_type": "Bearer"},
    {"access_token": "a", "token_type": "Bearer", "id_token": None},
    {"access_token": "a", "token_type": "Bearer", "id_token": 7},
    {"access_token": "a", "token_type": "Bearer", "id_token": ["a.b.c"]},
    {"access_token": "a", "token_type": "Bearer", "id_token": "a.b.c"},
    {"access_token": None, "token_type": "Bearer", "id_token": "a.b.c"},
    {"access_token": "a", "token_type": "mac", "id_token": "a.b.c"},
    {"access_token": "a", "id_token": "a.b.c"},
    {"access_token": "a", "token_type": "Bearer", "id_token": "a.b.c", "expires_in": "abc"},
    {"access_token": "a", "token_type": "Bearer", "id_token": "a.b.c", "expires_in": [1]},
    {"access_token": "a", "token_type": "Bearer", "id_token": "a.b.c", "expires_at": {}},
    {"access_token": 7, "token_type": "Bearer", "id_token": "a.b.c"},
    {"access_token": {}, "token_type": ["Bearer"], "id_token": []},
    {"error": {"code": "invalid_grant", "message": "the code is over"}},
    {"error": ["invalid_grant"], "error_description": {"text": 7}},
    {"error": True, "error_description": False},
    {"error": "invalid_grant", "error_description": ["over", None]},
    b'\xef\xbb\xbf{"error": "invalid_grant"}',
]
ids = [str(index) for index in range(100)]


@pytest.fixture(autouse=True)
def _nothing_is_collected() -> Iterator[None]:
    """Let earlier leavings wait: an answer that is nested too deeply leaves no stack for finalizers to run on."""
    gc.disable()
    yield
    gc.enable()


def some_seconds_later(world: World) -> None:
    """What has failed is not asked for again before."""
    world.clock.ahead += 6


@pytest.mark.parametrize("rubbish", RUBBISH, ids=ids[: len(RUBBISH)])
def test_one_bad_discovery_document_is_not_kept(world: World, browser: Browser, rubbish: object) -> None:
    world.tampered.answer_once(DISCOVERY, rubbish)

    assert browser.open("/cpse/sign-in").status_code == 502
    some_seconds_later(world)
    assert browser.sign_in().status_code == 302


@pytest.mark.parametrize("rubbish", [*RUBBISH, {"keys": []}, {"keys": [{"kty": "oct", "k": "eA"}]}, {"keys": "x"}])
def test_one_bad_key_set_is_not_kept(world: World, browser: Browser, rubbish: object) -> None:
    world.tampered.answer_once("/jwks", rubbish)

    assert browser.sign_in().status_code == 502
    assert browser.who() is None
    some_seconds_later(world)
    assert browser.sign_in().status_code == 302


@pytest.mark.parametrize("path", [DISCOVERY, "/jwks", "/token"])
@pytest.mark.parametrize("status", ["500 Internal Server Error", "302 Found", "404 Not Found", "204 No Content"])
def test_a_status_other_than_success_is_refused(world: World, path: str, status: str) -> None:
    browser = world.browser()
    body = discovery_document(world.provider_url) if path == DISCOVERY else world.idp.public_keys
    if path == DISCOVERY:
        world.tampered.answer_once(path, body, status)
        assert browser.open("/cpse/sign-in").status_code == 502
    else:
        world.tampered.answer_once(path, body, status)
        assert browser.sign_in().status_code == 502
    assert browser.who() is None
    some_seconds_later(world)
    assert browser.sign_in().status_code == 302


@pytest.mark.parametrize("answer", BAD_TOKEN_ANSWERS, ids=ids[: len(BAD_TOKEN_ANSWERS)])
def test_a_bad_token_answer_signs_nobody_in(
    world: World, browser: Browser, caplog: pytest.LogCaptureFixture, answer: object
) -> None:
    world.tampered.answer_once("/token", answer)

    response = browser.sign_in()

    assert response.status_code in (400, 502)
    assert "You are not signed in" in response.text
    assert browser.who() is None
    # Something was said of it, and nothing had to be caught that nobody had thought of.
    assert "sign-in refused: " in caplog.text
    assert "unexpected" not in caplog.text


@pytest.mark.parametrize("status", ["201 Created", "400 Bad Request", "401 Unauthorized", "500 Internal Server Error"])
@pytest.mark.parametrize("error", [{"code": "x"}, ["x"], "invalid_client", 7], ids=repr)
def test_an_error_of_any_form_is_told_in_words(
    world: World, browser: Browser, caplog: pytest.LogCaptureFixture, status: str, error: object
) -> None:
    world.tampered.answer_once("/token", {"error": error, "error_description": {"more": "canary"}}, status)

    response = browser.sign_in()

    assert response.status_code in (400, 502)
    assert "You are not signed in" in response.text
    assert "canary" in caplog.text
    assert "unexpected" not in caplog.text


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_a_token_answer_that_is_created_and_has_a_byte_order_mark_counts(
    world: World, browser: Browser, mark: bytes
) -> None:
    world.tampered.rewrite["/token"] = lambda body: ("201 Created", mark + body)
    assert browser.sign_in().status_code == 302
    assert browser.who() is not None


@pytest.mark.parametrize("secret", ["a:b", "100%", "a+b", "a b", "é", ":% +é&=/?#"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_of_any_characters_is_taken(secret: str, method: str) -> None:
    with running_world(oidc_client_secret=secret) as world:
        world.take_secret(secret, method)
        browser = world.browser()
        assert browser.sign_in().status_code == 302
        world.take_secret(secret + "x", method)
        assert world.browser().sign_in().status_code == 502


def test_that_the_provider_refuses_the_client_is_for_the_operator(
    world: World, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    world.tampered.answer_once("/token", {"error": "invalid_client", "error_description": CLIENT_SECRET}, "401 No")
    assert browser.sign_in().status_code == 502
    assert "check CPSE_OIDC_CLIENT_ID and CPSE_OIDC_CLIENT_SECRET" in caplog.text
    assert CLIENT_SECRET not in caplog.text


def test_a_huge_token_answer_is_not_read_to_its_end(world: World, browser: Browser) -> None:
    world.tampered.answer_once("/token", b'{"id_token": "' + b"x" * 5_000_000 + b'"}')

    assert browser.sign_in().status_code == 502


def test_a_new_key_works_at_once(world: World, browser: Browser) -> None:
    browser.sign_in()
    world.idp.rotate_key()

    other = world.browser()
    assert other.sign_in().status_code == 302
    assert world.tampered.calls["/jwks"] == 2
    assert world.browser().sign_in().status_code == 302
    assert world.tampered.calls["/jwks"] == 2


def test_a_new_key_under_the_same_name_works(world: World, browser: Browser) -> None:
    browser.sign_in()
    kid = world.idp.key.kid
    world.idp.rotate_key(revoke=True)
    renamed = {**world.idp.key.as_dict(private=False), "kid": kid}
    world.tampered.answer_once("/jwks", {"keys": [renamed]})
    world.forge(lambda claims, header: header.update(kid=kid))

    assert world.browser().sign_in().status_code == 302


def test_keys_are_asked_for_again_once_in_ten_seconds_at_most(world: World) -> None:
    world.browser().sign_in()
    world.forge(lambda claims, header: header.update(kid="unknown"))

    for _ in range(4):
        assert world.browser().sign_in().status_code == 502
    assert world.tampered.calls["/jwks"] == 2

    # A change of keys within that time has to wait, and works after it.
    world.forge(lambda claims, header: _shift(claims, world.clock.ahead))
    world.idp.rotate_key()
    assert world.browser().sign_in().status_code == 502
    world.clock.ahead = 11
    assert world.browser().sign_in().status_code == 302


def test_a_bad_key_set_on_renewal_does_not_use_up_the_ten_seconds(world: World) -> None:
    world.browser().sign_in()
    world.idp.rotate_key()
    world.tampered.answer_once("/jwks", {"keys": []})

    assert world.browser().sign_in().status_code == 502
    some_seconds_later(world)
    assert world.browser().sign_in().status_code == 302


def test_a_revoked_key_ends_within_the_hour(world: World) -> None:
    world.browser().sign_in()
    stolen = world.idp.key
    world.idp.rotate_key(revoke=True)

    def signed_with_the_stolen_key(claims: dict[str, Any], header: dict[str, Any]) -> str:
        _shift(claims, world.clock.ahead)
        current, world.idp._keys = world.idp._keys, [stolen]
        token = world.idp.sign(claims, {**header, "kid": stolen.kid})
        world.idp._keys = current
        return token

    world.forge(signed_with_the_stolen_key)
    assert world.browser().sign_in().status_code == 302
    world.clock.ahead = 3601
    assert world.browser().sign_in().status_code == 502


def test_a_revoked_key_ends_with_the_first_token_of_its_successor(world: World) -> None:
    world.browser().sign_in()
    stolen = world.idp.key
    world.idp.rotate_key(revoke=True)
    world.browser().sign_in()

    def signed_with_the_stolen_key(claims: dict[str, Any], header: dict[str, Any]) -> str:
        current, world.idp._keys = world.idp._keys, [stolen]
        token = world.idp.sign(claims, {**header, "kid": stolen.kid})
        world.idp._keys = current
        return token

    world.forge(signed_with_the_stolen_key)
    assert world.browser().sign_in().status_code == 502


@pytest.mark.parametrize(("ahead", "status"), [(-90, 502), (-50, 302), (50, 302), (600, 302), (700, 502)])
def test_clocks_may_differ_by_a_minute(world: World, browser: Browser, ahead: int, status: int) -> None:
    world.clock.ahead = ahead

    response = browser.sign_in()

    assert response.status_code == status
    if status == 502:
        assert "clock" in response.text


def test_discovery_and_keys_are_asked_for_once_an_hour(world: World) -> None:
    for _ in range(3):
        world.browser().sign_in()
    assert (world.tampered.calls[DISCOVERY], world.tampered.calls["/jwks"]) == (1, 1)

    world.forge(lambda claims, header: _shift(claims, world.clock.ahead))
    world.clock.ahead = 3601
    world.browser().sign_in()
    assert (world.tampered.calls[DISCOVERY], world.tampered.calls["/jwks"]) == (2, 2)


def test_a_provider_that_is_down_is_explained(browser: Browser, world: World) -> None:
    down = OidcClient(settings_for("http://127.0.0.1:1"), clock=Clock())
    world.host.extensions["cpse"] = replace(parts_of(world.host), oidc=down)

    response = browser.open("/cpse/sign-in?next=/cpse/providers")

    assert response.status_code == 502
    assert "did not answer" in response.text
    assert "/cpse/sign-in?next=/cpse/providers" in response.text


def test_making_the_client_asks_nobody() -> None:
    assert OidcClient(settings_for("http://127.0.0.1:1")) is not None


def test_a_discovery_address_that_is_none_stops_the_start() -> None:
    for address in ("https://idp.example/", "https://idp.example/.well-known/openid-configuration/x"):
        with pytest.raises(SettingsError, match="CPSE_OIDC_DISCOVERY_URL"):
            OidcClient(settings_for("", oidc_discovery_url=address))


def test_keys_that_are_of_no_use_take_no_other_along() -> None:
    good = RSAKey.generate_key(2048, {"kid": "good"}).as_dict(private=False)
    elliptic = ECKey.generate_key("P-256", {"kid": "ec"}).as_dict(private=False)
    useless: list[Any] = [
        7,
        {},
        {"kty": "RSA"},
        {**good, "n": "AQAB"},
        {**good, "n": "***"},
        {**good, "n": 7},
        {**good, "kid": 7},
        {**good, "use": "enc"},
        {**good, "key_ops": ["encrypt"]},
        {**good, "key_ops": "verify"},
        {**elliptic, "y": elliptic["x"]},
        ECKey.generate_key("P-384").as_dict(private=False),
        OctKey.generate_key(256).as_dict(private=True),
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"},
    ]

    keys = read_keys({"keys": [*useless, good, elliptic]})

    assert [key.kid for key in keys] == ["good", "ec"]


def test_the_key_is_chosen_by_name_and_never_guessed() -> None:
    rsa = RSAKey.generate_key(2048, {"kid": "one"}).as_dict(private=False)
    for_ps = {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "two", "alg": "PS256"}
    keys = read_keys({"keys": [rsa, for_ps]})

    def names(alg: str, kid: str | None) -> list[str | None]:
        return [key.kid for key in keys_for(keys, alg=alg, kid=kid)]

    assert names("RS256", "one") == ["one"]
    assert names("RS256", "two") == []
    assert names("PS256", "two") == ["two"]
    assert names("ES256", "one") == []
    assert names("RS256", None) == ["one"]
    assert names("PS256", None) == []
    assert names("none", None) == []


def test_threads_that_need_a_new_value_at_once_fetch_it_once() -> None:
    fetched: list[object] = []

    def fetch() -> object:
        fetched.append(object())
        return fetched[-1]

    kept = Kept(fetch, lambda: 1000.0)
    old = kept.get()
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(kept.renewed(old))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(fetched) == 2
    assert found == [fetched[1]] * 8


def test_a_clock_that_was_set_back_makes_nothing_last() -> None:
    now = [10_000.0]
    values = iter("abc")
    kept = Kept(lambda: next(values), lambda: now[0])
    assert kept.get() == "a"
    now[0] = 5_000.0
    assert kept.get() == "b"


def _shift(claims: dict[str, Any], seconds: float) -> None:
    """Let the provider's clock go with the host's."""
    for name in ("iat", "exp"):
        claims[name] += int(seconds)
