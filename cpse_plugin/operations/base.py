"""Calls that change something on the Portal: written down first, then made, then completed.

An operation is a committed row before its call goes out; the row's id is the call's Idempotency-Key. The answer and
the local change are committed together. A crash between leaves a row that says what to finish, and finishing it sends
the same key, so that the Portal carries it out once at the most.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement

from ..domain.access import Staff, require
from ..domain.providers import CountyProvider
from ..models import OperationRow
from ..outbound import time_limit
from ..portal.gateway import PortalError, PortalNotAsked, PortalOutcomeUnknown, PortalRefused
from ..services.database import Database, now
from ..services.errors import (
    CommitUnknown,
    Contradiction,
    DatabaseBusy,
    DatabaseRefused,
    LinkChanged,
    NotRecordedYet,
    OperationInProgress,
    ServiceError,
)
from ..services.records import county_provider, provider_row
from .kind import Intention, NotDone, NotSeen, Operation, OperationKind, OperationState, Seen
from .log import OperationLog

_log = logging.getLogger("cpse_plugin.operations")

# Longer than a call can take in all (its deadline, a renewal of the token and one replay): until then the worker that
# began the operation may still be at it.
LEASE = timedelta(seconds=60)
# Seconds that a visit may spend on what was left open, and what a person's own change may spend on it beforehand.
SHARE_OF_A_VISIT = 4.0
# Seconds that Check now may take.
CHECK = 12.0

# How often the Portal is read at the most, where others come to an end with the same meanwhile.
_READINGS = 3

# What keeps an answer of the Portal from getting on record.
_NOT_WRITTEN = (DatabaseBusy, DatabaseRefused, CommitUnknown)


def lease_for(deadline: float) -> timedelta:
    """The lease where a call is given up after `deadline` seconds: finishing an operation takes a look and a call."""
    return max(LEASE, timedelta(seconds=3 * deadline))


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of operations that were left open: those that ended just now, and those that are open still."""

    ended: tuple[Operation, ...]
    still_open: tuple[Operation, ...]


@contextmanager
def _nothing_asked_yet() -> Iterator[None]:
    """Read what an operation needs before it begins: an answer that fails to come leaves everything as it is.

    Without this a person would be told that the change itself may have been made.
    """
    try:
        yield
    except PortalOutcomeUnknown as error:
        raise PortalNotAsked(error.detail, request_id=error.request_id) from error


