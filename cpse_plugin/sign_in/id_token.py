"""The id_token: the identity provider's signed statement of who has signed in, for whom and when.

The rules are those of OpenID Connect Core 1.0, section 3.1.3.7, read strictly: which algorithms count is decided here
and not by the token or the provider, and a statement that could have been meant for somebody else is refused.
"""

import hmac
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from authlib.oidc.core.util import create_half_hash
from joserfc import jws
from joserfc.errors import JoseError

from .errors import OutOfTime, TokenRefused
from .issuer import both, is_same
from .keys import VerificationKey, keys_for

ALGORITHMS = ("RS256", "PS256", "ES256")
# Seconds by which the clocks of two machines may differ.
LEEWAY = 60
OLDEST = 600
_LONGEST_NAME = 255


class _Registry(jws.JWSRegistry):
    """Room for a certificate chain in the header, which some providers put there; nobody looks at it."""

    max_header_length = 8192


_REGISTRY = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an id_token must fit: the provider asked, this client, and the one sign-in that it answers."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str


class SignedToken:
    """A token whose form and header are in order; its signature and its claims are still to be checked.

    `types` are what its `typ` may say, in capitals; to leave `typ` out is to say nothing wrong.
    """

    name = "token"
    types: tuple[str, ...] = ()
    # Hundreds of groups fit in.
    longest = 200_000

    def __init__(self, text: str) -> None:
        """Take a token apart. Raises `TokenRefused`."""
        if len(text) > self.longest:
            raise TokenRefused(f"the {self.name} is longer than {self.longest} characters")
        try:
            self._signed = jws.extract_compact(text.encode("ascii"), registry=_REGISTRY)
            header: dict[str, Any] = self._signed.headers()
            _REGISTRY.check_header(header)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise TokenRefused(f"the {self.name} cannot be read ({type(error).__name__})") from error
        self.alg = _acceptable_alg(header, self.types)
        self.kid: str | None = header.get("kid")

    def is_signed_by(self, keys: Iterable[VerificationKey]) -> bool:
        """Whether one of the keys made the signature; keys that come with the token itself are never looked at."""
        return any(self._is_signed_by(key) for key in keys_for(keys, alg=self.alg, kid=self.kid))

    def _is_signed_by(self, key: VerificationKey) -> bool:
        try:
            return jws.validate_compact(self._signed, key.key, registry=_REGISTRY)
        except (JoseError, ValueError, TypeError):
            return False

    def _common_claims(self, issuer: str, client_id: str, now: float) -> dict[str, Any]:
        """Return the claims once it is certain who made the token, for whom, and that it counts at this time."""
        claims = _read_claims(self._signed.payload)
        if not is_same(claims.get("iss"), issuer):
            raise TokenRefused(f"iss is not the identity provider that was asked: {both(claims.get('iss'), issuer)}")
        _check_audience(claims, client_id)
        _check_time(claims, now)
        return claims


class IdToken(SignedToken):
    """An id_token; see `SignedToken`."""

    name = "id_token"
    types = ("JWT",)

    def claims(self, expected: Expectation, now: float) -> dict[str, Any]:
        """Return the claims once all of them are checked. Raises `TokenRefused`. Only for a token that is signed."""
        claims = self._common_claims(expected.issuer, expected.client_id, now)
        check_name(claims.get("sub"), "sub")
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not _same(nonce, expected.nonce):
            raise TokenRefused("nonce is missing or another one")
        if "at_hash" in claims:
            _check_access_token(claims["at_hash"], expected.access_token, self.alg)
        return claims


def _acceptable_alg(header: dict[str, Any], types: tuple[str, ...]) -> str:
    alg = header["alg"]
    if alg not in ALGORITHMS:
        raise TokenRefused("alg is none of " + ", ".join(ALGORITHMS))
    if "typ" in header and str(header["typ"]).upper() not in types:
        raise TokenRefused("typ says that this is another kind of token")
    if "crit" in header:
        raise TokenRefused("crit demands an extension; none is known here")
    return str(alg)


def _read_claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise TokenRefused(f"the claims cannot be read ({type(error).__name__})") from error
    if not isinstance(claims, dict):
        raise TokenRefused("the claims are no JSON object")
    return claims


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _check_audience(claims: dict[str, Any], client_id: str) -> None:
    """The token is for this client and for nobody beside it: no other audience is trusted."""
    if claims.get("aud") not in (client_id, [client_id]):
        raise TokenRefused("aud is not this client, or not this client alone")
    if "azp" in claims and claims["azp"] != client_id:
        raise TokenRefused("azp is another client")


def check_name(value: object, claim: str) -> str:
    """Return what the provider calls somebody or something, if it can be stored and compared to the letter."""
    if not isinstance(value, str) or not value.strip():
        raise TokenRefused(f"{claim} is missing or empty")
    if len(value) > _LONGEST_NAME or not value.isprintable():
        raise TokenRefused(f"{claim} is longer than 255 characters, or has characters that cannot be shown")
    return value


def _check_time(claims: dict[str, Any], now: float) -> None:
    issued, expires = _moment(claims, "iat"), _moment(claims, "exp")
    if issued > now + LEEWAY:
        raise OutOfTime("iat is in the future; check the clocks of this server and of the identity provider")
    if issued < now - OLDEST - LEEWAY:
        raise OutOfTime("iat is more than ten minutes ago; check the clocks of this server and of the provider")
    if expires <= now - LEEWAY:
        raise OutOfTime("exp is over; check the clocks of this server and of the identity provider")
    if "nbf" in claims and _moment(claims, "nbf") > now + LEEWAY:
        raise OutOfTime("nbf is in the future; check the clocks of this server and of the identity provider")


def _moment(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value in (math.inf, -math.inf):
        raise TokenRefused(f"{name} is missing or no number")
    return value


def _check_access_token(claim: object, access_token: str, alg: str) -> None:
    wanted = create_half_hash(access_token, alg).decode("ascii")
    if not isinstance(claim, str) or not _same(claim, wanted):
        raise TokenRefused("at_hash belongs to another access token")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
