"""The local copy as a file: an SQLite database that is only ever replaced whole.

A file is built under another name in the same directory, checked, put on the disk and renamed to the copy's name. So no
reader ever sees half a copy, readers need no locks, and whatever ends a build leaves the old copy as it was.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from .errors import CopyError

FORM = 2
# Form 1 had neither suffixes of names nor names under which organizations do business.
_READABLE = ("1", str(FORM))
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (name TEXT NOT NULL, as_of TEXT NOT NULL, rows INTEGER NOT NULL, applied_at TEXT NOT NULL);
CREATE TABLE npi (npi INTEGER PRIMARY KEY, packed TEXT NOT NULL);
"""
_OTHER_NAMES_SCHEMA = """
CREATE TABLE IF NOT EXISTS other_names (npi INTEGER, name TEXT, PRIMARY KEY (npi, name)) WITHOUT ROWID;
"""
# The NPI belongs to the key, and so does the state: a search by name within a state reads the index alone.
_SEARCH_SCHEMA = """
CREATE TABLE names (folded TEXT, state TEXT, npi INTEGER, PRIMARY KEY (folded, state, npi)) WITHOUT ROWID;
"""
_UNSAFE_BUT_FAST = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -16000;
"""


@dataclass(frozen=True, slots=True)
class AppliedFile:
    """A file of the registry that went into the copy."""

    name: str
    as_of: date
    rows: int
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class CopyInfo:
    """What the copy says of itself. `as_of` is the day up to which it is complete.

    One of an earlier `form` is read, and brought up to date by weekly files, until a monthly file replaces it.
    """

    as_of: date
    rows: int
    searchable: bool
    files: tuple[AppliedFile, ...]
    form: int = FORM

    @property
    def has_all_names(self) -> bool:
        """Whether names have their suffix, and organizations the names under which they do business."""
        return self.form == FORM


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a copy. It is `immutable` because nobody ever writes to a copy in place."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def read_info(connection: sqlite3.Connection) -> CopyInfo:
    """Read what the copy says of itself. Raises `sqlite3.Error` or `ValueError` where the file is no copy."""
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    if meta.get("form") not in _READABLE:
        raise ValueError(f"the copy is of form {meta.get('form')}, not {FORM}; import it anew")
    files = connection.execute("SELECT name, as_of, rows, applied_at FROM files ORDER BY rowid")
    return CopyInfo(
        as_of=date.fromisoformat(meta["as_of"]),
        rows=int(meta["rows"]),
        searchable=meta["searchable"] == "yes",
        files=tuple(
            AppliedFile(name, date.fromisoformat(as_of), rows, datetime.fromisoformat(applied_at))
            for name, as_of, rows, applied_at in files
        ),
        form=int(meta["form"]),
    )


def info_of(path: Path) -> CopyInfo | None:
    """What a copy says of itself; None where there is no file. Raises `CopyError` where it cannot be read."""
    if not path.exists():
        return None
    try:
        with closing(open_to_read(path)) as connection:
            return read_info(connection)
    except (sqlite3.Error, ValueError, KeyError) as error:
        raise CopyError(f"{path} is no local copy that can be read ({error})") from error


def create(path: Path, *, searchable: bool) -> sqlite3.Connection:
    """Make an empty copy to be filled. It stands on no ceremony: a file that is not finished is thrown away."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(_UNSAFE_BUT_FAST + _SCHEMA + _OTHER_NAMES_SCHEMA + (_SEARCH_SCHEMA if searchable else ""))
    return connection


def open_to_change(path: Path) -> sqlite3.Connection:
    """Open a duplicate of a copy that is to take its place."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(_UNSAFE_BUT_FAST + "PRAGMA cache_size = -64000;" + _OTHER_NAMES_SCHEMA)
    return connection


def write_info(
    connection: sqlite3.Connection,
    *,
    as_of: date,
    rows: int,
    searchable: bool,
    applied: AppliedFile,
    form: int = FORM,
) -> None:
    """Let the copy say what it now is, and that a file went into it."""
    meta = {
        "form": str(form),
        "as_of": as_of.isoformat(),
        "rows": str(rows),
        "searchable": "yes" if searchable else "no",
    }
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
    connection.execute(
        "INSERT INTO files VALUES (?, ?, ?, ?)",
        (applied.name, applied.as_of.isoformat(), applied.rows, applied.applied_at.isoformat(timespec="seconds")),
    )


@contextmanager
def workshop(copy: Path) -> Iterator[Path]:
    """A directory beside the copy to build in; it is gone afterwards, whatever happens.

    Only one import or update of a copy is under way at a time. What one that was killed has left behind is swept away
    by the next. Raises `CopyError`.
    """
    prefix = f".{copy.name}.new-"
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        # SQLite's own lock is let go by the system when its process ends, however it ends, on every platform.
        with closing(sqlite3.connect(copy.with_name(f".{copy.name}.lock"), timeout=0, isolation_level=None)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            for left_behind in copy.parent.glob(f"{prefix}*"):
                shutil.rmtree(left_behind, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=prefix, dir=copy.parent, ignore_cleanup_errors=True) as directory:
                yield Path(directory)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise CopyError(f"another import or update of {copy} is under way") from error
        raise CopyError(f"{copy} cannot be built: {error}") from error
    except OSError as error:
        raise CopyError(f"{copy} cannot be built: {error.strerror or error}") from error


def put_in_place(new: Path, copy: Path) -> None:
    """Put a finished file on the disk and give it the copy's name."""
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    if copy.exists():
        shutil.copymode(copy, new)
    new.replace(copy)
    with suppress(OSError):  # Windows does not open directories; there, the rename itself is what can be had.
        directory = os.open(copy.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
