"""The response headers of the plugin's own pages."""

from flask import Response, request

from .parts import parts

_YEAR = 31_536_000
# Room for every form with all fields at their longest, many times over.
MAX_REQUEST_BYTES = 256 * 1024


def limit_request(_endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Bound what a request may bring; this runs before anything reads the form."""
    request.max_content_length = MAX_REQUEST_BYTES


def secure(response: Response) -> Response:
    """Keep pages out of caches, out of foreign frames, and free of foreign or inline code."""
    if request.endpoint == "cpse.static":
        if "v" in request.args and response.status_code in (200, 206, 304):
            response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers["Cache-Control"] = "no-store"
    headers["X-Content-Type-Options"] = "nosniff"
    # Flask-WTF wants to see where a form over HTTPS comes from, so the referrer stays within this host.
    headers.setdefault("Referrer-Policy", "same-origin")
    response.vary.update(("HX-Request", "Cookie"))
    return response


def _policy() -> str:
    return "; ".join(
        (
            "default-src 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "form-action 'self'",
            f"frame-ancestors {parts().settings.frame_ancestors}",
        )
    )
