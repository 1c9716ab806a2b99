"""The files that browsers get, at addresses that change with them."""

from flask import Blueprint, Response, request, send_from_directory

from ..web.access import public
from ..web.assets import STATIC
from ..web.headers import of_file
from ..web.parts import parts


def register(parent: Blueprint) -> None:
    """Put the addresses on the plugin's blueprint."""
    parent.add_url_rule("/static/<version>/<path:filename>", "static", static)
    parent.add_url_rule("/style/<version>/cpse.css", "stylesheet", stylesheet)


@public
def static(version: str, filename: str) -> Response:
    """A static file. A script names the others relative to itself, so that all of them are of one version."""
    return of_file(send_from_directory(STATIC, filename), asked=version, present=parts().static_version)


@public
def stylesheet(version: str) -> Response:
    """The stylesheet."""
    sheet = parts().stylesheet
    response = Response(sheet.text, mimetype="text/css")
    response.set_etag(sheet.version)
    response.make_conditional(request)
    return of_file(response, asked=version, present=sheet.version)
