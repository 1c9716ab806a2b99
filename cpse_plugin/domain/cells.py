"""Cells of a CSV file that somebody opens in a spreadsheet (OWASP, CSV Injection)."""

import re
import unicodedata

# What a formula begins with, in full width too: spreadsheets for Chinese and Japanese take it for the same.
_SIGNS = "=+\\-@＝＋－＠﹦﹢﹣﹫"
# A semicolon separates cells where the comma separates decimals, and a line's end ends the row wherever quotes do not
# count: the spreadsheet may then begin a cell in the middle of ours.
_CELL_BEGINS = re.compile(f"(^|[;\t\r\n])([^;\t\r\n{_SIGNS}]*)(?=[{_SIGNS}])")
_LINE_BEGINS = ("\t", "\r", "\n")


def harmless(cell: str) -> str:
    """The cell as text: an apostrophe goes before whatever a spreadsheet could take for a formula.

    It looks behind what nobody sees: blanks, zero-width characters, a byte order mark.
    """
    made_text = _CELL_BEGINS.sub(lambda found: f"{found[1]}{_apostrophe(found[2])}{found[2]}", cell)
    return f"'{made_text}" if made_text.startswith(_LINE_BEGINS) else made_text


def _apostrophe(before_the_sign: str) -> str:
    return "'" if all(_is_invisible(character) for character in before_the_sign) else ""


def _is_invisible(character: str) -> bool:
    # Fillers and variation selectors are letters and marks by their category, and take no ink.
    category = unicodedata.category(character)
    return character.isspace() or category in ("Cc", "Cf", "Mn", "Me") or character in "\u115f\u1160\u3164\uffa0\u2800"
