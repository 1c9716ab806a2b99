"""A small intranet host of the plugin's own, for a county that has no Flask application to mount it into."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import click
from flask import Flask, jsonify, redirect, request, url_for
from flask.cli import FlaskGroup
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from markupsafe import escape
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from .extension import Cpse
from .settings import SettingsError, host_names, refuse_what_is_gone, whole_number
from .web.headers import secure
from .web.request_log import LOGGER_NAME

_Read = TypeVar("_Read")

_DEFAULTS = {
    "SESSION_COOKIE_HTTPONLY": True,
    # The identity provider sends the browser back from another site, and a Strict cookie would not come along.
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_SECURE": True,
    "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
    # A form that was left open over lunch is still good: the token lives as long as the session.
    "WTF_CSRF_TIME_LIMIT": None,
    # A connection that a restart of the database broke is noticed before it is used.
    "SQLALCHEMY_ENGINE_OPTIONS": {"pool_pre_ping": True},
}


def create_app(config: Mapping[str, Any]) -> Flask:
    """Make the host with the plugin mounted at `/cpse`. Raises `SettingsError`."""
    app = Flask("cpse_plugin.standalone", static_folder=None)
    app.config.update(_DEFAULTS)
    if str(config.get("CPSE_FRAME_ANCESTORS", "")).strip() not in ("", "'self'", "'none'"):
        # In a frame of another site browsers bring no other cookie along, and keep even this one for that site alone.
        app.config.update(SESSION_COOKIE_SAMESITE="None", SESSION_COOKIE_PARTITIONED=True)
    app.config.update(config)
    # This host alone reads it, and the plugin says so to any other.
    proxies = str(app.config.pop("CPSE_PROXIES", None) or 0).strip()
    refuse_what_is_gone(app.config)
    if app.config["SESSION_COOKIE_SECURE"] and "SESSION_COOKIE_NAME" not in config:
        # Browsers take a cookie of such a name over TLS and from this very host alone, never from a neighbour below it.
        app.config["SESSION_COOKIE_NAME"] = "__Host-session"
    # A host that answers to any name puts that name into the addresses that it makes for the identity provider.
    for key in ("SECRET_KEY", "SQLALCHEMY_DATABASE_URI", "TRUSTED_HOSTS"):
        if not app.config.get(key):
            raise SettingsError(f"{key} is required")
    app.config["TRUSTED_HOSTS"] = _read("TRUSTED_HOSTS", host_names, app.config["TRUSTED_HOSTS"])
    SQLAlchemy(app)
    CSRFProtect(app)
    Cpse().init_app(app, url_prefix="/cpse")
    _believe_proxies(app, _read("CPSE_PROXIES", whole_number(0, 10), proxies or 0))
    _log_to_stderr()
    app.add_url_rule("/", "home", _home)
    app.register_error_handler(HTTPException, _refusal)
    # Whatever is answered here is ours, what Flask answers by itself too.
    app.after_request(secure)
    return app


def _read(key: str, parse: Callable[[Any], _Read], raw: Any) -> _Read:
    try:
        return parse(raw)
    except ValueError as error:
        raise SettingsError(f"{key}: {error}") from error


def _believe_proxies(app: Flask, proxies: int) -> None:
    """Take the visitor's address and the scheme from the proxies that are known to stand in front."""
    if proxies:
        # Of several proxies only the first one saw the scheme, and each passes the one value on.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=1)  # type: ignore[method-assign]


def _log_to_stderr() -> None:
    """Write the log to stderr where nobody has set one up: warnings of anybody, and all that the plugin has to say.

    A command says what it has to say itself, so of its log there are only the warnings.
    """
    if logging.getLogger().handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    command = click.get_current_context(silent=True)
    if command is None or not isinstance(command.find_root().command, FlaskGroup):
        logging.getLogger("cpse_plugin").setLevel(logging.INFO)


class _Lines(logging.Formatter):
    """Leaves the line of a request as it is, so that whoever reads JSON finds nothing before it."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return record.getMessage() if record.name == LOGGER_NAME else super().format(record)


def _refusal(error: HTTPException) -> ResponseReturnValue:
    """A page for what is refused outside of the plugin's pages; it asks for nothing that could be missing."""
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()
    if request.path == "/cpse/health":
        # Whoever asks there is a machine, and under another host's name no page of the plugin is found.
        return jsonify(problem=error.name), error.code or 500
    words = "There is no such page." if error.code == 404 else (error.description or "It cannot be done like that.")
    page = (
        f'<!doctype html><html lang="en"><title>{escape(error.name)}</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<main><h1>{escape(error.name)}</h1><p>{escape(words)} "
        f'<a href="{request.script_root}/cpse/providers">Go to the providers</a>'
    )
    kept = [(name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")]
    return page, error.code or 500, kept


def _home() -> ResponseReturnValue:
    return redirect(url_for("cpse.providers"))
