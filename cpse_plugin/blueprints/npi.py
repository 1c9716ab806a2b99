"""The name that belongs to an NPI, as one types."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from ..domain.access import Action
from ..domain.providers import ProviderType
from ..web.access import requires, signed_in_staff
from ..web.htmx import page_or_block
from ..web.parts import parts
from ..web.words import npi_fault_words


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/npi/<npi>", "npi", show)


@requires(Action.VIEW)
def show(npi: str) -> ResponseReturnValue:
    """What the registry says of an NPI, for the Provider Type in `type`; every outcome is a 200 in its own words."""
    kind = request.args.get("type", "")
    provider_type = ProviderType(kind) if kind in tuple(ProviderType) else None
    answer = parts().npi.look_up(npi[:40], provider_type, signed_in_staff())
    return page_or_block(
        "cpse/npi/show.html", "answer", answer=answer, fault=npi_fault_words(answer.check), provider_type=kind
    )
