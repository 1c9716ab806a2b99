"""The response headers of the plugin's own pages."""

from flask import Response, request

from .embed import uses_own_layout
from .parts import parts

_FILE = "cpse_plugin.file"
_YEAR = 31_536_000
# Room for every form with all fields at their longest, many times over.
MAX_REQUEST_BYTES = 256 * 1024


def limit_request(_endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Bound what a request may bring; this runs before anything reads the form."""
    request.max_content_length = MAX_REQUEST_BYTES


def secure(response: Response) -> Response:
    """Keep pages out of caches, out of foreign frames, and free of foreign or inline code."""
    if request.environ.get(_FILE) is response:
        return response  # type: ignore[no-any-return]  # It is the very one.
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers["Cache-Control"] = "no-store"
    headers["X-Content-Type-Options"] = "nosniff"
    # Flask-WTF wants to see where a form over HTTPS comes from, so the referrer stays within this host.
    headers.setdefault("Referrer-Policy", "same-origin")
    response.vary.update(("HX-Request", "Cookie"))
    return response


def of_file(response: Response, *, asked: str, present: str) -> Response:
    """Let everybody keep a file for a year, if it is of the version that was asked for.

    In the middle of an upgrade a page of the version before asks a worker of the present one. It gets the present file,
    which nobody may keep under the other version's address. A view says so itself: what anybody else answers at the
    same address, such as a host that is being maintained, would be kept in the file's place.
    """
    response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable" if asked == present else "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Referrer-Policy", "same-origin")
    request.environ[_FILE] = response
    return response


def _policy() -> str:
    framed_by = f"frame-ancestors {parts().settings.frame_ancestors}"
    if not uses_own_layout():
        # A host's layout brings scripts and styles from wherever the host has them; the host's own policy says so.
        return f"object-src 'none'; {framed_by}"
    return f"default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; {framed_by}"
