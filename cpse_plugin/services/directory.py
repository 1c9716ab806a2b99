"""Brings the county's providers in from an export of its Preschool database."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from ..domain.identifiers import loose_number
from ..domain.providers import set_up_status
from ..domain.spelling import search_text
from ..domain.spreadsheets import Damage, find_damage
from ..domain.text import fold_words
from ..models import ProviderRow
from .database import Database, now
from .directory_file import CONTACT_COLUMNS, DirectoryFile, DirectoryRecord, RowFault, read_directory, refuse
from .records import refresh_derived

_CHUNK = 500
_MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class SuspectedDouble:
    """A new provider that carries the NPI, the SED code or the name of one that is known under another number."""

    new: DirectoryRecord
    known_id: str
    known_name: str
    shared: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import would do. `missing` are the numbers and names of known providers that are not in the file."""

    file: DirectoryFile
    new: Sequence[DirectoryRecord]
    changed: Sequence[DirectoryRecord]
    unchanged: int
    refused: Sequence[RowFault]
    missing: Sequence[tuple[str, str]]
    doubles: Sequence[SuspectedDouble]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did, in numbers of providers."""

    added: int
    updated: int
    unchanged: int


class Directory:
    """Imports the county's providers.

    The export rules over name, address and phone. Type, NPI, SED code and Provider Uses CPSE Portal are taken for a new
    provider only: later on they are what staff have set. A provider that is not in the export stays as it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def examine(self, path: Path) -> ImportReport:
        """Say what an import of the file would do; nothing is written. Raises `DirectoryError`."""
        file = read_directory(path)
        with self._database.read() as session:
            return _Comparison.with_known(session, file).report()

    def carry_out(self, report: ImportReport) -> ImportResult:
        """Do what a report says, all in one transaction.

        Raises `DirectoryError` where a row is refused, also for what has changed since the report; then nothing is
        imported.
        """
        return self._import(report.file)

    def _import(self, file: DirectoryFile) -> ImportResult:
        with self._database.write() as session:
            found = _Comparison.with_known(session, file)
            new, changed = found.new(), found.changed()
            refuse(found.refused(new))
            _add(session, new)
            _update(session, changed)
        return ImportResult(len(new), len(changed), len(file.records) - len(new) - len(changed))

    def import_file(self, path: Path) -> ImportResult:
        """Import a file that `read_directory` reads. Raises `DirectoryError`; then nothing is imported."""
        return self._import(read_directory(path))

    def import_records(self, records: Sequence[DirectoryRecord]) -> ImportResult:
        """Import records that come from elsewhere than a file. Raises `DirectoryError`; then nothing is imported."""
        numbers = frozenset(record.county_provider_id for record in records)
        return self._import(DirectoryFile(records, (), numbers, ()))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The export beside the providers that are known."""

    file: DirectoryFile
    known: dict[str, Row[Any]]

    @classmethod
    def with_known(cls, session: Session, file: DirectoryFile) -> "_Comparison":
        columns = ("county_provider_id", "name", "sort_name", "npi", "sed_code", *CONTACT_COLUMNS)
        rows = session.execute(select(*(getattr(ProviderRow, column) for column in columns)).order_by(ProviderRow.id))
        return cls(file, {row.county_provider_id: row for row in rows})

    def report(self) -> ImportReport:
        """Sort the records by what is to be done with them."""
        new, changed = self.new(), self.changed()
        return ImportReport(
            file=self.file,
            new=new,
            changed=changed,
            unchanged=len(self.file.records) - len(new) - len(changed),
            refused=self.refused(new),
            missing=[
                (number, row.name) for number, row in self.known.items() if number not in self.file.county_provider_ids
            ],
            doubles=list(self._doubles(new)),
        )

    def new(self) -> Sequence[DirectoryRecord]:
        """The records of providers that are not known."""
        return [record for record in self.file.records if record.county_provider_id not in self.known]

    def changed(self) -> Sequence[DirectoryRecord]:
        """The records that say something else than is known."""
        return [record for record in self.file.records if self._differs(record)]

    def refused(self, new: Sequence[DirectoryRecord]) -> Sequence[RowFault]:
        """The faults of all rows, in the order of the file."""
        return sorted([*self.file.faults, *self._respelled(new)], key=lambda fault: fault.line)

    def _differs(self, record: DirectoryRecord) -> bool:
        row = self.known.get(record.county_provider_id)
        return row is not None and (
            row.name != record.name or any(getattr(row, column) != value for column, value in record.contact.items())
        )

    def _respelled(self, new: Sequence[DirectoryRecord]) -> Iterator[RowFault]:
        """The new records whose number is another spelling of one that is known, or that came before in the file."""
        spellings = {loose_number(number): number for number in (reversed(self.known) if new else ())}
        for record in new:
            number = record.county_provider_id
            spelling = spellings.setdefault(loose_number(number), number)
            damaged = find_damage(number)
            if spelling != number:
                where = "the county's record has it as" if spelling in self.known else "the file has it before as"
                yield RowFault(record.line, f"county_provider_id {number} is no new one: {where} {spelling}")
            elif damaged and damaged.damage is Damage.DECIMALS and damaged.digits:
                reason = f"county_provider_id {number} is a number from a spreadsheet. Did you mean {damaged.digits}?"
                yield RowFault(record.line, reason)

    def _doubles(self, new: Sequence[DirectoryRecord]) -> Iterator[SuspectedDouble]:
        carriers = {
            shared: row
            for row in (reversed(self.known.values()) if new else ())
            for shared in (("NPI", row.npi), ("SED code", row.sed_code), ("name", row.sort_name))
        }
        for record in new if carriers else ():
            profile, sort_name = record.profile, fold_words(record.name)[:200]
            for shared in (("NPI", profile.npi), ("SED code", profile.sed_code), ("name", sort_name)):
                row = carriers.get((shared[0], shared[1] or "")) if shared[1] else None
                if row is not None:
                    yield SuspectedDouble(record, row.county_provider_id, row.name, shared[0])


def _chunks(records: Sequence[DirectoryRecord]) -> Iterator[Sequence[DirectoryRecord]]:
    return (records[start : start + _CHUNK] for start in range(0, len(records), _CHUNK))


def _add(session: Session, records: Sequence[DirectoryRecord]) -> None:
    at = now()
    for chunk in _chunks(records):
        session.execute(insert(ProviderRow), [_columns(record) | {"updated_at": at} for record in chunk])


def _columns(record: DirectoryRecord) -> dict[str, object]:
    """The columns of a provider that is new."""
    profile = record.profile
    npi, sed_code = profile.npi or "", profile.sed_code or ""
    return {
        "county_provider_id": record.county_provider_id,
        "name": record.name,
        "sort_name": fold_words(record.name)[:200],
        "search_text": search_text(record.name, npi, sed_code, record.county_provider_id),
        "type": profile.type or "",
        "npi": npi,
        "sed_code": sed_code,
        "uses_portal": profile.uses_portal,
        "active_admins": 0,
        "open_invitations": 0,
        "status": set_up_status(profile, linked=False),
        "version": 1,
        "updated_by": "import",
        **dict.fromkeys(CONTACT_COLUMNS, ""),
        **record.contact,
    }


def _update(session: Session, records: Sequence[DirectoryRecord]) -> None:
    for chunk in _chunks(records):
        by_number = {record.county_provider_id: record for record in chunk}
        rows = session.scalars(
            select(ProviderRow)
            .where(ProviderRow.county_provider_id.in_(by_number))
            # In one order, so that two imports never wait for each other.
            .order_by(ProviderRow.id)
            .with_for_update(of=ProviderRow)
        )
        for row in rows:
            record = by_number[row.county_provider_id]
            row.name = record.name
            for column, value in record.contact.items():
                setattr(row, column, value)
            refresh_derived(row)
            row.updated_at, row.updated_by = now(), "import"
        session.flush()


def report_lines(report: ImportReport) -> Iterator[str]:
    """A report in words, for a terminal; it tells the first of what there is much of."""
    for assumed in report.file.assumed:
        yield f"Assumed of the file: {assumed}."
    refused = len({fault.line for fault in report.refused})
    yield f"{len(report.new)} new, {len(report.changed)} changed, {report.unchanged} unchanged, {refused} refused."
    if report.missing:
        told = [f"{number} {name}" for number, name in report.missing]
        yield f"{_count(told, 'known provider')} not in the file; nothing is changed there:{_first(told)}"
    for shared in ("NPI", "SED code", "name"):
        told = [
            f"line {double.new.line}: {double.new.county_provider_id} {double.new.name}, "
            f"known as {double.known_id} {double.known_name}"
            for double in report.doubles
            if double.shared == shared
        ]
        if told:
            yield f"{_count(told, 'new provider')} with the {shared} of a known one:{_first(told)}"


def _count(items: Sequence[object], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def _first(told: Sequence[str]) -> str:
    rest = len(told) - _MOST_TOLD
    return "\n".join(["", *(f"  {line}" for line in told[:_MOST_TOLD]), *([f"  and {rest} more"] if rest > 0 else [])])
