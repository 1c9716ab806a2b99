"""The tab Provider Admin Users and Invite New Admin User."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ..domain.access import Action, Staff
from ..domain.portal_records import Profession
from ..domain.providers import CountyProvider
from ..forms import InvitationForm, OperationForm, add_error
from ..operations.invite import Invite
from ..operations.resend import Resend
from ..operations.revoke import Revoke
from ..portal.gateway import AdminExists, CredentialConflict, InvalidContent, InvitationPending, PortalError
from ..services.admin_users import AdminUsers
from ..services.errors import NotLinked, ServiceError, done_already
from ..web.access import requires, signed_in_staff
from ..web.answers import also, page_or_block
from ..web.htmx import into_dialog, push_url, toast, wants_fragment
from ..web.kept_forms import typed_before
from ..web.outcomes import Problem, describe, describe_look
from ..web.parts import parts
from ..web.rate_limit import INVITATION, limited
from ..web.words import day
from .asking import Asking, Place
from .profile_page import OperationReport, tab_items


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/providers/<int:provider_id>/admin-users", "admin_users", index)
    parent.add_url_rule("/providers/<int:provider_id>/invitations/new", "new_invitation", new)
    parent.add_url_rule("/providers/<int:provider_id>/invitations", "invite", invite, methods=["POST"])
    for asking in _CHANGES:
        asking.register(parent)


@requires(Action.VIEW)
def index(provider_id: int) -> ResponseReturnValue:
    """The tab; with `retrieve` in the address it asks the Portal for the admin users."""
    provider = parts().providers.get(provider_id, signed_in_staff())
    return tab(
        provider,
        retrieve="retrieve" in request.args,
        invited=request.args.get("invited"),
        changed=request.args.get("changed"),
    )


def tab(
    provider: CountyProvider, *, retrieve: bool, invited: str | None = None, changed: str | None = None
) -> Response:
    """The tab of a provider.

    `invited` is the e-mail address of somebody who was invited just now, `changed` the id of an invitation that was
    sent again or revoked; what is said of them is what the Portal bears out.
    """
    found: AdminUsers | None = None
    problem: Problem | None = None
    report = OperationReport.of_visit(provider.id)
    if retrieve and provider.link is not None:
        try:
            found = parts().admin_users.retrieve(provider, signed_in_staff())
        except PortalError as error:
            follows_change = request.method == "POST" or invited or changed
            problem = describe_look(error) if follows_change else describe(error)
        except ServiceError as error:
            problem = describe(error)
    return page_or_block(
        "cpse/admin_users/index.html",
        "cpse_provider_tab",
        problem.status if problem else 200,
        provider=provider,
        found=found,
        problem=problem,
        invited=invited,
        changed=changed,
        changes=_CHANGES,
        invite=Invite,
        send_again=Resend,
        revoke=Revoke,
        operations=report,
        tabs=tab_items(provider, "admin-users"),
    )


@requires(Invite.permission)
def new(provider_id: int) -> ResponseReturnValue:
    """The empty form Invite New Admin User."""
    staff = signed_in_staff()
    provider = parts().providers.get(provider_id, staff)
    if provider.link is None:
        raise NotLinked(f"provider {provider.id}")
    return _form_page(provider, InvitationForm(formdata=typed_before(staff)))


@requires(Invite.permission, form_page="cpse.new_invitation")
@limited(INVITATION)
def invite(provider_id: int) -> ResponseReturnValue:
    """Invite as Admin."""
    staff = signed_in_staff()
    provider = parts().providers.get(provider_id, staff)
    form, operation_id = InvitationForm.sent()
    if form.take_offer():
        return _form_page(provider, form)
    if not form.validate():
        return _form_page(provider, form, status=422)
    try:
        result = parts().admin_users.invite(provider_id, form.invitation(), operation_id=operation_id, staff=staff)
    except (PortalError, ServiceError) as error:
        return _refused(provider, form, error)
    if not wants_fragment():
        return redirect(url_for("cpse.admin_users", provider_id=provider_id, retrieve=1, invited=result["email"]), 303)
    with done_already():
        response = toast(tab(provider, retrieve=True, invited=result["email"]), f"{Invite.done}.")
    return push_url(response, url_for("cpse.admin_users", provider_id=provider_id, retrieve=1))


def _refused(provider: CountyProvider, form: InvitationForm, error: Exception) -> Response:
    """The form as it was typed, with the refusal beside the field that it is about."""
    problem: Problem | None = describe(error)
    status = problem.status if problem else 422
    way_on: tuple[str, str] | None = None
    if isinstance(error, InvitationPending):
        add_error(form.email, _pending_words(provider, error.invitation_id))
        problem = None
        if error.invitation_id:
            address = url_for("cpse.confirm_send_again", provider_id=provider.id, invitation_id=error.invitation_id)
            way_on = ("Send the open invitation again", address)
    elif isinstance(error, AdminExists):
        add_error(form.email, "This address belongs to an admin user of this provider already.")
        problem = None
        way_on = ("See the admin users", url_for("cpse.admin_users", provider_id=provider.id, retrieve=1))
    elif isinstance(error, CredentialConflict | InvalidContent) and error.errors:
        left = form.show_refusal(error.errors)
        problem = Problem(422, "The CPSE Portal refused this", " ".join(left)) if left else None
    return _form_page(provider, form, problem=problem, way_on=way_on, status=status)


def _pending_words(provider: CountyProvider, invitation_id: str | None) -> str:
    """Say by whom and when the open invitation of an address was made, as far as the Portal tells."""
    words = "This address has an open invitation for this provider already"
    if invitation_id is None:
        return f"{words}."
    try:
        pending = parts().admin_users.invitation(provider, invitation_id, signed_in_staff())
    except (PortalError, ServiceError):
        return f"{words}."
    by = f" by {pending.invited_by}" if pending.invited_by else ""
    return f"{words}, sent{by} on {day(pending.sent_at)}."


def _form_page(
    provider: CountyProvider,
    form: InvitationForm,
    *,
    problem: Problem | None = None,
    way_on: tuple[str, str] | None = None,
    status: int = 200,
) -> Response:
    form.offer(_professions())
    return page_or_block(
        "cpse/admin_users/invite.html",
        "cpse_provider_tab",
        status,
        kind=Invite,
        provider=provider,
        form=form,
        problem=problem,
        way_on=way_on,
        tabs=tab_items(provider, "admin-users"),
    )


def _professions() -> Sequence[Profession]:
    """The Portal's professions. Where they cannot be had the list is empty: a profession can be given later."""
    try:
        return parts().admin_users.professions(signed_in_staff())
    except PortalError:
        return ()


