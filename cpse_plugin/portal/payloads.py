"""What is sent to the Portal, in the contract's form."""

from ..domain.portal_records import NewInvitation, NewPortalProvider, Therapist
from ..domain.providers import Address


def new_provider(provider: NewPortalProvider) -> dict[str, object]:
    """Return a `NewProvider`."""
    return {
        "name": provider.name,
        "type": provider.type.value,
        "npi": provider.npi,
        "sed_code": provider.sed_code,
        "address": _address(provider.address),
        "phone": provider.phone,
        "county_provider_id": provider.county_provider_id,
    }


def new_invitation(invitation: NewInvitation) -> dict[str, object]:
    """Return a `NewInvitation`."""
    return {
        "first_name": invitation.first_name,
        "last_name": invitation.last_name,
        "email": invitation.email,
        "therapist": _therapist(invitation.therapist),
    }


def _therapist(therapist: Therapist | None) -> dict[str, object] | None:
    if therapist is None:
        return None
    return {
        "npi": therapist.npi,
        "profession": therapist.profession,
        "license_number": therapist.license_number,
    }


def _address(address: Address | None) -> dict[str, object] | None:
    if address is None:
        return None
    return {
        "line1": address.line1,
        "line2": address.line2,
        "city": address.city,
        "state": address.state,
        "postal_code": address.postal_code,
    }
