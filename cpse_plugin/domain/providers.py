"""The county's providers, their profile and how far each of them is set up."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ProviderType(StrEnum):
    """What a provider is; the value is the CPSE Portal's word for it."""

    AGENCY = "agency"
    INDIVIDUAL = "individual"

    @property
    def label(self) -> str:
        """The word on the screen."""
        return self.value.capitalize()


class SetUpStatus(StrEnum):
    """How far a provider is set up on the CPSE Portal, in the order of the work."""

    NOT_USED = "not-used"
    INCOMPLETE = "incomplete"
    NOT_LINKED = "not-linked"
    LINKED = "linked"
    INVITED = "invited"
    READY = "ready"

    @property
    def label(self) -> str:
        """The words on the screen."""
        return _STATUS_LABELS[self]


_STATUS_LABELS = {
    SetUpStatus.NOT_USED: "Does not use the Portal",
    SetUpStatus.INCOMPLETE: "Profile incomplete",
    SetUpStatus.NOT_LINKED: "Not linked",
    SetUpStatus.LINKED: "Linked, no admin user",
    SetUpStatus.INVITED: "Admin user invited",
    SetUpStatus.READY: "Set up",
}


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address in the United States; `state` has two letters, `postal_code` five digits or ZIP+4."""

    line1: str
    city: str
    state: str
    postal_code: str
    line2: str | None = None

    def __str__(self) -> str:
        street = f"{self.line1}, {self.line2}" if self.line2 else self.line1
        return f"{street}, {self.city}, {self.state} {self.postal_code}"


@dataclass(frozen=True, slots=True)
class Profile:
    """What staff edit on the tab Billing Provider Profile."""

    type: ProviderType | None
    npi: str | None
    sed_code: str | None
    uses_portal: bool


@dataclass(frozen=True, slots=True)
class Link:
    """The association of a county provider with a CPSE Portal provider, as the county has it on record."""

    portal_id: str
    linked_at: datetime
    linked_by: str


@dataclass(frozen=True, slots=True)
class CountyProvider:
    """A provider in the county's Preschool database.

    `county_provider_id` is the number that the Portal is told. `version` counts the changes of the row and guards
    against two people saving over each other.
    """

    id: int
    county_provider_id: str
    name: str
    profile: Profile
    address: Address | None
    phone: str | None
    status: SetUpStatus
    version: int
    updated_at: datetime
    updated_by: str
    link: Link | None = None


def set_up_status(profile: Profile, *, linked: bool, active_admins: int = 0, open_invitations: int = 0) -> SetUpStatus:
    """Say how far a provider is set up.

    `active_admins` and `open_invitations` are what the Portal answered when they were last retrieved.
    """
    if linked:
        if active_admins:
            return SetUpStatus.READY
        return SetUpStatus.INVITED if open_invitations else SetUpStatus.LINKED
    if not profile.uses_portal:
        return SetUpStatus.NOT_USED
    if profile.type is None or not (profile.npi or profile.sed_code):
        return SetUpStatus.INCOMPLETE
    return SetUpStatus.NOT_LINKED
