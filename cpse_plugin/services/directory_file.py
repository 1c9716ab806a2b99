"""Reads an export of the county's Preschool database: a CSV file with one provider in each row."""

import csv
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from ..domain.identifiers import check_npi, check_sed_code
from ..domain.providers import Profile, ProviderType
from ..domain.text import clean_text

REQUIRED_COLUMNS = ("county_provider_id", "name")
CONTACT_COLUMNS = ("address_line1", "address_line2", "city", "state", "postal_code", "phone")
COLUMNS = (*REQUIRED_COLUMNS, "type", "npi", "sed_code", *CONTACT_COLUMNS, "uses_portal")
_LENGTHS = {
    "county_provider_id": 64,
    "name": 200,
    "address_line1": 100,
    "address_line2": 100,
    "city": 60,
    "state": 2,
    "postal_code": 10,
    "phone": 30,
}
_YES = frozenset({"1", "true", "yes", "y"})
_NO = frozenset({"0", "false", "no", "n", ""})
_MOST_TOLD = 20


class DirectoryError(ValueError):
    """The export cannot be used; the text says where and why, with a line for each fault."""


@dataclass(frozen=True, slots=True)
class DirectoryRecord:
    """What an export says of a provider; `contact` has those of `CONTACT_COLUMNS` that are in the export at all."""

    county_provider_id: str
    name: str
    profile: Profile
    contact: Mapping[str, str]


def read_directory(path: Path) -> list[DirectoryRecord]:
    """Read a CSV file in UTF-8 that has `REQUIRED_COLUMNS` and any others of `COLUMNS`. Raises `DirectoryError`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _records(_numbered(file))
    except UnicodeDecodeError as error:
        raise DirectoryError("it is not in UTF-8; export it in that encoding") from error


def _numbered(file: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the line of the file on which it begins: a cell may have several lines."""
    reader = csv.reader(file, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DirectoryError(f"line {line}: {error}") from error
        if cells:
            yield line, cells


def _records(rows: Iterator[tuple[int, list[str]]]) -> list[DirectoryRecord]:
    header = [clean_text(name) for name in next(rows, (1, []))[1]]
    _refuse(list(_header_faults(header)))
    records: list[DirectoryRecord] = []
    faults: list[str] = []
    first_lines: dict[str, int] = {}
    try:
        for line, cells in rows:
            values = _values(header, cells)
            found = _stray(header, cells) or [*_text_faults(values), *_profile_faults(values)]
            before = first_lines.setdefault(values["county_provider_id"], line)
            if before != line and values["county_provider_id"]:
                found.append(f"county_provider_id {values['county_provider_id']} was there before, on line {before}")
            faults += [f"line {line}: {fault}" for fault in found]
            if not faults:
                records.append(_record(values))
    except DirectoryError as error:
        # Where a row cannot be taken apart, nobody knows where the next one begins.
        faults.append(str(error))
    _refuse(faults)
    return records


def _refuse(faults: list[str]) -> None:
    """Raise `DirectoryError` where there is any fault."""
    if len(faults) > _MOST_TOLD:
        faults = [*faults[:_MOST_TOLD], f"and {len(faults) - _MOST_TOLD} more"]
    if faults:
        raise DirectoryError("\n".join(faults))


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
    pairs = zip_longest(header, cells[: len(header)], fillvalue="")
    return {column: clean_text(cell) for column, cell in pairs if column}


def _stray(header: list[str], cells: list[str]) -> list[str]:
    """The first cell that is in no column, as a fault. The cells before it may be shifted, so it is the only one."""
    for column, cell in zip_longest(header, cells, fillvalue=""):
        if not column and clean_text(cell):
            return [f"{reprlib.repr(cell)} is in no column of the header; a cell with a comma in it needs quotes"]
    return []


def _text_faults(values: dict[str, str]) -> Iterator[str]:
    for column in REQUIRED_COLUMNS:
        if not values[column]:
            yield f"{column} is empty"
    for column, length in _LENGTHS.items():
        value = values.get(column, "")
        if len(value) > length:
            yield f"{column} {reprlib.repr(value)} is longer than {length} characters"


def _profile_faults(values: dict[str, str]) -> Iterator[str]:
    kind, npi, sed_code = (values.get(column, "") for column in ("type", "npi", "sed_code"))
    if kind and kind.casefold() not in tuple(ProviderType):
        yield f"type {kind} is neither agency nor individual"
    if fault := check_npi(npi).fault:
        yield f"npi {npi} is no NPI ({fault})"
    if fault := check_sed_code(sed_code).fault:
        yield f"sed_code {sed_code} is no 12-digit SED code ({fault})"
    uses_portal = values.get("uses_portal", "")
    if uses_portal.casefold() not in _YES | _NO:
        yield f"uses_portal {uses_portal} is neither yes nor no"


def _record(values: dict[str, str]) -> DirectoryRecord:
    """The record of a row without faults."""
    kind = values.get("type", "").casefold()
    return DirectoryRecord(
        county_provider_id=values["county_provider_id"],
        name=values["name"],
        profile=Profile(
            type=ProviderType(kind) if kind else None,
            npi=check_npi(values.get("npi", "")).value or None,
            sed_code=check_sed_code(values.get("sed_code", "")).value or None,
            uses_portal=values.get("uses_portal", "").casefold() in _YES,
        ),
        contact={column: values[column] for column in CONTACT_COLUMNS if column in values},
    )
