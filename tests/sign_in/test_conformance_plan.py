"""What the OpenID Foundation's conformance suite asks of a relying party, by the names of its modules.

The modules on UserInfo, refresh tokens, request objects, registration, WebFinger and sign-in begun elsewhere are not
here: the plugin uses none of them. Those on back-channel logout are beside the tests of that.
"""

import base64
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from joserfc.jwk import ECKey, Key, RSAKey

from cpse_plugin.sandbox.identity_provider import discovery_document

from .forgeries import ATTACKER_EC, Make, b64, by, claim, edited, other_alg, unsigned, with_hmac, without
from .world import CLIENT_ID, CLIENT_SECRET, DISCOVERY, EDITOR, World, query_of, running_world

ELLIPTIC = ECKey.generate_key("P-256", {"kid": "elliptic", "use": "sig"}, private=True)
SECOND = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"}, private=True)


@pytest.fixture(scope="module")
def standing() -> Iterator[World]:
    with running_world() as running:
        yield running


@pytest.fixture
def world(standing: World) -> Iterator[World]:
    """A provider that publishes its own key and one on an elliptic curve, and forges nothing."""
    standing.idp.forge = None
    publish(standing, standing.idp.key, ELLIPTIC)
    yield standing
    standing.idp.forge = None


def publish(world: World, *keys: Key) -> None:
    """Let the provider's key set hold these, and let the intranet know."""
    content = {"keys": [_for_any_algorithm(key) for key in keys]}
    world.tampered.always["/jwks"] = ("200 OK", json.dumps(content).encode())
    world.client.inspect()


def _for_any_algorithm(key: Key) -> dict[str, Any]:
    return {name: value for name, value in key.as_dict(private=False).items() if name != "alg"}


def signs_in(world: World, make: Callable[..., str | None] | None) -> bool:
    """Whether somebody whose token is made so is signed in."""
    browser = world.browser()
    address = browser.go_to_provider()
    world.idp.forge = partial(make, idp=world.idp) if make is not None else None
    response = browser.open(browser.choose(address))
    found = browser.who()
    assert (response.status_code == 302) is (found is not None), response.text
    assert found is None or found["subject"] == EDITOR
    return found is not None


def no_kid(claims: dict[str, Any], header: dict[str, Any], idp: object) -> None:
    del header["kid"]


def elliptic(change: Callable[[bytes], bytes] = lambda signature: signature) -> Make:
    """A token that the provider signs with its other key, and whose signature is then changed."""

    def make(claims: dict[str, Any], header: dict[str, Any], idp: Any) -> str:
        token = by(ELLIPTIC, "ES256", kid_of_provider=False)(claims, header, idp)
        head, payload, signature = str(token).split(".")
        return f"{head}.{payload}.{b64(change(_raw(signature)))}"

    return make


def _raw(signature: str) -> bytes:
    return base64.urlsafe_b64decode(signature + "==")


ACCEPTED: dict[str, Make | None] = {
    "oidcc-client-test": None,
    "oidcc-client-test-client-secret-basic": None,
    "oidcc-client-test-idtoken-sig-rs256": other_alg("RS256"),
    "oidcc-client-test-idtoken-sig-ps256": other_alg("PS256"),
    "oidcc-client-test-idtoken-sig-es256": elliptic(),
    # One key of each kind: which one is meant is certain.
    "oidcc-client-test-kid-absent-single-jwks": no_kid,
}

REFUSED: dict[str, Make] = {
    "oidcc-client-test-invalid-iss": claim("iss", "https://evil.example", "").make,
    "oidcc-client-test-missing-iss": without("iss", "").make,
    "oidcc-client-test-missing-sub": without("sub", "").make,
    "oidcc-client-test-invalid-aud": claim("aud", "other", "").make,
    "oidcc-client-test-missing-aud": without("aud", "").make,
    "oidcc-client-test-invalid-second-aud": claim("aud", [CLIENT_ID, "other"], "").make,
    "oidcc-client-test-invalid-azp": claim("azp", "other", "").make,
    "oidcc-client-test-missing-iat": without("iat", "").make,
    "oidcc-client-test-missing-exp": without("exp", "").make,
    "oidcc-client-test-expired-exp": claim("exp", 1, "").make,
    "oidcc-client-test-nonce-invalid": claim("nonce", "another", "").make,
    "oidcc-client-test-missing-nonce": without("nonce", "").make,
    "oidcc-client-test-invalid-athash": claim("at_hash", "another", "").make,
    "oidcc-client-test-idtoken-sig-none": unsigned("none"),
    "oidcc-client-test-invalid-sig-rs256": edited(lambda parts: [*parts[:2], parts[2][::-1]]),
    "oidcc-client-test-invalid-sig-hs256": with_hmac(lambda idp: CLIENT_SECRET.encode() + b"x"),
    "oidcc-client-test-idtoken-sig-hs256": with_hmac(lambda idp: CLIENT_SECRET.encode()),
    "oidcc-client-test-invalid-sig-es256": elliptic(lambda signature: signature[::-1]),
    # Signatures of this kind that a faulty library has let pass: of zeros, and of another length.
    "ES256 of zeros": elliptic(lambda signature: bytes(64)),
    "ES256 of nothing": elliptic(lambda signature: b""),
    "ES256 with a leading zero": elliptic(lambda signature: b"\0" + signature),
    "ES256 of the group's order": elliptic(
        lambda signature: bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551") * 2
    ),
    "ES256 by another key under the name of this one": by(ATTACKER_EC, "ES256", kid_of_provider=False, kid="elliptic"),
    "RS256 under the name of the elliptic key": by(SECOND, "RS256", kid_of_provider=False, kid="elliptic"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_a_relying_party_must_accept(world: World, name: str) -> None:
    assert signs_in(world, ACCEPTED[name])


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_relying_party_must_refuse(world: World, name: str) -> None:
    assert not signs_in(world, REFUSED[name])


def test_kid_absent_multiple_jwks(world: World) -> None:
    """The suite lets a client choose; nothing is guessed here, and with the name it works."""
    publish(world, world.idp.key, SECOND)
    assert not signs_in(world, no_kid)
    assert signs_in(world, None)


def test_discovery_issuer_mismatch() -> None:
    with running_world() as world:
        world.tampered.answer_once(
            DISCOVERY, {**discovery_document(world.provider_url), "issuer": "https://evil.example"}
        )
        assert world.browser().open("/cpse/sign-in").status_code == 502


def test_signing_key_rotation_just_before_signing() -> None:
    """The key changes between discovery and the token, so the token comes under a name that nobody here knows yet."""
    with running_world() as world:
        assert signs_in(world, None)
        content = {"keys": [_for_any_algorithm(SECOND)]}
        world.tampered.always["/jwks"] = ("200 OK", json.dumps(content).encode())
        assert signs_in(world, by(SECOND, "RS256", kid_of_provider=False))


def test_every_sign_in_has_a_state_a_nonce_and_a_challenge_of_its_own(world: World) -> None:
    browser = world.browser()
    sent = [query_of(browser.go_to_provider()) for _ in range(3)]
    for name in ("state", "nonce", "code_challenge"):
        assert len({query[name] for query in sent}) == 3
        assert all(len(query[name]) >= 32 for query in sent)
    assert {query["code_challenge_method"] for query in sent} == {"S256"}
    assert {query["response_type"] for query in sent} == {"code"}
