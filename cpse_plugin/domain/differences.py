"""The county's and the Portal's record of a provider, side by side."""

import re
from dataclasses import dataclass
from enum import StrEnum

from .portal_records import PortalProvider
from .providers import Address, CountyProvider
from .text import fold


class Outcome(StrEnum):
    """How two values of a field compare; the value is what the screen says."""

    SAME = "Same"
    DIFFERENT = "Different"
    MISSING_IN_COUNTY = "Missing in the county's record"
    MISSING_ON_PORTAL = "Missing on the CPSE Portal"
    MISSING_ON_BOTH = "Missing on both sides"


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """One field of both records, shown as they are and compared after normalisation."""

    label: str
    county: str
    portal: str
    outcome: Outcome

    @property
    def differs(self) -> bool:
        """Whether the field deserves a second look before the providers are linked."""
        return self.outcome not in (Outcome.SAME, Outcome.MISSING_ON_BOTH)


class MatchRule(StrEnum):
    """Why a Portal provider was found for a county provider; the value is what the screen says."""

    NPI = "NPI"
    SED_CODE = "SED code"
    BOTH = "NPI and SED code"


def match_rule(county: CountyProvider, portal: PortalProvider) -> MatchRule | None:
    """Say which identifiers the two share, or None where they share neither."""
    by_npi = bool(county.profile.npi) and county.profile.npi == portal.npi
    by_sed_code = bool(county.profile.sed_code) and county.profile.sed_code == portal.sed_code
    if by_npi and by_sed_code:
        return MatchRule.BOTH
    if by_npi:
        return MatchRule.NPI
    return MatchRule.SED_CODE if by_sed_code else None


def compare(county: CountyProvider, portal: PortalProvider) -> tuple[FieldComparison, ...]:
    """Compare name, type, NPI, SED code, address and phone after normalising case, punctuation and spaces."""
    profile = county.profile
    return (
        _compare("Name", county.name, portal.name),
        _compare("Provider Type", _label(profile.type), _label(portal.type)),
        _compare("NPI", profile.npi, portal.npi),
        _compare("SED Code", profile.sed_code, portal.sed_code),
        _compare(
            "Address", _shown(county.address), _shown(portal.address), _folded_address(county.address, portal.address)
        ),
        _compare("Phone", county.phone, portal.phone, (_folded_phone(county.phone), _folded_phone(portal.phone))),
    )


def _compare(
    label: str, county: str | None, portal: str | None, folded: tuple[str, str] | None = None
) -> FieldComparison:
    here, there = county or "", portal or ""
    one, other = folded or (fold(here), fold(there))
    if not here and not there:
        outcome = Outcome.MISSING_ON_BOTH
    elif not here:
        outcome = Outcome.MISSING_IN_COUNTY
    elif not there:
        outcome = Outcome.MISSING_ON_PORTAL
    else:
        outcome = Outcome.SAME if one == other else Outcome.DIFFERENT
    return FieldComparison(label, here, there, outcome)


def _label(value: object) -> str:
    return str(getattr(value, "label", "") or "")


def _shown(address: Address | None) -> str:
    return str(address) if address else ""


def _folded_address(county: Address | None, portal: Address | None) -> tuple[str, str]:
    """Fold two addresses; the four digits of ZIP+4 count only where both sides have them."""
    if county is None or portal is None:
        return _shown(county), _shown(portal)
    length = min(len(_digits(county.postal_code)), len(_digits(portal.postal_code)))

    def folded(address: Address) -> str:
        parts = (address.line1, address.line2 or "", address.city, address.state)
        return "|".join((fold("".join(parts)), _digits(address.postal_code)[:length]))

    return folded(county), folded(portal)


def _folded_phone(phone: str | None) -> str:
    """Fold a phone number to its digits; the country code 1 does not count."""
    text = (phone or "").strip()
    digits = _digits(text)
    if len(digits) > 10 and digits.startswith("1"):
        digits = digits[1:]
    return digits or fold(text)


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)
