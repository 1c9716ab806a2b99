"""The name that belongs to an NPI, as one types."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from ..domain.access import Action
from ..domain.providers import ProviderType
from ..web.access import requires, signed_in_staff
from ..web.answers import page_or_block
from ..web.parts import parts
from ..web.rate_limit import NPI_LOOK_UP, limited

# A therapist, who has no Provider Type on the screen, is an individual.
_TYPES = {kind.value: kind for kind in ProviderType} | {"therapist": ProviderType.INDIVIDUAL}


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/npi/<cpse_rest:npi>", "npi", show)


@requires(Action.VIEW, beside_form=True)
@limited(NPI_LOOK_UP)
def show(npi: str) -> ResponseReturnValue:
    """What is known of an NPI, for the `type` of provider that it is to belong to; every outcome is a 200 in words."""
    kind = request.args.get("type", "")
    answer = parts().npi.look_up(npi, _TYPES.get(kind), signed_in_staff())
    return page_or_block(
        "cpse/npi/show.html",
        "cpse_answer",
        answer=answer,
        provider_type=kind if kind in _TYPES else "",
    )
