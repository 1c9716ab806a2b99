"""The import of a monthly file: a whole new copy beside the old one, checked and renamed into place.

One process reads and inflates, two cut rows and drop them into buckets of neighbouring NPIs on disk; then the two sort
bucket after bucket while the first appends them to the table, in the order of its key.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from . import cut
from .archive import NppesFile, open_nppes
from .errors import CopyError
from .names import entries
from .other_names import other_names
from .store import (
    AppliedFile,
    CopyInfo,
    create,
    info_of,
    open_to_read,
    put_in_place,
    workshop,
    write_info,
)
from .workers import SHARE_OF_CUTTING, Progress, Workers


def import_file(
    file: Path,
    copy: Path,
    *,
    searchable: bool = False,
    force: bool = False,
    progress: Progress,
) -> CopyInfo:
    """Make `copy` anew from a monthly file. Raises `CopyError`, and the old copy stays as it is.

    A file that is older than the copy, or that holds less than half as many providers, is taken only with `force`.
    A copy that is `searchable` has the index of names, which is half of its size again.
    """
    nppes = open_nppes(file)
    if not nppes.is_complete:
        raise CopyError(f"{file.name} holds the changes since {nppes.since} only; `update` takes it")
    with workshop(copy) as directory:
        old = None if force else _old(copy)
        if old and nppes.until < old.as_of:
            raise CopyError(f"{file.name} is of {nppes.until}, the copy of {old.as_of}; --force takes the older file")
        new = directory / "copy"
        rows = _build(nppes, new, directory, searchable, progress)
        if old and rows * 2 < old.rows:
            raise CopyError(
                f"{file.name} holds {rows:,} providers, the copy {old.rows:,}; --force takes it all the same"
            )
        put_in_place(new, copy)
    found = info_of(copy)
    if found is None:
        raise CopyError(f"{copy} went away")
    return found


def _old(copy: Path) -> CopyInfo | None:
    """What the copy that is to be replaced says of itself; one that is broken has no say."""
    try:
        return info_of(copy)
    except CopyError:
        return None


def _build(nppes: NppesFile, new: Path, directory: Path, searchable: bool, progress: Progress) -> int:
    with closing(create(new, searchable=searchable)) as connection:
        with (
            nppes.reading() as reading,
            Workers(directory, reading.layout, searchable=searchable) as workers,
        ):
            rows = workers.cut(reading, progress)
            if not rows:
                raise CopyError(f"{nppes.name} has no rows")
            connection.execute("BEGIN")
            _add_other_names(connection, nppes)
            samples = _fill(connection, workers, rows, searchable, progress)
        applied = AppliedFile(Path(nppes.name).name, nppes.until, rows, datetime.now(UTC))
        write_info(connection, as_of=nppes.until, rows=rows, searchable=searchable, applied=applied)
        connection.execute("COMMIT")
    _check(new, rows, samples)
    return rows


def _fill(
    connection: sqlite3.Connection, workers: Workers, rows: int, searchable: bool, progress: Progress
) -> list[tuple[str, str]]:
    """Append the sorted buckets to the tables; returns some of the rows, to be looked up afterwards."""
    samples: list[tuple[str, str]] = []
    buckets = len(workers.keys("rows")) + (len(workers.keys("names")) if searchable else 0)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress(rows, SHARE_OF_CUTTING + (1 - SHARE_OF_CUTTING) * done / max(buckets, 1))

    try:
        for lines in workers.sorted("rows"):
            pairs = [(line[:10], line[10:]) for line in lines]
            connection.executemany("INSERT INTO npi VALUES (?, ?)", pairs)
            samples.append(pairs[len(pairs) // 2])
            advance()
    except sqlite3.IntegrityError:
        raise CopyError("the file holds an NPI twice") from None
    if searchable:
        for lines in workers.sorted("names"):
            connection.executemany("INSERT INTO names VALUES (?, ?, ?)", [line.split(cut.SEPARATOR) for line in lines])
            advance()
        for lines in workers.sorted("odd"):
            _add_entries(connection, ((line[:10], line[10:], ()) for line in lines if line))
        found = connection.execute("SELECT npi, packed, name FROM other_names JOIN npi USING (npi)")
        _add_entries(connection, ((str(npi), packed, (name,)) for npi, packed, name in found))
    return samples


def _add_other_names(connection: sqlite3.Connection, nppes: NppesFile) -> None:
    connection.executemany("INSERT OR IGNORE INTO other_names VALUES (?, ?)", other_names(nppes))


def _add_entries(connection: sqlite3.Connection, rows: Iterable[tuple[str, str, Sequence[str]]]) -> None:
    found = (entry for row in rows for entry in entries(*row))
    connection.executemany("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", found)


def _check(new: Path, rows: int, samples: Sequence[tuple[str, str]]) -> None:
    """Hold a finished file against what went into it, as a reader would see it."""
    with closing(open_to_read(new)) as connection:
        (counted,) = connection.execute("SELECT count(*) FROM npi").fetchone()
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        wrong = [npi for npi, packed in samples if _packed(connection, npi) != packed]
    if counted != rows or verdict != "ok" or wrong:
        raise CopyError(
            f"the new copy is not sound ({counted:,} of {rows:,} rows, {verdict}); is the disk full or faulty?"
        )


def _packed(connection: sqlite3.Connection, npi: str) -> str | None:
    row = connection.execute("SELECT packed FROM npi WHERE npi = ?", (npi,)).fetchone()
    return row[0] if row else None