class _AskToChange(Asking[OperationForm]):
    """What can be done with an invitation that is there."""

    form = OperationForm
    template = "cpse/operations/_invitation.html"

    @property
    def crumb(self) -> str:
        """The question is too long for it."""
        return self.kind.button

    def shown(self, provider: CountyProvider, _: OperationForm, place: Place) -> dict[str, Any]:
        """Whose invitation it is."""
        return {"invitation": parts().admin_users.invitation(provider, place["invitation_id"], signed_in_staff())}

    def refused(self, provider: CountyProvider, form: OperationForm, place: Place, error: Exception) -> Response:
        """What kept it from being done; the invitation need not be there any more."""
        return into_dialog(self.answer(provider, form, place, describe(error), None))

    def completed(self, provider: CountyProvider, place: Place) -> ResponseReturnValue:
        """The tab as it now stands, in which the invitation is named."""
        if not wants_fragment():
            changed = place["invitation_id"]
            return redirect(url_for("cpse.admin_users", provider_id=provider.id, retrieve=1, changed=changed), 303)
        response = also(tab(provider, retrieve=True), "cpse/operations/_after.html", kind=None)
        return toast(response, f"{self.kind.done}.")

    def page_address(self, provider: CountyProvider) -> str:
        """The tab."""
        return url_for("cpse.admin_users", provider_id=provider.id)

    def way_back(self, provider: CountyProvider) -> str:
        """The tab, with the invitations retrieved."""
        return url_for("cpse.admin_users", provider_id=provider.id, retrieve=1)


class AskToSendAgain(_AskToChange):
    """Send again."""

    kind = Resend
    question_at = form_at = "invitations/<invitation_id>/send-again"
    limit = INVITATION

    def carry_out(
        self, provider: CountyProvider, _: OperationForm, place: Place, operation_id: UUID, staff: Staff
    ) -> CountyProvider:
        """Send again."""
        parts().admin_users.send_again(provider.id, place["invitation_id"], operation_id=operation_id, staff=staff)
        with done_already():
            return parts().providers.read(provider.id)


class AskToRevoke(_AskToChange):
    """Revoke."""

    kind = Revoke
    question_at = form_at = "invitations/<invitation_id>/revoke"

    def carry_out(
        self, provider: CountyProvider, _: OperationForm, place: Place, operation_id: UUID, staff: Staff
    ) -> CountyProvider:
        """Revoke."""
        parts().admin_users.revoke(provider.id, place["invitation_id"], operation_id=operation_id, staff=staff)
        with done_already():
            return parts().providers.read(provider.id)


_CHANGES = (AskToSendAgain(), AskToRevoke())
