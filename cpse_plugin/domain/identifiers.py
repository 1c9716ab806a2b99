"""The identifiers of a provider: NPI, SED code and State license number.

The NPI's check digit is laid down in 45 CFR 162.406 and the CMS paper
https://www.cms.gov/Regulations-and-Guidance/Administrative-Simplification/NationalProvIdentStand/Downloads/NPIcheckdigit.pdf
"""

import re
from dataclasses import dataclass
from enum import StrEnum

NPI_LENGTH = 10
SED_CODE_LENGTH = 12
_LICENSE_LENGTH = 6

# Luhn over the prefix 80840, which every NPI stands behind, adds 24 to the sum of the ten digits themselves.
_PREFIX_SUM = 24
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_SEPARATORS = re.compile(r"[\s\-.\u2010-\u2015]+")


class IdentifierFault(StrEnum):
    """Why a text is no NPI or no SED code."""

    NOT_DIGITS = "not-digits"
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    FIRST_DIGIT = "first-digit"
    CHECK_DIGIT = "check-digit"


@dataclass(frozen=True, slots=True)
class IdentifierCheck:
    """What came of reading an identifier.

    `value` is the text without spaces and hyphens, whether it is valid or not. `missing` counts the digits that are
    missing where the fault is `TOO_SHORT`. `suggestion` is a value worth offering in place of what was typed.
    """

    value: str
    fault: IdentifierFault | None = None
    missing: int = 0
    suggestion: str | None = None

    @property
    def valid(self) -> bool:
        """Whether the value can be used as it is."""
        return self.fault is None and bool(self.value)


def npi_check_digit_is_right(npi: str) -> bool:
    """Whether ten ASCII digits pass the Luhn check over `80840` and themselves."""
    digits = [ord(character) - 48 for character in npi]
    total = _PREFIX_SUM + sum(digits[1::2]) + sum(_DOUBLED[digit] for digit in digits[0::2])
    return total % 10 == 0


def is_npi(text: str) -> bool:
    """Whether `text` is exactly a well-formed NPI: ten digits, the first 1 or 2, the tenth the right check digit."""
    return (
        len(text) == NPI_LENGTH
        and text.isascii()
        and text.isdigit()
        and text[0] in "12"
        and npi_check_digit_is_right(text)
    )


def check_npi(text: str) -> IdentifierCheck:
    """Read an NPI as a person typed it; spaces and hyphens do not count. An empty text has no fault."""
    value = _SEPARATORS.sub("", text)
    fault = _digits_fault(value, NPI_LENGTH)
    if fault is None and value:
        if value[0] not in "12":
            fault = IdentifierFault.FIRST_DIGIT
        elif not npi_check_digit_is_right(value):
            fault = IdentifierFault.CHECK_DIGIT
    missing = NPI_LENGTH - len(value) if fault is IdentifierFault.TOO_SHORT else 0
    return IdentifierCheck(value, fault, missing)


def check_sed_code(text: str) -> IdentifierCheck:
    """Read a 12-digit SED code as a person typed it; an empty text has no fault.

    A spreadsheet that takes the code for a number eats the leading zero of the counties 01 to 09: eleven digits get
    the code with its zero back as the suggestion.
    """
    value = _SEPARATORS.sub("", text)
    fault = _digits_fault(value, SED_CODE_LENGTH)
    if fault is not IdentifierFault.TOO_SHORT:
        return IdentifierCheck(value, fault)
    missing = SED_CODE_LENGTH - len(value)
    return IdentifierCheck(value, fault, missing, suggestion=f"0{value}" if missing == 1 else None)


def _digits_fault(value: str, length: int) -> IdentifierFault | None:
    if not value:
        return None
    if not (value.isascii() and value.isdigit()):
        return IdentifierFault.NOT_DIGITS
    if len(value) < length:
        return IdentifierFault.TOO_SHORT
    if len(value) > length:
        return IdentifierFault.TOO_LONG
    return None


def fold_license(text: str) -> str:
    """Return a New York license number in the form in which two are compared: six digits with leading zeros.

    One leading letter and a suffix such as `-1` are dropped, so that `F300318`, `300318` and `300318-1` are equal.
    A text of another shape is returned without spaces and in capitals.
    """
    compact = re.sub(r"\s+", "", text).upper()
    match = re.fullmatch(r"[A-Z]?([0-9]{1,6})(?:-[0-9]+)?", compact)
    return match[1].zfill(_LICENSE_LENGTH) if match else compact
