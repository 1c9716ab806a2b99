"""An intranet that is awkward on purpose: it has everything of its own that a guest could get in the way of.

Its layout, macros and first page bear names that the plugin could have used. It signs its people in with Flask-Login,
has models with a Flask-Migrate history, exempts some of its views from CSRF protection, answers every error itself,
overwrites the Content-Security-Policy, boosts every link with an htmx of its own, and stands behind a proxy that serves
it below `/intranet`.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, g, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user
from flask_migrate import Migrate
from flask_wtf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from cpse_plugin import Cpse, Role, Staff, without_cpse_tables
from tests.plugin.hosts import SETTINGS

from . import pages
from .models import Models, make_models

SCRIPT_NAME = "/intranet"
URL_PREFIX = "/apps/cpse"
PLUGIN = SCRIPT_NAME + URL_PREFIX
# What a context processor of the host's gives to every template; the plugin's own pages must not take any of it.
HOSTS_WORD = "the host's own word"
STATIC = Path(__file__).parent / "static"

_CONFIG: dict[str, Any] = {
    "APPLICATION_ROOT": SCRIPT_NAME,
    "SESSION_COOKIE_NAME": "intranet",
    "SESSION_COOKIE_SAMESITE": "Strict",
    "WTF_CSRF_TIME_LIMIT": None,
    "CPSE_BASE_TEMPLATE": "base.html",
}


def awkward_host(
    *,
    database_url: str = "sqlite://",
    settings: Mapping[str, Any] | None = None,
    url_prefix: str = URL_PREFIX,
    mounted: bool = True,
    names_its_user: bool = True,
    migrations: str = "migrations",
    include_name: str = "ours",
    pupils_have_a_school: bool = False,
) -> Flask:
    """Make the intranet; `settings` are laid over its configuration, and None takes one away.

    `names_its_user` gives the plugin the Flask-Login user, for whoever signs in at no identity provider. `include_name`
    says what its Flask-Migrate is given: `none`, `ours`, or `both` for the plugin's together with one of its own.
    `pupils_have_a_school` is a change of a model for which there is no migration yet.
    """
    app = Flask(__name__)
    app.jinja_options = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    config = {**SETTINGS, **_CONFIG, "SQLALCHEMY_DATABASE_URI": database_url, **(settings or {})}
    app.config.update({key: value for key, value in config.items() if value is not None})
    models = make_models(app, pupils_have_a_school=pupils_have_a_school)
    Migrate(app, models.db, directory=migrations, **_migration_options(include_name))
    csrf = CSRFProtect(app)
    _sign_people_in(app, models)
    _get_in_the_way(app)
    pages.register(app, csrf, models)
    if mounted:
        loader = signed_in_staff if names_its_user else None
        Cpse().init_app(app, url_prefix=url_prefix, staff_loader=loader, csp_nonce=csp_nonce)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=1, x_prefix=1)  # type: ignore[method-assign]
    return app


def signed_in_staff() -> Staff | None:
    """The intranet's user as the plugin knows people."""
    if not current_user.is_authenticated or current_user.cpse_role is None:
        return None
    role = Role.from_name(current_user.cpse_role)
    return Staff(f"intranet-{current_user.id}", current_user.name, current_user.email, role)


def _own_include_name(name: str | None, kind: str, _parents: Mapping[str, str | None]) -> bool:
    """Leave out the table of a system that the county has given up, as hosts with a history do."""
    return kind != "table" or name != "legacy_report"


def _migration_options(include_name: str) -> dict[str, Any]:
    def both(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
        return without_cpse_tables(name, kind, parents) and _own_include_name(name, kind, parents)

    filters: dict[str, Any] = {"none": None, "ours": without_cpse_tables, "both": both}
    return {"include_name": filters[include_name]} if filters[include_name] else {}


def _sign_people_in(app: Flask, models: Models) -> None:
    login = LoginManager(app)
    login.login_view = "log_in"
    login.session_protection = "strong"
    login.user_loader(models.user)


def _get_in_the_way(app: Flask) -> None:
    for status in (400, 403, 404, 413, 500):
        app.register_error_handler(status, _answer_every_error)
    app.register_error_handler(Exception, _answer_every_error)
    app.after_request(_secure)
    app.context_processor(_context)


def _answer_every_error(error: Exception) -> ResponseReturnValue:
    status = error.code if isinstance(error, HTTPException) and error.code else 500
    return render_template("error.html", status=status), status


def csp_nonce() -> str:
    """The nonce of this request's page."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    nonce: str = g.nonce
    return nonce


def _secure(response: Response) -> Response:
    nonce = csp_nonce()
    response.headers["Content-Security-Policy"] = (
        f"default-src 'self'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; base-uri 'none'"
    )
    response.headers["X-Intranet"] = "tamarack"
    return response


def _context() -> dict[str, Any]:
    apps = [("Preschool providers", url_for("cpse.providers"))] if "cpse" in current_app.blueprints else []
    return {"apps": apps, "csp_nonce": csp_nonce, "provider": HOSTS_WORD}
