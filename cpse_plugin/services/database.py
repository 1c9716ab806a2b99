"""Sessions of the plugin's own on the host's engine: what is committed here commits nothing of the host's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from .errors import DatabaseBusy

_BUSY_WORDS = ("locked", "lock timeout", "deadlock", "could not serialize", "lock not available")


def now() -> datetime:
    """The present moment in UTC, to the second: no screen and no comparison needs more."""
    return datetime.now(UTC).replace(microsecond=0)


class Database:
    """Opens sessions for reading and for writing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions = sessionmaker(engine, expire_on_commit=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; it never commits."""
        with self._sessions() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction that is committed at the end, or rolled back by an exception.

        Raises `DatabaseBusy` where another writer held the database for too long.
        """
        try:
            with self._sessions.begin() as session:
                if self.engine.dialect.name == "sqlite":
                    # A plain BEGIN takes the write lock at the first change, after the rows were read: another writer
                    # in between makes SQLite refuse at once, and no waiting helps. Taking it first, writers queue.
                    session.connection().exec_driver_sql("BEGIN IMMEDIATE")
                yield session
        except OperationalError as error:
            if _is_busy(error):
                raise DatabaseBusy(str(error.orig)) from error
            raise


def _is_busy(error: DBAPIError) -> bool:
    text = str(error.orig).lower()
    return any(words in text for words in _BUSY_WORDS)
