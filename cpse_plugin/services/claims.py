"""Which links either side claims for a provider, where the CPSE Portal and the county's record need not agree."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select

from ..domain.access import Staff
from ..domain.portal_records import PortalProvider, associated_number
from ..domain.providers import CountyProvider
from ..models import OPEN_STATES, OperationRow
from ..portal.gateway import PortalGateway
from .database import Database
from .providers import Providers
from .records import link_target

# The kind of the operations by which a person decides which link holds.
_DECISION = "settle"


@dataclass(frozen=True, slots=True)
class Claim:
    """A Portal provider that one side at least has linked to the county's provider.

    `portal` is None where the Portal does not have it any more. `number` is the county's number of the provider that
    the Portal has it associated with; `holder` is another provider of the county that has it, on either side.
    """

    portal_id: str
    portal: PortalProvider | None
    on_record: bool
    on_portal: bool
    number: str | None
    holder: CountyProvider | None

    @property
    def may_be_kept(self) -> bool:
        """Whether to keep it takes nothing from another provider of the county."""
        return self.portal is not None and self.holder is None and (self.on_portal or self.number is None)


@dataclass(frozen=True, slots=True)
class Claims:
    """All of them, the one on record first."""

    provider: CountyProvider
    items: tuple[Claim, ...]

    @property
    def recorded(self) -> str | None:
        """The Portal provider on record."""
        return self.provider.link.portal_id if self.provider.link else None

    @property
    def disagree(self) -> bool:
        """Whether a person has to say which link holds: the Portal has one that is not the record's."""
        return any(claim.on_portal and not claim.on_record for claim in self.items)

    @property
    def fingerprint(self) -> str:
        """A short text that changes with any of it: what is decided is what the person has seen."""
        shown = json.dumps([(claim.portal_id, claim.on_record, claim.on_portal, claim.number) for claim in self.items])
        return hashlib.sha256(shown.encode()).hexdigest()[:16]

    def may_keep(self, portal_id: str) -> bool:
        """Whether a person may decide for it; an empty text is for none of them."""
        if not portal_id:
            return bool(self.items)
        return any(claim.portal_id == portal_id and claim.may_be_kept for claim in self.items)

    def find(self, portal_id: str) -> Claim | None:
        """The claim of a Portal provider."""
        return next((claim for claim in self.items if claim.portal_id == portal_id), None)

    def ending(self, keep: str) -> list[Claim]:
        """The associations that end on the Portal where `keep` is kept."""
        return [claim for claim in self.items if claim.on_portal and claim.portal_id != keep]


class ClaimReader:
    """Reads what either side says."""

    def __init__(self, database: Database, gateway: PortalGateway, providers: Providers) -> None:
        self._database = database
        self._gateway = gateway
        self._providers = providers

    def read(self, provider: CountyProvider, staff: Staff) -> Claims:
        """Ask the Portal. Raises `PortalError`."""
        found = {portal.id: portal for portal in self._with_same_numbers(provider, staff)}
        named = [provider.link.portal_id] if provider.link else []
        named += [portal_id for portal_id in self._left_open(provider.id) if portal_id not in named]
        named += [
            portal.id
            for portal in found.values()
            if portal.id not in named and associated_number(portal) == provider.county_provider_id
        ]
        portals = {
            portal_id: found.get(portal_id) or self._gateway.get_provider(portal_id, acting_user=staff.acting_user)
            for portal_id in named
        }
        holders = self._holders(provider, portals)
        return Claims(
            provider,
            tuple(
                Claim(
                    portal_id,
                    portal,
                    on_record=provider.link is not None and provider.link.portal_id == portal_id,
                    on_portal=associated_number(portal) == provider.county_provider_id,
                    number=associated_number(portal),
                    holder=holders.get(portal_id),
                )
                for portal_id, portal in portals.items()
            ),
        )

    def _with_same_numbers(self, provider: CountyProvider, staff: Staff) -> Iterable[PortalProvider]:
        npi, sed_code = provider.profile.npi, provider.profile.sed_code
        if not (npi or sed_code):
            return ()
        return self._gateway.find_providers(npi=npi, sed_code=sed_code, acting_user=staff.acting_user)

    def _left_open(self, provider_id: int) -> list[str]:
        """The Portal providers that open operations on the provider's link are about, as far as it is known which.

        A decision that was refused has ended the operations that it was about, so it tells in their place.
        """
        refused = and_(OperationRow.state == "failed", OperationRow.kind == _DECISION)
        statement = select(OperationRow.content, OperationRow.result).where(
            OperationRow.target == link_target(provider_id), or_(OperationRow.state.in_(OPEN_STATES), refused)
        )
        with self._database.read() as session:
            rows = session.execute(statement).all()
        named = [portal_id for content, result in rows for portal_id in _named(content, result or {})]
        return list(dict.fromkeys(named))

    def _holders(
        self, provider: CountyProvider, portals: dict[str, PortalProvider | None]
    ) -> dict[str, CountyProvider]:
        """The other providers of the county that have each of them, on the Portal or on record."""
        own_number, own_link = provider.county_provider_id, provider.link.portal_id if provider.link else None
        numbers = [
            number for portal in portals.values() if (number := associated_number(portal)) not in (None, own_number)
        ]
        by_number = self._providers.by_county_ids(numbers)
        # A Portal provider has one link on record at the most.
        on_record = self._providers.linked_to([portal_id for portal_id in portals if portal_id != own_link])
        holders: dict[str, CountyProvider] = {}
        for portal_id, portal in portals.items():
            for holder in (by_number.get(associated_number(portal) or ""), on_record.get(portal_id)):
                if holder is not None and holder.id != provider.id:
                    holders[portal_id] = holder
        return holders


def _named(content: Mapping[str, Any], result: Mapping[str, Any]) -> list[str]:
    """The Portal providers that an operation on a link is about."""
    named = [result.get("portal_id") or content.get("portal_id"), content.get("keep"), *content.get("end", ())]
    return [str(portal_id) for portal_id in named if portal_id]
