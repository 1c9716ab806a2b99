"""The tab History: who did what with a provider, and when."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from ..domain.access import Action
from ..web.access import requires, signed_in_staff
from ..web.answers import page_or_block
from ..web.parts import parts
from .profile_page import tab_items


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/providers/<int:provider_id>/history", "history", show)


@requires(Action.VIEW)
def show(provider_id: int) -> ResponseReturnValue:
    """The latest entries of a provider's history, newest first."""
    staff = signed_in_staff()
    provider = parts().providers.get(provider_id, staff)
    return page_or_block(
        "cpse/history/show.html",
        "cpse_provider_tab",
        provider=provider,
        entries=parts().history.of_provider(provider_id, staff),
        tabs=tab_items(provider, "history"),
    )
