"""The lines of an address in the form of the Postal Service's Publication 28."""

import logging
import re
import threading

from .providers import Address
from .spelling import spellings, words, written_alike

_log = logging.getLogger("cpse_plugin")

# The library's parser is one for the process, and is told a line before it is asked about it.
_parsing = threading.Lock()
# What is compared is the street. With these the library has nothing to object to in a city or a ZIP code.
_ANYWHERE = {"city": "Albany", "state": "NY", "postal_code": "12207"}
_DIGITS = re.compile(r"[0-9]+")
_ORDINAL_ENDING = re.compile(r"(?<=[0-9])(?:st|nd|rd|th)\b")
# A number sign leaves open what it counts.
_COUNTED = ("suite", "apartment", "unit", "room")


def addresses_written_alike(one: Address, other: Address) -> bool:
    """Whether streets, units and cities differ in nothing but the way in which they are written."""
    cities = words(one.city) == words(other.city) or written_alike(one.city, other.city)
    return cities and _lines_alike(_lines(one), _lines(other))


def _lines_alike(one: str, other: str) -> bool:
    written = [spellings(words(lines), directions=False) for lines in (one, other)]
    if not written[0].isdisjoint(written[1]):
        return True
    # No way of writing an address changes its numbers; most that are different are known by them at once.
    numbers = [sorted(_DIGITS.findall(next(iter(spelled), ""))) for spelled in written]
    if numbers[0] != numbers[1]:
        return False
    ours, theirs = _standard(one), _standard(other)
    if ours is None or theirs is None:
        return written_alike(one, other)
    # In the standard form a direction is abbreviated, and North Street is not N Street.
    streets = [spellings(words(street), directions=False) for street, _ in (ours, theirs)]
    return not streets[0].isdisjoint(streets[1]) and not _units(ours[1]).isdisjoint(_units(theirs[1]))


def _lines(address: Address) -> str:
    return ", ".join(line for line in (address.line1, address.line2) if line)


def _standard(lines: str) -> tuple[str, str] | None:
    """Street and unit in the standard form; None where the library cannot tell, or has lost something."""
    try:
        # It takes a tenth of a second and 8 MB to load, and most processes never compare two addresses.
        from scourgify import normalize_address_record  # noqa: PLC0415

        with _parsing:
            found = normalize_address_record({"address_line_1": lines, "address_line_2": None, **_ANYWHERE})
        street, unit = found["address_line_1"] or "", found["address_line_2"] or ""
    except Exception as error:  # noqa: BLE001 - whatever a parser of free text stumbles over, there is a plain way.
        _log.debug("an address has no standard form: %r", error)
        return None
    return (street, unit) if _is_whole(lines, f"{street} {unit}") else None


def _is_whole(lines: str, standard: str) -> bool:
    """Whether nothing of the lines is missing in the standard form, which gives a unit's number the word UNIT."""
    given, found = words(lines), words(standard)
    if "unit" in found and "unit" not in given:
        found.remove("unit")
    return sorted(_DIGITS.findall(lines)) == sorted(_DIGITS.findall(standard)) and len(found) >= len(given)


def _units(unit: str) -> set[str]:
    found = words(unit)
    kinds = [[kind, *found] for kind in _COUNTED] if unit.startswith("#") else [found]
    written = set().union(*(spellings(kind, directions=False) for kind in kinds))
    return {_ORDINAL_ENDING.sub("", text) for text in written}
