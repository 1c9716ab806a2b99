"""Tokens against forged requests: the host's `CSRFProtect`, on every form of the plugin's."""

from flask import current_app, request

# The identity provider sends it, and no page of ours; the token that it brings is what is looked at.
_FROM_NO_PAGE = "cpse.back_channel_logout"


def enforce() -> None:
    """Refuse a form without the right token, also where the host checks by itself and only what it picks.

    `WTF_CSRF_ENABLED` counts: a host switches it off in its tests.
    """
    if current_app.config["WTF_CSRF_ENABLED"] and request.endpoint != _FROM_NO_PAGE:
        current_app.extensions["csrf"].protect()
