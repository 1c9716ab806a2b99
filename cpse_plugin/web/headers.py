"""The response headers of the plugin's own pages."""

from flask import Response, request

from .embed import OWN_LAYOUT, layout
from .parts import parts

_FILES = frozenset({"cpse.static", "cpse.stylesheet"})
_YEAR = 31_536_000
# Room for every form with all fields at their longest, many times over.
MAX_REQUEST_BYTES = 256 * 1024


def limit_request(_endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Bound what a request may bring; this runs before anything reads the form."""
    request.max_content_length = MAX_REQUEST_BYTES


def secure(response: Response) -> Response:
    """Keep pages out of caches, out of foreign frames, and free of foreign or inline code."""
    if request.endpoint in _FILES:
        return _keep_for_a_year(response)
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers["Cache-Control"] = "no-store"
    headers["X-Content-Type-Options"] = "nosniff"
    # Flask-WTF wants to see where a form over HTTPS comes from, so the referrer stays within this host.
    headers.setdefault("Referrer-Policy", "same-origin")
    response.vary.update(("HX-Request", "Cookie"))
    return response


def _keep_for_a_year(response: Response) -> Response:
    """Let browsers keep what is of the version that they asked for.

    In the middle of an upgrade a page of the version before asks a worker of the present one. It gets the present file,
    which nobody may keep under the other version's address.
    """
    present = parts().stylesheet.version if request.endpoint == "cpse.stylesheet" else parts().static_version
    asked = (request.view_args or {}).get("version")
    current = asked == present and response.status_code in (200, 206, 304)
    response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable" if current else "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


def _policy() -> str:
    framed_by = f"frame-ancestors {parts().settings.frame_ancestors}"
    if layout() != OWN_LAYOUT:
        # A host's layout brings scripts and styles from wherever the host has them; the host's own policy says so.
        return f"object-src 'none'; {framed_by}"
    return f"default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; {framed_by}"
