"""The answer to whatever did not come to its end, as a page or as a fragment; `outcomes` has the words."""

import logging
from contextlib import suppress
from urllib.parse import quote

from flask import Blueprint, Response, current_app, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, default_exceptions

from ..domain.access import NotAllowed
from ..services import errors as services
from ..sign_in import current_staff
from .addresses import here
from .embed import layout, use_own_layout, uses_own_layout
from .htmx import retarget, target_id, wants_fragment
from .outcomes import WORDS, Problem, describe, only_reads
from .request_log import note_error

_log = logging.getLogger("cpse_plugin")

# By whether the request only reads.
_UNEXPECTED = {
    True: "It is on record. Nothing was lost. Please try again, and tell us if it happens again.",
    False: "It is on record, and it is not known whether this was done. Please do not repeat it: open the page again "
    "to see how it is, and tell us.",
}
_HTTP_WORDS = {
    400: "The request could not be read. Nothing was changed.",
    404: "There is no such page.",
    405: "This address cannot be used like that. Nothing was changed.",
    413: "That is more than this form takes. Nothing was saved; shorten what you typed and send it again.",
}


def register(parent: Blueprint) -> None:
    """Handle errors of the plugin's own requests; those of the host stay the host's."""
    for kind, _ in WORDS:
        parent.register_error_handler(kind, _handle)
    parent.register_error_handler(HTTPException, _handle_http)
    for status in default_exceptions:
        # Flask takes a host's handler of a status before a blueprint's handler of all of them.
        parent.register_error_handler(status, _handle_http)
    parent.register_error_handler(Exception, _handle_unexpected)


def _handle(error: Exception) -> Response:
    problem = describe(error)
    # What another system or the database did not do has its line where it was noticed.
    if isinstance(error, NotAllowed):
        staff = current_staff()
        _log.warning("%s was refused to %s: %s", _request_line(), staff.subject if staff else "nobody", error)
    return respond(problem)


def _handle_http(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return make_response(error.get_response())
    note_error(error)
    status = error.code or 500
    response = respond(Problem(status, error.name, _HTTP_WORDS.get(status, error.description or "")))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _handle_unexpected(error: Exception) -> Response:
    """Answer a fault of ours in words; it is the boundary, or a host's handler would put its own page into a tab."""
    if current_app.debug:
        raise error
    note_error(error)
    _log.exception("%s failed", _request_line(), exc_info=error)
    return respond(Problem(500, "Something went wrong here", _UNEXPECTED[only_reads()]))


def _request_line() -> str:
    """Method and path for the log, on one line whatever somebody has typed into the address."""
    return f"{request.method} {quote(request.path)}"


def _page(problem: Problem, retry: str | None) -> str:
    """The page of a problem, in our own layout where the host's is what cannot be drawn."""
    try:
        return render_template("cpse/problem.html", problem=problem, retry=retry)
    except Exception as error:
        if uses_own_layout():
            raise
        _log.exception("the layout %s cannot be drawn", layout(), exc_info=error)
        use_own_layout()
        return render_template("cpse/problem.html", problem=problem, retry=retry)


def respond(problem: Problem) -> Response:
    """Answer with a problem: the piece that failed to htmx, a page to anyone else."""
    with suppress(services.ServiceError):
        # Whose page it is takes the database, which may be what failed; asked once more, it is nobody's.
        current_staff()
    address = here() if problem.can_retry and request.method == "GET" else None
    if request.endpoint == "cpse.health":
        # Whoever asks there is a machine.
        response = jsonify(problem=problem.title)
    elif not wants_fragment():
        response = make_response(_page(problem, address))
    elif request.method == "GET" and target_id():
        response = make_response(
            render_template("cpse/_problem.html", problem=problem, retry=address, target=target_id())
        )
        # Whatever was to be replaced, inside or out, the piece stands in its place and can be asked for again.
        retarget(response, f"#{target_id()}", "innerHTML" if target_id() == "cpse-dialog" else "outerHTML")
    else:
        # What was typed stays where it is; the message goes to the page's own place for alerts.
        response = make_response(render_template("cpse/_problem.html", problem=problem, retry=None, target=None))
        retarget(response, "#cpse-alert", "innerHTML")
    response.status_code = problem.status
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response
