"""Answers that are a whole page or a part of it, by who asks."""

from typing import Any

from flask import Response, make_response, render_template
from jinja2_fragments.flask import render_block

from .embed import shown
from .htmx import wants_fragment


def page_or_block(template: str, block: str, status: int = 200, **context: Any) -> Response:
    """Answer with the template's block to htmx, with the whole page to anyone else.

    A piece of a host's page is all that the page has to say, and its layout leaves out what is around it.
    """
    is_block = wants_fragment() and not shown().is_piece
    body = render_block(template, block, **context) if is_block else render_template(template, **context)
    return _answer(body, status, context)


def page_or_dialog(template: str, status: int = 200, **context: Any) -> Response:
    """Answer with the template's dialog to htmx, with the page that stands in for it to anyone else."""
    body = (
        render_block(template, "cpse_dialog", **context) if wants_fragment() else render_template(template, **context)
    )
    return _answer(body, status, context)


def also(response: Response, template: str, **context: Any) -> Response:
    """Send a further piece along with an answer to htmx; it says itself where it belongs."""
    response.set_data(response.get_data() + render_template(template, **context).encode())
    return response


def _answer(body: str, status: int, context: dict[str, Any]) -> Response:
    """The response; a `problem` that it shows says to machines as well when to try again."""
    response = make_response(body, status)
    retry_after = getattr(context.get("problem"), "retry_after", None)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response
