"""State, ZIP code and phone number of an address in the United States, as an export holds them.

Each reader returns the value, a refusal, or None where there is nothing to read.
"""

import re

from .refusals import Refusal
from .spreadsheets import find_damage
from .text import clean_text

# USPS Publication 28, appendix B: the States, the territories and the armed forces.
_STATE_NAMES = {
    "alabama": "AL", "alaska": "AK", "american samoa": "AS", "arizona": "AZ", "arkansas": "AR", "california": "CA",
    "colorado": "CO", "connecticut": "CT", "delaware": "DE", "district of columbia": "DC", "florida": "FL",
    "georgia": "GA", "guam": "GU", "hawaii": "HI", "idaho": "ID", "illinois": "IL", "indiana": "IN", "iowa": "IA",
    "kansas": "KS", "kentucky": "KY", "louisiana": "LA", "maine": "ME", "maryland": "MD", "massachusetts": "MA",
    "michigan": "MI", "minnesota": "MN", "mississippi": "MS", "missouri": "MO", "montana": "MT", "nebraska": "NE",
    "nevada": "NV", "new hampshire": "NH", "new jersey": "NJ", "new mexico": "NM", "new york": "NY",
    "north carolina": "NC", "north dakota": "ND", "northern mariana islands": "MP", "ohio": "OH", "oklahoma": "OK",
    "oregon": "OR", "pennsylvania": "PA", "puerto rico": "PR", "rhode island": "RI", "south carolina": "SC",
    "south dakota": "SD", "tennessee": "TN", "texas": "TX", "utah": "UT", "vermont": "VT", "virgin islands": "VI",
    "virginia": "VA", "washington": "WA", "west virginia": "WV", "wisconsin": "WI", "wyoming": "WY",
    "armed forces americas": "AA", "armed forces europe": "AE", "armed forces pacific": "AP",
}  # fmt: skip
_STATES = frozenset(_STATE_NAMES.values())

_ZIP = re.compile(r"([0-9]{5})(?:[- ]?([0-9]{4}))?")
_PHONE_MARKS = re.compile(r"[0-9 ().\-–+/]+")
# As nearly all of them are written. With points it looks like a number from a spreadsheet, and is none.
_USUAL_PHONE = re.compile(r"(?:\+?1[-. ])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-. ])[0-9]{3}[-. ][0-9]{4}")
_EXTENSION = re.compile(r"[, ]*(?:#|\b(?:extension|extn|ext|x)\b\.?|x(?=[0-9])) *:? *[0-9]{1,6}$", re.IGNORECASE)
# ITU-T E.164 has no more than fifteen; shorter ones than eight are not dialled from abroad.
_LEAST_DIGITS_ABROAD, _MOST_DIGITS_ABROAD = 8, 15


def read_state(text: str) -> str | Refusal | None:
    """Read a State of two letters, and return it in capitals; of a State's name the letters are the offer."""
    value = clean_text(text)
    if not value:
        return None
    if value.upper() in _STATES:
        return value.upper()
    letters = value.replace(".", "").replace(" ", "").upper()
    offer = _STATE_NAMES.get(value.casefold()) or (letters if letters in _STATES else None)
    return Refusal("no-state", "A State has two letters, such as NY.", offer)


def read_postal_code(text: str) -> str | Refusal | None:
    """Read a ZIP code, and return its five digits, or ZIP+4 with the hyphen.

    A spreadsheet that takes it for a number eats the leading zero of New England: four digits get the offer of it.
    """
    value = clean_text(text)
    if not value:
        return None
    if match := _ZIP.fullmatch(value):
        if match[1] == "00000":
            return Refusal("no-zip-code", "00000 is no ZIP code.")
        return f"{match[1]}-{match[2]}" if match[2] else match[1]
    damaged = find_damage(value)
    digits = damaged.digits if damaged else re.sub(r"[- ]", "", value)
    words = "A spreadsheet has made a number of this ZIP code." if damaged else "A ZIP code has five digits, or nine."
    return Refusal("no-zip-code", words, _zip_meant(digits or ""))


def read_phone(text: str) -> str | Refusal | None:
    """Read a phone number with its area code, and return it as it is written, with its extension if it has one."""
    value = clean_text(text)
    if not value:
        return None
    if _USUAL_PHONE.fullmatch(value):
        return value
    number = _EXTENSION.sub("", value)
    if _USUAL_PHONE.fullmatch(number):
        return value
    if damaged := find_damage(number):
        digits = damaged.digits or ""
        words = "A spreadsheet has made a number of this phone number."
        return Refusal("no-phone", words, digits if _is_phone(digits) else None)
    if _is_phone(number):
        return value
    if re.fullmatch(r"[0-9]{3}[- .]?[0-9]{4}", number):
        return Refusal("no-phone", "The area code of this phone number is missing.")
    return Refusal("no-phone", "A phone number has ten digits, the area code among them, and perhaps an extension.")


def _zip_meant(digits: str) -> str | None:
    if digits.isascii() and digits.isdigit() and len(digits) in (4, 5, 8, 9):
        full = digits if len(digits) in (5, 9) else f"0{digits}"
        return f"{full[:5]}-{full[5:]}" if len(full) > 5 else full
    return None


def _is_phone(number: str) -> bool:
    digits = re.sub(r"[^0-9]", "", number)
    if not _PHONE_MARKS.fullmatch(number):
        return False
    if number.lstrip("( ").startswith("+") and not digits.startswith("1"):
        return _LEAST_DIGITS_ABROAD <= len(digits) <= _MOST_DIGITS_ABROAD
    national = digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
    return len(national) == 10 and national[0] not in "01"
