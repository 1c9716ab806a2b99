"""The weekly file: what is new, changed, deactivated or reactivated goes into a duplicate of the copy.

The duplicate then takes the copy's place, so that an update is there for its readers entirely or not at all.
"""

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from . import cut
from .archive import NppesFile, open_nppes
from .errors import CopyError
from .names import entry
from .store import AppliedFile, CopyInfo, info_of, open_to_change, put_in_place, workshop, write_info

_NPI_LENGTH = 10


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
    back what later files had replaced.
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
        rows = _rows(nppes)
        new = directory / "copy"
        shutil.copyfile(copy, new)
        added = _apply(new, nppes, old, rows)
        put_in_place(new, copy)
    found = info_of(copy)
    if found is None:
        raise CopyError(f"{copy} went away")
    return Updated(len(rows), added, nppes.since > old.as_of + timedelta(days=1), found)


def _rows(nppes: NppesFile) -> list[tuple[int, str]]:
    """All rows of the file, in the order of the key, which keeps the writes close together."""
    with nppes.reading() as reading:
        cutting = cut.cutter(reading.layout)
        try:
            rows = [row for chunk in reading.chunks() for row in cutting(chunk.decode("utf-8", "replace"))]
        except cut.UnreadableRow as error:
            raise CopyError(str(error)) from error
    return sorted((int(row[:_NPI_LENGTH]), row[_NPI_LENGTH:]) for row in rows)


def _apply(new: Path, nppes: NppesFile, old: CopyInfo, rows: list[tuple[int, str]]) -> int:
    """Bring the rows in, in one transaction; returns how many NPIs the copy did not have before."""
    try:
        with closing(open_to_change(new)) as connection:
            connection.execute("BEGIN")
            find = "SELECT packed FROM npi WHERE npi = ?"
            replaced = [(npi, found[0]) for npi, _ in rows if (found := connection.execute(find, (npi,)).fetchone())]
            if old.searchable:
                gone = "DELETE FROM names WHERE folded = ? AND state = ? AND npi = ?"
                connection.executemany(gone, _entries(replaced))
                connection.executemany("INSERT OR REPLACE INTO names VALUES (?, ?, ?)", _entries(rows))
            connection.executemany("INSERT OR REPLACE INTO npi VALUES (?, ?)", rows)
            added = len({npi for npi, _ in rows}) - len({npi for npi, _ in replaced})
            applied = AppliedFile(Path(nppes.name).name, nppes.until, len(rows), datetime.now(UTC))
            as_of = max(nppes.until, old.as_of)
            write_info(connection, as_of=as_of, rows=old.rows + added, searchable=old.searchable, applied=applied)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise CopyError(f"the copy could not be changed ({error})") from error
    return added


def _entries(rows: Iterable[tuple[int, str]]) -> list[tuple[str, str, str]]:
    """The rows' entries in the index of names, in its order, so that those that stand together are written together."""
    return sorted(found for npi, packed in rows if (found := entry(str(npi), packed)))
