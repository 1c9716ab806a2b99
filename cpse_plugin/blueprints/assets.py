"""The files that browsers get, at addresses that change with them."""

import re

from flask import Blueprint, Response, abort, request

from ..web.access import public
from ..web.headers import of_file
from ..web.parts import parts

_NAME = re.compile(r"(?P<stem>\w+)-[0-9a-f]{12}(?P<suffix>\.\w+)")


def register(parent: Blueprint) -> None:
    """Put the address on the plugin's blueprint."""
    parent.add_url_rule("/static/<filename>", "static", static)


@public
def static(filename: str) -> Response:
    """The stylesheet, a script or the icon, compressed for a browser that takes it so."""
    named = _NAME.fullmatch(filename)
    asset = parts().assets.get(f"{named['stem']}{named['suffix']}") if named else None
    if asset is None:
        abort(404)
    is_gzipped = asset.gzipped is not None and request.accept_encodings["gzip"] > 0
    response = Response(asset.gzipped if is_gzipped else asset.content, mimetype=asset.mimetype)
    if is_gzipped:
        response.content_encoding = "gzip"
    if asset.gzipped is not None:
        response.vary.add("Accept-Encoding")
    # What is sent for the two differs, and so must its tag.
    response.set_etag(f"{asset.version}-gzip" if is_gzipped else asset.version)
    response.make_conditional(request, accept_ranges=True, complete_length=response.content_length)
    return of_file(response, asked=filename, present=asset.name)
