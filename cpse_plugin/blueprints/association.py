"""Matches, CPSE Portal Details, and how a person is asked for what changes a link."""

from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from ..domain.access import Action, Staff
from ..domain.differences import compare
from ..domain.providers import CountyProvider
from ..forms import LinkForm, OperationForm, SettleForm, UnlinkForm
from ..operations.add import Add
from ..operations.link import Link
from ..operations.links import LinkOperation
from ..operations.register import OF_THE_LINK
from ..operations.settle import Settle
from ..operations.unlink import Unlink
from ..portal.gateway import InvalidContent, PortalError, ProviderExists
from ..services.errors import BelongsToAnother, NotFound, NotLinked, ServiceError
from ..web.access import requires, signed_in_staff
from ..web.answers import also
from ..web.htmx import into_dialog, retarget, wants_fragment
from ..web.outcomes import Problem, describe
from ..web.parts import parts
from ..web.refusals import before_addition, of_addition
from .asking import Asking, NotAskable, Place
from .profile_page import AskedAgain, OperationReport, PortalSection, ProfilePage

_CHOOSE = "Choose one of the matches first."
_GONE = Problem(
    409, "The CPSE Portal does not have this provider any more", "Check for matches again. Nothing was changed."
)
_SETTLED = Problem(
    409, "There is nothing to decide any more", "Both sides have changed meanwhile. Nothing was changed by you."
)
# An NPI has one or two; where a Portal answers with hundreds, nobody reads them all.
_MOST_SHOWN = 100


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/providers/<int:provider_id>/matches", "matches", matches)
    for asking in (AskToLink(), AskToAdd(), AskToUnlink(), AskToSettle()):
        asking.register(parent)


@requires(Action.VIEW)
def matches(provider_id: int) -> ResponseReturnValue:
    """What the Portal has for a provider: its matches, or the details of the one that it is linked to."""
    staff = signed_in_staff()
    provider = parts().providers.get(provider_id, staff)
    report = OperationReport.of_visit(provider_id)
    if report.finished:
        provider = parts().providers.get(provider_id, staff)
    section = replace(portal_section(provider, link_is_open=report.link_is_open), operations=report)
    if wants_fragment() and section.problem is not None:
        section = replace(section, asked_again=AskedAgain.after(section.problem, request.args.get("again", "0")))
    page = ProfilePage(provider, section=section, done=_done(provider), is_saved=request.args.get("done") == "applied")
    if wants_fragment():
        return page.respond(block="cpse_portal")
    if provider.profile.npi:
        # Without a script nothing asks for the name later on.
        page = replace(page, npi_answer=parts().npi.look_up(provider.profile.npi, provider.profile.type, staff))
    return page.respond()


def _done(provider: CountyProvider) -> type[LinkOperation[Any, Any]] | None:
    """What the address says was just completed, where the provider bears it out."""
    is_linked = provider.link is not None
    for kind in OF_THE_LINK:
        if kind.history.value == request.args.get("done") and kind.makes_link in (None, is_linked):
            return kind
    return None


def portal_section(provider: CountyProvider, *, link_is_open: bool = False) -> PortalSection:
    """Ask the Portal; what keeps it from answering is shown in the section, and the rest of the page stands.

    Where an operation on the link was left open (`link_is_open`), both sides' claims are shown without a link too.
    """
    staff = signed_in_staff()
    associations = parts().associations
    try:
        claims = associations.claims(provider, staff) if provider.link is not None or link_is_open else None
        if claims is not None and claims.recorded is not None:
            recorded = claims.find(claims.recorded)
            portal = recorded.portal if recorded else None
            differences = compare(provider, portal) if portal else ()
            return PortalSection(pending=False, portal=portal, claims=claims, differences=differences)
        if not provider.profile.uses_portal:
            return PortalSection(pending=False, claims=claims)
        found = associations.find_matches(provider, staff)
        message = f"The CPSE Portal has many matches; only the first {_MOST_SHOWN} are shown."
        return PortalSection(
            pending=False,
            matches=found[:_MOST_SHOWN],
            claims=claims,
            message=message if len(found) > _MOST_SHOWN else None,
        )
    except PortalError as error:
        return PortalSection(pending=False, problem=describe(error))


class AskToLink(Asking[LinkForm]):
    """Confirm the match, Continue Association."""

    kind = Link
    question_at, form_at = "association/confirm", "association"
    form = LinkForm
    about = ("portal_id",)
    template = "cpse/operations/_link.html"

    def ask(self, provider: CountyProvider, place: Place) -> ResponseReturnValue:
        """The comparison of the match that was chosen."""
        if request.args.get("portal_id"):
            return super().ask(provider, place)
        section = replace(portal_section(provider), message=_CHOOSE)
        response = ProfilePage(provider, section=section).respond(422, block="cpse_portal")
        return retarget(response, "#cpse-portal") if wants_fragment() else response

    def shown(self, provider: CountyProvider, form: LinkForm, _: Place) -> dict[str, Any]:
        """Both records side by side."""
        try:
            comparison = parts().associations.compare(provider, str(form.portal_id.data), signed_in_staff())
        except NotFound as error:
            raise NotAskable(_GONE) from error
        form.seen.data = comparison.fingerprint
        return {"comparison": comparison}

    def carry_out(
        self, provider: CountyProvider, form: LinkForm, _: Place, operation_id: UUID, staff: Staff
    ) -> CountyProvider:
        """Link them."""
        said = form.said()
        return parts().associations.link(
            provider.id, said["portal_id"], operation_id=operation_id, seen=said["seen"], staff=staff
        )

    def problem(self, provider: CountyProvider, error: Exception) -> Problem:
        """One that is gone is told as on the comparison."""
        return _GONE if isinstance(error, NotFound) else super().problem(provider, error)


