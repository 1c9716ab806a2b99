"""Looks whether everything that the plugin needs is in order: `flask cpse check`.

Each look changes nothing: what is written to the database is rolled back, and the Portal is asked for tokens and for
the list of professions alone. No secret is in what is told.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

from flask import Flask
from jinja2 import TemplateError
from sqlalchemy import Engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from . import migrate
from .domain.text import clean_text
from .models import LogoutTokenRow
from .npi_registry.copy import CopyError, info_of
from .npi_registry.gateway import RegistryUnavailable
from .portal.gateway import (
    PortalAccessRefused,
    PortalBusy,
    PortalClientRefused,
    PortalError,
    PortalNotAsked,
)
from .portal.token import TokenSource
from .services.database import Database
from .services.errors import ServiceError
from .settings import Settings
from .sign_in import SignInFailed
from .web.parts import Parts

_log = logging.getLogger("cpse_plugin.check")

_CHECKER = "cpse_plugin"
# Months of the registry's files overlap by half: a copy that is older has missed one.
_COPY_GOOD_FOR_DAYS = 45
_DIFFERENCES_SHOWN = 3
_DIALECTS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
# The contract's scopes, and what cannot be done without each.
_WORK_OF_SCOPE = {
    "providers.read": "finding and reading providers",
    "providers.write": "adding and linking providers",
    "admins.read": "reading admin users and invitations",
    "admins.invite": "inviting admin users",
}


class Mark(StrEnum):
    """How something is. A warning is no failure: all works, and somebody should know something."""

    OK = "ok"
    WARNING = "warning"
    NOT_USED = "not used"
    NOT_OK = "NOT OK"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing; the text says what is wrong and what to do about it."""

    mark: Mark
    name: str
    text: str


def findings(parts: Parts, app: Flask) -> Iterator[Finding]:
    """Look at one thing after the other, each of them whatever became of the others."""
    looks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("database", lambda: _database(parts.database)),
        ("migrations", lambda: _migrations(parts.database.engine)),
        ("Portal", lambda: _portal(parts)),
        ("identity provider", lambda: _identity_provider(parts)),
        ("NPI Registry, local copy", lambda: _local_copy(parts.settings.npi_local_copy)),
        ("NPI Registry, API", lambda: _registry_api(parts)),
        ("rate limits", lambda: _rate_limits(parts)),
        ("CPSE_BASE_TEMPLATE", lambda: _layout(parts.settings, app)),
        ("TRUSTED_HOSTS", lambda: _trusted_hosts(parts.settings, app)),
    )
    for name, look in looks:
        try:
            yield from look()
        except Exception as error:  # noqa: BLE001
            # Something that nobody thought of, or a county's own gateway: the other things are to be told all the same.
            _log.exception("the check of %s failed", name)
            yield Finding(Mark.NOT_OK, name, f"could not be checked ({type(error).__name__}). The log says more.")


def _database(database: Database) -> Iterator[Finding]:
    dialect = database.engine.dialect.name
    name = _DIALECTS.get(dialect, dialect)
    try:
        with database.read() as session:
            has_tables = inspect(session.connection()).has_table(LogoutTokenRow.__tablename__)
    except ServiceError as error:
        text = f"{name} does not answer ({_brief(error)}). Is it running, and is SQLALCHEMY_DATABASE_URI right?"
        yield Finding(Mark.NOT_OK, "database", text)
        return
    if not has_tables:
        yield Finding(Mark.OK, "database", f"{name} answers; whether it may be written to shows once there are tables.")
        return
    try:
        _write_and_take_back(database)
    except ServiceError as error:
        text = f"{name} answers and takes no change ({_brief(error)}). Look at its disk, and at the user's rights."
        yield Finding(Mark.NOT_OK, "database", text)
        return
    yield Finding(Mark.OK, "database", f"{name} answers and takes changes.")


class _TakenBack(Exception):
    """Ends the transaction of a trial."""


def _write_and_take_back(database: Database) -> None:
    with suppress(_TakenBack), database.write() as session:
        session.add(LogoutTokenRow(jti_hash=uuid4().hex, ends_at=datetime.now(UTC)))
        session.flush()
        raise _TakenBack


def _migrations(engine: Engine) -> Iterator[Finding]:
    try:
        yield _of_tables(engine)
    except SQLAlchemyError as error:
        reason = clean_text(str(getattr(error, "orig", None) or type(error).__name__), 200)
        yield Finding(Mark.NOT_OK, "migrations", f"the tables cannot be looked at ({reason}). See the database first.")


