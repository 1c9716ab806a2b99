"""The files that browsers get, at addresses that change with them."""

from flask import Blueprint, Response, request, send_from_directory

from ..web.access import public
from ..web.assets import STATIC
from ..web.parts import parts


def register(parent: Blueprint) -> None:
    """Put the addresses on the plugin's blueprint."""
    parent.add_url_rule("/static/<version>/<path:filename>", "static", static)
    parent.add_url_rule("/style/<version>/cpse.css", "stylesheet", stylesheet)


@public
def static(version: str, filename: str) -> Response:  # noqa: ARG001  # What it means to caches is for the headers to say.
    """A static file. A script names the others relative to itself, so that all of them are of one version."""
    return send_from_directory(STATIC, filename)


@public
def stylesheet(version: str) -> Response:  # noqa: ARG001  # As above.
    """The stylesheet."""
    sheet = parts().stylesheet
    response = Response(sheet.text, mimetype="text/css")
    response.set_etag(sheet.version)
    response.make_conditional(request)
    return response
