"""CPSE Portal User Management and the tab Billing Provider Profile."""

import re

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ..domain.access import Action
from ..domain.providers import CountyProvider, SetUpStatus
from ..domain.text import clean_text
from ..forms import ProfileForm
from ..services.errors import DatabaseBusy, NotFound, StaleProfile
from ..services.providers import ListQuery, SortKey
from ..web.access import requires, signed_in_staff
from ..web.answers import page_or_block
from ..web.embed import shown
from ..web.htmx import toast, wants_fragment
from ..web.kept_forms import typed_before
from ..web.outcomes import describe
from ..web.parts import parts
from .profile_page import Conflict, ProfilePage

_EDGE = re.compile(r"(after|before)-([0-9]{1,10})")


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/", "home", home)
    parent.add_url_rule("/providers", "providers", index)
    parent.add_url_rule("/providers/<int:provider_id>", "provider", show, methods=["GET"])
    parent.add_url_rule("/providers/number/<cpse_rest:county_provider_id>", "provider_by_number", show_by_number)
    parent.add_url_rule("/providers/<int:provider_id>", "apply", apply, methods=["POST"])


@requires(Action.VIEW)
def home() -> ResponseReturnValue:
    """Lead to the list."""
    return redirect(url_for("cpse.providers"))


@requires(Action.VIEW)
def index() -> ResponseReturnValue:
    """The list of the county's providers; its address keeps search, filter, order and page."""
    query = _read_query()
    page = parts().providers.page(query, signed_in_staff())
    return page_or_block(
        "cpse/providers/index.html",
        "cpse_results",
        page=page,
        query=query,
        sort=f"{'-' if query.descending else ''}{query.sort}",
        statuses=tuple(SetUpStatus),
        address=_list_address,
    )


def _read_query() -> ListQuery:
    """Read the list's state from the address; a part that cannot be read counts as not given."""
    sort = request.args.get("sort", "")
    key = sort.removeprefix("-")
    status = request.args.get("status", "")
    edge = _EDGE.fullmatch(request.args.get("page", ""))
    return ListQuery(
        text=clean_text(request.args.get("q", ""), 200),
        status=SetUpStatus(status) if status in tuple(SetUpStatus) else None,
        sort=SortKey(key) if key in tuple(SortKey) else SortKey.NAME,
        descending=sort.startswith("-"),
        after=int(edge[2]) if edge and edge[1] == "after" else None,
        before=int(edge[2]) if edge and edge[1] == "before" else None,
    )


def _list_address(query: ListQuery, *, sort: str | None = None, page: str | None = None) -> str:
    """The address of the list as asked for, with another order or page."""
    return url_for(
        "cpse.providers",
        q=query.text or None,
        status=query.status.value if query.status else None,
        sort=sort if sort != "name" else None,
        page=page,
    )


@requires(Action.VIEW)
def show(provider_id: int) -> ResponseReturnValue:
    """Provider Details with the tab Billing Provider Profile."""
    staff = signed_in_staff()
    provider = parts().providers.get(provider_id, staff)
    typed = typed_before(staff)
    return ProfilePage(provider, form=ProfileForm(formdata=typed) if typed else None).respond()


@requires(Action.VIEW)
def show_by_number(county_provider_id: str) -> ResponseReturnValue:
    """Lead to a provider by its number in the Preschool database, which the host's own pages know."""
    # Numbers were cleaned when they came in; PostgreSQL does not even look for one with a NUL in it.
    found = parts().providers.by_county_ids([clean_text(county_provider_id)]).get(county_provider_id)
    if found is None:
        raise NotFound(f"the county's number {county_provider_id}")
    return redirect(url_for("cpse.provider", provider_id=found.id, embed=shown().value or None))


@requires(Action.EDIT_PROFILE, form_page="cpse.provider")
def apply(provider_id: int) -> ResponseReturnValue:
    """Save the profile and check for matches again."""
    staff = signed_in_staff()
    provider = parts().providers.get(provider_id, staff)
    form = ProfileForm()
    if form.take_offer():
        return ProfilePage(provider, form=form).respond()
    if not form.validate():
        return ProfilePage(provider, form=form).respond(422)
    try:
        saved = parts().providers.apply(provider_id, form.profile(), version=form.read_version(), staff=staff)
    except StaleProfile as stale:
        return _show_conflict(stale.current, form)
    except DatabaseBusy as error:
        return ProfilePage(provider, form=form, problem=describe(error)).respond(503)
    if not wants_fragment():
        return redirect(url_for("cpse.matches", provider_id=provider_id, done="applied"), 303)
    return toast(ProfilePage(saved).respond(), "The profile was saved.")


def _show_conflict(current: CountyProvider, form: ProfileForm) -> Response:
    """Show theirs beside yours. The form keeps what was typed, and its next Apply goes over what is shown."""
    conflict = Conflict.between(current, form.profile())
    form.version.data = str(current.version)
    form.version.raw_data = [form.version.data]
    return ProfilePage(current, form=form, conflict=conflict).respond(409)
