"""Keep one of several links, where the CPSE Portal and the county's record do not agree."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy.orm import Session

from ..domain.access import Staff
from ..domain.portal_records import PortalProvider, associated_number
from ..domain.providers import CountyProvider
from ..models import ProviderRow
from ..portal.gateway import AlreadyAssociated, NotOnPortal, PortalError, PortalGateway, PortalOutcomeUnknown
from ..services.claims import ClaimReader, Claims
from ..services.errors import AlreadyLinked, ComparisonChanged, LinkChanged
from ..services.history import HistoryAction, record
from ..services.records import county_provider
from .kind import Look, NotSeen, Operation, Seen
from .links import LinkOperation, belongs_to_another, other_holder, portal_provider_words, put_link, take_link


def _sentences(details: Mapping[str, Any]) -> Iterator[str]:
    yield f"Kept: {portal_provider_words(details, 'kept') if details['kept'] else 'no link'}"
    if details["recorded"] and details["recorded"] != details["kept"]:
        yield f"Ended in the county's record: number {details['recorded']}"
    for portal_id in details["ended"]:
        yield f"Ended on the CPSE Portal: number {portal_id}"
    yield f"Reason: {details['reason']}"


class Settle(LinkOperation[Claims, PortalProvider | None]):
    """A person's decision which link holds: the others end, on the Portal and on record.

    The form says which to `keep`, an empty text for none, the `reason`, and by `seen` what the person saw. What was
    left open of the provider's link ends with the decision.
    """

    name = "settle"
    label = "Deciding which link holds"
    question = "Decide which link holds"
    button = "Keep this one"
    button_without = "End the link"
    done = "It was decided which link holds"
    history = HistoryAction("settled", "Decided which link holds", _sentences)
    # It is several calls, and what the first ones ended stays ended.
    not_done = "Some of the links may have ended. The provider's page shows those that stand; decide again there."
    settles = True

    @classmethod
    def outcome_for(cls, provider: CountyProvider) -> str:
        """Which link holds by now."""
        if provider.link:
            stands = f"is linked to number {provider.link.portal_id} of the CPSE Portal, and to no other"
        else:
            stands = "is not linked to a CPSE Portal provider any more"
        return f"{provider.name} {stands}. The history keeps the decision and the reason."

    def __init__(self, gateway: PortalGateway, claims: ClaimReader) -> None:
        super().__init__(gateway)
        self._claims = claims

    def read(self, provider: CountyProvider, said: Mapping[str, Any], staff: Staff) -> Claims:
        """What either side says. Raises `ComparisonChanged` where the person saw something else."""
        claims = self._claims.read(provider, staff)
        if claims.fingerprint != said["seen"] or not claims.may_keep(said["keep"]):
            raise ComparisonChanged(f"provider {provider.id}")
        return claims

    def decide(self, session: Session, row: ProviderRow, said: Mapping[str, Any], known: Claims) -> dict[str, Any]:
        """End what the Portal has beside the one to keep."""
        recorded = row.link.portal_id if row.link else None
        if recorded != known.recorded:
            raise LinkChanged(f"provider {row.id}")
        holder = other_holder(session, row, said["keep"])
        if holder is not None:
            raise AlreadyLinked(county_provider(holder))
        return {"recorded": recorded, "end": [claim.portal_id for claim in known.ending(said["keep"])]}

    def call(self, operation: Operation) -> PortalProvider | None:
        """Associate the one to keep, and then end the others; what fails in between is finished later."""
        content, number = operation.content, operation.county_provider_id
        kept: PortalProvider | None = None
        if content["keep"]:
            kept = self._gateway.associate(content["keep"], number, acting_user=operation.actor)
        try:
            for portal_id in content["end"]:
                self._end(operation, portal_id)
        except PortalError as error:
            raise PortalOutcomeUnknown(error.detail, request_id=error.request_id) from error
        return kept

    def _end(self, operation: Operation, portal_id: str) -> None:
        portal = self._gateway.get_provider(portal_id, acting_user=operation.actor)
        if associated_number(portal) != operation.county_provider_id:
            return
        try:
            self._gateway.dissociate(portal_id, operation.county_provider_id, acting_user=operation.actor)
        except (NotOnPortal, AlreadyAssociated):
            # It ended, or became somebody else's, between the look and the call.
            return

    def look(self, operation: Operation) -> Look[PortalProvider | None]:
        """Whether the Portal has the one to keep, and none of the others."""
        content, number = operation.content, operation.county_provider_id
        found = {
            portal_id: self._gateway.get_provider(portal_id, acting_user=operation.actor)
            for portal_id in (content["keep"], *content["end"])
            if portal_id
        }
        kept = found.pop(content["keep"], None)
        holder = associated_number(kept)
        if content["keep"] and holder not in (None, number):
            return NotSeen(belongs_to_another(str(holder)))
        done = not content["keep"] or holder == number
        if done and all(associated_number(portal) != number for portal in found.values()):
            return Seen(kept)
        return NotSeen()

    def complete(
        self, session: Session, row: ProviderRow, operation: Operation, answer: PortalProvider | None
    ) -> dict[str, Any]:
        """Put the one link on record, and take another one off it."""
        content = operation.content
        if row.link is not None and row.link.portal_id != content["keep"]:
            take_link(row, row.link.portal_id)
            session.flush()
        if content["keep"]:
            put_link(session, row, content["keep"], operation.actor)
        kept = {
            "kept": content["keep"],
            "name": answer.name if answer else "",
            "recorded": content["recorded"],
            "ended": content["end"],
        }
        details = {**kept, "reason": content["reason"]}
        record(session, row.id, self.history, operation.actor, details, str(operation.id))
        return kept
