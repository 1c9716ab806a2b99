"""The identifiers of a provider: NPI, SED code, State license number, and the county's own number.

An identifier is read from what a person typed or a file holds. Blanks, and hyphens between the groups of digits, are
how people write; anything else is never taken away, because what would be left is another identifier. Where it can be
told what was meant, that is offered. `static/js/npi.js` has as much of the rule as an NPI that is being typed needs.

The NPI's check digit is laid down in 45 CFR 162.406 and the CMS paper
https://www.cms.gov/Regulations-and-Guidance/Administrative-Simplification/NationalProvIdentStand/Downloads/NPIcheckdigit.pdf
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from unicodedata import normalize

from .refusals import Refusal
from .spreadsheets import Damage, find_damage, spoiled_cell
from .text import clean_text

NPI_LENGTH = 10
SED_CODE_LENGTH = 12
LONGEST_LICENSE = 20
_LICENSE_LENGTH = 6

# Luhn over the prefix 80840, which every NPI stands behind, adds 24 to the sum of the ten digits themselves.
_PREFIX_SUM = 24
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
# Beyond that a text was pasted by mistake; cleaning would have to cut it.
_LONGEST_TEXT = 1000
# What Unicode calls dashes, and the minus sign.
_DASHES = (
    "\\-\u058a\u05be\u1400\u1806\u2010-\u2015\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u301c\u3030\u30a0"
    "\ufe31\ufe32\ufe58\ufe63\uff0d"
)
# Whoever is still typing has a hyphen at the end.
_GROUPED = re.compile(f"[0-9]+(?:(?: ?[{_DASHES}] ?| )[0-9]+)*(?: ?[{_DASHES}])?")
_NOT_DIGITS = re.compile(r"[^0-9]")
# An identifier that was copied with its label and with signs between and behind its digits: `NPI: 1999-101-219;`.
_LABELLED = re.compile(r"[^0-9]{0,20}[0-9](?:[0-9_]|[^\w.,])*")
_LEADING_ZEROS = re.compile(r"^([^0-9]*)0+(?=[0-9])")
_BLANKS_AND_MARKS = re.compile(r"[\s'’]")
_ZERO_DECIMALS = re.compile(r"([0-9])\.0+$")


class IdentifierFault(StrEnum):
    """Why a text is no NPI or no SED code, beside what a spreadsheet did to it (`Damage`)."""

    NOT_DIGITS = "not-digits"
    ONE_MISSING = "one-missing"
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    FIRST_DIGIT = "first-digit"
    CHECK_DIGIT = "check-digit"


def _words(article_and_name: str) -> dict[str, str]:
    return {
        IdentifierFault.NOT_DIGITS: f"{article_and_name} has digits only.",
        Damage.DECIMALS: f"{article_and_name} has no decimal point; a spreadsheet may have put it there.",
        Damage.SCIENTIFIC: "This is a spreadsheet's scientific notation.",
        Damage.DIGITS_LOST: "This is a spreadsheet's scientific notation, and its last digits are lost.",
        Damage.THOUSANDS: "A spreadsheet has put separators between the thousands.",
        Damage.TEXT_MARK: "The marks around the digits are a spreadsheet's.",
    }


# By fault; `{n}` is how many digits there are, `{missing}` how many are not.
NPI_WORDS: Mapping[str, str] = _words("An NPI") | {
    IdentifierFault.ONE_MISSING: "1 more digit needed.",
    IdentifierFault.TOO_SHORT: "{missing} more digits needed.",
    IdentifierFault.TOO_LONG: "An NPI has ten digits; these are {n}.",
    IdentifierFault.FIRST_DIGIT: "An NPI begins with 1 or 2.",
    IdentifierFault.CHECK_DIGIT: "The check digit is wrong: one of the ten digits was mistyped.",
}
_SED_CODE_LENGTH_WORDS = "An SED code has 12 digits; this one has {n}."
SED_CODE_WORDS: Mapping[str, str] = _words("An SED code") | {
    IdentifierFault.ONE_MISSING: f"{_SED_CODE_LENGTH_WORDS} A leading zero may be lost.",
    IdentifierFault.TOO_SHORT: _SED_CODE_LENGTH_WORDS,
    IdentifierFault.TOO_LONG: _SED_CODE_LENGTH_WORDS,
}


@dataclass(frozen=True, slots=True)
class Npi:
    """A National Provider Identifier of the right form; `parse` makes it."""

    digits: str

    def __str__(self) -> str:
        return self.digits

    @classmethod
    def parse(cls, text: str) -> Self | Refusal | None:
        """Read an NPI as it was typed or comes in a file; None where there is nothing to read."""
        read = _read(text, NPI_LENGTH, _npi_meant)
        digits, fault = read.value, read.fault
        if not digits:
            return None
        if read.grouped and digits[0] not in "12":
            fault = IdentifierFault.FIRST_DIGIT
        elif fault is None and not npi_check_digit_is_right(digits):
            fault = IdentifierFault.CHECK_DIGIT
        if fault is None:
            return cls(digits)
        words = NPI_WORDS[fault].replace("{n}", str(len(digits))).replace("{missing}", str(NPI_LENGTH - len(digits)))
        return Refusal(fault, words, read.offer)


@dataclass(frozen=True, slots=True)
class SedCode:
    """A 12-digit code of the State Education Department; `parse` makes it."""

    digits: str

    def __str__(self) -> str:
        return self.digits

    @classmethod
    def parse(cls, text: str) -> Self | Refusal | None:
        """Read an SED code as it was typed or comes in a file; None where there is nothing to read.

        A spreadsheet that takes the code for a number eats the leading zero of the counties 01 to 09: of eleven
        digits the code with its zero back is the offer.
        """
        read = _read(text, SED_CODE_LENGTH, _sed_code_meant)
        if not read.value:
            return None
        if read.fault is None:
            return cls(read.value)
        return Refusal(read.fault, SED_CODE_WORDS[read.fault].replace("{n}", str(len(read.value))), read.offer)


@dataclass(frozen=True, slots=True)
class LicenseNumber:
    """The number of a New York license, as it is written; `parse` makes it."""

    text: str

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Self | Refusal | None:
        """Read a license number as it was typed or comes in a file; None where there is nothing to read."""
        value = clean_text(text)
        if not value:
            return None
        if len(value) > LONGEST_LICENSE:
            return Refusal(IdentifierFault.TOO_LONG, f"A license number has at most {LONGEST_LICENSE} characters.")
        if damaged := find_damage(value):
            return Refusal(damaged.damage, "A spreadsheet has made a number of this license number.", damaged.digits)
        if reason := spoiled_cell(value):
            return Refusal("no-value", f"This {reason}.")
        return cls(value)


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


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read; `grouped` says that `value` is digits, else it is the text as it was written."""

    value: str
    grouped: bool = False
    fault: str | None = None
    offer: str | None = None


