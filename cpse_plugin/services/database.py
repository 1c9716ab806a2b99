"""Sessions of the plugin's own on the host's engine: what is committed here commits nothing of the host's."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from .errors import CommitUnknown, DatabaseBusy, DatabaseRefused

_log = logging.getLogger("cpse_plugin.database")

# Longer than any queue of writers that is getting on; whoever waits in vain is told so before a browser gives up.
_LONGEST_TURN = 15.0
_SQLITE_WAITED = ("SQLITE_BUSY", "SQLITE_LOCKED")
# PostgreSQL counts a full disk among the errors that pass, and by itself it does not.
_DISK_FULL = "53100"


def now() -> datetime:
    """The present moment in UTC, to the second: no screen and no comparison needs more."""
    return datetime.now(UTC).replace(microsecond=0)


class Database:
    """Opens sessions for reading and for writing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        self._writing = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; it never commits. Raises `DatabaseBusy` or `DatabaseRefused`."""
        with self._sessions() as session:
            try:
                yield session
            except DBAPIError as error:
                raise _told_apart(error) from error

    @contextmanager
    def columns(self) -> Iterator[Connection]:
        """A connection for reading columns, of what many requests need: with a statement that is made once, it takes
        a third of the time that `read` takes to make an object. Raises `DatabaseBusy` or `DatabaseRefused`.
        """
        try:
            with self.engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise _told_apart(error) from error

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction that is committed at the end, or rolled back by an exception.

        Raises `DatabaseBusy` where the database held the change up, and `DatabaseRefused`; then nothing was saved.
        Raises `CommitUnknown` where the connection broke while the change was being committed.
        """
        with self._turn(), self._sessions() as session:
            try:
                if self.engine.dialect.name == "sqlite":
                    # A plain BEGIN takes the write lock at the first change, after the rows were read: another writer
                    # in between makes SQLite refuse at once, and no waiting helps. Taking it first, writers queue.
                    session.connection().exec_driver_sql("BEGIN IMMEDIATE")
                yield session
                session.flush()
            except DBAPIError as error:
                raise _told_apart(error) from error
            try:
                session.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    _log.error("the connection broke at a commit: %s", error.orig)
                    raise CommitUnknown(str(error.orig)) from error
                raise _told_apart(error) from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let one thread at a time write to SQLite. Raises `DatabaseBusy`.

        SQLite itself has no queue: those who wait look again now and then, and on a busy machine one of them can miss
        every opening until its time is up. Only the writers of other processes are left to that.
        """
        if self.engine.dialect.name != "sqlite":
            yield
            return
        if not self._writing.acquire(timeout=_LONGEST_TURN):
            raise DatabaseBusy("the writers before this one did not come to an end")
        try:
            yield
        finally:
            self._writing.release()


def _told_apart(error: DBAPIError) -> DatabaseBusy | DatabaseRefused:
    """Whether the database takes the same in a while, or only after somebody has seen to it; the log has the reason."""
    reason = str(error.orig)
    if _may_pass(error):
        _log.warning("the database did not answer in time: %s", reason)
        return DatabaseBusy(reason)
    _log.error("the database refuses: %s", reason)
    return DatabaseRefused(reason)


def _may_pass(error: DBAPIError) -> bool:
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    name: str | None = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return name.startswith(_SQLITE_WAITED)
    return getattr(error.orig, "sqlstate", None) != _DISK_FULL
