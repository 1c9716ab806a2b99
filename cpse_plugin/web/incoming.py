"""What a request brings from outside, made fit to be read before anything reads it; the one place that does so.

A browser sends none of what is taken away here. Behind this place nothing asks whether a header is an address or a
field is text, and neither does the host's `CSRFProtect`, which looks at both.
"""

from urllib.parse import urlsplit

from flask import request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import BadRequest

_ADDRESSES = ("HTTP_REFERER", "HTTP_HX_CURRENT_URL")
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def make_readable(_endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Drop addresses that are none, and what is no text of a form's fields; this runs before the host's own hooks."""
    for name in _ADDRESSES:
        if not _is_address(request.environ.get(name, "")):
            del request.environ[name]
    # A part of a body may lack a name, and no form of ours has a field for a file.
    named = [(name, value) for name, value in request.form.items(multi=True) if isinstance(name, str)]
    request.form = ImmutableMultiDict(named)
    for _, file in request.files.items(multi=True):
        file.close()
    request.files = ImmutableMultiDict()


def refuse_other_bodies() -> None:
    """Refuse a body that is no form: of JSON, Flask-WTF would make fields that are numbers and lists."""
    if request.method == "POST" and request.mimetype and request.mimetype not in _FORMS:
        raise BadRequest("The body of this request is no form.")


def _is_address(text: str) -> bool:
    try:
        _ = urlsplit(text).port
    except ValueError:
        return False
    return True
