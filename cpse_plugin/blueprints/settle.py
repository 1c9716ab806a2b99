"""Decide which link holds, where the CPSE Portal and the county's record do not agree."""

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ..domain.access import Action
from ..domain.providers import CountyProvider
from ..forms import SettleForm
from ..portal.gateway import PortalError
from ..services.errors import ServiceError
from ..web.access import requires, signed_in_staff
from ..web.answers import page_or_piece
from ..web.parts import parts
from ..web.problems import Problem, describe
from .association import completed, into_dialog

_SETTLED = Problem(
    409, "There is nothing to decide any more", "Both sides have changed meanwhile. Nothing was changed by you."
)


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    address = "/providers/<int:provider_id>/association/decision"
    parent.add_url_rule(address, "confirm_decision", confirm, methods=["GET"])
    parent.add_url_rule(address, "decide", decide, methods=["POST"])


@requires(Action.LINK)
def confirm(provider_id: int) -> ResponseReturnValue:
    """Say what will be kept and what will end, and ask for the reason."""
    provider = parts().providers.get(provider_id, signed_in_staff())
    return question(provider, request.args.get("keep", ""))


def question(
    provider: CountyProvider,
    keep: str,
    *,
    problem: Problem | None = None,
    form: SettleForm | None = None,
    reason: str = "",
) -> Response:
    """The confirmation, for both sides as they now stand. Raises `PortalError`."""
    claims = parts().associations.claims(provider, signed_in_staff())
    if not claims.may_keep(keep):
        problem = problem or _SETTLED
    form = form or SettleForm(formdata=None, data={"reason": reason})
    form.show(keep, claims.fingerprint)
    return page_or_piece(
        "cpse/association/settle.html",
        "cpse/association/_settle_dialog.html",
        problem.status if problem else 422 if form.errors else 200,
        provider=provider,
        claims=claims,
        keep=claims.find(keep),
        possible=claims.may_keep(keep),
        form=form,
        problem=problem,
    )


@requires(Action.LINK)
def decide(provider_id: int) -> ResponseReturnValue:
    """Keep one link, and end the others."""
    staff = signed_in_staff()
    provider = parts().providers.get(provider_id, staff)
    form = SettleForm()
    operation_id = form.operation()
    if operation_id is None:
        raise BadRequest("This form is damaged. Open it anew.")
    keep = form.keep.data or ""
    if not form.validate():
        return into_dialog(question(provider, keep, form=form))
    try:
        settled = parts().associations.settle(
            provider_id,
            keep,
            reason=form.reason.data or "",
            operation_id=operation_id,
            seen=form.seen.data or "",
            staff=staff,
        )
    except (PortalError, ServiceError) as error:
        return into_dialog(_explain(provider, form, describe(error)))
    return completed(settled, "settled")


def _explain(provider: CountyProvider, form: SettleForm, problem: Problem) -> Response:
    """The confirmation again, with what kept the decision from being carried out."""
    try:
        return question(
            parts().providers.get(provider.id, signed_in_staff()), form.keep.data or "", problem=problem, form=form
        )
    except PortalError:
        return page_or_piece(
            "cpse/association/settle.html",
            "cpse/association/_settle_dialog.html",
            problem.status,
            provider=provider,
            claims=None,
            keep=None,
            possible=False,
            form=form,
            problem=problem,
        )
