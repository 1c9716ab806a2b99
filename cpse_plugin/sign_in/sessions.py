"""Who makes this request: kept in the browser's session, or named by the host."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from flask import Flask, current_app, g, request, session

from ..domain.access import Role, Staff
from ..settings import Settings
from .oidc import OidcClient
from .pending import SESSION_KEY as PENDING_KEY

STAFF_KEY = "cpse_staff"
WITHOUT_ROLE_KEY = "cpse_without_role"
# A cookie cannot be called back, so what it says ends by itself.
SIGNED_IN_FOR = 12 * 3600
_CACHED = "_cpse_staff"


class Parts(Protocol):
    """What `app.extensions["cpse"]` holds for signing in."""

    @property
    def settings(self) -> Settings:
        """The plugin's settings."""

    @property
    def oidc(self) -> OidcClient | None:
        """The client of the identity provider; None where the host names its user."""

    @property
    def staff_loader(self) -> Callable[[], Staff | None] | None:
        """The host's own answer to who makes this request."""


@dataclass(frozen=True, slots=True)
class _Cached:
    """The answer for one request. `flask.g` can outlive a request, namely where an application context is pushed."""

    request: object
    staff: Staff | None


def parts() -> Parts:
    """The parts of the current application."""
    return cast(Parts, current_app.extensions["cpse"])


def current_staff() -> Staff | None:
    """The member of staff who makes this request, or None where there is none or the person has no role.

    Without an identity provider the host's `staff_loader` says who it is. Only one of the two ever counts, since two
    sources could name two people.
    """
    this_request = request._get_current_object()  # type: ignore[attr-defined]  # Werkzeug's proxy has it.
    cached: _Cached | None = g.get(_CACHED)
    if cached is None or cached.request is not this_request:
        loader = parts().staff_loader if parts().oidc is None else None
        cached = _Cached(this_request, loader() if loader is not None else _staff_of_session())
        setattr(g, _CACHED, cached)
    return cached.staff


def sign_in(staff: Staff) -> None:
    """Let the browser be this person's from now on."""
    _begin_anew()
    session[STAFF_KEY] = {
        "sub": staff.subject,
        "name": staff.name,
        "email": staff.email,
        "role": staff.role.name.lower(),
        "since": int(time.time()),
    }


def remember_without_role(name: str) -> None:
    """Remember that the browser's person has signed in and may do nothing here."""
    _begin_anew()
    session[WITHOUT_ROLE_KEY] = name


def person_without_role() -> str | None:
    """The name of the person who has signed in and whose groups give no role."""
    name = session.get(WITHOUT_ROLE_KEY)
    return name if isinstance(name, str) else None


def sign_out() -> None:
    """Forget who the browser's person is; what else the session holds is the host's and stays."""
    _begin_anew()


def cookie_warning(app: Flask) -> str | None:
    """What to tell the operator of a host whose session cookie would be missing when a sign-in comes back."""
    same_site = app.config.get("SESSION_COOKIE_SAMESITE")
    if not isinstance(same_site, str) or same_site.lower() != "strict":
        return None
    return (
        'SESSION_COOKIE_SAMESITE is "Strict": browsers then leave the session cookie out when the identity provider '
        'sends them back, and no sign-in can be completed. Set it to "Lax".'
    )


def _begin_anew() -> None:
    """Drop what the session says of the person, and its identity too where the server keeps sessions by an id."""
    for key in (STAFF_KEY, WITHOUT_ROLE_KEY, PENDING_KEY):
        session.pop(key, None)
    g.pop(_CACHED, None)
    regenerate = getattr(current_app.session_interface, "regenerate", None)
    if callable(regenerate):
        regenerate(session)


def _staff_of_session() -> Staff | None:
    entry = session.get(STAFF_KEY)
    if not isinstance(entry, dict):
        return None
    try:
        return _read_entry(entry)
    except (KeyError, TypeError, ValueError):
        # Another version of the plugin wrote it; the person signs in again.
        return None


def _read_entry(entry: dict[str, Any]) -> Staff | None:
    if not 0 <= time.time() - entry["since"] < SIGNED_IN_FOR:
        return None
    return Staff(entry["sub"], entry["name"], entry["email"], Role.from_name(entry["role"]))
