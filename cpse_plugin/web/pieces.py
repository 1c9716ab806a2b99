"""Pieces of the plugin in a host's own pages: `{{ cpse.embed("worklist") }}`."""

from dataclasses import dataclass
from typing import Any

from flask import render_template, request, url_for
from markupsafe import Markup

from .embed import Shown
from .parts import parts

# `flask.g` can outlive a request, namely where an application context is pushed.
_ON_THIS_PAGE = "cpse_plugin.has_piece"


class HostContext:
    """What a host's templates have under the name `cpse`; those of the plugin have more, see `context`."""

    __slots__ = ()

    def asset(self, filename: str) -> str:
        """The address of a file such as `cpse.css`; it changes with the content, so that it can be kept for a year."""
        return url_for("cpse.static", filename=parts().assets[filename].name)

    def nonce(self) -> str | None:
        """The nonce of the host's Content-Security-Policy, where the host has told it."""
        nonce = parts().host.csp_nonce
        return nonce() if nonce is not None else None

    def embed(self, piece: str, *, id: int | None = None, number: str | None = None) -> Markup:  # noqa: A002
        """The element that loads a piece into the page, with the scripts and the stylesheet that it needs.

        `worklist` is the list of providers. `provider` is one with its tabs: by `id`, its number here, or by `number`,
        its number in the Preschool database. A page can have one of each. Raises `ValueError` for anything else.
        """
        found = _find(piece, id, number)
        is_first = _ON_THIS_PAGE not in request.environ
        request.environ[_ON_THIS_PAGE] = True
        shown = Shown.PIECE if is_first else Shown.FURTHER_PIECE
        html = render_template(
            "cpse/_piece.html",
            cpse=self,
            piece=piece,
            label=found.label,
            page=url_for(found.endpoint, **found.values),
            address=url_for(found.endpoint, **found.values, embed=shown.value),
            is_first=is_first,
        )
        # The template escapes what it is given.
        return Markup(html)  # noqa: S704


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a piece comes from, and its name for the ear."""

    endpoint: str
    label: str
    values: dict[str, Any]


def _find(piece: str, provider_id: int | None, number: str | None) -> _Found:
    if piece == "worklist" and provider_id is None and number is None:
        return _Found("cpse.providers", "CPSE Portal User Management", {})
    if piece == "provider" and provider_id is not None and number is None:
        return _Found("cpse.provider", "Provider Details", {"provider_id": provider_id})
    if piece == "provider" and number is not None and provider_id is None:
        return _Found("cpse.provider_by_number", "Provider Details", {"county_provider_id": number})
    raise ValueError(f'embed takes "worklist", or "provider" with an id or a number, and not {piece!r}')
