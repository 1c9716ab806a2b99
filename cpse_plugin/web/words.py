"""Words that several places say about the same thing."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from ..domain.identifiers import NPI_WORDS, IdentifierFault

_NEW_YORK = ZoneInfo("America/New_York")
# What the script of the field NPI says as one types: by fault, as the server says it afterwards, and what else it says.
SCRIPT_NPI_WORDS = {
    **{fault.value: NPI_WORDS[fault] for fault in IdentifierFault},
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
