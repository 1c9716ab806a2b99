"""Sessions of the plugin's own on the host's engine: what is committed here commits nothing of the host's.

Whatever keeps the database from answering comes out as `DatabaseBusy` or `DatabaseRefused`, at the first statement as
well as when the connection is given back. No wait is longer than some seconds, or than a request has left of its time.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as HeldUp
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool

from ..outbound import seconds_left
from .errors import CommitUnknown, DatabaseBusy, DatabaseRefused

_log = logging.getLogger("cpse_plugin.database")

# In seconds: for a connection, for the turn to write, and for what somebody else holds. Longer than any queue that is
# getting on; all of them together are shorter than a browser's patience.
_LONGEST_WAIT = 5.0
# What can be noted later does not keep a person waiting.
_ASIDE = 0.5
# What the Portal has done is put on record even where it took all of the request's time.
_AT_LEAST = 1.0
_PAUSE = 0.01
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
        wait = _Wait(_LONGEST_WAIT)
        with told_apart():
            self._wait_for_connection(wait)
            with self._sessions() as session:
                _bound_waits(session.connection(), wait)
                yield session

    def ping(self) -> None:
        """Make sure that the database answers. Raises `DatabaseBusy` or `DatabaseRefused` where it does not."""
        with self.read() as session:
            session.execute(text("SELECT 1"))

    @contextmanager
    def columns(self) -> Iterator[Connection]:
        """A connection for reading columns, of what many requests need: with a statement that is made once, it takes
        a third of the time that `read` takes to make an object. Raises `DatabaseBusy` or `DatabaseRefused`.
        """
        wait = _Wait(_LONGEST_WAIT)
        with told_apart():
            self._wait_for_connection(wait)
            with self.engine.connect() as connection:
                _bound_waits(connection, wait)
                yield connection

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction that is committed at the end, or rolled back by an exception.

        Raises `DatabaseBusy` where the database held the change up, and `DatabaseRefused`; then nothing was saved.
        Raises `CommitUnknown` where the connection broke while the change was being committed.
        """
        with told_apart(), self._writing_session(_Wait(_LONGEST_WAIT)) as session:
            yield session

    @contextmanager
    def aside(self) -> Iterator[Session]:
        """A `write` of what can as well be noted later: it hardly waits, and leaves the line in the log to its caller.

        Raises what `write` raises.
        """
        with told_apart(aside=True), self._writing_session(_Wait(_ASIDE)) as session:
            yield session

    @contextmanager
    def _writing_session(self, wait: "_Wait") -> Iterator[Session]:
        with self._turn(wait):
            self._wait_for_connection(wait)
            with self._sessions() as session:
                _begin(session.connection(), wait)
                yield session
                session.flush()
                try:
                    session.commit()
                except DBAPIError as error:
                    if error.connection_invalidated:
                        _log.error("the connection broke at a commit: %s", error.orig)
                        raise CommitUnknown(str(error.orig)) from error
                    raise

    @contextmanager
    def _turn(self, wait: "_Wait") -> Iterator[None]:
        """Let one thread at a time write to SQLite. Raises `HeldUp`.

        SQLite itself has no queue: those who wait look again now and then, and on a busy machine one of them can miss
        every opening until its time is up. Only the writers of other processes are left to that.
        """
        if self.engine.dialect.name != "sqlite":
            yield
            return
        if not self._writing.acquire(timeout=wait.seconds):
            raise HeldUp("the writers before this one did not come to an end")
        try:
            yield
        finally:
            self._writing.release()

    def _wait_for_connection(self, wait: "_Wait") -> None:
        """Wait until the host's pool has a connection to give, unless the pool waits no longer by itself.

        It would wait for half a minute where the host has not said otherwise. Raises `HeldUp`.
        """
        pool = self.engine.pool
        if not isinstance(pool, QueuePool) or pool.timeout() <= wait.seconds:
            return
        while _is_exhausted(pool):
            if not wait.seconds:
                raise HeldUp(f"every connection is taken: {pool.status()}")
            time.sleep(_PAUSE)


class _Wait:
    """All that one use of the database waits: so many seconds, or less where the request ends before."""

    def __init__(self, seconds: float) -> None:
        left = seconds_left()
        longest = seconds if left is None else min(seconds, max(_AT_LEAST, left))
        self._ends = time.monotonic() + longest

    @property
    def seconds(self) -> float:
        """What is left."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def milliseconds(self) -> int:
        """What is left, for a database; to PostgreSQL a zero would mean for ever."""
        return max(1, round(self.seconds * 1000))


@contextmanager
def told_apart(*, aside: bool = False) -> Iterator[None]:
    """Say of what SQLAlchemy raises whether it passes, as `DatabaseBusy` or `DatabaseRefused`; the log has the reason.

    For what is noted `aside` the caller writes the line.
    """
    try:
        yield
    except (HeldUp, PendingRollbackError) as error:
        # The second is what is left of a connection that broke inside a savepoint.
        raise _held_up(str(error.args[0]), aside=aside) from error
    except DBAPIError as error:
        reason = str(error.orig)
        if _may_pass(error):
            raise _held_up(reason, aside=aside) from error
        if not aside:
            _log.error("the database refuses: %s", reason)
        raise DatabaseRefused(reason) from error


def _held_up(reason: str, *, aside: bool) -> DatabaseBusy:
    if not aside:
        _log.warning("the database did not answer in time: %s", reason)
    return DatabaseBusy(reason)


def _may_pass(error: DBAPIError) -> bool:
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    name: str | None = getattr(error.orig, "sqlite_errorname", None)
    if name is not None:
        return name.startswith(_SQLITE_WAITED)
    return getattr(error.orig, "sqlstate", None) != _DISK_FULL


def _is_exhausted(pool: QueuePool) -> bool:
    # Nothing public says how many connections a pool may open.
    most_beyond = pool._max_overflow
    return pool.checkedin() == 0 and most_beyond >= 0 and pool.overflow() >= most_beyond


def _begin(connection: Connection, wait: _Wait) -> None:
    """Begin to write. A plain BEGIN of SQLite takes the write lock at the first change, after the rows were read:
    another writer in between makes it refuse at once, and no waiting helps. Taking it first, writers queue.
    """
    if connection.dialect.name != "sqlite":
        _bound_waits(connection, wait)
        return
    # The connection is the host's, and so is how long it waits.
    usual = int(connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one())
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {min(usual, wait.milliseconds)}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {usual}")


def _bound_waits(connection: Connection, wait: _Wait) -> None:
    """Let no statement of this transaction wait for long for what PostgreSQL has locked; SQLite's readers never do."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT set_config('lock_timeout', '{wait.milliseconds}', true)")
