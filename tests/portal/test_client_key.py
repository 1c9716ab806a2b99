"""The client's private key: what it signs for the Portal's token endpoint, and how it is exchanged."""

import json
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import responses
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.portal.gateway import PortalAccessRefused
from cpse_plugin.portal.token import TokenSource
from cpse_plugin.sandbox.portal import Portal, PortalClient
from cpse_plugin.sandbox.portal.oauth import read_public_key
from cpse_plugin.sandbox.server import LoopbackServer, listen
from cpse_plugin.sandbox.world import load_world
from cpse_plugin.settings import SettingsError

from .samples import TOKEN_URL, settings, token_answer

SCOPE = "providers.read providers.write admins.read admins.invite"
RSA_KEY = RSAKey.generate_key(2048, private=True)
EC_KEY = ECKey.generate_key("P-256", private=True)
P384_KEY = ECKey.generate_key("P-384", private=True)


def jwk(key: Any, **members: str) -> str:
    return json.dumps(key.as_dict(private=True) | members)


def pem(key: Any) -> str:
    return str(key.as_pem(private=True).decode())


@pytest.fixture
def endpoint() -> Iterator[responses.RequestsMock]:
    """A token endpoint that grants whatever it is sent; what it was sent is for the test to judge."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(TOKEN_URL, json=token_answer())
        yield mock


def source(key: object, **changes: Any) -> TokenSource:
    return TokenSource(settings(CPSE_PORTAL_CLIENT_SECRET=None, CPSE_PORTAL_PRIVATE_KEY=key, **changes))


def renew(tokens: TokenSource) -> None:
    """Fetch another token in place of the one that is held."""
    tokens.renewed(tokens.current())


def sent(endpoint: responses.RequestsMock) -> list[dict[str, list[str]]]:
    """The forms that the token endpoint was sent."""
    return [parse_qs(str(call.request.body)) for call in endpoint.calls]


def assertions(endpoint: responses.RequestsMock) -> list[str]:
    return [form["client_assertion"][0] for form in sent(endpoint)]


@pytest.mark.parametrize(
    ("text", "key", "algorithm", "key_id"),
    [
        (pem(RSA_KEY), RSA_KEY, "RS256", None),
        (jwk(RSA_KEY, kid="county-1"), RSA_KEY, "RS256", "county-1"),
        (jwk(RSA_KEY, alg="PS256", kid="county-1"), RSA_KEY, "PS256", "county-1"),
        (pem(EC_KEY), EC_KEY, "ES256", None),
        (jwk(EC_KEY, kid="county-2", alg="ES256"), EC_KEY, "ES256", "county-2"),
        (pem(P384_KEY), P384_KEY, "ES384", None),
    ],
    ids=["RSA PEM", "RSA JWK", "RSA-PSS JWK", "EC PEM", "EC JWK", "P-384 PEM"],
)
def test_the_client_signs_in_with_its_private_key(
    endpoint: responses.RequestsMock, text: str, key: Any, algorithm: str, key_id: str | None
) -> None:
    tokens = source(text)
    renew(tokens)
    now = time.time()
    identifiers = set()
    for form in sent(endpoint):
        assert form["grant_type"] == ["client_credentials"]
        assert form["scope"] == [SCOPE]
        assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
        assert "client_secret" not in form
        token = jwt.decode(form["client_assertion"][0], key, algorithms=[algorithm])
        claims = token.claims
        assert token.header.get("kid") == key_id
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("albany", "albany", "https://portal.example")
        assert now - 70 < claims["iat"] < now - 50
        assert now + 90 < claims["exp"] <= now + 121
        assert "nbf" not in claims
        identifiers.add(claims["jti"])
    assert len(identifiers) == 2
    assert all("Authorization" not in call.request.headers for call in endpoint.calls)


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        ("issuer", "https://portal.example"),
        ("token-endpoint", TOKEN_URL),
        ("https://login.example/", "https://login.example/"),
    ],
)
def test_whom_an_assertion_is_for(endpoint: responses.RequestsMock, audience: str, expected: str) -> None:
    source(pem(EC_KEY), CPSE_PORTAL_TOKEN_AUDIENCE=audience).current()
    claims = jwt.decode(assertions(endpoint)[0], EC_KEY, algorithms=["ES256"]).claims
    assert claims["aud"] == expected


@pytest.mark.parametrize("audience", ["issuer", "token-endpoint"])
@pytest.mark.parametrize("key", [RSA_KEY, EC_KEY], ids=["RS256", "ES256"])
def test_a_portal_that_takes_each_assertion_once_takes_them(key: Any, audience: str) -> None:
    listener = listen()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    public = read_public_key(key.as_pem(private=False).decode())
    client = PortalClient("albany", "albany", public_key=public)
    portal = Portal(base_url=base, clients=[client], smtp_port=9, seed=load_world().portal)
    with LoopbackServer("portal", portal.faults, listener=listener):
        tokens = source(pem(key), CPSE_PORTAL_URL=f"{base}/v1", CPSE_PORTAL_TOKEN_AUDIENCE=audience)
        granted = {tokens.current()}
        for _ in range(3):
            granted.add(tokens.renewed(tokens.current()))
        with pytest.raises(PortalAccessRefused):
            source(pem(key), CPSE_PORTAL_URL=f"{base}/v1", CPSE_PORTAL_TOKEN_AUDIENCE="https://else.example").current()
    portal.close()
    assert len(granted) == 4


def signed_by(key: Any, assertion: str) -> bool:
    try:
        jwt.decode(assertion, key, algorithms=["RS256", "ES256"])
    except (JoseError, ValueError):
        return False
    return True


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "portal.pem"
    path.write_text(pem(RSA_KEY))
    return path


def put(path: Path, content: bytes) -> None:
    """Exchange a file as careful operators do: whole, and in one step."""
    beside = path.with_suffix(".new")
    beside.write_bytes(content)
    beside.replace(path)


def test_a_key_in_a_file_is_exchanged_while_a_token_is_held(
    endpoint: responses.RequestsMock, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = source(str(key_file))
    tokens.current()
    put(key_file, pem(EC_KEY).encode())
    # The token that is held is good for a while yet, and nobody is asked for another.
    tokens.current()
    assert len(endpoint.calls) == 1
    with caplog.at_level("INFO", "cpse_plugin"):
        renew(tokens)
    old, new = assertions(endpoint)
    assert signed_by(RSA_KEY, old)
    assert signed_by(EC_KEY, new)
    assert f"the new key in CPSE_PORTAL_PRIVATE_KEY ({key_file}) is in use" in caplog.messages


def test_a_file_written_in_place_is_noticed(endpoint: responses.RequestsMock, key_file: Path) -> None:
    other = RSAKey.generate_key(2048, private=True)
    tokens = source(key_file)
    tokens.current()
    key_file.write_text(pem(other))
    # File systems keep time in coarse steps; a key is not exchanged within one.
    os.utime(key_file, ns=(0, 0))
    renew(tokens)
    assert signed_by(other, assertions(endpoint)[-1])


def test_a_link_that_points_to_another_file_is_noticed(endpoint: responses.RequestsMock, tmp_path: Path) -> None:
    for name, key in (("one", RSA_KEY), ("two", EC_KEY)):
        (tmp_path / name).write_text(pem(key))
    link = tmp_path / "current"
    link.symlink_to("one")
    tokens = source(str(link))
    tokens.current()
    link.unlink()
    link.symlink_to("two")
    renew(tokens)
    assert signed_by(EC_KEY, assertions(endpoint)[-1])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no private key in PEM"),
        (b"canary-of-a-key", "is no private key in PEM"),
        (pem(EC_KEY).encode()[:100], "is no private key in PEM"),
        (EC_KEY.as_der(private=True), "is no text"),
        (json.dumps(EC_KEY.as_dict(private=False)).encode(), "is a public key"),
        (None, "cannot be read (No such file"),
    ],
    ids=["empty", "rubbish", "half", "DER", "public", "gone"],
)
def test_a_new_key_that_cannot_be_used_leaves_the_old_one_in_use(
    endpoint: responses.RequestsMock,
    key_file: Path,
    caplog: pytest.LogCaptureFixture,
    content: bytes | None,
    says: str,
) -> None:
    tokens = source(str(key_file))
    if content is None:
        key_file.unlink()
    else:
        put(key_file, content)
    renew(tokens)
    renew(tokens)
    assert all(signed_by(RSA_KEY, assertion) for assertion in assertions(endpoint))
    # It is said once and not with every token.
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert says in errors[0]
    assert "the old one stays in use" in errors[0]
    assert "canary" not in errors[0]

    put(key_file, pem(EC_KEY).encode())
    renew(tokens)
    assert signed_by(EC_KEY, assertions(endpoint)[-1])


def test_neither_the_key_nor_what_it_signs_is_logged(
    endpoint: responses.RequestsMock, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    tokens = source(str(key_file))
    put(key_file, pem(EC_KEY).encode() + b"rubbish")
    renew(tokens)
    endpoint.replace(responses.POST, TOKEN_URL, json={"error": "invalid_client"}, status=401)
    with pytest.raises(PortalAccessRefused):
        renew(tokens)
    logged = caplog.text + repr(tokens)
    lines = [line for key in (RSA_KEY, EC_KEY) for line in pem(key).splitlines() if not line.startswith("-----")]
    assert "CPSE_PORTAL_PRIVATE_KEY" in logged
    assert [secret for secret in [*lines, *assertions(endpoint), "canary-token-1"] if secret in logged] == []


def test_a_key_in_a_file_that_cannot_be_used_at_the_start_stops_it(tmp_path: Path) -> None:
    path = tmp_path / "portal.der"
    path.write_bytes(EC_KEY.as_der(private=True))
    with pytest.raises(SettingsError, match="CPSE_PORTAL_PRIVATE_KEY is no text"):
        source(str(path))


def unusual_pem(key: Any, password: bytes | None = None) -> str:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    text: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return text.decode()


def short_jwk() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return jwk(RSAKey.generate_key(1024, private=True))


SHORT_JWK = short_jwk()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps(RSA_KEY.as_dict(private=False)), "public"),
        (RSA_KEY.as_pem(private=False).decode(), "no private key"),
        ("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----", "no private key"),
        ("{nonsense", "no JWK"),
        ('{"kty": "RSA", "n": 7}', "no JWK"),
        ('{"kty": ["RSA"]}', "no JWK"),
        ('{"kty": "oct", "k": "c2VjcmV0"}', "neither"),
        (unusual_pem(ed25519.Ed25519PrivateKey.generate()), "neither"),
        (unusual_pem(rsa.generate_private_key(65537, 1024)), "2048"),
        (SHORT_JWK, "2048"),
        (unusual_pem(ec.generate_private_key(ec.SECP256R1()), b"password"), "encrypted"),
        (jwk(EC_KEY, alg="RS256"), "not supported"),
        (jwk(RSA_KEY, alg="none"), "cannot sign"),
    ],
)
def test_a_private_key_that_cannot_be_used_stops_the_start_and_is_not_shown(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match="CPSE_PORTAL_PRIVATE_KEY ") as caught:
        HttpPortalGateway(settings(CPSE_PORTAL_CLIENT_SECRET=None, CPSE_PORTAL_PRIVATE_KEY=text))
    assert says in str(caught.value)
    assert text not in str(caught.value)
