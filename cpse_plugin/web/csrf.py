"""Tokens against forged requests: the host's `CSRFProtect`, on every form of the plugin's."""

from flask import current_app, request

# The first is sent by the identity provider and by no page of ours, and the token that it brings is what is looked at;
# the second does nothing.
_WITHOUT_TOKEN = frozenset({"cpse.back_channel_logout", "cpse.unknown"})


def enforce() -> None:
    """Refuse a form without the right token, also where the host checks by itself and only what it picks.

    `WTF_CSRF_ENABLED` counts: a host switches it off in its tests.
    """
    if current_app.config["WTF_CSRF_ENABLED"] and request.endpoint not in _WITHOUT_TOKEN:
        current_app.extensions["csrf"].protect()
