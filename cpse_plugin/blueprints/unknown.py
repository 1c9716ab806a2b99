"""Addresses under the plugin's prefix that are none of its pages, and pages asked for in a way that they do not take.

Flask knows no blueprint for them, and their answers would be the host's, without the headers of the plugin's own. Rules
that fit whatever no other rule does make them the plugin's.
"""

from http import HTTPMethod

from flask import Blueprint, current_app, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter, RequestRedirect

from ..web.access import UNKNOWN, public


def register(parent: Blueprint) -> None:
    """Add the rules to the application. Where the prefix is the whole of it, the rest of it stays the host's."""
    parent.record(_add_rules)


def _add_rules(state: BlueprintSetupState) -> None:
    prefix = (state.url_prefix or "").rstrip("/")
    if not prefix:
        return
    for path in ("", "/", "/<cpse_rest:unknown>"):
        # Flask wants a list of methods; a rule without one takes each and every method.
        rule = state.app.url_rule_class(prefix + path, endpoint=UNKNOWN)
        rule.provide_automatic_options = False  # type: ignore[attr-defined]
        state.app.url_map.add(rule)
    state.app.view_functions[UNKNOWN] = show
    # What is not there needs no token, and does nothing with a form.
    state.app.extensions["csrf"].exempt(show)


@public
def show(unknown: str = "") -> ResponseReturnValue:
    """Lead from the prefix without its slash to the one with it, as Flask would.

    Raises `MethodNotAllowed` where there is a page that takes other methods, and else `NotFound`.
    """
    if not unknown and not request.path.endswith("/") and request.method in ("GET", "HEAD"):
        return redirect(url_for("cpse.home"), 308)
    adapter = current_app.create_url_adapter(request)
    taken = [method.value for method in HTTPMethod if adapter is not None and _is_taken(adapter, method)]
    raise MethodNotAllowed(taken) if taken else NotFound()


def _is_taken(adapter: MapAdapter, method: HTTPMethod) -> bool:
    """Whether another rule than those of this module takes a request for the same address by that method."""
    try:
        endpoint, _ = adapter.match(method=method.value)
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return bool(endpoint != UNKNOWN)
