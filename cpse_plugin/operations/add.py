"""Add New CPSE Portal Provider."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from ..domain.access import Action, Staff
from ..domain.portal_records import NewPortalProvider, PortalProvider, associated_number
from ..domain.providers import Address, CountyProvider, ProviderType
from ..models import ProviderRow
from ..services.association import new_provider
from ..services.errors import AlreadyLinked
from ..services.history import HistoryAction, record
from ..services.records import county_provider
from .kind import Look, NotSeen, Operation, Seen
from .links import NEXT_STEP, LinkOperation, link_sentences, other_link, record_link


class Add(LinkOperation[None, PortalProvider]):
    """An addition: POST of the provider, associated at once, then the link's row."""

    name = "add-provider"
    label = "Adding to the CPSE Portal"
    question = button = "Add New CPSE Portal Provider"
    done = "The link was completed"
    outcome = "{provider} was added to the CPSE Portal and is linked to it. " + NEXT_STEP
    remark = "The provider was added to the CPSE Portal and is linked."
    history = HistoryAction("added", "Added to the CPSE Portal", link_sentences)
    makes_link = True
    permission = Action.ADD_PROVIDER

    def read(self, provider: CountyProvider, said: Mapping[str, Any], staff: Staff) -> None:
        """Nothing: the Portal itself refuses what it has already."""

    def decide(self, session: Session, row: ProviderRow, said: Mapping[str, Any], known: None) -> dict[str, Any]:
        """Refuse a second link; send the provider as it is on record at this moment."""
        provider = county_provider(row)
        if provider.link is not None:
            raise AlreadyLinked(provider)
        return asdict(new_provider(provider))

    def call(self, operation: Operation) -> PortalProvider:
        """Add the provider to the Portal."""
        content = dict(operation.content)
        content["type"] = ProviderType(content["type"])
        content["address"] = Address(**content["address"]) if content["address"] else None
        return self._gateway.add_provider(NewPortalProvider(**content), key=operation.id, acting_user=operation.actor)

    def repeat(self, operation: Operation) -> PortalProvider:
        """Add it; where that is answered with what was done then, say whom the provider belongs to by now."""
        added = self.call(operation)
        return self._gateway.get_provider(added.id, acting_user=operation.actor) or added

    def look(self, operation: Operation) -> Look[PortalProvider]:
        """A Portal provider with the same NPI or SED code that is associated with the county's."""
        content = operation.content
        found = self._gateway.find_providers(
            npi=content["npi"], sed_code=content["sed_code"], acting_user=operation.actor
        )
        own = next((portal for portal in found if associated_number(portal) == operation.county_provider_id), None)
        return Seen(own) if own is not None else NotSeen()

    def obstacle(self, session: Session, row: ProviderRow, operation: Operation) -> str:
        """Another link of the provider."""
        return other_link(session, row, "")

    def complete(
        self, session: Session, row: ProviderRow, operation: Operation, answer: PortalProvider
    ) -> dict[str, Any]:
        """Put the link on record; one that the Portal has given to somebody else since was added all the same."""
        holder = associated_number(answer)
        if holder == operation.county_provider_id:
            return record_link(session, row, operation, answer, self.history, {})
        kept = {"portal_id": answer.id, "name": answer.name}
        details = {**kept, "belongs_to": holder or ""}
        record(session, row.id, self.history, operation.actor, details, str(operation.id))
        return kept
