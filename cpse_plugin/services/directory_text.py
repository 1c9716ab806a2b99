"""Opens an export of the county's Preschool database: its encoding, its separator, its rows.

A county's programs write CSV in several ways. Each that can be told for sure is read, and what was assumed is said;
what could be read in two ways is refused.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..domain.text import clean_text


class DirectoryError(ValueError):
    """The export cannot be used; the text says where and why, with a line for each fault."""


@dataclass(frozen=True, slots=True)
class Table:
    """The cleaned names of the header, the rows below it with the line on which each begins, and what was assumed.

    Taking the rows raises `DirectoryError` at one that cannot be taken apart.
    """

    header: list[str]
    rows: Iterator[tuple[int, list[str]]]
    assumed: tuple[str, ...]


# Longer ones first: the mark of UTF-32 begins with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# DOS programs close a file with Ctrl-Z, and fill the rest of its last block.
_AFTER_THE_END = "\r\n\0\x1a "
# An accented letter or a typographic mark in UTF-8; in Windows-1252 nobody writes these one after the other.
_SURELY_UTF_8 = re.compile(rb"\xc3[\x80-\xbf]|\xe2\x80[\x90-\xbf]")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def open_table(path: Path, required: Sequence[str], known: Sequence[str]) -> Table:
    """Open a CSV file whose header has the `required` columns among others that are `known`.

    Raises `DirectoryError` where it is no CSV file, its encoding cannot be told, or its separator cannot.
    """
    text, encoding = _decode(path.read_bytes())
    lines = io.StringIO(text.rstrip(_AFTER_THE_END), newline="")
    named, skipped = _separator_line(lines)
    start = lines.tell()
    separator = _separator(lines, required, known, named)
    if named not in (None, separator):
        raise DirectoryError(
            f"its first line says {named!r} stands between the columns, and its header has {separator!r}"
        )
    lines.seek(start)
    rows = _rows(lines, separator, skipped)
    _, header = next(rows, (1, []))
    assumed = [f"it is in {encoding}"] if encoding else []
    if separator != ",":
        assumed.append(f"its columns are separated by {_SEPARATORS.get(separator, repr(separator))}")
    return Table([clean_text(name) for name in header], rows, tuple(assumed))


def _decode(data: bytes) -> tuple[str, str | None]:
    """The text of a file, and the encoding where it is another than UTF-8."""
    if data.startswith(_SPREADSHEETS):
        raise DirectoryError("it is a spreadsheet; save it as CSV")
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(encoding), None if encoding == "utf-8" else encoding[:6].upper()
            except UnicodeDecodeError as error:
                raise DirectoryError(f"it begins as a text in {encoding[:6].upper()} and is not one") from error
    try:
        return _without_nul(data.decode("utf-8")), None
    except UnicodeDecodeError as error:
        if _SURELY_UTF_8.search(data):
            line = data.count(b"\n", 0, error.start) + 1
            raise DirectoryError(
                f"line {line}: this is not in UTF-8, and other lines are; export all of it in UTF-8"
            ) from error
        try:
            return _without_nul(data.decode("cp1252")), "Windows-1252"
        except UnicodeDecodeError as other:
            raise DirectoryError("it is neither in UTF-8 nor in Windows-1252; export it in UTF-8") from other


def _without_nul(text: str) -> str:
    """The text itself. Raises `DirectoryError` where it is none, such as one in UTF-16 that does not say so."""
    if "\0" in text.rstrip(_AFTER_THE_END):
        raise DirectoryError("it has NUL characters in it; export it as CSV in UTF-8")
    return text


def _separator_line(lines: io.StringIO) -> tuple[str | None, int]:
    """The separator that a first line `sep=;`, which Excel reads, names; and how many lines that line is."""
    start = lines.tell()
    match = _SEPARATOR_LINE.fullmatch(lines.readline())
    if match is None:
        lines.seek(start)
        return None, 0
    return match[1], 1


def _separator(lines: io.StringIO, required: Sequence[str], known: Sequence[str], named: str | None) -> str:
    """What stands between the columns: with it, and it alone, the header has the columns that are required."""
    found: dict[str, int] = {}
    start = lines.tell()
    for separator in dict.fromkeys((named or ",", *_SEPARATORS)):
        lines.seek(start)
        try:
            _, header = next(_rows(lines, separator, 0), (1, []))
        except DirectoryError:
            continue
        names = {clean_text(name) for name in header}
        found[separator] = len(names.intersection(known)) + (len(known) if names.issuperset(required) else 0)
    most = max(found.values(), default=0)
    return next((separator for separator, count in found.items() if count == most), ",")


def _rows(lines: io.StringIO, separator: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Each row in which a cell is not empty, with the line of the file on which it begins: a cell may have several."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DirectoryError(f"line {line}: {error}") from error
        if any(cells) and any(map(clean_text, cells)):
            yield line, cells
