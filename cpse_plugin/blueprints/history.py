"""The tab History: who did what with a provider, and when."""

import re

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from ..domain.access import Action
from ..web.access import requires, signed_in_staff
from ..web.answers import page_or_block
from ..web.parts import parts
from .profile_page import tab_items

PAGE_SIZE = 50
_EDGE = re.compile(r"before-([0-9]{1,10})")


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/providers/<int:provider_id>/history", "history", show)


@requires(Action.VIEW)
def show(provider_id: int) -> ResponseReturnValue:
    """A page of a provider's history, newest first; `page` names the entry that it begins after."""
    staff = signed_in_staff()
    provider = parts().providers.get(provider_id, staff)
    edge = _EDGE.fullmatch(request.args.get("page", ""))
    before = int(edge[1]) if edge else None
    found = parts().history.of_provider(provider_id, staff, before=before, at_most=PAGE_SIZE + 1)
    entries = found[:PAGE_SIZE]
    return page_or_block(
        "cpse/history/show.html",
        "cpse_provider_tab",
        provider=provider,
        entries=entries,
        is_first=before is None,
        older=entries[-1].id if len(found) > PAGE_SIZE else None,
        tabs=tab_items(provider, "history"),
    )
