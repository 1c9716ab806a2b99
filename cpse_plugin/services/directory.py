"""Brings the county's providers in from an export of its Preschool database."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..models import ProviderRow
from .database import Database, now
from .directory_file import DirectoryRecord, read_directory
from .records import refresh_derived


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
        """Import the file that `read_directory` reads. Raises `DirectoryError`; then nothing is imported."""
        return self.import_records(read_directory(path))

    def import_records(self, records: Iterable[DirectoryRecord]) -> ImportResult:
        """Import records, all in one transaction.

        They rule over name, address and phone. Type, NPI, SED code and Provider Uses CPSE Portal are taken for a new
        provider only: later on they are what staff have set. A provider that is not among the records stays as it is.
        """
        added = updated = unchanged = 0
        with self._database.write() as session:
            for record in records:
                row = _existing(session, record.county_provider_id)
                if row is None:
                    session.add(_new_row(record))
                    added += 1
                    continue
                _take_contact(row, record)
                if session.is_modified(row):
                    refresh_derived(row)
                    row.updated_at, row.updated_by = now(), "import"
                    updated += 1
                else:
                    unchanged += 1
        return ImportResult(added, updated, unchanged)


def _existing(session: Session, county_provider_id: str) -> ProviderRow | None:
    return session.scalars(select(ProviderRow).where(ProviderRow.county_provider_id == county_provider_id)).first()


def _new_row(record: DirectoryRecord) -> ProviderRow:
    row = ProviderRow(
        county_provider_id=record.county_provider_id,
        type=record.profile.type or "",
        npi=record.profile.npi or "",
        sed_code=record.profile.sed_code or "",
        uses_portal=record.profile.uses_portal,
        active_admins=0,
        open_invitations=0,
        updated_at=now(),
        updated_by="import",
    )
    _take_contact(row, record)
    refresh_derived(row)
    return row


def _take_contact(row: ProviderRow, record: DirectoryRecord) -> None:
    row.name = record.name
    for column, value in record.contact.items():
        setattr(row, column, value)
