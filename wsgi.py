"""A stand-alone intranet host with the plugin mounted, set up from the environment: `wsgi:create_app()`."""

import os

from flask import Flask

from cpse_plugin.standalone import create_app as create_host

_HOST_KEYS = ("SECRET_KEY", "SQLALCHEMY_DATABASE_URI", "TRUSTED_HOSTS")


def create_app() -> Flask:
    """Make the host from the environment variables that the README lists."""
    config: dict[str, object] = {
        key: value for key, value in os.environ.items() if key in _HOST_KEYS or key.startswith("CPSE_")
    }
    old_keys = os.environ.get("SECRET_KEY_FALLBACKS", "").split()
    if old_keys:
        config["SECRET_KEY_FALLBACKS"] = old_keys
    return create_host(config)
