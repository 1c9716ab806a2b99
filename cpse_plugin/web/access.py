"""Who may call a view, declared beside its route and enforced before it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from ..domain.access import Action, NotAllowed, Staff
from ..services.sign_in_sessions import RoleCheck
from ..sign_in import current_session, current_staff, safe_next_page, session_id
from . import kept_forms, rate_limit
from .addresses import here
from .embed import Shown, shown
from .htmx import client_redirect, current_page, is_boosted, is_htmx
from .outcomes import SIGNED_OUT
from .parts import parts
from .problems import respond

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
# The endpoint of every address below the prefix that is no page of ours.
UNKNOWN = "cpse.unknown"
_MARK = "_cpse_access"
_WAY_BACK = "_cpse_way_back"


@dataclass(frozen=True, slots=True)
class _WayBack:
    """Where a person goes on who has to sign in first.

    `form_page` is the endpoint of the page whose form a view takes: what was typed is shown there again. A view that is
    `beside_form` brings a piece into a page with a half-filled form, which must not be left for it.
    """

    form_page: str | None = None
    beside_form: bool = False


def requires(action: Action, *, form_page: str | None = None, beside_form: bool = False) -> Callable[[View], View]:
    """Declare the action that a person must be allowed to do to call the view, and where they go on; see `_WayBack`."""

    def mark(view: View) -> View:
        setattr(view, _MARK, action)
        setattr(view, _WAY_BACK, _WayBack(form_page, beside_form))
        return view

    return mark


def public(view: View) -> View:
    """Declare that anyone may call the view, signed in or not."""
    setattr(view, _MARK, PUBLIC)
    return view


def declared_access(view: Callable[..., Any]) -> Action | str | None:
    """What a view declares: an action, `PUBLIC`, or None where it declares nothing, which is a fault."""
    return getattr(view, _MARK, None)


def signed_in_staff() -> Staff:
    """The person who makes this request; only for views that declare an action."""
    staff = current_staff()
    if staff is None:
        raise NotAllowed(Action.VIEW)
    return staff


def enforce() -> ResponseReturnValue | None:
    """Let the request through, send the person to sign in, or raise what refuses it; runs before every view."""
    if request.endpoint is None:
        return None
    if is_boosted() and request.method in ("GET", "HEAD"):
        # A host's htmx puts a page's body into its own page, where ours would stand without its style and its script.
        # A form is carried out: to load its address instead would lose what it says.
        return client_redirect(here())
    view = current_app.view_functions[request.endpoint]
    access = declared_access(view)
    if access == PUBLIC:
        rate_limit.enforce(view, parts().rate_limits)
        return None
    if not isinstance(access, Action):
        raise RuntimeError(f"the view {request.endpoint} declares no permission")
    staff = current_staff()
    if staff is None:
        return _to_sign_in(getattr(view, _WAY_BACK))
    if not staff.may(access):
        raise NotAllowed(access)
    if _is_time_to_ask_for_the_role():
        return redirect(url_for("cpse.sign_in", next=here()))
    rate_limit.enforce(view, parts().rate_limits)
    return None


def _is_time_to_ask_for_the_role() -> bool:
    """Whether the identity provider is asked on the way to this page.

    A page can make the detour through the provider, and a form or a piece of a page cannot: pages do so early. A frame
    cannot either, since identity providers let nobody frame them. Nobody is sent to one that has just failed.
    """
    session, provider = current_session(), parts().oidc
    is_page = request.method == "GET" and not is_htmx() and shown() is not Shown.FRAMED
    is_due = session is not None and session.role_check is not RoleCheck.FRESH
    return is_page and is_due and provider is not None and not provider.is_ailing


def _to_sign_in(way_back: _WayBack) -> ResponseReturnValue:
    """Send a page to sign in; tell htmx to, since a login page has no place inside a tab."""
    if is_htmx() and way_back.beside_form:
        return make_response(render_template("cpse/sign_in/_beside_form.html"), 401)
    if shown().is_piece:
        # A host's page is not left for one of its pieces.
        return make_response(render_template("cpse/sign_in/_piece.html", next_page=current_page() or None), 401)
    if is_htmx() and parts().oidc is None:
        # The page stays: of somebody whom the host names no more, nothing that was typed could be kept.
        return respond(SIGNED_OUT)
    if request.method != "POST":
        next_page = current_page() if is_htmx() else here()
    elif way_back.form_page is not None:
        next_page = _keep_form(way_back.form_page)
    else:
        # A confirmation is not repeated by itself, so the person stands before it again.
        next_page = _page_before()
    if shown() is Shown.FRAMED:
        return _to_sign_in_beside_frame(next_page)
    address = url_for("cpse.sign_in", next=next_page)
    if is_htmx():
        return client_redirect(address, status=401)
    if request.method == "POST" and parts().oidc is not None:
        # A Content-Security-Policy with `form-action 'self'` stops a form that is redirected to another host, as the
        # identity provider is. A page that leads on is no redirect.
        page = render_template("cpse/sign_in/first.html", address=address, signed_out=current_session() is None)
        return make_response(page, 401)
    return redirect(address)


def _to_sign_in_beside_frame(next_page: str) -> ResponseReturnValue:
    """Show in the frame where to sign in: in a window of its own, since identity providers let nobody frame them."""
    if is_htmx() or request.method == "POST":
        # What a browser says of the page that it is on is a header like any other.
        address = safe_next_page(next_page) or url_for("cpse.providers")
        return client_redirect(address, status=401) if is_htmx() else redirect(address, 303)
    # A session whose role is to be asked for again is not over.
    signed_out = session_id() is not None and current_session() is None
    return make_response(render_template("cpse/sign_in/framed.html", next_page=next_page, signed_out=signed_out), 401)


def _keep_form(endpoint: str) -> str:
    """Keep what was typed, if it is known whose it is; returns the address of the form's page."""
    page = url_for(endpoint, **(request.view_args or {}))
    identifier = session_id()
    subject = parts().sessions.subject_of(identifier) if identifier is not None else None
    if subject is not None:
        rate_limit.count_kept_form(parts().rate_limits, subject)
        kept_forms.keep(subject, page, signed_out=current_session() is None)
    return page


def _page_before() -> str:
    """The page that a form was sent from, as far as it can be opened; a refused form's own address often cannot."""
    page = current_page()
    adapter = current_app.create_url_adapter(request)
    path = page.partition("?")[0].removeprefix(request.script_root)
    try:
        is_page = adapter is not None and adapter.match(path, method="GET")[0] != UNKNOWN
    except HTTPException:
        is_page = False
    return page if is_page else url_for("cpse.providers")
