"""Send again and Revoke, each with a confirmation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ..domain.access import Action
from ..domain.portal_records import Invitation
from ..domain.providers import CountyProvider
from ..forms import OperationForm
from ..portal.gateway import PortalError
from ..services.errors import ServiceError
from ..web.access import requires, signed_in_staff
from ..web.answers import page_or_piece
from ..web.htmx import toast, wants_fragment
from ..web.parts import parts
from ..web.problems import Problem, describe
from ..web.rate_limit import INVITATION, limited
from .admin_users import tab
from .association import into_dialog


@dataclass(frozen=True, slots=True)
class Change:
    """What can be done with an invitation, and the words for it."""

    button: str
    question: str
    consequence: str
    endpoint: str
    done: str
    carry_out: Callable[..., dict[str, Any]]


def _send_again() -> Change:
    return Change(
        "Send again",
        "Send the invitation again?",
        "The CPSE Portal e-mails a new link. The link sent before cannot be used any more.",
        "cpse.send_again",
        "The invitation was sent again.",
        parts().admin_users.send_again,
    )


def _revoke() -> Change:
    return Change(
        "Revoke",
        "Revoke the invitation?",
        "The e-mailed link cannot be used any more. The person can be invited anew later.",
        "cpse.revoke",
        "The invitation was revoked.",
        parts().admin_users.revoke,
    )


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    one = "/providers/<int:provider_id>/invitations/<invitation_id>"
    parent.add_url_rule(f"{one}/send-again", "confirm_send_again", confirm_send_again, methods=["GET"])
    parent.add_url_rule(f"{one}/send-again", "send_again", send_again, methods=["POST"])
    parent.add_url_rule(f"{one}/revoke", "confirm_revoke", confirm_revoke, methods=["GET"])
    parent.add_url_rule(f"{one}/revoke", "revoke", revoke, methods=["POST"])


@requires(Action.INVITE)
def confirm_send_again(provider_id: int, invitation_id: str) -> ResponseReturnValue:
    """Ask whether to send the invitation again."""
    return _confirm(provider_id, invitation_id, _send_again())


@requires(Action.INVITE)
@limited(INVITATION)
def send_again(provider_id: int, invitation_id: str) -> ResponseReturnValue:
    """Send again."""
    return _carry_out(provider_id, invitation_id, _send_again())


@requires(Action.INVITE)
def confirm_revoke(provider_id: int, invitation_id: str) -> ResponseReturnValue:
    """Ask whether to revoke the invitation."""
    return _confirm(provider_id, invitation_id, _revoke())


@requires(Action.INVITE)
def revoke(provider_id: int, invitation_id: str) -> ResponseReturnValue:
    """Revoke."""
    return _carry_out(provider_id, invitation_id, _revoke())


def _confirm(provider_id: int, invitation_id: str, change: Change) -> Response:
    staff = signed_in_staff()
    provider = parts().providers.get(provider_id, staff)
    return _question(provider, parts().admin_users.invitation(provider, invitation_id, staff), change)


def _question(
    provider: CountyProvider, invitation: Invitation | None, change: Change, problem: Problem | None = None
) -> Response:
    return page_or_piece(
        "cpse/admin_users/change.html",
        "cpse/admin_users/_change_dialog.html",
        problem.status if problem else 200,
        provider=provider,
        invitation=invitation,
        change=change,
        problem=problem,
    )


def _carry_out(provider_id: int, invitation_id: str, change: Change) -> ResponseReturnValue:
    staff = signed_in_staff()
    provider = parts().providers.get(provider_id, staff)
    form = OperationForm()
    operation_id = form.operation()
    if not form.validate() or operation_id is None:
        raise BadRequest("This form is damaged. Open it anew.")
    try:
        change.carry_out(provider_id, invitation_id, operation_id=operation_id, staff=staff)
    except (PortalError, ServiceError) as error:
        return into_dialog(_question(provider, None, change, describe(error)))
    if not wants_fragment():
        return redirect(url_for("cpse.admin_users", provider_id=provider_id, retrieve=1, changed=invitation_id), 303)
    response = tab(parts().providers.get(provider_id, staff), retrieve=True)
    response.set_data(response.get_data() + render_template("cpse/_close_dialog.html").encode())
    return toast(response, change.done)
