"""Matches, Confirm the match, Continue Association, Add New CPSE Portal Provider, CPSE Portal Details."""

from collections.abc import Sequence
from dataclasses import replace

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ..domain.access import Action
from ..domain.differences import compare
from ..domain.portal_records import NewPortalProvider
from ..domain.providers import CountyProvider
from ..forms import LinkForm, OperationForm
from ..portal.gateway import FieldError, InvalidContent, PortalError, ProviderExists
from ..services.errors import NotFound, ServiceError
from ..web.access import requires, signed_in_staff
from ..web.answers import page_or_piece
from ..web.htmx import retarget, target_id, wants_fragment
from ..web.parts import parts
from ..web.problems import Problem, describe
from ..web.refusals import RefusedValues, before_addition, of_addition
from .profile_page import AskedAgain, OperationReport, PortalSection, ProfilePage

_CHOOSE = "Choose one of the matches first."
_GONE = Problem(
    409, "The CPSE Portal does not have this provider any more", "Check for matches again. Nothing was changed."
)
# An NPI has one or two; where a Portal answers with hundreds, nobody reads them all.
_MOST_SHOWN = 100


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/providers/<int:provider_id>/matches", "matches", matches)
    parent.add_url_rule("/providers/<int:provider_id>/association/confirm", "confirm_match", confirm_match)
    parent.add_url_rule("/providers/<int:provider_id>/association", "link", link, methods=["POST"])
    parent.add_url_rule("/providers/<int:provider_id>/portal-provider/new", "confirm_addition", confirm_addition)
    parent.add_url_rule("/providers/<int:provider_id>/portal-provider", "add_provider", add_provider, methods=["POST"])


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
    page = ProfilePage(provider, section=section, done=_done(provider))
    if wants_fragment():
        return page.respond(block="cpse_portal")
    if provider.profile.npi:
        # Without a script nothing asks for the name later on.
        page = replace(page, npi_answer=parts().npi.look_up(provider.profile.npi, provider.profile.type, staff))
    return page.respond()


def _done(provider: CountyProvider) -> str | None:
    """What the address says was just completed, where the provider bears it out."""
    done = request.args.get("done")
    linked = provider.link is not None
    borne_out = {"linked": linked, "added": linked, "unlinked": not linked, "settled": True, "applied": True}
    return done if done and borne_out.get(done) else None


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


@requires(Action.LINK)
def confirm_match(provider_id: int) -> ResponseReturnValue:
    """Confirm the match: a dialog over the page, or a page of its own."""
    provider = parts().providers.get(provider_id, signed_in_staff())
    portal_id = request.args.get("portal_id", "")
    if not portal_id:
        section = replace(portal_section(provider), message=_CHOOSE)
        response = ProfilePage(provider, section=section).respond(422, block="cpse_portal")
        return retarget(response, "#cpse-portal") if wants_fragment() else response
    return _confirmation(provider, portal_id)


def _confirmation(provider: CountyProvider, portal_id: str, problem: Problem | None = None) -> Response:
    comparison = None
    try:
        comparison = parts().associations.compare(provider, portal_id, signed_in_staff())
    except NotFound:
        problem = problem or _GONE
    return page_or_piece(
        "cpse/association/confirm.html",
        "cpse/association/_confirm_dialog.html",
        problem.status if problem else 200,
        provider=provider,
        portal_id=portal_id,
        comparison=comparison,
        problem=problem,
    )


@requires(Action.LINK)
def link(provider_id: int) -> ResponseReturnValue:
    """Continue Association."""
    staff = signed_in_staff()
    form = LinkForm()
    provider = parts().providers.get(provider_id, staff)
    operation_id = form.operation()
    if not form.validate() or operation_id is None:
        raise BadRequest("This form is damaged. Open it anew.")
    portal_id = str(form.portal_id.data)
    try:
        linked = parts().associations.link(
            provider_id, portal_id, operation_id=operation_id, seen=form.seen.data or "", staff=staff
        )
    except (PortalError, ServiceError) as error:
        problem = _GONE if isinstance(error, NotFound) else describe(error)
        return into_dialog(_explain(provider, portal_id, problem))
    return completed(linked, "linked")


