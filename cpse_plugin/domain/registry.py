"""What the NPI Registry says of a provider."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from .providers import ProviderType


class ProviderKind(StrEnum):
    """The registry's entity type; the value is the API's `enumeration_type`."""

    INDIVIDUAL = "NPI-1"
    ORGANIZATION = "NPI-2"

    @property
    def label(self) -> str:
        """The words on the screen."""
        return "an individual" if self is ProviderKind.INDIVIDUAL else "an organization"


@dataclass(frozen=True, slots=True)
class NpiRecord:
    """An entry of the NPI Registry.

    A deactivated NPI has no more than its number and, where the source tells it, the date: `name` is empty and `kind`
    is unknown. One that was reactivated has both dates and is active. `name` is as it was typed at registration,
    mostly in capitals; `suffix` is what stands behind a person's name, such as `JR.`; `doing_business_as` are the other
    names under which an organization is known. `status` is there where the registry says something else than active.
    """

    npi: str
    kind: ProviderKind | None
    name: str
    credential: str | None = None
    active: bool = True
    deactivated_on: date | None = None
    reactivated_on: date | None = None
    primary_taxonomy: str | None = None
    city: str | None = None
    state: str | None = None
    suffix: str | None = None
    doing_business_as: tuple[str, ...] = ()
    status: str | None = None

    @property
    def full_name(self) -> str:
        """The name with its suffix."""
        return f"{self.name} {self.suffix}" if self.suffix else self.name


def kind_expected(provider_type: ProviderType | None) -> ProviderKind | None:
    """The kind of NPI that belongs to a Provider Type: an agency is an organization, an individual a person."""
    if provider_type is None:
        return None
    return ProviderKind.ORGANIZATION if provider_type is ProviderType.AGENCY else ProviderKind.INDIVIDUAL
