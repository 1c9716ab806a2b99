"""Words that several places say about the same thing."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from ..domain.identifiers import NPI_LENGTH, SED_CODE_LENGTH, IdentifierCheck, IdentifierFault

_NEW_YORK = ZoneInfo("America/New_York")
# The script of the field NPI says the same as one types; `{n}` is a number of digits.
NPI_WORDS = {
    "missing": "{n} more digits needed.",
    "one-missing": "1 more digit needed.",
    "too-long": "An NPI has ten digits; these are {n}.",
    "not-digits": "An NPI has digits only.",
    "first-digit": "An NPI begins with 1 or 2.",
    "check-digit": "The check digit is wrong: one of the ten digits was mistyped.",
    "asking": "Looking up the name…",
    "again": "It is tried again by itself in {n} seconds. You can still save this NPI.",
    "silence": "The name could not be looked up. You can go on without it, or try again.",
}


def day(value: date) -> str:
    """A day as it stands on the screen, of a moment the day that it is in the county: Nov 3, 2026."""
    if isinstance(value, datetime):
        value = _in_the_county(value)
    return f"{value:%b} {value.day}, {value.year}"


def moment(value: datetime) -> str:
    """A moment as it stands on the screen: Nov 3, 2026 at 14:05 EST."""
    return f"{day(value)} at {_in_the_county(value):%H:%M %Z}"


def _in_the_county(value: datetime) -> datetime:
    return value.astimezone(_NEW_YORK)


def npi_fault_words(check: IdentifierCheck) -> str:
    """Say what is wrong with an NPI; an empty text where nothing is."""
    if check.fault is None:
        return ""
    if check.fault is IdentifierFault.TOO_SHORT:
        words = NPI_WORDS["one-missing" if check.missing == 1 else "missing"]
        return f"An NPI has {NPI_LENGTH} digits. " + words.replace("{n}", str(check.missing))
    return NPI_WORDS[check.fault].replace("{n}", str(len(check.value)))


def sed_code_fault_words(check: IdentifierCheck) -> str:
    """Say what is wrong with an SED code; an empty text where nothing is."""
    if check.fault is None:
        return ""
    if check.fault is IdentifierFault.NOT_DIGITS:
        return "An SED code has digits only."
    words = f"An SED code has {SED_CODE_LENGTH} digits; this one has {len(check.value)}."
    if check.suggestion:
        words += f" Was a leading zero lost? Then it would be {check.suggestion}."
    return words