class Operations:
    """Begins, carries out and finishes operations of the kinds that it is given."""

    def __init__(
        self,
        database: Database,
        kinds: Mapping[str, OperationKind[Any, Any]],
        lease: timedelta = LEASE,
    ) -> None:
        self._database = database
        self._kinds = kinds
        self._log = OperationLog(database, kinds, lease)

    def carry_out(
        self, name: str, provider_id: int, said: Mapping[str, Any], *, form: UUID, staff: Staff
    ) -> tuple[Operation, CountyProvider]:
        """Do what a form was sent for; return the operation, which is done then, and the provider as it then stands.

        `said` is what the form says, fit for JSON. A form means one intention for good: sent again, it leads to what
        was done, or is tried again where it was refused.

        Raises `PortalError`: after `PortalRefused` and `PortalNotAsked` nothing was changed, after
        `PortalOutcomeUnknown` the operation stays open and is finished later. Raises `NotRecordedYet` where the Portal
        has done it, and `CommitUnknown` where it has refused it, and the county's record could not be written; that is
        finished later too. Raises `OperationInProgress`, `OperationMismatch`, and the refusals of the kind.
        """
        kind = self._kinds[name]
        require(staff, kind.permission)
        target = kind.target(provider_id, said, None)
        ended, provider, latest = self._before(kind, provider_id, said, form, target)
        if latest is not None and latest.is_open:
            self._finish([latest], SHARE_OF_A_VISIT, _allowed_to(staff))
            ended, provider, latest = self._before(kind, provider_id, said, form, target)
            if latest is not None and latest.is_open:
                raise OperationInProgress(latest.actor, latest.created_at)
        if latest is not None and latest.is_done:
            return latest, provider
        is_old = target is not None and not kind.settles and self._finish_on(target, staff)
        for _ in range(_READINGS):
            if is_old:
                ended, provider, _latest = self._before(kind, provider_id, said, form, target)
            with _nothing_asked_yet():
                known = kind.read(provider, said, staff)
                about = target or kind.target(provider_id, said, known) or ""
                if target is None and self._finish_on(about, staff):
                    known = kind.read(provider, said, staff)
            with self._database.write() as session:
                row = provider_row(session, provider_id, lock=True)
                latest = self._log.attempt(session, form, kind, provider_id, said)
                if latest is not None and latest.is_done:
                    return latest, county_provider(row)
                if latest is not None and latest.is_superseded:
                    raise LinkChanged(f"operation {latest.id} ended by a decision")
                # Somebody else has come to an end with it since the Portal was read.
                is_old = ended is not None and self._log.done_on(session, about) != ended
                if is_old:
                    continue
                if kind.settles:
                    self._log.supersede(session, about, f"{staff.acting_user} decided which link holds.")
                self._log.refuse_second(session, about)
                content = {**said, **kind.decide(session, row, said, known)}
                operation = self._log.begin(session, Intention(kind, provider_id, about, content), form, staff, latest)
            return self._carried_out(operation, kind.call)
        raise OperationInProgress("Somebody else", now())

    def _before(
        self, kind: OperationKind[Any, Any], provider_id: int, said: Mapping[str, Any], form: UUID, target: str | None
    ) -> tuple[int | None, CountyProvider, Operation | None]:
        """How many operations on the target had ended before the provider was read; the provider; the latest attempt
        at what the form was sent for.
        """
        with self._database.read() as session:
            ended = self._log.done_on(session, target) if target is not None else None
            row = provider_row(session, provider_id)
            return ended, county_provider(row), self._log.attempt(session, form, kind, provider_id, said)

    def _finish_on(self, target: str, staff: Staff) -> bool:
        """Finish what was left open on a target; say whether there was anything."""
        left = self._log.open(OperationRow.target == target, self._log.free())
        return bool(self._finish(left, SHARE_OF_A_VISIT, _allowed_to(staff)))

    def _carried_out(self, operation: Operation, ask: Callable[[Operation], Any]) -> tuple[Operation, CountyProvider]:
        try:
            answer = ask(operation)
        except PortalError as error:
            state = _state_after(error, operation)
            try:
                self._log.end(operation, state, error.detail)
            except _NOT_WRITTEN as failure:
                # Open is what it stays on record, so it will be taken up again and "not done" would not hold.
                _log.warning("operation %s keeps its lease: %s", operation.id, failure)
                if state is OperationState.FAILED:
                    raise CommitUnknown(f"operation {operation.id}: {failure}") from error
            raise
        return self._completed(operation, answer)

    def _completed(self, operation: Operation, answer: Any) -> tuple[Operation, CountyProvider]:
        try:
            with self._database.write() as session:
                provider, row = self._log.held(session, operation)
                if row.state != OperationState.DONE:
                    result = operation.kind.complete(session, provider, operation, answer)
                    self._log.conclude(session, row, result)
                return self._log.as_it_stands(row, provider), county_provider(provider)
        except _NOT_WRITTEN as error:
            raise NotRecordedYet(f"operation {operation.id}: {error}") from error
        except Contradiction as error:
            # The Portal did its part and the county's record does not take it: only a person can say which is right.
            _log.error("operation %s cannot be completed: %s", operation.id, error)
            self._log.end(operation, OperationState.UNKNOWN, str(error), {"portal_id": error.portal_id})
            raise NotRecordedYet(f"operation {operation.id}: {error}") from error

    def look_into(self, provider_id: int) -> Finished:
        """Read on the Portal what has become of a provider's open operations, and complete the record.

        Nothing is sent that changes the Portal. It takes a share of a visit's time; what there is no time for, or
        what the Portal does not tell, stays open.
        """
        return self._finished(provider_id, SHARE_OF_A_VISIT, lambda _: False)

    def check(self, provider_id: int, staff: Staff) -> Finished:
        """The same at a person's word: what was not done yet is called for again, as far as the person may do it."""
        return self._finished(provider_id, CHECK, _allowed_to(staff))

    def resume(self, provider_id: int | None = None) -> list[Operation]:
        """Finish what was left open, for one provider or for all; return how each of these operations stands now.

        First the Portal is read: what it has done already is not asked for again. What it has not done is called for
        with the same key. An operation that another worker may still be at is left alone. A failure is on record and in
        the log, it is not raised.
        """
        return self._finish(self._log.open(*_of(provider_id), self._log.free()), None, lambda _: True)

    def standing(self, form: UUID) -> Operation | None:
        """The latest attempt at what a form was sent for; None where the form has never been sent."""
        return self._log.standing(form)

    def ended(self, provider_id: int, names: Iterable[str]) -> list[Operation]:
        """Those of the named operations that are a provider's and have ended."""
        return self._log.ended(provider_id, names)

    def open_for(self, provider_id: int | None = None) -> list[Operation]:
        """The operations whose outcome is not known, of one provider or of all, oldest first."""
        return self._log.open(*_of(provider_id))

    def _finished(self, provider_id: int, seconds: float, may_call: Callable[[Operation], bool]) -> Finished:
        if not self.open_for(provider_id):
            return Finished((), ())
        left = self._log.open(*_of(provider_id), self._log.free())
        ended: list[Operation] = []
        try:
            ended = [operation for operation in self._finish(left, seconds, may_call) if not operation.is_open]
        except _NOT_WRITTEN as error:
            # What is open is shown all the same: whoever opens a page has not asked for any of this.
            _log.warning("nothing that was left open could be looked into: %s", error)
        return Finished(tuple(ended), tuple(self.open_for(provider_id)))

    def _finish(
        self, left: Iterable[Operation], seconds: float | None, may_call: Callable[[Operation], bool]
    ) -> list[Operation]:
        """Take up open operations one after the other; return how each that was taken up stands now.

        Within a time limit a Portal that has not answered about one of them is not asked about the others.
        """
        found: list[Operation] = []
        with nullcontext() if seconds is None else time_limit(seconds) as limit:
            for operation in left:
                taken = None if limit is not None and limit.is_over else self._log.claim(operation.id)
                if taken is None:
                    continue
                answered = self._taken_up(taken, may_call(taken))
                found.append(self._log.read(taken.id))
                if not answered and limit is not None:
                    break
        return found

    def _taken_up(self, operation: Operation, may_call: bool) -> bool:
        """Finish an operation as far as it goes; say whether the Portal has answered. A failure is in the log."""
        try:
            look = operation.kind.look(operation)
            if isinstance(look, NotSeen) and may_call:
                obstacle = look.obstacle or self._obstacle(operation)
                look = NotDone(obstacle) if obstacle else _repeated(operation)
            if isinstance(look, Seen):
                self._completed(operation, look.answer)
            elif isinstance(look, NotDone):
                self._log.end(operation, OperationState.FAILED, look.reason)
            else:
                self._log.end(operation, OperationState.UNKNOWN, look.obstacle or operation.failure)
        except PortalError as error:
            _log.warning("operation %s is not finished: %s", operation.id, error.detail)
            self._log.end(operation, _state_after(error, operation), error.detail)
            return isinstance(error, PortalRefused)
        except ServiceError as error:
            _log.warning("operation %s is not finished: %s", operation.id, error)
        except Exception:  # noqa: BLE001
            # A county's own gateway may stumble in ways of its own, and the page that came here by must open even so.
            _log.exception("operation %s is not finished", operation.id)
        return True

    def _obstacle(self, operation: Operation) -> str:
        with self._database.read() as session:
            return operation.kind.obstacle(session, provider_row(session, operation.provider_id), operation)


def _of(provider_id: int | None) -> tuple[ColumnElement[bool], ...]:
    return () if provider_id is None else (OperationRow.provider_id == provider_id,)


def _allowed_to(staff: Staff) -> Callable[[Operation], bool]:
    return lambda operation: staff.may(operation.kind.permission)


def _repeated(operation: Operation) -> Seen[Any] | NotDone:
    """Call again with the same key."""
    try:
        return Seen(operation.kind.repeat(operation))
    except PortalRefused:
        # A Portal that keeps no keys refuses what the first call has brought about since the look.
        look = operation.kind.look(operation)
        if isinstance(look, NotSeen):
            raise
        return look


def _state_after(error: PortalError, operation: Operation) -> OperationState:
    """What a call that failed leaves the operation in."""
    if isinstance(error, PortalRefused):
        return OperationState.FAILED
    if isinstance(error, PortalNotAsked) and operation.attempts == 1:
        return OperationState.FAILED
    # That this attempt did not reach the Portal says nothing about an earlier one.
    return OperationState.UNKNOWN