def _explain(provider: CountyProvider, portal_id: str, problem: Problem) -> Response:
    """The confirmation again, with what kept the link from being made; without the comparison if it cannot be had."""
    try:
        return _confirmation(provider, portal_id, problem)
    except PortalError:
        return page_or_piece(
            "cpse/association/confirm.html",
            "cpse/association/_confirm_dialog.html",
            problem.status,
            provider=provider,
            portal_id=portal_id,
            comparison=None,
            problem=problem,
        )


@requires(Action.ADD_PROVIDER)
def confirm_addition(provider_id: int) -> ResponseReturnValue:
    """Show what will be sent before the provider is added to the Portal."""
    return _addition(parts().providers.get(provider_id, signed_in_staff()))


def _addition(provider: CountyProvider, problem: Problem | None = None, refused: Sequence[FieldError] = ()) -> Response:
    """The look at what is sent, with what the Portal has `refused` of it, or will by its contract."""
    new: NewPortalProvider | None = None
    faults: RefusedValues | None = None
    try:
        new = parts().associations.to_be_added(provider.id, signed_in_staff())
        if problem is not None and refused:
            found = of_addition(refused, new)
            problem = replace(problem, points=found.points, remedy=found.remedy)
        elif problem is None:
            faults = before_addition(new)
    except ServiceError as error:
        problem = problem or describe(error)
    return page_or_piece(
        "cpse/association/add.html",
        "cpse/association/_add_dialog.html",
        problem.status if problem else 200,
        provider=provider,
        new=new,
        faults=faults,
        problem=problem,
    )


@requires(Action.ADD_PROVIDER)
def add_provider(provider_id: int) -> ResponseReturnValue:
    """Add New CPSE Portal Provider."""
    staff = signed_in_staff()
    form = OperationForm()
    provider = parts().providers.get(provider_id, staff)
    operation_id = form.operation()
    if not form.validate() or operation_id is None:
        raise BadRequest("This form is damaged. Open it anew.")
    try:
        added = parts().associations.add(provider_id, operation_id=operation_id, staff=staff)
    except ProviderExists as refusal:
        return _show_existing(provider, refusal)
    except InvalidContent as refusal:
        return into_dialog(_addition(provider, describe(refusal), refusal.errors))
    except (PortalError, ServiceError) as error:
        return into_dialog(_addition(provider, describe(error)))
    return completed(added, "added")


def _show_existing(provider: CountyProvider, refusal: ProviderExists) -> Response:
    """The Portal has the provider after all: show the ones that it named as matches."""
    try:
        found = parts().associations.existing(provider, refusal, signed_in_staff())
    except PortalError:
        # It was refused for certain; only what is there already cannot be shown just now.
        words = "It was not added, and nothing was changed. Check for matches again to see the one that is there."
        return into_dialog(_addition(provider, Problem(409, "The CPSE Portal has this provider already", words)))
    message = "The CPSE Portal has this provider already, so it was not added. Choose it below to link it."
    page = ProfilePage(provider, section=PortalSection(pending=False, matches=found, message=message))
    response = page.respond(409)
    if wants_fragment():
        response.set_data(response.get_data() + render_template("cpse/_close_dialog.html").encode())
    return response


def into_dialog(response: Response) -> Response:
    """Put an answer that htmx meant for the page behind into the dialog, which stays open."""
    return retarget(response, "#cpse-dialog", "innerHTML") if target_id() != "cpse-dialog" else response


def completed(provider: CountyProvider, done: str) -> ResponseReturnValue:
    """The page as it now stands, with a box that confirms what was completed."""
    if not wants_fragment():
        return redirect(url_for("cpse.matches", provider_id=provider.id, done=done), 303)
    response = make_response(ProfilePage(provider).respond())
    box = render_template("cpse/association/_completed_dialog.html", provider=provider, done=done)
    response.set_data(response.get_data() + box.encode())
    return response
