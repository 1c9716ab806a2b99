"""Brings the county's providers in from an export of its Preschool database."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..domain.identifiers import check_npi, check_sed_code
from ..domain.providers import ProviderType
from ..domain.text import clean_text
from ..models import ProviderRow
from .database import Database, now
from .records import refresh_derived

REQUIRED_COLUMNS = ("county_provider_id", "name")
COLUMNS = (
    *REQUIRED_COLUMNS,
    "type",
    "npi",
    "sed_code",
    "address_line1",
    "address_line2",
    "city",
    "state",
    "postal_code",
    "phone",
    "uses_portal",
)
_LONGEST_NUMBER = 64
_CONTACT_LENGTHS = {
    "address_line1": 100,
    "address_line2": 100,
    "city": 60,
    "state": 2,
    "postal_code": 10,
    "phone": 30,
}
_YES = frozenset({"1", "true", "yes", "y"})


class DirectoryError(ValueError):
    """The export cannot be read; the text says where and why, and nothing of it was imported."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did, in numbers of providers."""

    added: int
    updated: int
    unchanged: int


class Directory:
    """Imports the county's providers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def import_file(self, path: Path) -> ImportResult:
        """Import a CSV file in UTF-8 with the columns `COLUMNS`, the first two of which are required.

        The file rules over name, address and phone. Type, NPI, SED code and Provider Uses CPSE Portal are taken for a
        new provider only: later on they are what staff have set. Raises `DirectoryError`; then nothing is imported.
        """
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            try:
                missing = [column for column in REQUIRED_COLUMNS if column not in (reader.fieldnames or ())]
                if missing:
                    raise DirectoryError(f"{path}: the header has no column {', '.join(missing)}")
                return self.import_rows(reader)
            except csv.Error as error:
                # The reader's own count; the dictionaries' one stands at the last row that could be read.
                raise DirectoryError(f"{path}, line {reader.reader.line_num}: {error}") from error
            except UnicodeDecodeError as error:
                raise DirectoryError(f"{path} is not in UTF-8; export it in that encoding") from error

    def import_rows(self, rows: Iterable[Mapping[str, str | None]]) -> ImportResult:
        """Import rows with the columns `COLUMNS`, all in one transaction. Raises `DirectoryError`."""
        added = updated = unchanged = 0
        with self._database.write() as session:
            for number, values in enumerate(_cleaned(rows), start=1):
                row = _existing(session, values["county_provider_id"])
                if row is None:
                    session.add(_new_row(values, number))
                    added += 1
                    continue
                _take_contact(row, values)
                if session.is_modified(row):
                    refresh_derived(row)
                    row.updated_at, row.updated_by = now(), "import"
                    updated += 1
                else:
                    unchanged += 1
        return ImportResult(added, updated, unchanged)


def _cleaned(rows: Iterable[Mapping[str, str | None]]) -> Iterator[dict[str, str]]:
    seen: set[str] = set()
    for number, raw in enumerate(rows, start=1):
        values = {column: clean_text(raw.get(column) or "", 200) for column in COLUMNS}
        for column in REQUIRED_COLUMNS:
            if not values[column]:
                raise DirectoryError(f"row {number}: {column} is empty")
        if len(values["county_provider_id"]) > _LONGEST_NUMBER:
            raise DirectoryError(f"row {number}: county_provider_id is longer than {_LONGEST_NUMBER} characters")
        if values["county_provider_id"] in seen:
            raise DirectoryError(f"row {number}: county_provider_id {values['county_provider_id']} was there before")
        seen.add(values["county_provider_id"])
        for column, length in _CONTACT_LENGTHS.items():
            if len(values[column]) > length:
                raise DirectoryError(f"row {number}: {column} {values[column]!r} is longer than {length} characters")
        yield values


def _existing(session: Session, county_provider_id: str) -> ProviderRow | None:
    return session.scalars(select(ProviderRow).where(ProviderRow.county_provider_id == county_provider_id)).first()


def _new_row(values: dict[str, str], number: int) -> ProviderRow:
    npi, sed_code = check_npi(values["npi"]), check_sed_code(values["sed_code"])
    if npi.fault:
        raise DirectoryError(f"row {number}: {values['npi']} is no NPI ({npi.fault})")
    if sed_code.fault:
        raise DirectoryError(f"row {number}: {values['sed_code']} is no 12-digit SED code ({sed_code.fault})")
    kind = values["type"].casefold()
    if kind and kind not in tuple(ProviderType):
        raise DirectoryError(f"row {number}: type {values['type']} is neither agency nor individual")
    row = ProviderRow(
        county_provider_id=values["county_provider_id"],
        type=kind,
        npi=npi.value,
        sed_code=sed_code.value,
        uses_portal=values["uses_portal"].casefold() in _YES,
        active_admins=0,
        open_invitations=0,
        updated_at=now(),
        updated_by="import",
    )
    _take_contact(row, values)
    refresh_derived(row)
    return row


def _take_contact(row: ProviderRow, values: dict[str, str]) -> None:
    row.name = values["name"]
    for column in _CONTACT_LENGTHS:
        setattr(row, column, values[column])
