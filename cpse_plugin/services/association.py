"""The association of a county provider with a CPSE Portal provider: find matches, compare, link, add."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from ..domain.access import Action, Staff, require
from ..domain.differences import FieldComparison, MatchRule, compare, match_rule
from ..domain.portal_records import NewPortalProvider, PortalProvider
from ..domain.providers import CountyProvider
from ..portal.gateway import AlreadyAssociated, PortalGateway, ProviderExists
from .claims import ClaimReader, Claims
from .errors import AlreadyLinked, BelongsToAnother, NotFound, NotLinked, ProfileIncomplete
from .providers import Providers

# A Portal may name dozens, and a person waits for each that is asked for alone.
_MOST_ASKED_FOR = 3


@dataclass(frozen=True, slots=True)
class Match:
    """A Portal provider that may be the county's.

    `holder` is the provider of this county that it is associated with, where there is one and it is known here.
    """

    portal: PortalProvider
    rule: MatchRule | None
    holder: CountyProvider | None

    def can_be_linked_to(self, provider: CountyProvider) -> bool:
        """Whether a link would not take the Portal provider from another one of this county."""
        association = self.portal.association
        if association is not None and association.county_provider_id != provider.county_provider_id:
            return False
        return self.holder is None or self.holder.id == provider.id


@dataclass(frozen=True, slots=True)
class Comparison:
    """A county provider and a Portal provider side by side."""

    provider: CountyProvider
    match: Match
    fields: tuple[FieldComparison, ...]

    @property
    def differences(self) -> int:
        """How many fields differ or are missing on one side; those that are only written differently do not count."""
        return sum(field.differs for field in self.fields)

    @property
    def is_exact(self) -> bool:
        """Whether all values match. One written differently does not: only a person can say that it is the same."""
        return all(field.agrees for field in self.fields)

    @property
    def fingerprint(self) -> str:
        """A short text that changes with any value shown: a link is made only of what the person has seen."""
        shown = json.dumps([(field.label, field.county, field.portal) for field in self.fields])
        return hashlib.sha256(shown.encode()).hexdigest()[:16]


class CarriesOut(Protocol):
    """Does what a form was sent for; it is `cpse_plugin.operations.Operations`."""

    def carry_out(
        self, name: str, provider_id: int, said: Mapping[str, Any], *, form: UUID, staff: Staff
    ) -> tuple[Any, Any]:
        """Return the operation, which is done then, and the provider as it then stands."""


class Associations:
    """Finds, compares, links and adds."""

    def __init__(
        self, gateway: PortalGateway, providers: Providers, claims: ClaimReader, operations: CarriesOut
    ) -> None:
        self._claims = claims
        self._gateway = gateway
        self._providers = providers
        self._operations = operations

    def find_matches(self, provider: CountyProvider, staff: Staff) -> list[Match]:
        """Portal providers with this NPI or SED code, best first. Raises `PortalError`."""
        require(staff, Action.VIEW)
        profile = provider.profile
        if not (profile.npi or profile.sed_code):
            return []
        found = self._gateway.find_providers(npi=profile.npi, sed_code=profile.sed_code, acting_user=staff.acting_user)
        return self._matches(provider, list(found))

    def portal_details(self, provider: CountyProvider, staff: Staff) -> PortalProvider | None:
        """The linked Portal provider as it now is; None where the Portal no longer has it. Raises `NotLinked`."""
        require(staff, Action.VIEW)
        if provider.link is None:
            raise NotLinked(f"provider {provider.id}")
        return self._gateway.get_provider(provider.link.portal_id, acting_user=staff.acting_user)

    def claims(self, provider: CountyProvider, staff: Staff) -> Claims:
        """Which links either side claims for a provider. Raises `PortalError`."""
        require(staff, Action.VIEW)
        return self._claims.read(provider, staff)

    def compare(self, provider: CountyProvider, portal_id: str, staff: Staff) -> Comparison:
        """Both records side by side. Raises `NotFound` where the Portal does not have the provider."""
        require(staff, Action.VIEW)
        portal = self._gateway.get_provider(portal_id, acting_user=staff.acting_user)
        if portal is None:
            raise NotFound(f"Portal provider {portal_id}")
        return Comparison(provider, self._matches(provider, [portal])[0], compare(provider, portal))

    def link(self, provider_id: int, portal_id: str, *, operation_id: UUID, seen: str, staff: Staff) -> CountyProvider:
        """Associate the two on the Portal and on record here.

        `seen` is the `fingerprint` of the comparison that the person accepted. Raises `NotFound`, `ComparisonChanged`,
        `AlreadyLinked`, `OperationInProgress`, and `PortalError` (`AlreadyAssociated`, `NotOnPortal`).
        """
        said = {"portal_id": portal_id, "seen": seen}
        try:
            return self._carried_out("link", provider_id, said, operation_id, staff)
        except AlreadyAssociated as error:
            holder = self._known(error.county_provider_id)
            if holder is not None:
                raise AlreadyLinked(holder) from error
            raise

    def unlink(self, provider_id: int, *, reason: str, operation_id: UUID, staff: Staff) -> CountyProvider:
        """End the association on the Portal and on record here, for a reason that the history keeps.

        Raises `NotLinked`, `BelongsToAnother`, `OperationInProgress`, `PortalError`.
        """
        try:
            return self._carried_out("unlink", provider_id, {"reason": reason}, operation_id, staff)
        except BelongsToAnother as error:
            raise BelongsToAnother(error.portal_id, error.number, self._known(error.number)) from error

    def _carried_out(
        self, name: str, provider_id: int, said: Mapping[str, Any], form: UUID, staff: Staff
    ) -> CountyProvider:
        provider: CountyProvider
        _, provider = self._operations.carry_out(name, provider_id, said, form=form, staff=staff)
        return provider

    def _known(self, number: str | None) -> CountyProvider | None:
        return self._providers.by_county_ids([number]).get(number) if number else None

    def to_be_added(self, provider_id: int, staff: Staff) -> NewPortalProvider:
        """What would be sent to the Portal. Raises `ProfileIncomplete`, `AlreadyLinked`."""
        require(staff, Action.VIEW)
        provider = self._providers.read(provider_id)
        if provider.link is not None:
            raise AlreadyLinked(provider)
        return new_provider(provider)

    def add(self, provider_id: int, *, operation_id: UUID, staff: Staff) -> CountyProvider:
        """Add the provider to the Portal, associated at once.

        Raises `ProfileIncomplete`, `AlreadyLinked`, `OperationInProgress`, and `PortalError` (`ProviderExists` and
        `InvalidContent` among them).
        """
        return self._carried_out("add-provider", provider_id, {}, operation_id, staff)

    def existing(self, provider: CountyProvider, refusal: ProviderExists, staff: Staff) -> list[Match]:
        """The Portal providers that a refused addition names, as matches. Raises `PortalError`.

        One search finds those with the provider's NPI or SED code, as most will have; few others are asked for.
        """
        found = {match.portal.id: match.portal for match in self.find_matches(provider, staff)}
        others = [portal_id for portal_id in dict.fromkeys(refusal.portal_ids) if portal_id not in found]
        for portal_id in others[:_MOST_ASKED_FOR]:
            portal = self._gateway.get_provider(portal_id, acting_user=staff.acting_user)
            if portal is not None:
                found[portal_id] = portal
        named = [found[portal_id] for portal_id in dict.fromkeys(refusal.portal_ids) if portal_id in found]
        return self._matches(provider, named)

    def _matches(self, provider: CountyProvider, found: list[PortalProvider]) -> list[Match]:
        numbers = [portal.association.county_provider_id for portal in found if portal.association]
        holders = self._providers.by_county_ids(numbers)
        return [
            Match(
                portal,
                match_rule(provider, portal),
                holders.get(portal.association.county_provider_id) if portal.association else None,
            )
            for portal in found
        ]


def new_provider(provider: CountyProvider) -> NewPortalProvider:
    """A provider as the Portal is to have it. Raises `ProfileIncomplete`."""
    profile = provider.profile
    if profile.type is None:
        raise ProfileIncomplete("Choose the Provider Type and click Apply; the Portal needs it.")
    if not (profile.npi or profile.sed_code):
        # Nothing could be looked for, so the Portal may have the provider already.
        raise ProfileIncomplete(
            "Enter an NPI or an SED code and click Apply; without one the Portal cannot be searched."
        )
    return NewPortalProvider(
        county_provider_id=provider.county_provider_id,
        name=provider.name,
        type=profile.type,
        npi=profile.npi,
        sed_code=profile.sed_code,
        address=provider.address,
        phone=provider.phone,
    )
