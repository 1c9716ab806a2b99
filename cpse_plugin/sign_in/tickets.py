"""Tickets by which a person who has signed in in a window of its own is signed in inside a frame too.

Browsers keep the cookies of a frame apart from those of a window, by the site around the frame. So the window gives the
frame a ticket, from script to script of this origin alone, and the frame hands it in. It counts for a minute, and once.
"""

import secrets
from datetime import UTC, datetime, timedelta

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from ..services.sign_in_sessions import digest
from .sessions import parts, session_id

_LASTS = timedelta(minutes=1)


def issue() -> str | None:
    """A ticket for the person of this request's session; None where there is none.

    It names the session by its digest, from which nobody gets the session.
    """
    identifier = session_id()
    if identifier is None:
        return None
    return _serializer().dumps({"session": digest(identifier), "jti": secrets.token_urlsafe(16)})


def take(ticket: str) -> str | None:
    """The digest of the session that a ticket was issued for; None for one that is forged, too old or used."""
    try:
        content = _serializer().loads(ticket, max_age=round(_LASTS.total_seconds()))
    except BadData:
        return None
    if not parts().sessions.use_once(content["jti"], datetime.now(UTC) + _LASTS):
        return None
    return str(content["session"])


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="cpse_frame_ticket")
