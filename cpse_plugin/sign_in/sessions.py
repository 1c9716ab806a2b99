"""Who makes this request: the person of the browser's session, or the one whom the host names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from flask import current_app, g, request, session

from ..domain.access import Role, Staff
from ..services.database import told_apart
from ..services.kept_forms import KeptForms
from ..services.sign_in_sessions import LiveSession, RoleCheck, SignInSessions
from ..settings import Settings
from .identity import Identity, WithoutRole
from .oidc import OidcClient
from .pending import SESSION_KEY as PENDING_KEY

# All that the cookie says of a person who is signed in: the id of a row.
SESSION_ID_KEY = "cpse_session"
WITHOUT_ROLE_KEY = "cpse_without_role"
_CACHED = "_cpse_who"


class Host(Protocol):
    """What the host tells of its own user."""

    @property
    def staff_loader(self) -> Callable[[], Staff | None] | None:
        """The host's own answer to who makes this request."""


class Parts(Protocol):
    """What `app.extensions["cpse"]` holds for signing in."""

    @property
    def settings(self) -> Settings:
        """The plugin's settings."""

    @property
    def oidc(self) -> OidcClient | None:
        """The client of the identity provider; None where the host names its user."""

    @property
    def host(self) -> Host:
        """What the host has told of itself."""

    @property
    def sessions(self) -> SignInSessions:
        """The sessions of staff who signed in at the identity provider."""

    @property
    def kept_forms(self) -> KeptForms:
        """What was typed into forms whose session was over."""


class NotStaff(TypeError):
    """The host's `staff_loader` returned something else than a member of staff or None."""


@dataclass(frozen=True, slots=True)
class _Who:
    """The answer for one request. `flask.g` can outlive a request, namely where an application context is pushed."""

    request: object
    staff: Staff | None = None
    session: LiveSession | None = None


def parts() -> Parts:
    """The parts of the current application."""
    return cast(Parts, current_app.extensions["cpse"])


def current_staff() -> Staff | None:
    """The member of staff who makes this request, or None where there is none or the person has no role.

    Without an identity provider the host's `staff_loader` says who it is. Only one of the two ever counts, since two
    sources could name two people. A person whose role is to be asked for again is nobody until that is done.
    """
    return _who().staff


def current_session() -> LiveSession | None:
    """The session of this request's person; None where there is none or the host names its user."""
    return _who().session


def known_staff() -> Staff | None:
    """The same as `current_staff`, as far as this request has found it out already; nothing is asked for it."""
    known = _known(_this_request())
    return known.staff if known is not None else None


def session_id() -> str | None:
    """The id that the browser brings, be its session alive or over."""
    found = session.get(SESSION_ID_KEY)
    return found if isinstance(found, str) else None


def sign_in(staff: Staff, identity: Identity, *, silent: bool = False) -> None:
    """Let the browser be this person's from now on, in a session of its own.

    A `silent` one was no work of the person's, so it ends when the session that it takes the place of would have.
    """
    before = current_session()
    goes_on = silent and before is not None and before.staff.subject == staff.subject
    begun = parts().sessions.begin(
        staff, identity.provider_sid, longest_end=before.longest_end if goes_on and before else None
    )
    sign_out()
    session[SESSION_ID_KEY] = begun


@dataclass(frozen=True, slots=True)
class PersonWithoutRole:
    """Somebody who has signed in and may do nothing here."""

    name: str
    why: WithoutRole


def remember_without_role(identity: Identity) -> None:
    """Remember that the browser's person has signed in and may do nothing here."""
    sign_out()
    session[WITHOUT_ROLE_KEY] = {"name": identity.name, "why": identity.without_role.value}


def person_without_role() -> PersonWithoutRole | None:
    """The person who has signed in and has no role."""
    match session.get(WITHOUT_ROLE_KEY):
        case {"name": str(name), "why": str(why)} if why in list(WithoutRole):
            return PersonWithoutRole(name, WithoutRole(why))
    return None


def sign_out() -> None:
    """End the person's session, and forget who it was; what else the host's session holds stays.

    The host's session gets a new id too, where the server keeps sessions by one.
    """
    ending = session_id()
    if ending is not None:
        parts().sessions.end(ending)
    for key in (SESSION_ID_KEY, WITHOUT_ROLE_KEY, PENDING_KEY):
        session.pop(key, None)
    g.pop(_CACHED, None)
    regenerate = getattr(current_app.session_interface, "regenerate", None)
    if callable(regenerate):
        regenerate(session)


def sign_out_of_frames_too() -> None:
    """Sign out, and end what went on beside the person's session: frames have no way to sign out of their own."""
    ending = session_id()
    if ending is not None:
        parts().sessions.end_sign_in(ending)
    sign_out()


def go_on_beside(first: str) -> bool:
    """Let the browser be, in this place too, the person of a live session, which is named by its digest."""
    begun = parts().sessions.go_on_beside(first)
    if begun is None:
        return False
    sign_out()
    session[SESSION_ID_KEY] = begun
    return True


def comes_without_cookie() -> bool:
    """Whether the browser has kept the session's cookie back because the identity provider, another site, has sent it.

    That is what `SESSION_COOKIE_SAMESITE="Strict"` asks browsers for. A page of ours that leads to the same address is
    enough for the cookie to come along.
    """
    same_site = current_app.config.get("SESSION_COOKIE_SAMESITE")
    is_strict = isinstance(same_site, str) and same_site.lower() == "strict"
    return is_strict and request.headers.get("Sec-Fetch-Site") == "cross-site"


def _who() -> _Who:
    this_request = _this_request()
    known = _known(this_request)
    if known is None:
        # Should finding out fail, then the page that says so is drawn, and it is drawn for nobody.
        setattr(g, _CACHED, _Who(this_request))
        known = _find_out(this_request)
        setattr(g, _CACHED, known)
    return known


def _this_request() -> object:
    return request._get_current_object()  # type: ignore[attr-defined]  # Werkzeug's proxy has it.


def _known(this_request: object) -> _Who | None:
    found: _Who | None = g.get(_CACHED)
    return found if found is not None and found.request is this_request else None


def _find_out(this_request: object) -> _Who:
    if parts().oidc is None:
        return _Who(this_request, _staff_of_host())
    identifier = session_id()
    found = parts().sessions.find(identifier) if identifier is not None else None
    staff = found.staff if found is not None and found.role_check is not RoleCheck.OVER else None
    return _Who(this_request, staff, found)


def _staff_of_host() -> Staff | None:
    """Ask the host. What it answers decides what may be done here, so it is looked at closely."""
    loader = parts().host.staff_loader
    # The host looks its user up in a database too, often in this one.
    with told_apart():
        staff: object = loader() if loader is not None else None
    if staff is None:
        return None
    if not isinstance(staff, Staff):
        raise NotStaff(f"staff_loader returned {type(staff).__name__}; it must return Staff or None")
    if not isinstance(staff.role, Role) or not isinstance(staff.subject, str) or not staff.subject.strip():
        raise NotStaff("staff_loader returned Staff without a role or without a subject")
    return staff
