"""Small hosts for tests of the mount."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from jinja2.bccache import Bucket, BytecodeCache

from cpse_plugin import Cpse
from cpse_plugin.domain.access import Role, Staff

ANN = Staff("sub-ann", "Ann Archer", "ann@county.example", Role.INVITER)

SETTINGS: dict[str, Any] = {
    "SECRET_KEY": "only for tests",
    "SQLALCHEMY_DATABASE_URI": "sqlite://",
    "CPSE_COUNTY_NAME": "Tamarack County",
    "CPSE_PORTAL_URL": "http://127.0.0.1:9/v1",
    "CPSE_PORTAL_CLIENT_ID": "county",
    "CPSE_PORTAL_CLIENT_SECRET": "only for tests too",
    "CPSE_NPI_REGISTRY_URL": "http://127.0.0.1:9/api/",
}


class _Compiled(BytecodeCache):
    """Compiled templates for all hosts of a test run: compiling them anew for each takes longer than most tests."""

    def __init__(self) -> None:
        self._templates: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take a template that was compiled before; Jinja compares its source."""
        if bucket.key in self._templates:
            bucket.bytecode_from_string(self._templates[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template."""
        self._templates[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


def bare_host(**settings: Any) -> Flask:
    """A host with its database and CSRF protection, and no plugin yet; a setting of None is left out."""
    app = Flask("host")
    app.jinja_options = {**app.jinja_options, "bytecode_cache": _COMPILED}
    app.config.update({key: value for key, value in {**SETTINGS, **settings}.items() if value is not None})
    SQLAlchemy(app)
    CSRFProtect(app)
    return app


def host(staff_loader: Callable[[], Staff | None] | None = lambda: ANN, **settings: Any) -> Flask:
    """A host with the plugin mounted."""
    app = bare_host(**settings)
    Cpse().init_app(app, staff_loader=staff_loader)
    return app
