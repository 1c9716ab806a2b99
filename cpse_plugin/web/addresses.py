"""The address of this request, for going on to it and coming back to it."""

from urllib.parse import quote

from flask import request
from werkzeug.routing import PathConverter

# What a path and a query may hold as it is. A path comes decoded, so that its percent signs are its own.
_IN_PATH = "/:@!$&'()*+,;=~"
_IN_QUERY = f"{_IN_PATH}?%"


def here() -> str:
    """Path and query as a browser writes them, in ASCII: fit for a header, and leading to this very address."""
    path = quote(request.script_root + request.path, safe=_IN_PATH)
    query = quote(request.query_string, safe=_IN_QUERY)
    return f"{path}?{query}" if query else path


class RestConverter(PathConverter):
    """The rest of a path, whatever is in it: Werkzeug's own `path` fits none that has a line break."""

    regex = "(?s:[^/].*?)"
