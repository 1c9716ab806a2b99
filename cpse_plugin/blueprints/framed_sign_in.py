"""Signing in for a page in another site's frame: in a window of its own, which then lets the frame go on."""

import logging

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..domain.access import Action
from ..sign_in import current_session, current_staff, go_on_beside, safe_next_page, tickets
from ..web.access import public, requires
from ..web.outcomes import NOT_IN_A_FRAME
from ..web.problems import respond
from ..web.rate_limit import SIGN_IN, limited

_LOGGER = logging.getLogger("cpse_plugin.sign_in")


def register(parent: Blueprint) -> None:
    """Put the addresses on the plugin's blueprint."""
    parent.add_url_rule("/sign-in/done", "signed_in", done, methods=["GET"])
    parent.add_url_rule("/sign-in/framed", "sign_in_framed", go_on, methods=["POST"])


@requires(Action.VIEW)
def done() -> ResponseReturnValue:
    """The end of the window: it gives the frame a ticket and closes itself."""
    return render_template("cpse/sign_in/done.html", ticket=tickets.issue())


@public
@limited(SIGN_IN)
def go_on() -> ResponseReturnValue:
    """Sign the frame in with the ticket, and go on with its page; a ticket that does not count leaves it as it was.

    Without a script there is no ticket, and the frame may have the window's cookies all the same.
    """
    ticket = request.form.get("ticket", "")
    if ticket:
        _sign_in(ticket)
    if current_staff() is None:
        # The frame's page would ask to sign in again, and again.
        return respond(NOT_IN_A_FRAME)
    return redirect(safe_next_page(request.form.get("next")) or url_for("cpse.providers"), 303)


def _sign_in(ticket: str) -> None:
    first = tickets.take(ticket)
    begun = go_on_beside(first) if first is not None else False
    live = current_session()
    if begun and live is not None:
        _LOGGER.info("%s signed in in a frame", live.staff.subject)
    else:
        _LOGGER.warning("sign-in in a frame refused: the ticket does not count, or its session is over")