def _of_tables(engine: Engine) -> Finding:
    current, head = migrate.current(engine), migrate.head()
    if current is None:
        return Finding(Mark.NOT_OK, "migrations", "there are no tables yet. Run `flask cpse db upgrade`.")
    if not migrate.knows(current):
        text = (
            f"the tables are at {current}, which a newer version has made; this one needs {head} and is to be updated."
        )
        return Finding(Mark.WARNING, "migrations", text)
    if current != head:
        text = f"the tables are at {current}, and the code needs {head}. Run `flask cpse db upgrade`."
        return Finding(Mark.NOT_OK, "migrations", text)
    found = migrate.differences(engine)
    if found:
        shown = clean_text("; ".join(found[:_DIFFERENCES_SHOWN]), 300)
        text = (
            f"the tables are at {head}, but somebody has changed them: {shown}. `flask cpse db check` tells all of it."
        )
        return Finding(Mark.NOT_OK, "migrations", text)
    return Finding(Mark.OK, "migrations", f"the tables are at {head}, as the code needs them.")


def _portal(parts: Parts) -> Iterator[Finding]:
    settings = parts.settings
    if settings.portal_gateway is not None:
        yield Finding(Mark.NOT_USED, "Portal, token and scopes", "CPSE_PORTAL_GATEWAY is a way of the county's own.")
        yield _portal_answers(parts.portal.ping)
        return
    wanted = settings.portal_scope.split()
    granted: frozenset[str] = frozenset()
    failure: PortalNotAsked | None = None
    try:
        granted = TokenSource(settings).granted_scope()
    except PortalNotAsked as error:
        failure = error
    yield _token(wanted, granted, failure)
    for scope in dict.fromkeys((*_WORK_OF_SCOPE, *wanted)):
        yield _scope(settings, scope, scope in wanted, scope in granted, failure)
    if failure is None:
        # More than a ping: what comes back is read, so that a page for people does not count as an answer.
        yield _portal_answers(lambda: parts.portal.list_professions(acting_user=_CHECKER))
    else:
        yield Finding(Mark.NOT_OK, "Portal, answers", "not asked, for there is no token.")


def _token(wanted: list[str], granted: frozenset[str], failure: PortalNotAsked | None) -> Finding:
    name = "Portal, token"
    missing = [scope for scope in wanted if scope not in granted]
    if failure is not None:
        return Finding(Mark.NOT_OK, name, f"{_brief(failure)}. {_what_to_do(failure)}")
    if missing:
        text = f"granted without {', '.join(missing)}. Ask the Portal's operator to grant the client these scopes."
        return Finding(Mark.NOT_OK, name, text)
    return Finding(Mark.OK, name, "granted for all of CPSE_PORTAL_SCOPE.")


def _what_to_do(failure: PortalError) -> str:
    if isinstance(failure, PortalClientRefused):
        return "Check CPSE_PORTAL_CLIENT_ID and the client's secret or key, and that the Portal has the same on record."
    if isinstance(failure, PortalAccessRefused):
        return "The lines of the scopes say which; ask the Portal's operator to grant the client what is missing."
    if isinstance(failure, PortalBusy):
        return "Try again in a moment."
    return "Check CPSE_PORTAL_URL and CPSE_PORTAL_TOKEN_URL, and the way there: name, firewall, proxy, certificate."


def _scope(
    settings: Settings, scope: str, is_wanted: bool, is_granted: bool, failure: PortalNotAsked | None
) -> Finding:
    """Ask for a token of this one scope: that changes nothing, whatever the scope allows."""
    name = f"Portal, scope {scope}"
    if not is_wanted:
        if is_granted:
            return Finding(Mark.OK, name, "granted without being asked for.")
        text = f"CPSE_PORTAL_SCOPE leaves it out; the Portal refuses {_WORK_OF_SCOPE[scope]}."
        return Finding(Mark.NOT_USED, name, text)
    if failure is not None and (
        isinstance(failure, PortalClientRefused) or not isinstance(failure, PortalAccessRefused)
    ):
        # Endpoints lock out those who come again and again with a wrong secret.
        return Finding(Mark.NOT_OK, name, "not asked for, since the token endpoint grants nothing at all.")
    ask_its_operator = "Ask the Portal's operator to grant it to the client."
    try:
        alone = TokenSource(replace(settings, portal_scope=scope)).granted_scope()
    except PortalAccessRefused as error:
        return Finding(Mark.NOT_OK, name, f"{_brief(error)}. {ask_its_operator}")
    except PortalNotAsked as error:
        return Finding(Mark.NOT_OK, name, f"{_brief(error)}. {_what_to_do(error)}")
    if scope not in alone:
        return Finding(Mark.NOT_OK, name, f"a token came, and not for this scope. {ask_its_operator}")
    return Finding(Mark.OK, name, "granted.")


