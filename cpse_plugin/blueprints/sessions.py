"""How long a session still lasts, staying signed in, and the identity provider's word that a session is over."""

import logging

from flask import Blueprint, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ..services.sign_in_sessions import LiveSession
from ..sign_in import SignInFailed, TokenRefused, parts, safe_next_page, session_id
from ..web.access import public
from ..web.htmx import current_page
from ..web.rate_limit import LOGOUT, limited
from ..web.request_log import note_error

_LOGGER = logging.getLogger("cpse_plugin.sign_in")


def register(parent: Blueprint) -> None:
    """Put the addresses on the plugin's blueprint."""
    parent.add_url_rule("/session", "session", show, methods=["GET"])
    parent.add_url_rule("/session/stay", "stay_signed_in", stay, methods=["POST"])
    parent.add_url_rule("/sign-in/back-channel-logout", "back_channel_logout", back_channel_logout, methods=["POST"])


@public
def show() -> ResponseReturnValue:
    """How long the session lasts if its person does nothing. To ask is no use of it, or no session would ever end."""
    identifier = session_id()
    return _state(parts().sessions.find(identifier, is_use=False) if identifier is not None else None)


@public
def stay() -> ResponseReturnValue:
    """Stay signed in."""
    identifier = session_id()
    session = parts().sessions.stay(identifier) if identifier is not None else None
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        return _state(session)
    return redirect(safe_next_page(current_page()) or url_for("cpse.providers"), 303)


def _state(session: LiveSession | None) -> ResponseReturnValue:
    if session is None:
        return jsonify(seconds=0, can_stay=False)
    return jsonify(seconds=session.seconds_left, can_stay=session.can_stay)


@public
@limited(LOGOUT)
def back_channel_logout() -> ResponseReturnValue:
    """End the sessions that the identity provider says are over (OpenID Connect Back-Channel Logout 1.0).

    No browser makes this request, so it brings no CSRF token. What it says counts because it is signed.
    """
    client = parts().oidc
    try:
        tokens = request.form.getlist("logout_token")
        if client is None or len(tokens) != 1:
            raise TokenRefused("there is not one logout token")
        logout = client.provider_logout(tokens[0])
        if not parts().sessions.use_once(logout.jti, logout.valid_until):
            raise TokenRefused("the logout token was used before")
    except SignInFailed as failure:
        note_error(failure)
        _LOGGER.warning("back-channel logout refused: %s", failure.reason)
        return jsonify(error="invalid_request", error_description=failure.reason), 400
    ended = parts().sessions.end_at_provider(sid=logout.sid, subject=logout.subject, begun_by=logout.begun_by)
    _LOGGER.info("back-channel logout: %d sessions ended", ended)
    return "", 200
