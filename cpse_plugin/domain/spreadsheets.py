"""What a spreadsheet makes of digits that are no number: an identifier, a ZIP code, a phone number.

It takes them for a number, and so drops leading zeros, puts in a decimal point or separators, or shortens them to
scientific notation. What was meant can often be told, and is then offered; it is never taken unasked.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Damage(StrEnum):
    """What happened to the digits."""

    DECIMALS = "decimals"
    SCIENTIFIC = "scientific"
    DIGITS_LOST = "digits-lost"
    THOUSANDS = "thousands"
    TEXT_MARK = "text-mark"


@dataclass(frozen=True, slots=True)
class Damaged:
    """Digits that went through a spreadsheet.

    `digits` is what stood there before, where that can still be told; leading zeros that were lost are not back.
    """

    damage: Damage
    digits: str | None = None


_MARKS = "='\"`´‘’“” "
_SCIENTIFIC = re.compile(r"([0-9]+)(?:[.,]([0-9]*))?[eE]([+-]?)([0-9]{1,3})")
_THOUSANDS = re.compile(r"([0-9]{1,3}(?:(?:,[0-9]{3})+|(?:['’][0-9]{3})+|(?:\.[0-9]{3}){2,}))(?:[.,]([0-9]*))?")
_DECIMALS = re.compile(r"([0-9]+)[.,]([0-9]*)")
_NOT_DIGITS = re.compile(r"[^0-9]")

# Spreadsheets write a sign or a decimal point there. `12E4` can be somebody's own number.
_SURELY_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+[eE][+-]?|[eE][+-])[0-9]+")
_SURELY_MARKED = re.compile(r"=.*|['‘’][0-9(+].*")
# What databases and programs write where there is nothing, and spreadsheets where a formula failed.
_NO_VALUE = frozenset(
    {
        *(
            "-",
            "--",
            "---",
            "–",
            "—",
            ".",
            "?",
            "null",
            "(null)",
            "[null]",
            "<null>",
            "\\n",
            "nil",
            "none",
            "nan",
            "n/a",
        ),
        *("undefined", "#n/a", "#na", "#n/d", "#ref!", "#value!", "#div/0!", "#name?", "#null!", "#num!", "#spill!"),
        *("#calc!", "#field!", "#blocked!", "#connect!", "err:502", "err:504", "err:508", "err:520"),
    }
)

_LONGEST_NO_VALUE = max(map(len, _NO_VALUE))


def find_damage(text: str) -> Damaged | None:
    """Say what a spreadsheet made of digits, or None where `text` does not look like that."""
    compact = text.replace(" ", "")
    inner = compact.strip(_MARKS)
    if inner != compact:
        within = find_damage(inner)
        digits = within.digits if within else _digits_alone(inner)
        return Damaged(Damage.TEXT_MARK, digits) if within or digits else None
    if match := _SCIENTIFIC.fullmatch(compact):
        digits = _written_out(match[1], match[2] or "", -int(match[4]) if match[3] == "-" else int(match[4]))
        return Damaged(Damage.SCIENTIFIC if digits else Damage.DIGITS_LOST, digits)
    if match := _THOUSANDS.fullmatch(compact):
        return Damaged(Damage.THOUSANDS, _whole(_NOT_DIGITS.sub("", match[1]), match[2] or ""))
    if match := _DECIMALS.fullmatch(compact):
        return Damaged(Damage.DECIMALS, _whole(match[1], match[2]))
    return None


def spoiled_cell(text: str) -> str | None:
    """Say why a cell of any column holds no value but what a program wrote in its place; None where it holds one."""
    if text[:1].isalpha() and len(text) > _LONGEST_NO_VALUE:
        return None
    if text.casefold() in _NO_VALUE or set(text) == {"#"}:
        return "stands for a missing value or a failed formula; leave the cell empty or give the value"
    if _SURELY_SCIENTIFIC.fullmatch(text):
        return "is a spreadsheet's scientific notation; give the digits as they were"
    if _SURELY_MARKED.fullmatch(text):
        return "has a spreadsheet's mark before the value; give the value alone"
    return None


def _digits_alone(text: str) -> str | None:
    return text if text.isascii() and text.isdigit() else None


def _written_out(whole: str, fraction: str, exponent: int) -> str | None:
    """The digits of a number in scientific notation, or None where not all of them are there."""
    if not 0 < exponent <= len(fraction):
        return None
    return _whole(whole + fraction[:exponent], fraction[exponent:])


def _whole(digits: str, fraction: str) -> str | None:
    """The digits before the decimal point, where nothing but zeros follows it."""
    return None if fraction.strip("0") else digits
