"""Sessions of the plugin's own on the host's engine: what is committed here commits nothing of the host's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from .errors import CommitUnknown, DatabaseBusy


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
        """A session for reading; it never commits. Raises `DatabaseBusy` where the database does not answer."""
        with self._sessions() as session:
            try:
                yield session
            except OperationalError as error:
                raise DatabaseBusy(str(error.orig)) from error

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction that is committed at the end, or rolled back by an exception.

        Raises `DatabaseBusy` where the database held the change up or refused it: then nothing was saved. Raises
        `CommitUnknown` where the connection broke while the change was being committed.
        """
        with self._sessions() as session:
            try:
                if self.engine.dialect.name == "sqlite":
                    # A plain BEGIN takes the write lock at the first change, after the rows were read: another writer
                    # in between makes SQLite refuse at once, and no waiting helps. Taking it first, writers queue.
                    session.connection().exec_driver_sql("BEGIN IMMEDIATE")
                yield session
                session.flush()
            except OperationalError as error:
                raise DatabaseBusy(str(error.orig)) from error
            try:
                session.commit()
            except OperationalError as error:
                if error.connection_invalidated:
                    raise CommitUnknown(str(error.orig)) from error
                raise DatabaseBusy(str(error.orig)) from error
