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
_OWN_LAYOUT = "cpse_plugin.own_layout"
_PARAMETER = "embed"
# What stands by itself: signing in has a window of its own, and these answer no page.
_WITHOUT = frozenset({"cpse.static", "cpse.sign_in", "cpse.sign_in_callback", "cpse.health"})


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


_BY_VALUE = {shown.value: shown for shown in Shown}


def shown() -> Shown:
    """How this request's page is shown: whole, if not otherwise said; and a piece that is opened by itself is whole."""
    found = _BY_VALUE.get(request.args.get(_PARAMETER, ""), Shown.PAGE)
    return Shown.PAGE if found.is_piece and not is_htmx() else found


def layout() -> str:
    """The template that this request's page extends; frames and pieces have no room for the host's own."""
    as_shown = shown()
    if as_shown is Shown.FRAMED or request.environ.get(_OWN_LAYOUT):
        return OWN_LAYOUT
    return _NO_LAYOUT if as_shown.is_piece else parts().settings.base_template


def uses_own_layout() -> bool:
    """Whether this request's page stands in the plugin's own layout and not in the host's."""
    return layout() == OWN_LAYOUT


def use_own_layout() -> None:
    """Let this request's page do without the host's layout."""
    request.environ[_OWN_LAYOUT] = True


def stay_in_frame(endpoint: str, values: dict[str, Any]) -> None:
    """Let the addresses that a framed page makes lead to framed pages; a URL default of the blueprint.

    `embed=None` makes the address of a whole page. A host's own page may have a parameter of this name for itself.
    """
    if has_request_context() and "cpse" in request.blueprints and endpoint not in _WITHOUT and shown() is Shown.FRAMED:
        values.setdefault(_PARAMETER, Shown.FRAMED.value)


def framing_origins(frame_ancestors: str, own_origin: str) -> list[str]:
    """The origins of a `frame-ancestors` list, for the page's script, which tells its height to nobody else.

    `https://*.example` stays as it is. What names nobody in particular is left out: a scheme alone, `*`, any port.
    """
    own_scheme = urlsplit(own_origin).scheme
    sources = (own_origin if source == "'self'" else source for source in frame_ancestors.lower().split())
    whole = (source if "://" in source else f"{own_scheme}://{source}" for source in sources if _names_a_host(source))
    return [_as_origin(source) for source in whole]


def _names_a_host(source: str) -> bool:
    return source not in ("*", "'none'") and not source.endswith((":", ":*"))


def _as_origin(source: str) -> str:
    """As a browser writes an origin: without the port that goes without saying."""
    found = urlsplit(source)
    usual = {"http": ":80", "https": ":443"}.get(found.scheme, "")
    return f"{found.scheme}://{found.netloc.removesuffix(usual)}"
