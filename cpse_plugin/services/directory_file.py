"""Reads an export of the county's Preschool database: a CSV file with one provider in each row."""

import reprlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

from ..domain.contact import read_phone, read_postal_code, read_state
from ..domain.identifiers import Npi, SedCode
from ..domain.providers import Profile, ProviderType
from ..domain.refusals import Refusal
from ..domain.spreadsheets import spoiled_cell
from ..domain.text import clean_text
from .directory_text import DirectoryError, open_table

REQUIRED_COLUMNS = ("county_provider_id", "name")
CONTACT_COLUMNS = ("address_line1", "address_line2", "city", "state", "postal_code", "phone")
COLUMNS = (*REQUIRED_COLUMNS, "type", "npi", "sed_code", *CONTACT_COLUMNS, "uses_portal")
_LENGTHS = {
    "county_provider_id": 64,
    "name": 200,
    "address_line1": 100,
    "address_line2": 100,
    "city": 60,
    "phone": 30,
}
_TYPES = {kind.value: kind for kind in ProviderType}
_YES = frozenset({"1", "true", "yes", "y"})
_NO = frozenset({"0", "false", "no", "n"})
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class DirectoryRecord:
    """What an export says of a provider, beginning on `line`.

    `contact` has those of `CONTACT_COLUMNS` that are in the export at all.
    """

    line: int
    county_provider_id: str
    name: str
    profile: Profile
    contact: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RowFault:
    """Why a row of an export is refused."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class DirectoryFile:
    """An export as it was read: the rows without a fault, the faults of the others, and what was assumed of the file.

    `county_provider_ids` are those of all rows.
    """

    records: Sequence[DirectoryRecord]
    faults: Sequence[RowFault]
    county_provider_ids: frozenset[str]
    assumed: Sequence[str]


def _read_type(text: str) -> ProviderType | Refusal:
    kind = _TYPES.get(text.casefold())
    return kind or Refusal("no-type", "A Provider Type is agency or individual.")


def _read_yes(text: str) -> bool | Refusal:
    word = text.casefold()
    if word in _YES or word in _NO:
        return word in _YES
    return Refusal("no-answer", "This is neither yes nor no.")


# How a cell is read: the value as it is stored, a refusal, or None where the cell is empty.
_READERS: Mapping[str, Callable[[str], object | Refusal | None]] = {
    "type": _read_type,
    "npi": Npi.parse,
    "sed_code": SedCode.parse,
    "state": lru_cache(read_state),
    "postal_code": lru_cache(10_000)(read_postal_code),
    "phone": read_phone,
    "uses_portal": _read_yes,
}


def read_directory(path: Path) -> DirectoryFile:
    """Read a CSV file that has `REQUIRED_COLUMNS` and any others of `COLUMNS`.

    Raises `DirectoryError` where the file as a whole cannot be used.
    """
    table = open_table(path, REQUIRED_COLUMNS, COLUMNS)
    refuse(list(_header_faults(table.header)))
    records: list[DirectoryRecord] = []
    faults: list[RowFault] = []
    first_lines: dict[str, int] = {}
    try:
        for line, cells in table.rows:
            values = _values(table.header, cells)
            number = values["county_provider_id"]
            found = _stray(table.header, cells)
            record = None if found else _record(line, values, found)
            before = first_lines.setdefault(number, line)
            if before != line and number:
                found.append(f"county_provider_id {number} was there before, on line {before}")
            if record is None or found:
                faults += [RowFault(line, reason) for reason in found]
            else:
                records.append(record)
    except DirectoryError as error:
        # Where a row cannot be taken apart, nobody knows where the next one begins.
        refuse([*map(str, faults), str(error)])
    return DirectoryFile(records, faults, frozenset(first_lines), table.assumed)


def refuse(faults: Sequence[object]) -> None:
    """Raise `DirectoryError` where there is any fault; it tells the first ones."""
    if faults:
        told = [str(fault) for fault in faults[:_MOST_TOLD]]
        rest = len(faults) - len(told)
        raise DirectoryError("\n".join([*told, f"and {rest} more"] if rest else told))


def _header_faults(header: list[str]) -> Iterator[str]:
    missing = [column for column in REQUIRED_COLUMNS if column not in header]
    if missing:
        yield f"the header has no column {', '.join(missing)}"
    named = Counter(filter(None, header))
    unknown = [column for column in named if column not in COLUMNS]
    if unknown:
        yield f"unknown in the header: {', '.join(unknown)}; the columns are {', '.join(COLUMNS)}"
    for column in COLUMNS:
        if named[column] > 1:
            yield f"the header has the column {column} more than once"


def _values(header: list[str], cells: list[str]) -> dict[str, str]:
    """The cleaned cells by column. Spreadsheets leave empty cells at the end of a row out, so those count as empty."""
    whole = "".join(cells)
    # A file has millions of cells, and in nearly all rows there is nothing to clean.
    is_clean = whole.isascii() and whole.isprintable() and "  " not in whole
    clean = str.strip if is_clean else clean_text
    pairs = zip_longest(header, cells[: len(header)], fillvalue="")
    return {column: clean(cell) for column, cell in pairs if column}


def _stray(header: list[str], cells: list[str]) -> list[str]:
    """The first cell that is in no column, as a fault. The cells before it may be shifted, so it is the only one."""
    if len(cells) <= len(header) and all(header):
        return []
    for column, cell in zip_longest(header, cells, fillvalue=""):
        if not column and clean_text(cell):
            return [f"{reprlib.repr(cell)} is in no column of the header; a cell with a separator in it needs quotes"]
    return []


def _record(line: int, values: dict[str, str], faults: list[str]) -> DirectoryRecord | None:
    """The record of a row, or None where there are faults, which are added to `faults`."""
    read: dict[str, object] = {}
    for column, text in values.items():
        if not text:
            if column in REQUIRED_COLUMNS:
                faults.append(f"{column} is empty")
        elif reader := _READERS.get(column):
            value = reader(text)
            if not isinstance(value, Refusal):
                read[column] = value
            elif not value.offer and (spoiled := spoiled_cell(text)):
                faults.append(f"{column} {text[:40]} {spoiled}")
            else:
                faults.append(f"{column} {text[:40]}: {value}")
        elif spoiled := spoiled_cell(text):
            faults.append(f"{column} {text[:40]} {spoiled}")
        if len(text) > _LENGTHS.get(column, len(text)):
            faults.append(f"{column} {reprlib.repr(text)} is longer than {_LENGTHS[column]} characters")
    if faults:
        return None
    kind, npi, sed_code = (read.get(column) for column in ("type", "npi", "sed_code"))
    return DirectoryRecord(
        line,
        county_provider_id=values["county_provider_id"],
        name=values["name"],
        profile=Profile(
            type=kind if isinstance(kind, ProviderType) else None,
            npi=str(npi) if npi else None,
            sed_code=str(sed_code) if sed_code else None,
            uses_portal=bool(read.get("uses_portal")),
        ),
        contact={column: str(read.get(column, values[column])) for column in CONTACT_COLUMNS if column in values},
    )
