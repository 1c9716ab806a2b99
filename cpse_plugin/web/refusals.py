"""What the CPSE Portal says, or will say, against single values, in the names that they have on the screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class RefusedValues:
    """What is said against values of a provider, in one sentence each, and where they are mended."""

    points: tuple[str, ...]
    remedy: str


def named(error: FieldError) -> str:
    """A refusal of one value, with the name of its field in front; one of no field, or of an unknown one, as it is."""
    name = _NAMES.get(error.pointer) or error.pointer.strip("/").replace("/", ", ").replace("_", " ")
    return f"{name}: {error.detail}" if name else error.detail


def of_addition(errors: Sequence[FieldError], provider: NewPortalProvider) -> RefusedValues:
    """What was refused of a provider that was to be added, with the county's values."""
    values = values_of(provider)
    return RefusedValues(tuple(_point(error, values) for error in errors), _remedy(errors))


def before_addition(provider: NewPortalProvider) -> RefusedValues:
    """The same of what can be known before anything is sent."""
    return of_addition([FieldError(found.pointer, found.fault) for found in contract_faults(provider)], provider)


def _point(error: FieldError, values: Mapping[str, str | None]) -> str:
    if error.pointer not in values:
        return named(error)
    value = values[error.pointer]
    ours = f"the county's record says {value}" if value else "the county's record has nothing there"
    return f"{named(error).rstrip('.')}; {ours}."


def _remedy(errors: Sequence[FieldError]) -> str:
    known = [error.pointer for error in errors if error.pointer in _NAMES]
    imported = [_NAMES[pointer] for pointer in known if pointer not in _OF_THE_PROFILE]
    of_the_profile = [_NAMES[pointer] for pointer in known if pointer in _OF_THE_PROFILE]
    sentences = []
    if imported:
        what = "What is named here comes" if not of_the_profile else f"{', '.join(imported)}: this comes"
        sentences.append(
            f"{what} from the Preschool database. Mend it there; it is right here after the next import of providers."
        )
    if of_the_profile:
        what = "What is named here" if not imported else f"{', '.join(of_the_profile)}: this"
        sentences.append(f"{what} is mended on the tab Billing Provider Profile.")
    return " ".join(sentences)
