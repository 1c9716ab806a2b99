"""Tickets by which a person who has signed in in a window of its own is signed in inside a frame too.

Browsers keep the cookies of a frame apart from those of a window, by the site around the frame. So the window gives the
frame a ticket, from script to script of this origin alone, and the frame hands it in. It counts for a minute, and once.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from ..services.sign_in_sessions import digest
from .id_token import LEEWAY
from .sessions import current_session, parts, session_id

SALT = "cpse_frame_ticket"
SIGNATURE = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
_LASTS = timedelta(minutes=1)
# One machine gives a ticket and another takes it, and their clocks may differ.
_LEEWAY = timedelta(seconds=LEEWAY)
# A used one is remembered for longer than any clock lets it count.
_REMEMBERED = timedelta(hours=1)


def issue() -> str | None:
    """A ticket for the person of this request's session; None where there is none, as where the host names its user.

    It names the session by its digest, from which nobody gets the session.
    """
    identifier, serializer = session_id(), _serializer()
    if identifier is None or serializer is None or current_session() is None:
        return None
    return str(serializer.dumps({"session": digest(identifier), "jti": secrets.token_urlsafe(16)}))


def take(ticket: str) -> str | None:
    """The digest of the session that a ticket was issued for; None for one that is forged, too old or used."""
    serializer = _serializer()
    if serializer is None or parts().oidc is None:
        return None
    issued: datetime
    content: Any
    try:
        content, issued = serializer.loads(ticket, return_timestamp=True)
    except BadData:
        return None
    match content:
        case {"session": str(first), "jti": str(jti)}:
            now = datetime.now(UTC)
            is_in_time = -_LEEWAY <= now - issued <= _LASTS + _LEEWAY
            return first if is_in_time and parts().sessions.use_once(jti, now + _REMEMBERED) else None
    # Another version of the plugin wrote it.
    return None


def _serializer() -> URLSafeTimedSerializer | None:
    """What signs the tickets: the present `SECRET_KEY` alone. Without one there are none, or anybody could sign."""
    key = current_app.secret_key
    return URLSafeTimedSerializer(key, salt=SALT, signer_kwargs=SIGNATURE) if key else None
