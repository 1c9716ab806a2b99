"""The sandbox's identity provider, asked as a strict client and a careless one would ask it."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata
from bs4 import BeautifulSoup
from joserfc import jwt
from joserfc.jwk import KeySet

from cpse_plugin.sandbox.identity_provider import create_identity_provider
from cpse_plugin.sandbox.identity_provider_grants import IdentityProvider
from cpse_plugin.sandbox.server import LoopbackServer, listen

STAFF = json.loads((Path(__file__).parents[2] / "cpse_plugin/sandbox/data/staff.json").read_text(encoding="utf-8"))
PERSON = STAFF[0]["sub"]
CLIENT = ("intranet", "secret")
BACK = "http://127.0.0.1:8000/cpse/sign-in/callback"
SIGNED_OUT = "http://127.0.0.1:8000/cpse/signed-out"
VERIFIER = "v" * 50
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class Provider:
    """The running provider, and one browser at it."""

    def __init__(self, url: str, state: IdentityProvider) -> None:
        self.url = url
        self.state = state
        self.browser = requests.Session()
        self.browser.trust_env = False

    def get(self, path: str) -> requests.Response:
        return self.browser.get(self.url + path, allow_redirects=False, timeout=20)

    def authorize(self, **changes: str | None) -> str:
        query = {
            "response_type": "code",
            "client_id": CLIENT[0],
            "redirect_uri": BACK,
            "scope": "openid profile email",
            "state": "s",
            "nonce": "n",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        return "/authorize?" + urlencode({name: value for name, value in query.items() if value is not None})

    def choose(self, path: str, person: str = PERSON) -> requests.Response:
        return self.browser.post(self.url + path, data={"person": person}, allow_redirects=False, timeout=20)

    def code(self, **changes: str | None) -> str:
        return answer(self.choose(self.authorize(**changes)))["code"]

    def token(self, code: str, *, auth: tuple[str, str] | None = CLIENT, **changes: str | None) -> requests.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        data = {name: value for name, value in form.items() if value is not None}
        return requests.post(f"{self.url}/token", data=data, auth=auth, timeout=20)


def answer(response: requests.Response) -> dict[str, str]:
    assert response.status_code in (302, 303), response.text
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running() as started:
        yield started


@contextmanager
def running(key_file: Path | None = None) -> Iterator[Provider]:
    """A provider on a free port."""
    listener = listen()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = create_identity_provider(url, STAFF, *CLIENT, [BACK], [SIGNED_OUT], key_file=key_file)
    with LoopbackServer("identity-provider", app, listener=listener):
        provider = Provider(url, app.extensions["identity_provider"])
        yield provider
        provider.browser.close()


def test_the_discovery_document_is_in_order_and_its_addresses_answer(provider: Provider) -> None:
    document = provider.get("/.well-known/openid-configuration").json()

    OpenIDProviderMetadata(document).validate()
    AuthorizationServerMetadata(document).validate()
    assert document["issuer"] == provider.url
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"):
        assert requests.get(document[name], timeout=20).status_code != 404


def test_each_member_of_staff_can_be_chosen_with_one_click(provider: Provider) -> None:
    page = provider.get(provider.authorize())
    parsed = BeautifulSoup(page.text, "html.parser")

    assert page.status_code == 200
    assert len(parsed.select("h1")) == 1
    assert [button["value"] for button in parsed.select('form[method="post"] button[name="person"]')] == [
        person["sub"] for person in STAFF
    ]
    for person in STAFF:
        assert person["name"] in parsed.text


def test_a_code_brings_a_signed_statement_of_the_person(provider: Provider) -> None:
    back = answer(provider.choose(provider.authorize(state="abc", nonce="xyz"), STAFF[2]["sub"]))
    assert (back["state"], back["iss"]) == ("abc", provider.url)

    tokens = provider.token(back["code"]).json()

    keys = KeySet.import_key_set(provider.get("/jwks").json())
    claims = jwt.decode(tokens["id_token"], keys, ["RS256"]).claims
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert tokens["token_type"] == "Bearer"
    assert {name: claims[name] for name in ("iss", "aud", "nonce", "sub", "name", "email", "groups")} == {
        "iss": provider.url,
        "aud": CLIENT[0],
        "nonce": "xyz",
        **{name: STAFF[2][name] for name in ("sub", "name", "email", "groups")},
    }
    assert claims["at_hash"] == urlsafe_b64encode(half).rstrip(b"=").decode()
    assert claims["iat"] < claims["exp"]


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"client_id": None},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": BACK + "/x"},
        {"redirect_uri": None},
    ],
)
def test_a_stranger_is_sent_nowhere(provider: Provider, changes: dict[str, str | None]) -> None:
    for response in (provider.get(provider.authorize(**changes)), provider.choose(provider.authorize(**changes))):
        assert response.status_code == 400
        assert "This did not work" in response.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"nonce": None}, "invalid_request"),
    ],
)
def test_a_request_without_its_safeguards_is_sent_back(
    provider: Provider, changes: dict[str, str | None], error: str
) -> None:
    back = answer(provider.get(provider.authorize(**changes)))

    assert back["error"] == error
    assert "code" not in back


def test_choosing_nobody_is_a_refusal(provider: Provider) -> None:
    assert answer(provider.choose(provider.authorize(), "nobody"))["error"] == "access_denied"


def test_a_code_can_be_redeemed_once_and_by_its_owner_alone(provider: Provider) -> None:
    code = provider.code()
    assert provider.token(code).status_code == 200
    assert provider.token(code).json()["error"] == "invalid_grant"

    refusals = [
        provider.token(provider.code(nonce="1"), auth=("intranet", "wrong")),
        provider.token(provider.code(nonce="2"), auth=None, client_id="intranet"),
        provider.token(provider.code(nonce="3"), auth=None, client_id="intranet", client_secret="secret"),
        provider.token(provider.code(nonce="4"), code_verifier=None),
        provider.token(provider.code(nonce="5"), code_verifier="w" * 50),
        provider.token(provider.code(nonce="6"), redirect_uri=SIGNED_OUT),
        provider.token("unknown"),
        provider.token(provider.code(nonce="7"), grant_type="password"),
    ]
    assert [response.status_code for response in refusals] == [401, 401, 401, 400, 400, 400, 400, 400]
    assert not any("id_token" in response.json() for response in refusals)


def test_a_nonce_is_good_for_one_code(provider: Provider) -> None:
    provider.code(nonce="same")

    assert answer(provider.choose(provider.authorize(nonce="same")))["error"] == "invalid_request"


def test_the_choice_is_remembered_until_one_signs_out(provider: Provider) -> None:
    assert provider.get(provider.authorize()).status_code == 200
    provider.choose(provider.authorize())
    assert "code" in answer(provider.get(provider.authorize(nonce="second")))
    assert provider.get(provider.authorize(nonce="third", prompt="login")).status_code == 200
    assert STAFF[0]["name"] in provider.get("/").text

    query = urlencode({"client_id": CLIENT[0], "post_logout_redirect_uri": SIGNED_OUT})
    signed_out = provider.get(f"/end-session?{query}")

    assert (signed_out.status_code, signed_out.headers["Location"]) == (302, SIGNED_OUT)
    assert provider.get(provider.authorize(nonce="fourth")).status_code == 200
    assert "Nobody is signed in" in provider.get("/").text


def test_signing_out_leads_to_registered_addresses_alone(provider: Provider) -> None:
    query = urlencode({"client_id": CLIENT[0], "post_logout_redirect_uri": "https://evil.example/"})

    response = provider.get(f"/end-session?{query}")

    assert response.status_code == 200
    assert "Signed out" in response.text


def test_an_earlier_key_stays_published_unless_it_is_revoked(provider: Provider) -> None:
    def published() -> list[str]:
        return [key["kid"] for key in provider.get("/jwks").json()["keys"]]

    first = published()
    provider.state.rotate_key()
    both = published()
    assert len(both) == 2
    assert both[1:] == first
    provider.state.rotate_key(revoke=True)
    assert len(published()) == 1
    assert not set(published()) & set(both)
    assert not any("d" in key for key in provider.get("/jwks").json()["keys"])


def test_keys_outlive_a_restart(tmp_path: Path) -> None:
    key_file = tmp_path / "keys.json"
    with running(key_file) as before:
        before.state.rotate_key()
        published = before.get("/jwks").json()
    with running(key_file) as after:
        assert after.get("/jwks").json() == published
    assert key_file.stat().st_mode & 0o077 == 0


def test_tokens_can_be_forged_for_a_test(provider: Provider) -> None:
    def claims_of(token: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(provider.get("/jwks").json())
        return dict(jwt.decode(token, keys, ["RS256"]).claims)

    provider.state.forge = lambda claims, header: claims.update(sub="another")
    assert claims_of(provider.token(provider.code(nonce="1")).json()["id_token"])["sub"] == "another"
    provider.state.forge = lambda claims, header: "anything"
    assert provider.token(provider.code(nonce="2")).json()["id_token"] == "anything"


def test_an_unknown_address_is_a_page(provider: Provider) -> None:
    response = provider.get("/nowhere")

    assert response.status_code == 404
    assert "This did not work" in response.text