def _portal_answers(ask: Callable[[], object]) -> Finding:
    name = "Portal, answers"
    try:
        ask()
    except PortalAccessRefused as error:
        text = f"it does not accept the token ({_brief(error)}). Ask the Portal's operator what the client may do."
        return Finding(Mark.NOT_OK, name, text)
    except PortalBusy as error:
        return Finding(Mark.NOT_OK, name, f"it asks to wait ({_brief(error)}). Try again in a moment.")
    except PortalError as error:
        text = f"no proper answer ({_brief(error)}). Check CPSE_PORTAL_URL, and ask the Portal's operator how it is."
        return Finding(Mark.NOT_OK, name, text)
    return Finding(Mark.OK, name, "it accepts the token and answers.")


def _identity_provider(parts: Parts) -> Iterator[Finding]:
    name = "identity provider"
    if parts.oidc is None:
        yield Finding(Mark.NOT_USED, name, "the host names its signed-in user (staff_loader).")
        return
    try:
        issuer, keys = parts.oidc.inspect()
    except SignInFailed as error:
        yield Finding(Mark.NOT_OK, name, f"{error.reason}. Check CPSE_OIDC_DISCOVERY_URL, and the way there.")
        return
    yield Finding(Mark.OK, name, f"{issuer} answers, as it should be called, with {keys} key{'s' * (keys != 1)}.")


def _local_copy(path: Path | None) -> Iterator[Finding]:
    name = "NPI Registry, local copy"
    if path is None:
        yield Finding(Mark.NOT_USED, name, "CPSE_NPI_LOCAL_COPY is not set; the API is asked for each name.")
        return
    try:
        info = info_of(path)
    except CopyError as error:
        yield Finding(Mark.NOT_OK, name, f"{clean_text(str(error), 300)}. `flask cpse npi import` makes it anew.")
        return
    if info is None:
        yield Finding(Mark.NOT_OK, name, f"there is no file {path}. `flask cpse npi import` makes it.")
        return
    days = (datetime.now(UTC).date() - info.as_of).days
    text = f"{info.rows:,} providers as of {info.as_of}, {days} days ago."
    if days > _COPY_GOOD_FOR_DAYS:
        yield Finding(Mark.WARNING, name, f"{text} Bring it up to date with `flask cpse npi import`.")
    else:
        yield Finding(Mark.OK, name, text)


def _registry_api(parts: Parts) -> Iterator[Finding]:
    name = "NPI Registry, API"
    try:
        parts.registry.api.ping()
    except RegistryUnavailable as error:
        yield Finding(Mark.NOT_OK, name, f"{_brief(error)}. Check CPSE_NPI_REGISTRY_URL, and the way there.")
        return
    yield Finding(Mark.OK, name, "it answers.")


def _rate_limits(parts: Parts) -> Iterator[Finding]:
    name = "rate limits"
    if parts.rate_limits.is_in_memory:
        text = "each worker counts for itself; CPSE_RATE_LIMIT_STORAGE with a Redis counts for all of them."
        yield Finding(Mark.WARNING, name, text)
    elif parts.rate_limits.answers():
        yield Finding(Mark.OK, name, "the storage that counts for all workers answers.")
    else:
        text = "CPSE_RATE_LIMIT_STORAGE does not answer, and nothing is counted meanwhile. Is it running?"
        yield Finding(Mark.NOT_OK, name, text)


def _layout(settings: Settings, app: Flask) -> Iterator[Finding]:
    try:
        app.jinja_env.get_template(settings.base_template)
    except TemplateError as error:
        reason = clean_text(str(error), 300) or type(error).__name__
        yield Finding(Mark.NOT_OK, "CPSE_BASE_TEMPLATE", f"{settings.base_template} cannot be used ({reason}).")


def _trusted_hosts(settings: Settings, app: Flask) -> Iterator[Finding]:
    if settings.uses_oidc and not app.config.get("TRUSTED_HOSTS"):
        text = "not set; a request for any host name is answered with addresses of that name."
        yield Finding(Mark.WARNING, "TRUSTED_HOSTS", text)


def _brief(error: Exception) -> str:
    """What an error says, on one line and without its full stop."""
    return clean_text(str(error), 300).rstrip(".")
