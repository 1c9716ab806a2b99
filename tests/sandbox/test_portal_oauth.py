"""Tokens: who gets one, how far it reaches and how long it holds."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from cpse_plugin.sandbox.faults import ExpireTokens
from cpse_plugin.sandbox.portal import Portal, PortalClient, read_public_key
from cpse_plugin.sandbox.server import LoopbackServer, listen
from cpse_plugin.sandbox.world import World

from .conftest import CLIENTS, Api, Clock

RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture
def keyed(world: World, clock: Clock) -> Iterator[Portal]:
    """A Portal whose clients sign."""
    listener = listen()
    portal = Portal(
        base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        clients=[
            PortalClient("rsa", "tamarack", public_key=read_public_key(RSA.as_pem(private=False).decode())),
            PortalClient("ec", "tamarack", public_key=read_public_key(EC.as_pem(private=False).decode())),
            CLIENTS[0],
        ],
        smtp_port=9,
        seed=world.portal,
        clock=clock,
    )
    with LoopbackServer("portal", portal.faults, listener=listener):
        yield portal
    portal.close()


def assertion(portal: Portal, client: str = "rsa", **changes: Any) -> str:
    claims = {
        "iss": client,
        "sub": client,
        "aud": portal.url,
        "exp": int(time.time()) + 60,
        "jti": str(uuid4()),
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    key, algorithm = (EC, "ES256") if client == "ec" else (RSA, "RS256")
    return jwt.encode({"alg": algorithm}, kept, key)


def ask(portal: Portal, signed: str) -> requests.Response:
    form = {
        "grant_type": "client_credentials",
        "scope": "providers.read",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed,
    }
    return requests.post(portal.tokens.endpoint, data=form, timeout=10)


def ask_with_secret(portal: Portal, secret: str, **form: str) -> requests.Response:
    form = {"grant_type": "client_credentials", **form}
    return requests.post(portal.tokens.endpoint, data=form, auth=("tamarack", secret), timeout=10)


def test_a_secret_gets_a_token(portal: Portal) -> None:
    answer = ask_with_secret(portal, "tamarack's own", scope="providers.read admins.read")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    token = answer.json()
    assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 900, "providers.read admins.read")


@pytest.mark.parametrize(
    ("secret", "form", "status", "error"),
    [
        ("wrong", {}, 401, "invalid_client"),
        ("tamarack's own", {"scope": "providers.read everything"}, 400, "invalid_scope"),
        ("tamarack's own", {"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_what_is_not_right_gets_none(
    portal: Portal, secret: str, form: dict[str, str], status: int, error: str
) -> None:
    answer = ask_with_secret(portal, secret, **form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize("client", ["rsa", "ec"])
def test_a_signed_assertion_gets_a_token(keyed: Portal, client: str) -> None:
    token = ask(keyed, assertion(keyed, client)).json()["access_token"]
    answer = requests.get(f"{keyed.url}/v1/professions", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == 200


def test_the_token_endpoint_is_an_audience_as_well(keyed: Portal) -> None:
    assert ask(keyed, assertion(keyed, aud=keyed.tokens.endpoint)).status_code == 200


def test_an_assertion_holds_once(keyed: Portal) -> None:
    signed = assertion(keyed)
    assert ask(keyed, signed).status_code == 200
    again = ask(keyed, signed)
    assert (again.ok, again.json()["error"]) == (False, "invalid_client")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example"},
        {"exp": int(time.time()) - 3600},
        {"iss": "ec"},
        {"sub": "nobody", "iss": "nobody"},
        {"sub": "ec", "iss": "ec"},
        {"sub": "tamarack", "iss": "tamarack"},
        {"jti": None},
        {"exp": None},
    ],
)
def test_an_assertion_that_is_not_right_is_refused(keyed: Portal, changes: dict[str, Any]) -> None:
    answer = ask(keyed, assertion(keyed, **changes))
    assert (answer.ok, answer.json()["error"]) == (False, "invalid_client")


def test_a_client_with_a_key_cannot_use_a_secret(keyed: Portal) -> None:
    answer = requests.post(
        keyed.tokens.endpoint, data={"grant_type": "client_credentials"}, auth=("rsa", "x"), timeout=10
    )
    assert answer.json()["error"] == "invalid_client"


@pytest.mark.parametrize("key", [RSA, EC])
def test_a_public_key_is_read_from_jwk_as_well(key: RSAKey | ECKey) -> None:
    assert read_public_key(json.dumps(key.as_dict(private=False))).thumbprint() == key.thumbprint()


@pytest.mark.parametrize("authorization", ["", "Basic abc", "Bearer", "Bearer never-granted"])
def test_a_call_without_a_token_is_refused(portal: Portal, authorization: str) -> None:
    answer = requests.get(f"{portal.url}/v1/professions", headers={"Authorization": authorization}, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert ("invalid_token" in answer.headers["WWW-Authenticate"]) == (authorization == "Bearer never-granted")


def test_a_token_expires(portal: Portal, api: Api, clock: Clock) -> None:
    portal.tokens.life = timedelta(seconds=30)
    assert api.get("/professions").status_code == 200
    clock.move(seconds=31)
    assert api.get("/professions").status_code == 401


def test_the_sandbox_can_revoke_all_tokens(portal: Portal, api: Api, other_county: Api) -> None:
    assert [item.get("/professions").status_code for item in (api, other_county)] == [200, 200]
    portal.faults.plan(ExpireTokens())
    assert [item.get("/professions").status_code for item in (api, other_county)] == [401, 401]
    api.token = ""
    assert api.get("/professions").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/providers", "providers.write"),
        ("PUT", "/providers/P-20114/association", "providers.write"),
        ("DELETE", "/providers/P-20114/association", "providers.write"),
        ("GET", "/providers/P-20114/admin-users", "admins.read"),
        ("GET", "/providers/P-20114/invitations", "admins.read"),
        ("POST", "/providers/P-20114/invitations", "admins.invite"),
        ("DELETE", "/providers/P-20114/invitations/I-1", "admins.invite"),
        ("POST", "/providers/P-20114/invitations/I-1/resend", "admins.invite"),
    ],
)
def test_a_scope_that_does_not_reach_is_refused(narrow: Api, method: str, path: str, scope: str) -> None:
    answer = narrow.call(method, path, fits=False)
    assert answer.status_code == 403
    assert f'scope="{scope}"' in answer.headers["WWW-Authenticate"]
    assert scope in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/providers?npi=1999101102", "/providers/P-20114", "/professions"])
def test_a_scope_that_reaches_is_enough(narrow: Api, path: str) -> None:
    assert narrow.get(path).status_code == 200


def test_reading_needs_its_scope_too(api: Api) -> None:
    api.token = api.fetch_token("admins.read")
    assert api.get("/providers/P-20114").status_code == 403
    assert api.post("/providers/match", {"queries": [{"ref": "x"}]}).status_code == 403
    assert api.get("/providers/P-20114/admin-users").status_code == 200
