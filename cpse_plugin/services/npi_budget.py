"""How often the NPI Registry is called, counted over all workers of the county."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from ..models import NpiCallRow
from ..npi_registry.gateway import RegistryBusy, RegistryUnavailable
from ..npi_registry.look_up import utc_now
from .database import Database
from .errors import DatabaseBusy, ServiceError

_log = logging.getLogger("cpse_plugin.npi_registry")

# The registry publishes no quota; this is what its users consider polite.
CALLS_A_SECOND = 5
CALLS_AT_ONCE = 4
_SECOND = timedelta(seconds=1)
_PAUSE = timedelta(seconds=0.05)


class DatabaseCallBudget:
    """A `CallBudget` in the table `cpse_npi_call`.

    Each call holds a row for as long as it runs. The row of a worker that was killed ends by itself once `longest_call`
    is over, so that its place comes back.
    """

    def __init__(self, database: Database, *, longest_call: timedelta) -> None:
        self._database = database
        self._longest_call = longest_call
        self._uncounted = threading.Lock()
        self._next_uncounted = 0.0

    @contextmanager
    def turn(self, patience: float) -> Iterator[None]:
        """See `CallBudget`. While the database is locked, calls keep this worker's own pace and are not counted."""
        call = str(uuid4())
        gives_up = time.monotonic() + patience
        try:
            self._wait_for_turn(call, gives_up)
        except DatabaseBusy as error:
            _log.warning("a call to the NPI Registry is not counted: %s", error)
            self._keep_pace(gives_up)
            yield
            return
        except ServiceError as error:
            raise RegistryUnavailable(f"the calls to the registry cannot be counted: {error}") from error
        try:
            yield
        finally:
            self._end(call)

    def _wait_for_turn(self, call: str, gives_up: float) -> None:
        while True:
            with self._database.aside() as session:
                wait = self._begin(session, call)
            if wait is None:
                return
            _sleep(wait.total_seconds(), gives_up)

    def _keep_pace(self, gives_up: float) -> None:
        """Wait as long as it takes for the calls of this worker alone not to be too many in a second."""
        with self._uncounted:
            begins = max(time.monotonic(), self._next_uncounted)
            if begins > gives_up:
                raise RegistryBusy("too many calls that could not be counted")
            self._next_uncounted = begins + 1 / CALLS_A_SECOND
        time.sleep(max(0.0, begins - time.monotonic()))

    def _begin(self, session: Session, call: str) -> timedelta | None:
        """Write the call down where there is room for it; otherwise say how long to wait before trying again."""
        now = _locked_now(session)
        over = (NpiCallRow.leased_until <= now) & (NpiCallRow.started_at <= now - _SECOND)
        # A start in the future is from before a clock was set back, and would else count until then.
        session.execute(delete(NpiCallRow).where(over | (NpiCallRow.started_at > now + self._longest_call)))
        calls = session.execute(select(NpiCallRow.started_at, NpiCallRow.leased_until)).all()
        recent = sorted(started_at for started_at, _ in calls if started_at > now - _SECOND)
        if len(recent) >= CALLS_A_SECOND:
            return recent[-CALLS_A_SECOND] + _SECOND - now
        if sum(leased_until > now for _, leased_until in calls) >= CALLS_AT_ONCE:
            return _PAUSE
        session.add(NpiCallRow(id=call, started_at=now, leased_until=now + self._longest_call))
        return None

    def _end(self, call: str) -> None:
        try:
            with self._database.aside() as session:
                now = _now(session)
                ended = update(NpiCallRow).where(NpiCallRow.id == call).values(leased_until=now)
                session.execute(ended.execution_options(synchronize_session=False))
        except ServiceError as error:
            # The place comes back by itself.
            _log.warning("the end of a call to the NPI Registry was not written down: %s", error)


def _sleep(seconds: float, gives_up: float) -> None:
    """Sleep, but not for longer than there is patience. Raises `RegistryBusy` where that is over."""
    remaining = gives_up - time.monotonic()
    if remaining <= 0:
        raise RegistryBusy("no turn came in time")
    time.sleep(min(seconds, remaining))


def _locked_now(session: Session) -> datetime:
    """The present moment, once nobody else is counting; SQLite's write transaction has seen to that already."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE cpse_npi_call IN SHARE ROW EXCLUSIVE MODE"))
    return _now(session)


def _now(session: Session) -> datetime:
    """The moment by one clock for all workers: the server's where there is one, else this machine's."""
    if session.get_bind().dialect.name == "postgresql":
        moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return moment
    return utc_now()
