"""Check now, which finishes what was left open."""

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from ..domain.access import Action
from ..web.access import requires, signed_in_staff
from ..web.parts import parts


def register(parent: Blueprint) -> None:
    """Put the route on the parent blueprint."""
    parent.add_url_rule("/providers/<int:provider_id>/operations", "check_operations", check, methods=["POST"])


@requires(Action.EDIT_PROFILE)
def check(provider_id: int) -> ResponseReturnValue:
    """Check now: look into what was left open, call again what the person may call, and lead to what came of it."""
    staff = signed_in_staff()
    parts().providers.get(provider_id, staff)
    ended = parts().operations.check(provider_id, staff).ended
    checked = ",".join(str(operation.id) for operation in ended)
    return redirect(url_for("cpse.matches", provider_id=provider_id, checked=checked or None), 303)
