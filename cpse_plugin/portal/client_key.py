"""Signing in at the token endpoint with a private key (`private_key_jwt`, RFC 7523)."""

import json
import time
import warnings
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7523.assertion import sign_jwt_bearer_assertion
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

ASSERTION_SECONDS = 60
# An endpoint may refuse an assertion from the future; so much may this machine's clock be fast without harm.
CLOCK_TOLERANCE_SECONDS = 30
_LEAST_RSA_BITS = 2048
_JWK_KINDS: dict[str, Any] = {"RSA": RSAKey, "EC": ECKey}
_RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVE_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private key with the algorithm that it signs with and, where its JWK names one, its key id."""

    key: Any
    algorithm: str
    key_id: str | None


def read_signing_key(text: str) -> SigningKey:
    """Read a private key in PEM (PKCS #8, PKCS #1 or SEC 1, not encrypted) or as a JWK.

    RSA keys sign with RS256, or with the algorithm that the JWK names; elliptic curves with the one of their curve.
    Raises `ValueError` with words for the operator, which never hold a part of the key.
    """
    with warnings.catch_warnings():
        # A short key is an error here and says so itself.
        warnings.simplefilter("ignore", SecurityWarning)
        key, members = _from_jwk(text) if text.lstrip().startswith("{") else (_from_pem(text), {})
    if not key.is_private:
        raise ValueError("is a public key; the private one is needed")
    key_id = members.get("kid")
    return SigningKey(key, _algorithm(key, members.get("alg")), key_id if isinstance(key_id, str) else None)


def _from_pem(text: str) -> Any:
    try:
        loaded = load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise ValueError("is encrypted; give it without a password") from None
    except ValueError:
        raise ValueError("is no private key in PEM") from None
    if isinstance(loaded, rsa.RSAPrivateKey):
        return RSAKey.import_key(text)
    if isinstance(loaded, ec.EllipticCurvePrivateKey):
        return ECKey.import_key(text)
    raise ValueError("is neither an RSA nor an elliptic curve key")


def _from_jwk(text: str) -> tuple[Any, dict[str, Any]]:
    try:
        members = json.loads(text)
        kind = _JWK_KINDS.get(members.get("kty"))
        if kind is None:
            raise ValueError("is neither an RSA nor an elliptic curve key")
        return kind.import_key(members), members
    except (json.JSONDecodeError, JoseError, KeyError, TypeError, AttributeError):
        raise ValueError("is no JWK that can be read") from None


def _algorithm(key: Any, named: object) -> str:
    if isinstance(key, RSAKey):
        if key.raw_value.key_size < _LEAST_RSA_BITS:
            raise ValueError(f"has fewer than {_LEAST_RSA_BITS} bits")
        algorithm = "RS256" if named is None else named
        if algorithm not in _RSA_ALGORITHMS:
            raise ValueError("names an algorithm that an RSA key cannot sign with")
        return str(algorithm)
    algorithm = _CURVE_ALGORITHMS.get(key.curve_name)
    if algorithm is None or named not in (None, algorithm):
        raise ValueError("is on a curve, or names an algorithm, that is not supported; P-256 with ES256 is")
    return algorithm


class PortalPrivateKeyJWT(PrivateKeyJWT):  # type: ignore[misc]  # Authlib has no types.
    """Authlib's client authentication with an assertion of its own for every request.

    Authlib's puts the first `jti` into the claims that it was made with and would send it again with every later
    assertion, and lets an assertion live for an hour.
    """

    def __init__(self, signing_key: SigningKey, audience: str) -> None:
        super().__init__(audience, alg=signing_key.algorithm)
        self._signing_key = signing_key

    def sign(self, auth: Any, token_endpoint: str) -> str:
        """Return a new assertion for the client that `auth` names."""
        issued_at = int(time.time()) - CLOCK_TOLERANCE_SECONDS
        assertion = sign_jwt_bearer_assertion(
            key=self._signing_key.key,
            issuer=auth.client_id,
            audience=token_endpoint,
            subject=auth.client_id,
            issued_at=issued_at,
            expires_at=issued_at + CLOCK_TOLERANCE_SECONDS + ASSERTION_SECONDS,
            header={"kid": self._signing_key.key_id} if self._signing_key.key_id else {},
            alg=self._signing_key.algorithm,
        )
        return str(assertion)
