"""Answers from the local copy."""

import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from ...domain.identifiers import Npi
from ...domain.registry import NpiRecord, ProviderKind
from ...domain.text import clean_text
from ..gateway import MOST_FOUND, NameQuery, NamesFound, RegistryAnswer, RegistryUnavailable, Source
from . import names
from .cut import SEPARATOR
from .store import CopyInfo, open_to_read, read_info
from .taxonomies import taxonomy_words

_ORGANIZATION = "2"
_KINDS = {"1": ProviderKind.INDIVIDUAL, "2": ProviderKind.ORGANIZATION}
_LOOK_UP = "SELECT packed FROM npi WHERE npi = ?"
_OTHER_NAMES = "SELECT name FROM other_names WHERE npi = ? ORDER BY name"
_NEXT = "SELECT npi FROM npi WHERE npi >= ? ORDER BY npi LIMIT 1"
_NOTHING = ("", "", "")
_UNAVAILABLE = "<UNAVAIL>"
_T = TypeVar("_T")
_Identity = tuple[int, int, int, int]


class LocalCopy:
    """A `RegistryCopy` in a file. One is enough for a process; threads may share it.

    A new file under the same name is noticed with the next question. Each thread reads through a connection of its own.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._of_thread = threading.local()

    @property
    def as_of(self) -> date:
        """See `RegistryCopy`."""
        return self._ask(lambda reader: reader.info.as_of)

    @property
    def info(self) -> CopyInfo:
        """What the copy says of itself. Raises `RegistryUnavailable`."""
        return self._ask(lambda reader: reader.info)

    def look_up(self, npi: Npi) -> RegistryAnswer:
        """See `RegistryCopy`."""

        def ask(reader: "_Reader") -> RegistryAnswer:
            return RegistryAnswer(reader.record(int(npi.digits)), Source.LOCAL_COPY, reader.info.as_of)

        return self._ask(ask)

    def search(self, query: NameQuery) -> NamesFound | None:
        """See `RegistryCopy`."""

        def ask(reader: "_Reader") -> NamesFound | None:
            if not reader.info.searchable:
                return None
            found = names.search(reader.connection, query, MOST_FOUND)
            records = [record for npi in found if (record := reader.record(npi))]
            return NamesFound(records, Source.LOCAL_COPY, reader.info.as_of)

        return self._ask(ask)

    def sample(self, at: int) -> NpiRecord | None:
        """The first entry whose NPI is not below `at`; picking `at` by chance picks an entry by chance."""

        def ask(reader: "_Reader") -> NpiRecord | None:
            row = reader.connection.execute(_NEXT, (at,)).fetchone()
            return reader.record(row[0]) if row else None

        return self._ask(ask)

    def _ask(self, question: Callable[["_Reader"], _T]) -> _T:
        """Put a question to this thread's reader of the file as it is now. Raises `RegistryUnavailable`."""
        try:
            identity = _identity(self._path)
            reader: _Reader | None = getattr(self._of_thread, "reader", None)
            if reader is None or reader.identity != identity:
                self._of_thread.reader = reader = _Reader(self._path, identity)
            return question(reader)
        except (OSError, sqlite3.Error, ValueError, KeyError, TypeError) as error:
            self._of_thread.reader = None
            raise RegistryUnavailable(f"the local copy cannot be read ({error})") from error


class _Reader:
    """A connection to one particular file under the copy's name."""

    def __init__(self, path: Path, identity: _Identity) -> None:
        self.identity = identity
        self.connection = open_to_read(path)
        self.info = read_info(self.connection)
        # A copy of an earlier form has other names only after an update.
        tables = self.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'other_names'")
        self._has_other_names = tables.fetchone() is not None

    def record(self, npi: int) -> NpiRecord | None:
        """The record of an NPI, or None where the copy does not have it. Raises `ValueError`."""
        row = self.connection.execute(_LOOK_UP, (npi,)).fetchone()
        if row is None:
            return None
        is_organization = row[0].startswith(_ORGANIZATION) and self._has_other_names
        others = self.connection.execute(_OTHER_NAMES, (npi,)) if is_organization else ()
        return unpack(str(npi), row[0], [name for (name,) in others])

    def __del__(self) -> None:
        # A thread's end is the only notice that nobody asks through this connection any more.
        if hasattr(self, "connection"):
            self.connection.close()


def _identity(path: Path) -> _Identity:
    """What tells one file under a name from the next, and a process from the one that it was forked from."""
    status = os.stat(path)  # noqa: PTH116 - a look-up takes some microseconds; Path.stat() is one of them.
    return os.getpid(), status.st_ino, status.st_mtime_ns, status.st_size


def unpack(npi: str, packed: str, others: Sequence[str] = ()) -> NpiRecord:
    """Make a record of a row as it is kept, with an organization's other names. Raises `ValueError` for no such row."""
    kind, name, first, middle, credential, taxonomy, city, state, *more = packed.split(SEPARATOR)
    deactivated, reactivated, addition = (*more, *_NOTHING[len(more) :])
    if not kind:
        return NpiRecord(npi=npi, kind=None, name="", active=False, deactivated_on=_date(deactivated))
    is_organization = kind == _ORGANIZATION
    shown = " ".join(part for part in map(_given, (first, middle, name)) if part) or _clean(name)
    known_as = (_given(other) for other in ((addition, *others) if is_organization else ()))
    return NpiRecord(
        npi=npi,
        kind=_KINDS[kind],
        name=shown,
        credential=_given(credential),
        active=not deactivated or bool(reactivated),
        deactivated_on=_date(deactivated),
        reactivated_on=_date(reactivated),
        primary_taxonomy=taxonomy_words(_clean(taxonomy)) or None,
        city=_clean(city) or None,
        state=_clean(state) or None,
        suffix=None if is_organization else _given(addition),
        doing_business_as=tuple(dict.fromkeys(other for other in known_as if other and other != shown)),
    )


def _given(text: str) -> str | None:
    """A cell, cleaned; None where it says in one of the registry's ways that there is nothing."""
    cleaned = _clean(text)
    return cleaned if cleaned.strip("-") and cleaned != _UNAVAILABLE else None


def _clean(text: str) -> str:
    """`clean_text`, without its work where there is plainly nothing to clean, as in nearly all of the file."""
    if text.isascii() and text.isprintable() and "  " not in text and text[:1] != " " != text[-1:]:
        return text
    return clean_text(text, 300)


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007
    except ValueError:
        return None
