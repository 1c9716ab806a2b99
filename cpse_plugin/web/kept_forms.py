"""A form that was sent when its session was over comes back after signing in, with what was typed."""

from dataclasses import dataclass

from flask import g, request, session, url_for
from werkzeug.datastructures import MultiDict

from ..domain.access import Staff
from .parts import parts

_KEY = "cpse_kept_form"
_SHOWN = "_cpse_kept_form"
# Of another session, and made anew with the form.
_NOT_KEPT = ("csrf_token",)


@dataclass(frozen=True, slots=True)
class _Shown:
    """That this request shows a kept form. `flask.g` can outlive a request."""

    request: object
    signed_out: bool


def keep(subject: str, page: str, *, signed_out: bool) -> None:
    """Keep what this request brings for the form at the address `page`; only the browser that sent it has the key."""
    fields = [(name, value) for name, value in request.form.items(multi=True) if name not in _NOT_KEPT]
    key = parts().kept_forms.keep(subject, page, fields, signed_out=signed_out)
    if key is not None:
        session[_KEY] = key


def typed_before(staff: Staff) -> MultiDict[str, str] | None:
    """What this person typed into this page's form before they had to sign in again; it is given out once."""
    key = session.get(_KEY)
    if not isinstance(key, str) or request.endpoint is None:
        return None
    page = url_for(request.endpoint, **(request.view_args or {}))
    kept = parts().kept_forms.take(key, staff.subject, page)
    if kept is None:
        return None
    session.pop(_KEY)
    setattr(g, _SHOWN, _Shown(_this_request(), kept.signed_out))
    return MultiDict(kept.fields)


def notice() -> str | None:
    """Why the form on this page holds what was typed before: `signed-out` or `role`; None where it does not."""
    shown: _Shown | None = g.get(_SHOWN)
    if shown is None or shown.request is not _this_request():
        return None
    return "signed-out" if shown.signed_out else "role"


def _this_request() -> object:
    return request._get_current_object()  # type: ignore[attr-defined]  # Werkzeug's proxy has it.