def _read(text: str, length: int, meant: Callable[[str], str | None]) -> _Read:
    """Read digits in groups, `length` of them; `meant` makes an offer of digits that were written otherwise."""
    if len(text) == length and text.isascii() and text.isdigit():
        return _Read(text, True)
    if len(text) > _LONGEST_TEXT:
        return _Read(text, fault=IdentifierFault.TOO_LONG)
    cleaned = clean_text(text)
    if _GROUPED.fullmatch(cleaned):
        digits = _NOT_DIGITS.sub("", cleaned)
        fault = _length_fault(len(digits), length)
        return _Read(digits, True, fault, meant(digits) if fault else None)
    plain = normalize("NFKC", cleaned)
    if damaged := find_damage(plain):
        return _Read(cleaned, fault=damaged.damage, offer=meant(damaged.digits) if damaged.digits else None)
    digits = _NOT_DIGITS.sub("", plain) if _LABELLED.fullmatch(plain) else ""
    return _Read(cleaned, fault=IdentifierFault.NOT_DIGITS, offer=meant(digits) if len(digits) == length else None)


def _length_fault(count: int, length: int) -> IdentifierFault | None:
    if count == length:
        return None
    if count > length:
        return IdentifierFault.TOO_LONG
    return IdentifierFault.ONE_MISSING if count == length - 1 else IdentifierFault.TOO_SHORT


def _npi_meant(digits: str) -> str | None:
    return digits if is_npi(digits) else None


def _sed_code_meant(digits: str) -> str | None:
    if len(digits) == SED_CODE_LENGTH - 1:
        return f"0{digits}"
    return digits if len(digits) == SED_CODE_LENGTH else None


def loose_number(text: str) -> str:
    """The form in which two spellings of one county provider id are equal.

    Two that differ only by case, blanks, leading zeros (`0417`, `P-0417`) or a spreadsheet's `.0` are one.
    """
    plain = _BLANKS_AND_MARKS.sub("", normalize("NFKC", text)).casefold()
    return _LEADING_ZEROS.sub(r"\1", _ZERO_DECIMALS.sub(r"\1", plain))


def fold_license(text: str) -> str:
    """Return a New York license number in the form in which two are compared: six digits with leading zeros.

    One leading letter and a suffix such as `-1` are dropped, so that `F300318`, `300318` and `300318-1` are equal.
    A text of another shape is returned without spaces and in capitals.
    """
    compact = re.sub(r"\s+", "", text).upper()
    match = re.fullmatch(r"[A-Z]?([0-9]{1,6})(?:-[0-9]+)?", compact)
    return match[1].zfill(_LICENSE_LENGTH) if match else compact
