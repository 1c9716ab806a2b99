"""The one place that reads or writes an `HX-` header.

htmx 4 describes its headers at https://four.htmx.org/reference/#headers
"""

import json
import re
from urllib.parse import urlsplit

from flask import Response, make_response, request


def is_htmx() -> bool:
    """Whether htmx makes this request."""
    return request.headers.get("HX-Request") == "true"


def is_boosted() -> bool:
    """Whether a host's htmx makes this request for a link of the host's own page."""
    return is_htmx() and request.headers.get("HX-Boosted") == "true"


def wants_fragment() -> bool:
    """Whether a piece of the page is asked for; a boosted link and a step back in the history want the whole page."""
    return (
        is_htmx()
        and request.headers.get("HX-Request-Type", "partial") != "full"
        and "HX-Boosted" not in request.headers
        and "HX-History-Restore-Request" not in request.headers
    )


def toast(response: Response, text: str) -> Response:
    """Let the page say a sentence once the answer is in place."""
    return _trigger(response, "cpse:toast", {"text": text})


def client_redirect(address: str, status: int = 200) -> Response:
    """Let htmx leave the page for another address."""
    response = make_response("", status)
    response.headers["HX-Redirect"] = address
    return response


def retarget(response: Response, selector: str, swap: str = "outerHTML") -> Response:
    """Put the answer elsewhere than the element that asked had in mind."""
    response.headers["HX-Retarget"] = selector
    response.headers["HX-Reswap"] = swap
    return response


def into_dialog(response: Response) -> Response:
    """Put an answer that htmx meant for the page behind into the dialog, which stays open."""
    return retarget(response, "#cpse-dialog", "innerHTML") if target_id() != "cpse-dialog" else response


def push_url(response: Response, address: str) -> Response:
    """Let the browser's address bar and history show another address."""
    response.headers["HX-Push-Url"] = address
    return response


def current_page() -> str:
    """Path and query of the page that an htmx request comes from, as far as it is on this host."""
    parts = urlsplit(request.headers.get("HX-Current-URL") or request.referrer or "")
    if parts.netloc and parts.netloc != request.host:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def target_id() -> str | None:
    """The id of the element that the answer is for; htmx 4 sends it as `tag#id`."""
    match = re.fullmatch(r"[a-z0-9-]*#([A-Za-z][A-Za-z0-9_-]*)", request.headers.get("HX-Target", ""))
    return match[1] if match else None


def _trigger(response: Response, event: str, detail: dict[str, str]) -> Response:
    events = json.loads(response.headers.get("HX-Trigger", "{}"))
    events[event] = detail
    # Headers are ASCII: json escapes every other character.
    response.headers["HX-Trigger"] = json.dumps(events)
    return response
