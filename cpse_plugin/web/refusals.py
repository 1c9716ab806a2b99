"""What the CPSE Portal says, or will say, against single values, in the names that they have on the screen."""

from collections.abc import Iterable, Mapping, Sequence

from ..domain.contract import contract_faults, values_of
from ..domain.portal_records import NewPortalProvider
from ..portal.gateway import FieldError

_NAMES = {
    "/name": "Name",
    "/type": "Provider Type",
    "/npi": "NPI",
    "/sed_code": "SED Code",
    "/address": "Address",
    "/address/line1": "Address",
    "/address/line2": "Second line of the address",
    "/address/city": "City",
    "/address/state": "State",
    "/address/postal_code": "ZIP code",
    "/phone": "Phone",
    "/county_provider_id": "Number in the Preschool database",
    "/first_name": "First name",
    "/last_name": "Last name",
    "/email": "E-mail address",
    "/therapist": "Therapist / service provider",
    "/therapist/npi": "NPI",
    "/therapist/profession": "Profession",
    "/therapist/license_number": "License",
}
# What staff set themselves, on the tab Billing Provider Profile; all else of a provider is imported.
_OF_THE_PROFILE = frozenset({"/type", "/npi", "/sed_code"})
_WHERE_IMPORTED = (
    "It comes from the Preschool database: mend it there, and it is right here after the next import of the providers."
)
_WHERE_SET = "It is mended on the tab Billing Provider Profile."


def named(error: FieldError) -> str:
    """A refusal of one value, with the name of its field in front; one of no field, or of an unknown one, as it is."""
    name = _NAMES.get(error.pointer) or error.pointer.strip("/").replace("/", ", ").replace("_", " ")
    return f"{name}: {error.detail}" if name else error.detail


def of_addition(errors: Sequence[FieldError], provider: NewPortalProvider) -> tuple[str, ...]:
    """What was refused of a provider that was to be added: with the county's value, and where it is mended."""
    return _told(errors, values_of(provider))


def before_addition(provider: NewPortalProvider) -> tuple[str, ...]:
    """The same of what can be known before anything is sent."""
    return of_addition([FieldError(found.pointer, found.fault) for found in contract_faults(provider)], provider)


def _told(errors: Iterable[FieldError], values: Mapping[str, str | None]) -> tuple[str, ...]:
    sentences = []
    for error in errors:
        value = values.get(error.pointer)
        ours = f"the county's record says {value}" if value else "the county's record has nothing there"
        where = _WHERE_SET if error.pointer in _OF_THE_PROFILE else _WHERE_IMPORTED
        if error.pointer not in _NAMES:
            sentences.append(named(error))
        elif error.pointer in values:
            sentences.append(f"{named(error).rstrip('.')}; {ours}. {where}")
        else:
            sentences.append(f"{named(error).rstrip('.')}. {where}")
    return tuple(sentences)
