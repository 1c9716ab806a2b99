"""What became of a form whose answer a browser did not get. It is read from the record; nothing is asked or done."""

from uuid import UUID

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from ..domain.access import Action
from ..operations.kind import Operation, OperationKind
from ..web.access import requires
from ..web.parts import parts

# A form that has not come in after so many seconds does not come in any more: browsers have given up by then.
_GIVEN_UP_AFTER = 30


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/operations/<uuid:form_id>", "outcome", show)


@requires(Action.VIEW)
def show(form_id: UUID) -> ResponseReturnValue:
    """How the latest attempt of a form stands, in words; `waited` are the seconds since the browser has sent it."""
    operation = parts().operations.standing(form_id)
    if operation is not None:
        return jsonify(_told(operation))
    if request.args.get("waited", 0, int) <= _GIVEN_UP_AFTER:
        return jsonify(_words(None, "It is not known yet whether this was done", _CHECKED))
    return jsonify(_words(False, "Not done", f"The form did not arrive. {OperationKind.not_done}"))


_CHECKED = "It is being checked; please do not repeat it."


def _told(operation: Operation) -> dict[str, object]:
    if operation.is_done:
        words = _words(True, f"Done: {operation.kind.label}", "It is on record.")
    elif operation.is_open:
        words = _words(None, f"Not known yet: {operation.kind.label}", _CHECKED)
    else:
        words = _words(False, f"Not done: {operation.kind.label}", operation.kind.not_done)
    if operation.kind.is_of_link:
        words["address"] = url_for("cpse.matches", provider_id=operation.provider_id)
    else:
        words["address"] = url_for("cpse.admin_users", provider_id=operation.provider_id, retrieve=1)
    return words


def _words(is_done: bool | None, title: str, text: str) -> dict[str, object]:
    """The answer; `is_done` is None as long as it is not known. Of a form that never came in the page is not known."""
    return {
        "is_known": is_done is not None,
        "is_done": is_done is True,
        "title": title,
        "text": text,
        "address": None,
    }
