"""The three ways that a page is shown: whole, in a frame of another site, and as a piece of a host's own page.

An address says which by its parameter `embed`. In a frame every link, form and fragment keeps it; a piece is asked for
once, by the element that `cpse.embed` puts into a host's page.
"""

from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from flask import has_request_context, request

from .htmx import is_htmx
from .parts import parts

OWN_LAYOUT = "cpse/base.html"
_NO_LAYOUT = "cpse/bare.html"
_PARAMETER = "embed"
# What stands by itself: signing in has a window of its own, and these answer no page.
_WITHOUT = frozenset({"cpse.static", "cpse.stylesheet", "cpse.sign_in", "cpse.sign_in_callback", "cpse.health"})


class Shown(StrEnum):
    """How this request's page is shown; the values are those of the parameter."""

    PAGE = ""
    FRAMED = "1"
    PIECE = "piece"
    FURTHER_PIECE = "further-piece"

    @property
    def is_piece(self) -> bool:
        """Whether it is a piece of a host's page; the first one has with it what a page needs once."""
        return self in (Shown.PIECE, Shown.FURTHER_PIECE)


def shown() -> Shown:
    """How this request's page is shown: whole, if not otherwise said; and a piece that is opened by itself is whole."""
    value = request.args.get(_PARAMETER, "")
    found = Shown(value) if value in tuple(Shown) else Shown.PAGE
    return Shown.PAGE if found.is_piece and not is_htmx() else found


def layout() -> str:
    """The template that this request's page extends; frames and pieces have no room for the host's own."""
    as_shown = shown()
    if as_shown is Shown.FRAMED:
        return OWN_LAYOUT
    return _NO_LAYOUT if as_shown.is_piece else parts().settings.base_template


def stay_in_frame(endpoint: str, values: dict[str, Any]) -> None:
    """Let the addresses that a framed page makes lead to framed pages; a URL default of the blueprint.

    `embed=None` makes the address of a whole page.
    """
    if has_request_context() and endpoint not in _WITHOUT and shown() is Shown.FRAMED:
        values.setdefault(_PARAMETER, Shown.FRAMED.value)


def framing_origins(frame_ancestors: str, own_origin: str) -> list[str]:
    """The origins of a `frame-ancestors` list, for the page's script, which tells its height to nobody else.

    `https://*.example` stays as it is; a scheme alone and `*` name nobody in particular, so they are left out.
    """
    sources = (own_origin if source == "'self'" else source for source in frame_ancestors.split())
    return [f"{parts.scheme}://{parts.netloc}" for parts in map(urlsplit, sources) if parts.scheme and parts.netloc]
