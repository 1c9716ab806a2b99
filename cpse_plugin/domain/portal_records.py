"""What the CPSE Portal has and is told, as far as the county's work needs it.

The fields are those of the schemas of the same names in `cpse_plugin/portal/openapi.yaml`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .providers import Address, ProviderType


class PortalStatus(StrEnum):
    """Whether a provider works with the Portal at present."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class InvitationStatus(StrEnum):
    """Where an invitation stands."""

    SENT = "sent"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    REVOKED = "revoked"


class AdminStatus(StrEnum):
    """Whether an admin user can sign in to the Portal."""

    ACTIVE = "active"
    LOCKED = "locked"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Association:
    """This county's association with a Portal provider, as the Portal has it."""

    county_provider_id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class PortalProvider:
    """A provider on the CPSE Portal."""

    id: str
    name: str
    type: ProviderType | None
    npi: str | None
    sed_code: str | None
    address: Address | None
    phone: str | None
    status: PortalStatus
    association: Association | None
    updated_at: datetime


def associated_number(portal: PortalProvider | None) -> str | None:
    """The county's number of the provider that the Portal has one associated with; None where there is neither."""
    return portal.association.county_provider_id if portal is not None and portal.association is not None else None


@dataclass(frozen=True, slots=True)
class NewPortalProvider:
    """A county provider as it is to be added to the Portal."""

    county_provider_id: str
    name: str
    type: ProviderType
    npi: str | None
    sed_code: str | None
    address: Address | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Therapist:
    """What an admin user brings along who is also a therapist or service provider; each part can come later."""

    npi: str | None = None
    profession: str | None = None
    license_number: str | None = None


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """A person whom the Portal is to invite as an admin user of a provider."""

    first_name: str
    last_name: str
    email: str
    therapist: Therapist | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the county should know and need not act on; `pointer` is a JSON Pointer into what was sent."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that the Portal has e-mailed."""

    id: str
    first_name: str
    last_name: str
    email: str
    therapist: Therapist | None
    status: InvitationStatus
    notices: tuple[Notice, ...]
    invited_by: str | None
    created_at: datetime
    sent_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AdminUser:
    """A person who can sign in to the Portal as an administrator of a provider."""

    id: str
    username: str
    first_name: str
    last_name: str
    email: str
    therapist: Therapist | None
    status: AdminStatus
    last_signed_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class Profession:
    """A profession that a therapist or service provider can have on the Portal."""

    code: str
    name: str
