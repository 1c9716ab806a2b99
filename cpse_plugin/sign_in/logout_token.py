"""The logout token: the identity provider's signed statement that a session of its own, or a person's all, are over.

OpenID Connect Back-Channel Logout 1.0, section 2.6, https://openid.net/specs/openid-connect-backchannel-1_0.html
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .errors import TokenRefused
from .id_token import LEEWAY, OLDEST, SignedToken, check_name

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True)
class ProviderLogout:
    """What is over: the provider's session `sid`, or all sessions of `subject`; one of the two is always there.

    `jti` names the statement itself, which cannot be used after `valid_until`.
    """

    sid: str | None
    subject: str | None
    jti: str
    begun_by: datetime
    valid_until: datetime


class LogoutToken(SignedToken):
    """A logout token; see `SignedToken`. An id_token is none: it says `JWT`, or has a nonce and no event."""

    name = "logout token"
    types = ("LOGOUT+JWT",)
    # Room for a chain of certificates in the header; the claims are few.
    longest = 16_384

    def logout(self, issuer: str, client_id: str, now: float) -> ProviderLogout:
        """Return what is over once all claims are checked. Raises `TokenRefused`. It is only for a token that is
        signed to say what is over; to be refused, a token need not be signed.
        """
        claims = self._common_claims(issuer, client_id, now)
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
            raise TokenRefused("events does not say that somebody has signed out")
        if "nonce" in claims:
            raise TokenRefused("nonce belongs to an id_token")
        sid, subject = _optional_name(claims, "sid"), _optional_name(claims, "sub")
        if sid is None and subject is None:
            raise TokenRefused("neither sid nor sub says who has signed out")
        issued = datetime.fromtimestamp(claims["iat"], UTC)
        return ProviderLogout(
            sid,
            subject,
            check_name(claims.get("jti"), "jti"),
            begun_by=issued + timedelta(seconds=LEEWAY),
            # An iat that is older than this is refused, whatever exp says.
            valid_until=issued + timedelta(seconds=OLDEST + 2 * LEEWAY),
        )


def _optional_name(claims: dict[str, Any], claim: str) -> str | None:
    return check_name(claims[claim], claim) if claim in claims else None
