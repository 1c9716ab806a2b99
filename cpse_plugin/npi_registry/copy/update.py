"""The weekly file: what is new, changed, deactivated or reactivated goes into a duplicate of the copy.

The duplicate then takes the copy's place, so that an update is there for its readers entirely or not at all.
"""

import csv
import io
import re
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from . import cut
from .archive import NppesFile, latest_day, open_nppes
from .errors import CopyError
from .names import entries
from .other_names import other_names
from .store import AppliedFile, CopyInfo, info_of, open_to_change, put_in_place, workshop, write_info

_NPI_LENGTH = 10
_DAY = re.compile(r"(\d{2})/(\d{2})/(\d{4})")


@dataclass(frozen=True, slots=True)
class Updated:
    """What came of an update. `gap` says that the copy had ended before the file began: a file is missing between."""

    rows: int
    added: int
    gap: bool
    copy: CopyInfo


def update_file(file: Path, copy: Path, *, force: bool = False) -> Updated:
    """Apply a weekly file to `copy`. Raises `CopyError`, and the copy stays as it is.

    Applying the same file again changes nothing. A file older than the copy is taken only with `force`, and may bring
    back what later files had replaced; so is one that has a row of a day that is still to come.
    """
    nppes = open_nppes(file)
    if nppes.is_complete:
        raise CopyError(f"{file.name} holds the whole registry; `import` takes it")
    with workshop(copy) as directory:
        old = info_of(copy)
        if old is None:
            raise CopyError(f"there is no copy at {copy} yet; import a monthly file first")
        if nppes.until < old.as_of and not force:
            raise CopyError(f"{file.name} is of {nppes.until}, the copy of {old.as_of}; --force takes the older file")
        rows = _rows(nppes, force=force)
        new = directory / "copy"
        shutil.copyfile(copy, new)
        added = _apply(new, nppes, old, rows, sorted(other_names(nppes)))
        put_in_place(new, copy)
    found = info_of(copy)
    if found is None:
        raise CopyError(f"{copy} went away")
    return Updated(len(rows), added, nppes.since > old.as_of + timedelta(days=1), found)


def _rows(nppes: NppesFile, *, force: bool) -> list[tuple[int, str]]:
    """All rows of the file, in the order of the key, which keeps the writes close together."""
    with nppes.reading() as reading:
        cutting = cut.cutter(reading.layout)
        rows: list[str] = []
        try:
            for chunk in reading.chunks():
                text = chunk.decode("utf-8", "replace")
                if not force:
                    _refuse_days_to_come(nppes, reading.layout, text)
                rows += cutting(text)
        except (cut.UnreadableRow, csv.Error) as error:
            raise CopyError(str(error)) from error
    return sorted((int(row[:_NPI_LENGTH]), row[_NPI_LENGTH:]) for row in rows)


def _refuse_days_to_come(nppes: NppesFile, layout: cut.Layout, text: str) -> None:
    """Refuse rows that were changed, deactivated or reactivated after today: the file is not what its name says."""
    latest = f"{latest_day():%Y%m%d}"
    for row in csv.reader(io.StringIO(text, newline="")):
        for at in (layout.updated, layout.deactivated, layout.reactivated):
            day = _DAY.fullmatch(row[at]) if at < len(row) else None
            if day is not None and f"{day[3]}{day[1]}{day[2]}" > latest:
                where = f"{Path(nppes.name).name} has {row[at]} at NPI {row[layout.npi]}"
                raise CopyError(f"{where}, a day that is still to come; --force takes the file all the same")


def _apply(
    new: Path, nppes: NppesFile, old: CopyInfo, rows: list[tuple[int, str]], others: list[tuple[int, str]]
) -> int:
    """Bring the rows in, in one transaction; returns how many NPIs the copy did not have before."""
    try:
        with closing(open_to_change(new)) as connection:
            connection.execute("BEGIN")
            changed = sorted({npi for npi, _ in (*rows, *others)})
            find = "SELECT 1 FROM npi WHERE npi = ?"
            added = sum(connection.execute(find, (npi,)).fetchone() is None for npi in {npi for npi, _ in rows})
            if old.searchable:
                gone = "DELETE FROM names WHERE folded = ? AND state = ? AND npi = ?"
                connection.executemany(gone, _entries(connection, changed))
            # A week's file has all the names of those that it tells of.
            connection.executemany("DELETE FROM other_names WHERE npi = ?", [(npi,) for npi in changed])
            connection.executemany("INSERT OR REPLACE INTO npi VALUES (?, ?)", rows)
            connection.executemany("INSERT OR IGNORE INTO other_names VALUES (?, ?)", others)
            if old.searchable:
                connection.executemany("INSERT OR REPLACE INTO names VALUES (?, ?, ?)", _entries(connection, changed))
            applied = AppliedFile(Path(nppes.name).name, nppes.until, len(rows), datetime.now(UTC))
            as_of = max(nppes.until, old.as_of)
            write_info(
                connection,
                as_of=as_of,
                rows=old.rows + added,
                searchable=old.searchable,
                applied=applied,
                form=old.form,
            )
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise CopyError(f"the copy could not be changed ({error})") from error
    return added


def _entries(connection: sqlite3.Connection, npis: Iterable[int]) -> list[tuple[str, str, str]]:
    """What the copy now has of these NPIs for the index of names, in its order: neighbours are written together."""
    found: set[tuple[str, str, str]] = set()
    for npi in npis:
        row = connection.execute("SELECT packed FROM npi WHERE npi = ?", (npi,)).fetchone()
        names = connection.execute("SELECT name FROM other_names WHERE npi = ?", (npi,))
        if row:
            found |= entries(str(npi), row[0], [name for (name,) in names])
    return sorted(found)
