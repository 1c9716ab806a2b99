"""A stand-alone intranet host with the plugin mounted, set up from the environment: `wsgi:create_app()`."""

import os

from flask import Flask

from cpse_plugin.standalone import create_app as create_host

_HOST_KEYS = ("SECRET_KEY", "SQLALCHEMY_DATABASE_URI")


def create_app() -> Flask:
    """Make the host from the environment variables that the README lists."""
    return create_host(
        {key: value for key, value in os.environ.items() if key in _HOST_KEYS or key.startswith("CPSE_")}
    )
