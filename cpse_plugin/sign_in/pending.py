"""Sign-ins that a browser has begun and not ended, kept in its session."""

from collections.abc import MutableMapping
from dataclasses import asdict, dataclass
from typing import Any

from .id_token import LEEWAY

SESSION_KEY = "cpse_sign_ins"
# Each takes some 200 bytes, and browsers silently drop a cookie of more than 4 KB.
MOST = 5
ENDS_AFTER = 30 * 60


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """What ties the answer of the identity provider to the browser that asked.

    `next_page` is where the person wanted to go, `begun` a time in seconds since 1970. `silent` is set where the
    provider was asked to answer without asking the person anything.
    """

    state: str
    nonce: str
    verifier: str
    next_page: str | None
    begun: int
    silent: bool = False

    def is_open(self, now: float) -> bool:
        """Whether the person may still come back with an answer."""
        return -LEEWAY <= now - self.begun < ENDS_AFTER


def keep(session: MutableMapping[str, Any], pending: PendingSignIn) -> None:
    """Put a sign-in into the session; the oldest makes room."""
    session[SESSION_KEY] = [*_entries(session), asdict(pending)][-MOST:]


def take(session: MutableMapping[str, Any], state: str | None) -> PendingSignIn | None:
    """Take the sign-in with this state out of the session, so that it can be used once; None where there is none."""
    entries = _entries(session)
    found = [entry for entry in entries if entry.get("state") == state]
    if state is None or not found:
        return None
    session[SESSION_KEY] = [entry for entry in entries if entry not in found]
    try:
        return PendingSignIn(**found[0])
    except TypeError:
        # Another version of the plugin wrote it.
        return None


def _entries(session: MutableMapping[str, Any]) -> list[dict[str, Any]]:
    entries = session.get(SESSION_KEY)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
