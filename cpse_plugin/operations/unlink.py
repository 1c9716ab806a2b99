"""Unlink."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from ..domain.access import Staff
from ..domain.portal_records import PortalProvider, associated_number
from ..domain.providers import CountyProvider
from ..models import ProviderRow
from ..portal.gateway import NotOnPortal
from ..services.errors import BelongsToAnother, LinkChanged, NotLinked
from ..services.history import HistoryAction, record
from .kind import Look, NotSeen, Operation, Seen
from .links import LinkOperation, link_sentences, take_link


class Unlink(LinkOperation[str, str | None]):
    """The end of a link: DELETE of the association, then of the link's row. The form says the `reason`.

    The answer is the number of the county's provider that the Portal has it associated with instead, if any.
    """

    name = "unlink"
    label = "Unlinking from the CPSE Portal provider"
    question = button = "Unlink"
    consequence = (
        "{provider} will no longer be associated with its CPSE Portal provider. The provider itself stays on the CPSE "
        "Portal, and the history keeps the link. It can be linked again afterwards. Its admin users keep their "
        "accounts on the CPSE Portal, and open invitations stay open: revoke those first that nobody is to follow."
    )
    is_grave = True
    done = "The link was ended"
    outcome = "{provider} is no longer linked to a CPSE Portal provider. The history keeps the link and the reason."
    history = HistoryAction("unlinked", "Unlinked", link_sentences)
    makes_link = False

    def read(self, provider: CountyProvider, said: Mapping[str, Any], staff: Staff) -> str:
        """The linked Portal provider's id. Raises `NotLinked`, and `BelongsToAnother` where it changed hands."""
        if provider.link is None:
            raise NotLinked(f"provider {provider.id}")
        portal_id = provider.link.portal_id
        portal = self._gateway.get_provider(portal_id, acting_user=staff.acting_user)
        refuse_another(portal, provider.county_provider_id)
        return portal_id

    def decide(self, session: Session, row: ProviderRow, said: Mapping[str, Any], known: str) -> dict[str, Any]:
        """End the link that was read."""
        if row.link is None:
            raise NotLinked(f"provider {row.id}")
        if row.link.portal_id != known:
            raise LinkChanged(f"provider {row.id}")
        return {"portal_id": known, "county_provider_id": row.county_provider_id}

    def call(self, operation: Operation) -> str | None:
        """End the association on the Portal; one whose provider is gone has ended with it."""
        try:
            self._gateway.dissociate(
                operation.content["portal_id"], operation.county_provider_id, acting_user=operation.actor
            )
        except NotOnPortal:
            return None
        return None

    def look(self, operation: Operation) -> Look[str | None]:
        """Whether the association is there still; where it is somebody else's, it is this provider's no longer."""
        portal = self._gateway.get_provider(operation.content["portal_id"], acting_user=operation.actor)
        holder = associated_number(portal)
        return NotSeen() if holder == operation.county_provider_id else Seen(holder)

    def complete(self, session: Session, row: ProviderRow, operation: Operation, answer: str | None) -> dict[str, Any]:
        """Take the link off the record."""
        portal_id = operation.content["portal_id"]
        take_link(row, portal_id)
        details = {"portal_id": portal_id, "reason": operation.content["reason"], "belongs_to": answer or ""}
        record(session, row.id, self.history, operation.actor, details, str(operation.id))
        return {"portal_id": portal_id}


def refuse_another(portal: PortalProvider | None, county_provider_id: str) -> None:
    """Raise `BelongsToAnother` where the Portal has a provider associated with another one of the county."""
    holder = associated_number(portal)
    if portal is not None and holder not in (None, county_provider_id):
        raise BelongsToAnother(portal.id, str(holder))
