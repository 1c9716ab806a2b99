"""Signing in at the token endpoint with a private key (`private_key_jwt`, RFC 7523)."""

import json
import logging
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authlib.oauth2.rfc7523.assertion import sign_jwt_bearer_assertion
from authlib.oauth2.rfc7523.client import ASSERTION_TYPE
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

_log = logging.getLogger("cpse_plugin.portal")

ASSERTION_SECONDS = 120
# An endpoint may refuse an assertion from the future, and one that is over; so much may the clocks differ without harm.
CLOCK_TOLERANCE_SECONDS = 60
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


class ClientKey:
    """The key that the client signs with now; one that lives in a file can be exchanged while the plugin runs.

    `source` is the key's text or its file. The file is looked at whenever the key is asked for and read when it has
    changed. A key that cannot be used does not take the place of one that can, as long as it is there in the file: the
    operator reads of it in the log, and calls go on with the old key.
    """

    def __init__(self, source: str | Path) -> None:
        """Read the key. Raises `ValueError` with words for the operator."""
        self._file = source if isinstance(source, Path) else None
        # The state is taken before the content is read: a change in between is then noticed the next time.
        self._seen = _state(self._file) if self._file else None
        self._key = read_signing_key(_content(source) if isinstance(source, Path) else source)

    def current(self) -> SigningKey:
        """The key to sign with. Not for several threads at once."""
        if self._file is None:
            return self._key
        state = _state(self._file)
        if state != self._seen:
            self._seen = state
            self._read_again(self._file)
        return self._key

    def _read_again(self, file: Path) -> None:
        try:
            self._key = read_signing_key(_content(file))
        except ValueError as error:
            _log.error("the new key in CPSE_PORTAL_PRIVATE_KEY (%s) %s; the old one stays in use", file, error)
        else:
            _log.info("the new key in CPSE_PORTAL_PRIVATE_KEY (%s) is in use", file)


def _state(file: Path) -> tuple[int, int, int] | None:
    """What differs once a file was written anew or another put in its place; None where there is no file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"is in a file that cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError("is no text; a key in PEM or a JWK is needed") from None


@dataclass(frozen=True, slots=True, repr=False)
class ClientAssertion:
    """Client authentication by an assertion of its own for every request, since each counts once.

    `audience` is the `aud` of all of them.
    """

    client_id: str
    key: ClientKey
    audience: str

    def headers(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def form(self) -> Mapping[str, str]:
        """A new assertion, signed with the key that the client has now."""
        signing_key = self.key.current()
        issued_at = int(time.time()) - CLOCK_TOLERANCE_SECONDS
        assertion = sign_jwt_bearer_assertion(
            key=signing_key.key,
            issuer=self.client_id,
            audience=self.audience,
            subject=self.client_id,
            issued_at=issued_at,
            expires_at=issued_at + CLOCK_TOLERANCE_SECONDS + ASSERTION_SECONDS,
            header={"kid": signing_key.key_id} if signing_key.key_id else {},
            alg=signing_key.algorithm,
        )
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": str(assertion)}
