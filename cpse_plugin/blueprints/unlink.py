"""Unlink, with a reason."""

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ..domain.access import Action
from ..domain.providers import CountyProvider
from ..forms import UnlinkForm
from ..portal.gateway import PortalError
from ..services.errors import BelongsToAnother, NotLinked, ServiceError
from ..web.access import requires, signed_in_staff
from ..web.answers import page_or_piece
from ..web.parts import parts
from ..web.problems import Problem, describe
from . import settle
from .association import completed, into_dialog


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/providers/<int:provider_id>/association/end", "confirm_unlink", confirm, methods=["GET"])
    parent.add_url_rule("/providers/<int:provider_id>/association/end", "unlink", unlink, methods=["POST"])


@requires(Action.LINK)
def confirm(provider_id: int) -> ResponseReturnValue:
    """Ask for the reason."""
    provider = parts().providers.get(provider_id, signed_in_staff())
    if provider.link is None:
        raise NotLinked(f"provider {provider.id}")
    return _form(provider, UnlinkForm(formdata=None))


def _form(provider: CountyProvider, form: UnlinkForm, problem: Problem | None = None, status: int = 200) -> Response:
    return page_or_piece(
        "cpse/association/unlink.html",
        "cpse/association/_unlink_dialog.html",
        problem.status if problem else status,
        provider=provider,
        form=form,
        problem=problem,
    )


@requires(Action.LINK)
def unlink(provider_id: int) -> ResponseReturnValue:
    """End the association."""
    staff = signed_in_staff()
    provider = parts().providers.get(provider_id, staff)
    form = UnlinkForm()
    operation_id = form.operation()
    if operation_id is None:
        raise BadRequest("This form is damaged. Open it anew.")
    if not form.validate():
        return into_dialog(_form(provider, form, status=422))
    try:
        unlinked = parts().associations.unlink(
            provider_id, reason=form.reason.data or "", operation_id=operation_id, staff=staff
        )
    except BelongsToAnother as error:
        # Nothing can be ended on the CPSE Portal; what is left is the link in the county's record.
        return into_dialog(settle.question(provider, "", problem=describe(error), reason=form.reason.data or ""))
    except (PortalError, ServiceError) as error:
        return into_dialog(_form(provider, form, describe(error)))
    return completed(unlinked, "unlinked")
