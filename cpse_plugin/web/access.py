"""Who may call a view, declared beside its route and enforced before it runs."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ..domain.access import Action, NotAllowed, Staff
from ..sign_in import current_staff
from .htmx import client_redirect, current_page, is_htmx

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
_MARK = "_cpse_access"


def requires(action: Action) -> Callable[[View], View]:
    """Declare the action that a person must be allowed to do to call the view."""

    def mark(view: View) -> View:
        setattr(view, _MARK, action)
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
    """Let the request through, send the person to sign in, or raise `NotAllowed`; runs before every view."""
    if request.endpoint is None or request.endpoint == "cpse.static":
        return None
    access = declared_access(current_app.view_functions[request.endpoint])
    if access == PUBLIC:
        return None
    if not isinstance(access, Action):
        raise RuntimeError(f"the view {request.endpoint} declares no permission")
    staff = current_staff()
    if staff is None:
        return _to_sign_in()
    if not staff.may(access):
        raise NotAllowed(access)
    return None


def _to_sign_in() -> ResponseReturnValue:
    """Send a page to sign in; tell htmx to, since a login page has no place inside a tab."""
    if is_htmx():
        return client_redirect(url_for("cpse.sign_in", next=current_page()), status=401)
    # A change cannot be come back to, so after signing in the person stands on the page that it was made from.
    here = request.script_root + request.full_path.rstrip("?")
    return redirect(url_for("cpse.sign_in", next=here if request.method == "GET" else current_page()))
