"""Signing in for a page in another site's frame: in a window of its own, which then lets the frame go on."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ..domain.access import Action
from ..sign_in import go_on_beside, safe_next_page, tickets
from ..web.access import public, requires
from ..web.rate_limit import SIGN_IN, limited


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
    """Sign the frame in with the ticket, and go on with its page; a ticket that does not count leaves it as it was."""
    first = tickets.take(request.form.get("ticket", ""))
    if first is not None:
        go_on_beside(first)
    return redirect(safe_next_page(request.form.get("next")) or url_for("cpse.providers"), 303)
