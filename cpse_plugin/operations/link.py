"""Continue Association."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from ..domain.access import Staff
from ..domain.differences import compare, match_rule
from ..domain.portal_records import PortalProvider
from ..domain.providers import CountyProvider
from ..models import ProviderRow
from ..services.association import Comparison, Match
from ..services.errors import AlreadyLinked, ComparisonChanged, NotFound
from ..services.history import HistoryAction
from ..services.records import county_provider, refuse_second_link
from .kind import Look, Operation
from .links import NEXT_STEP, LinkOperation, associated, link_sentences, other_link, record_link


class Link(LinkOperation[Comparison, PortalProvider]):
    """A link: PUT of the association, then the link's row. The form says `portal_id`, and the comparison `seen`."""

    name = "link"
    label = "Linking to a CPSE Portal provider"
    question = "Confirm the match"
    button = "Continue Association"
    done = "The link was completed"
    outcome = "{provider} is now linked to its CPSE Portal provider. " + NEXT_STEP
    history = HistoryAction("linked", "Linked to a CPSE Portal provider", link_sentences)
    makes_link = True

    def read(self, provider: CountyProvider, said: Mapping[str, Any], staff: Staff) -> Comparison:
        """Both records side by side. Raises `NotFound`, and `ComparisonChanged` where the person saw another one."""
        portal = self._gateway.get_provider(said["portal_id"], acting_user=staff.acting_user)
        if portal is None:
            raise NotFound(f"Portal provider {said['portal_id']}")
        comparison = Comparison(provider, Match(portal, match_rule(provider, portal), None), compare(provider, portal))
        if comparison.fingerprint != said["seen"]:
            raise ComparisonChanged(f"provider {provider.id} and Portal provider {portal.id}")
        return comparison

    def decide(self, session: Session, row: ProviderRow, said: Mapping[str, Any], known: Comparison) -> dict[str, Any]:
        """Refuse a second link; keep the differences that the person accepted.

        Raises `ComparisonChanged` where the county's side was changed while the Portal was asked.
        """
        refuse_second_link(session, row, said["portal_id"])
        portal, provider = known.match.portal, county_provider(row)
        if row.link is not None and portal.association is not None:
            raise AlreadyLinked(provider)
        if replace(known, fields=compare(provider, portal)).fingerprint != said["seen"]:
            raise ComparisonChanged(f"provider {provider.id} and Portal provider {portal.id}")
        return {
            "county_provider_id": row.county_provider_id,
            "rule": known.match.rule,
            "differences": [
                {"field": field.label, "county": field.county, "portal": field.portal, "outcome": field.outcome}
                for field in known.fields
                if not field.agrees
            ],
        }

    def call(self, operation: Operation) -> PortalProvider:
        """Associate the two on the Portal."""
        return self._gateway.associate(
            operation.content["portal_id"], operation.county_provider_id, acting_user=operation.actor
        )

    def look(self, operation: Operation) -> Look[PortalProvider]:
        """Whom the Portal provider is associated with."""
        portal = self._gateway.get_provider(operation.content["portal_id"], acting_user=operation.actor)
        return associated(portal, operation)

    def obstacle(self, session: Session, row: ProviderRow, operation: Operation) -> str:
        """Another link of one of the two."""
        return other_link(session, row, operation.content["portal_id"])

    def complete(
        self, session: Session, row: ProviderRow, operation: Operation, answer: PortalProvider
    ) -> dict[str, Any]:
        """Put the link on record. The first version kept nothing of the comparison."""
        details: dict[str, Any] = {
            key: operation.content[key] for key in ("rule", "differences") if key in operation.content
        }
        return record_link(session, row, operation, answer, self.history, details)