class AskToAdd(Asking[OperationForm]):
    """Show what will be sent before the provider is added to the Portal."""

    kind = Add
    question_at, form_at = "portal-provider/new", "portal-provider"
    form = OperationForm
    template = "cpse/operations/_add.html"

    def shown(self, provider: CountyProvider, _form: OperationForm, _: Place) -> dict[str, Any]:
        """What is sent, and what the Portal will refuse of it by its contract."""
        try:
            new = parts().associations.to_be_added(provider.id, signed_in_staff())
        except ServiceError as error:
            raise NotAskable(describe(error)) from error
        return {"new": new, "faults": before_addition(new)}

    def carry_out(
        self, provider: CountyProvider, _form: OperationForm, _: Place, operation_id: UUID, staff: Staff
    ) -> CountyProvider:
        """Add it."""
        return parts().associations.add(provider.id, operation_id=operation_id, staff=staff)

    def problem(self, provider: CountyProvider, error: Exception) -> Problem:
        """Name the values that the Portal has refused."""
        problem = super().problem(provider, error)
        if isinstance(error, InvalidContent) and error.errors:
            with suppress(ServiceError):
                found = of_addition(error.errors, parts().associations.to_be_added(provider.id, signed_in_staff()))
                return replace(problem, points=found.points, remedy=found.remedy)
        return problem

    def refused(self, provider: CountyProvider, form: OperationForm, place: Place, error: Exception) -> Response:
        """Where the Portal has the provider after all, the ones that it named are shown as matches."""
        if not isinstance(error, ProviderExists):
            return super().refused(provider, form, place, error)
        try:
            found = parts().associations.existing(provider, error, signed_in_staff())
        except PortalError:
            # It was refused for certain; only what is there already cannot be shown just now.
            words = "It was not added, and nothing was changed. Check for matches again to see the one that is there."
            there = Problem(409, "The CPSE Portal has this provider already", words)
            return into_dialog(self.question(provider, form, place, there))
        message = "The CPSE Portal has this provider already, so it was not added. Choose it below to link it."
        page = ProfilePage(provider, section=PortalSection(pending=False, matches=found, message=message))
        response = page.respond(409)
        return also(response, "cpse/operations/_after.html", kind=None) if wants_fragment() else response


class AskToSettle(Asking[SettleForm]):
    """Decide which link holds, where the CPSE Portal and the county's record do not agree."""

    kind = Settle
    question_at = form_at = "association/decision"
    form = SettleForm
    about = ("keep",)
    template = "cpse/operations/_settle.html"

    def shown(self, provider: CountyProvider, form: SettleForm, _: Place) -> dict[str, Any]:
        """What will be kept and what will end."""
        keep = form.keep.data or ""
        claims = parts().associations.claims(provider, signed_in_staff())
        if not claims.may_keep(keep):
            raise NotAskable(_SETTLED)
        form.seen.data = claims.fingerprint
        return {"claims": claims, "keep": claims.find(keep)}

    def button(self, form: SettleForm) -> tuple[str, bool]:
        """To keep none is grave."""
        return (Settle.button, False) if form.keep.data else (Settle.button_without, True)


class AskToUnlink(Asking[UnlinkForm]):
    """Unlink, with a reason."""

    kind = Unlink
    question_at = form_at = "association/end"
    form = UnlinkForm

    def ask(self, provider: CountyProvider, place: Place) -> ResponseReturnValue:
        """Ask for the reason. Raises `NotLinked`."""
        if provider.link is None:
            raise NotLinked(f"provider {provider.id}")
        return super().ask(provider, place)

    def carry_out(
        self, provider: CountyProvider, form: UnlinkForm, _: Place, operation_id: UUID, staff: Staff
    ) -> CountyProvider:
        """End the association."""
        return parts().associations.unlink(
            provider.id, reason=form.said()["reason"], operation_id=operation_id, staff=staff
        )

    def refused(self, provider: CountyProvider, form: UnlinkForm, place: Place, error: Exception) -> Response:
        """Where nothing can be ended on the Portal, what is left is the link in the county's record."""
        if not isinstance(error, BelongsToAnother):
            return super().refused(provider, form, place, error)
        decision = SettleForm(formdata=None, data=form.said())
        return into_dialog(AskToSettle().question(provider, decision, place, describe(error)))
