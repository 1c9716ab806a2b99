"""Calls that change something on the Portal: written down first, then made, then completed.

An operation is a committed row before its call goes out; the row's id is the call's Idempotency-Key. The answer and
the local change are committed together. A crash between leaves a row that says what to finish, and finishing it sends
the same key, so that the Portal carries it out once at the most.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..domain.access import Staff
from ..models import OPEN_STATES, OperationRow
from ..portal.gateway import PortalError, PortalNotAsked, PortalOutcomeUnknown, PortalRefused
from .database import Database, now
from .errors import (
    AlreadyLinked,
    CommitUnknown,
    DatabaseBusy,
    DatabaseRefused,
    NotRecordedYet,
    OperationInProgress,
    OperationMismatch,
    ServiceError,
)
from .history import HistoryAction, record

_log = logging.getLogger("cpse_plugin.operations")

# Longer than a call can take in all (its deadline, a renewal of the token and one replay): until then the worker that
# began the operation may still be at it.
LEASE = timedelta(seconds=60)


# What keeps an answer of the Portal from getting on record.
_NOT_WRITTEN = (DatabaseBusy, DatabaseRefused, CommitUnknown)


def lease_for(deadline: float) -> timedelta:
    """The lease where a call is given up after `deadline` seconds: finishing an operation takes a look and a call."""
    return max(LEASE, timedelta(seconds=3 * deadline))


@contextmanager
def nothing_asked_yet() -> Iterator[None]:
    """Read what an operation needs before it begins: an answer that fails to come leaves everything as it is.

    Without this a person would be told that the change itself may have been made.
    """
    try:
        yield
    except PortalOutcomeUnknown as error:
        raise PortalNotAsked(error.detail, request_id=error.request_id) from error


class OperationKind(StrEnum):
    """What an operation asks of the Portal."""

    LINK = "link"
    ADD_PROVIDER = "add-provider"
    UNLINK = "unlink"
    INVITE = "invite"
    SEND_AGAIN = "send-again"
    REVOKE = "revoke"

    @property
    def label(self) -> str:
        """The words on the screen."""
        return _LABELS[self]


_LABELS = {
    OperationKind.LINK: "Linking to a CPSE Portal provider",
    OperationKind.ADD_PROVIDER: "Adding to the CPSE Portal",
    OperationKind.UNLINK: "Unlinking from the CPSE Portal provider",
    OperationKind.INVITE: "Inviting an admin user",
    OperationKind.SEND_AGAIN: "Sending an invitation again",
    OperationKind.REVOKE: "Revoking an invitation",
}


class OperationState(StrEnum):
    """How far an operation has come. `UNKNOWN`: the call went out and no answer came back."""

    INTENT = "intent"
    UNKNOWN = "unknown"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as it is on record; `result` is what its handler kept of the Portal's answer.

    `id` names one attempt, and is its Idempotency-Key; `intention_id` names the form that it came from.

    One that is being finished knows what is on record of `earlier` ones on the same target: that is not its own doing.
    """

    id: UUID
    intention_id: UUID
    kind: OperationKind
    provider_id: int
    content: dict[str, Any]
    actor: str
    state: OperationState
    attempts: int
    created_at: datetime
    failure: str
    result: dict[str, Any]
    earlier: tuple[dict[str, Any], ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether its outcome is not known yet."""
        return self.state in (OperationState.INTENT, OperationState.UNKNOWN)

    @property
    def is_done(self) -> bool:
        """Whether it was carried out and put on record."""
        return self.state is OperationState.DONE


Answer = TypeVar("Answer")


class Handler(Protocol[Answer]):
    """How the operations of one kind are carried out."""

    def call(self, operation: Operation) -> Answer:
        """Ask the Portal. Raises `PortalError`."""

    def look(self, operation: Operation, /) -> Answer | None:
        """Read on the Portal whether the call was carried out; None where it was not. Raises `PortalError`."""

    def complete(self, session: Session, operation: Operation, answer: Answer, /) -> dict[str, Any]:
        """Make the local change in the given transaction; return what to keep of the answer, fit for JSON."""


@dataclass(frozen=True, slots=True)
class Intention:
    """What is to be done. `target` names what only one operation at a time may be about."""

    kind: OperationKind
    provider_id: int
    target: str
    content: dict[str, Any]


class Operations:
    """Begins, carries out and finishes operations."""

    def __init__(
        self, database: Database, handlers: Mapping[OperationKind, Handler[Any]], lease: timedelta = LEASE
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._lease = lease

    def begin(self, session: Session, intention: Intention, intention_id: UUID, staff: Staff) -> Operation:
        """Write the operation down in the caller's transaction, which must be committed before `carry_out`.

        A form means one intention for good. Sent again it gives the operation that was done, or another attempt where
        the latest one was refused; a double click is one operation. Raises `OperationMismatch` where the form says
        something else than what was done, `OperationInProgress` where the target has an open operation.
        """
        latest = _latest_attempt(session, intention_id)
        if latest is not None:
            _refuse_other(latest, intention)
            if latest.state in OPEN_STATES:
                raise OperationInProgress(latest.actor, latest.created_at)
            if latest.state == OperationState.DONE:
                return _operation(latest)
        running_now = select(OperationRow).where(
            OperationRow.target == intention.target, OperationRow.state.in_(OPEN_STATES)
        )
        running = session.scalars(running_now).first()
        if running is not None:
            raise OperationInProgress(running.actor, running.created_at)
        row = OperationRow(
            # The Portal keeps its refusal under the key of an attempt that failed: the next one needs its own key.
            id=str(intention_id if latest is None else uuid4()),
            intention_id=str(intention_id),
            sending=1 if latest is None else latest.sending + 1,
            kind=intention.kind,
            provider_id=intention.provider_id,
            target=intention.target,
            content=intention.content,
            actor=staff.acting_user,
            state=OperationState.INTENT,
            attempts=1,
            leased_until=now() + self._lease,
            created_at=now(),
        )
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError as error:
            # The partial unique index has the last word: somebody began the same between our look and our insert.
            winner = session.scalars(running_now).first()
            actor, since = (winner.actor, winner.created_at) if winner else ("Somebody else", now())
            raise OperationInProgress(actor, since) from error
        return _operation(row)

    def carry_out(self, operation: Operation) -> Operation:
        """Make the call and complete the operation; one that is done already is returned as it is.

        Raises `PortalError`: after `PortalRefused` and `PortalNotAsked` nothing was changed, after
        `PortalOutcomeUnknown` the operation stays open and `resume` finishes it. Raises `NotRecordedYet` where the
        Portal has done it, and `CommitUnknown` where it has refused it, and the county's record could not be written;
        `resume` finishes that too.
        """
        if operation.state is OperationState.DONE:
            return operation
        try:
            return self._carry_out(operation, self._handlers[operation.kind].call)
        except AlreadyLinked as error:
            # The Portal has done it, so "nothing was changed" would be false; the operation stays open for a person.
            raise NotRecordedYet(f"operation {operation.id}: {error}") from error

    def _carry_out(self, operation: Operation, ask: Callable[[Operation], Any]) -> Operation:
        try:
            answer = ask(operation)
        except PortalError as error:
            state = _state_after(error, operation)
            try:
                self._end(operation, state, error.detail)
            except _NOT_WRITTEN as failure:
                # Open is what it stays on record, so it will be taken up again and "not done" would not hold.
                _log.warning("operation %s keeps its lease: %s", operation.id, failure)
                if state is OperationState.FAILED:
                    raise CommitUnknown(f"operation {operation.id}: {failure}") from error
            raise
        try:
            return self._complete(operation, answer)
        except _NOT_WRITTEN as error:
            raise NotRecordedYet(f"operation {operation.id}: {error}") from error

    def _complete(self, operation: Operation, answer: Any) -> Operation:
        with self._database.write() as session:
            row = session.get_one(OperationRow, str(operation.id), with_for_update=True)
            if row.state == OperationState.DONE:
                return _operation(row)
            row.result = self._handlers[operation.kind].complete(session, operation, answer)
            row.state = OperationState.DONE
            row.finished_at = now()
            row.failure = ""
            return _operation(row)

    def resume(self, provider_id: int | None = None) -> list[Operation]:
        """Finish what was left open, for one provider or for all; return how each of these operations stands now.

        First the Portal is read: what it has done already is not asked for again. What it has not done is called for
        with the same key. An operation that another worker may still be at is left alone. A failure is on record and in
        the log, it is not raised: the person who opens the page did not ask for this call.
        """
        return [done for left in self.open_for(provider_id) if (done := self._finish(str(left.id)))]

    def _finish(self, operation_id: str) -> Operation | None:
        operation = self._claim(operation_id)
        if operation is None:
            return None
        try:
            return self._carry_out(operation, self._look_then_call)
        except PortalError as error:
            _log.warning("operation %s is not finished: %s", operation.id, error.detail)
        except (NotRecordedYet, CommitUnknown) as error:
            _log.warning("operation %s is not finished: %s", operation.id, error)
        except ServiceError as error:
            # The Portal did its part and the county's record does not take it: only a person can say which is right.
            _log.error("operation %s cannot be completed: %s", operation.id, error)
            self._end(operation, OperationState.UNKNOWN, str(error))
        except Exception:  # noqa: BLE001
            # A county's own gateway may stumble in ways of its own, and the page that came here by must open even so.
            _log.exception("operation %s is not finished", operation.id)
        return self._read(operation_id)

    def _look_then_call(self, operation: Operation) -> Any:
        handler = self._handlers[operation.kind]
        found = handler.look(operation)
        if found is not None:
            return found
        try:
            return handler.call(operation)
        except PortalRefused:
            # A Portal that keeps no keys refuses what the first call has brought about since the look.
            found = handler.look(operation)
            if found is None:
                raise
            return found

    def standing(self, intention_id: UUID) -> Operation | None:
        """The latest attempt at what a form was sent for; None where the form has never been sent."""
        with self._database.read() as session:
            row = _latest_attempt(session, intention_id)
            return _operation(row) if row is not None else None

    def is_done(self, session: Session, intention_id: UUID, kind: OperationKind, target: str, **content: str) -> bool:
        """Whether this very operation was carried out before: a form that was sent twice.

        `content` is what a form says of it. Raises `OperationMismatch` where the id is another operation's.
        """
        row = _latest_attempt(session, intention_id)
        if row is None or row.state != OperationState.DONE:
            return False
        same_content = all(row.content.get(name) == value for name, value in content.items())
        if (row.kind, row.target) != (kind, target) or not same_content:
            raise OperationMismatch(f"operation {row.id} was carried out with other content")
        return True

    def open_for(self, provider_id: int | None = None) -> list[Operation]:
        """The operations whose outcome is not known, of one provider or of all, oldest first."""
        statement = select(OperationRow).where(OperationRow.state.in_(OPEN_STATES)).order_by(OperationRow.created_at)
        if provider_id is not None:
            statement = statement.where(OperationRow.provider_id == provider_id)
        with self._database.read() as session:
            return [_operation(row) for row in session.scalars(statement)]

    def _claim(self, operation_id: str) -> Operation | None:
        """Take an open operation whose lease has ended; of two workers that try, one gets it."""
        with self._database.write() as session:
            claimed = session.execute(
                update(OperationRow)
                .where(
                    OperationRow.id == operation_id,
                    OperationRow.state.in_(OPEN_STATES),
                    OperationRow.leased_until <= now(),
                )
                .values(leased_until=now() + self._lease, attempts=OperationRow.attempts + 1)
                .returning(OperationRow.id)
            ).first()
            if not claimed:
                return None
            row = session.get_one(OperationRow, operation_id)
            done = select(OperationRow).where(
                OperationRow.target == row.target, OperationRow.state == OperationState.DONE
            )
            return replace(_operation(row), earlier=tuple(other.result or {} for other in session.scalars(done)))

    def _read(self, operation_id: str) -> Operation:
        with self._database.read() as session:
            return _operation(session.get_one(OperationRow, operation_id))

    def _end(self, operation: Operation, state: OperationState, failure: str) -> None:
        with self._database.write() as session:
            row = session.get_one(OperationRow, str(operation.id), with_for_update=True)
            if row.state not in OPEN_STATES:
                return
            row.state = state
            row.failure = failure[:2000]
            # Nobody is at it any more: whoever comes next may finish it at once, with the same key.
            row.leased_until = now()
            if state is OperationState.FAILED:
                row.finished_at = now()
                if row.attempts > 1:
                    # Whoever began it was told that its outcome was not known; here is how that ended.
                    details = {"operation": operation.kind.label, "reason": row.failure}
                    record(session, row.provider_id, HistoryAction.NOT_DONE, row.actor, details, row.id)


def _latest_attempt(session: Session, intention_id: UUID) -> OperationRow | None:
    name = str(intention_id)
    attempts = select(OperationRow).where(or_(OperationRow.intention_id == name, OperationRow.id == name))
    return session.scalars(attempts.order_by(OperationRow.sending.desc())).first()


def _refuse_other(latest: OperationRow, intention: Intention) -> None:
    """Raise `OperationMismatch` where a form's latest attempt was about something else.

    What was refused may be corrected in the form and sent again, so that only its kind and provider are held to.
    """
    same = (latest.kind, latest.provider_id) == (intention.kind, intention.provider_id)
    if latest.state != OperationState.FAILED:
        same = same and (latest.target, latest.content) == (intention.target, intention.content)
    if not same:
        raise OperationMismatch(f"operation {latest.id} was begun with other content")


def _state_after(error: PortalError, operation: Operation) -> OperationState:
    """What a call that failed leaves the operation in."""
    if isinstance(error, PortalRefused):
        return OperationState.FAILED
    if isinstance(error, PortalNotAsked) and operation.attempts == 1:
        return OperationState.FAILED
    # That this attempt did not reach the Portal says nothing about an earlier one.
    return OperationState.UNKNOWN


def _operation(row: OperationRow) -> Operation:
    return Operation(
        id=UUID(row.id),
        intention_id=UUID(row.intention_id or row.id),
        kind=OperationKind(row.kind),
        provider_id=row.provider_id,
        content=row.content,
        actor=row.actor,
        state=OperationState(row.state),
        attempts=row.attempts,
        created_at=row.created_at,
        failure=row.failure,
        result=row.result or {},
    )
