"""The log of operations: what was written down, who is at it, and how it ended."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, func, literal_column, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..domain.access import Staff
from ..models import OPEN_STATES, OperationRow, ProviderRow
from ..services.database import Database, now
from ..services.errors import OperationInProgress, OperationMismatch
from ..services.history import NOT_DONE, record
from ..services.records import provider_row
from .kind import SUPERSEDED, Intention, Operation, OperationKind, OperationState

# With the states as parameters no database could tell that the indexes of open operations serve.
_IS_OPEN: ColumnElement[bool] = OperationRow.state.in_([literal_column(f"'{state}'") for state in OPEN_STATES])


class OperationLog:
    """Reads and writes the log.

    `lease` is how long the worker that began an operation may still be at it.
    """

    def __init__(self, database: Database, kinds: Mapping[str, OperationKind[Any, Any]], lease: timedelta) -> None:
        self._database = database
        self._kinds = kinds
        self._lease = lease

    def begin(
        self, session: Session, intention: Intention, form: UUID, staff: Staff, latest: Operation | None
    ) -> Operation:
        """Write the operation down in the caller's transaction, which must be committed before its call is made.

        The caller holds the provider's row, has asked `attempt` for the `latest` one, and has asked `refuse_second`.
        Raises `OperationInProgress` where the target has an open operation all the same.
        """
        row = OperationRow(
            # The Portal keeps its refusal under the key of an attempt that failed: the next one needs its own key.
            id=str(form if latest is None else uuid4()),
            intention_id=str(form),
            sending=1 if latest is None else latest.sending + 1,
            kind=intention.kind.name,
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
            # The indexes have the last word, whoever writes beside us and however.
            self.refuse_second(session, intention.target)
            raise OperationInProgress("Somebody else", now()) from error
        return self.as_it_stands(row, session.get_one(ProviderRow, row.provider_id))

    def refuse_second(self, session: Session, target: str) -> None:
        """Raise `OperationInProgress` where the target has an open operation."""
        running = session.scalars(select(OperationRow).where(OperationRow.target == target, _IS_OPEN)).first()
        if running is not None:
            raise OperationInProgress(running.actor, running.created_at)

    def done_on(self, session: Session, target: str) -> int:
        """How many operations on a target were carried out so far."""
        statement = select(func.count()).where(OperationRow.target == target, OperationRow.state == OperationState.DONE)
        return session.execute(statement).scalar_one()

    def attempt(
        self, session: Session, form: UUID, kind: OperationKind[Any, Any], provider_id: int, said: Mapping[str, Any]
    ) -> Operation | None:
        """The latest attempt at what a form was sent for, None where there was none; `said` is what the form says now.

        What was refused may be corrected in the form and sent again. Raises `OperationMismatch` where the form is that
        of another kind or provider, or says something else than what was done or is being done.
        """
        row = _latest_attempt(session, form)
        if row is None:
            return None
        same = (row.kind, row.provider_id) == (kind.name, provider_id)
        if row.state != OperationState.FAILED:
            same = same and all(row.content.get(name, value) == value for name, value in said.items())
        if not same:
            raise OperationMismatch(f"operation {row.id} was begun with other content")
        return self.as_it_stands(row, session.get_one(ProviderRow, provider_id))

    def standing(self, form: UUID) -> Operation | None:
        """The latest attempt at what a form was sent for; None where the form has never been sent."""
        with self._database.read() as session:
            row = _latest_attempt(session, form)
            return self._read(session, row.id) if row is not None and row.kind in self._kinds else None

    def open(self, *conditions: ColumnElement[bool]) -> list[Operation]:
        """The operations whose outcome is not known, oldest first."""
        statement = _with_numbers().where(_IS_OPEN, *conditions).order_by(OperationRow.created_at, OperationRow.id)
        with self._database.read() as session:
            # A newer version that runs beside this one may have kinds of its own; it finishes them itself.
            found = session.execute(statement)
            return [self._operation(row, number) for row, number in found if row.kind in self._kinds]

    def ended(self, provider_id: int, names: Iterable[str]) -> list[Operation]:
        """Those of the named operations that are a provider's and have ended."""
        conditions = (OperationRow.provider_id == provider_id, OperationRow.id.in_(list(names)), ~_IS_OPEN)
        with self._database.read() as session:
            found = session.execute(_with_numbers().where(*conditions).order_by(OperationRow.created_at))
            return [self._operation(row, number) for row, number in found if row.kind in self._kinds]

    def claim(self, operation_id: UUID) -> Operation | None:
        """Take an open operation that nobody is at any more; of two workers that try, one gets it."""
        with self._database.write() as session:
            claimed = session.execute(
                update(OperationRow)
                .where(OperationRow.id == str(operation_id), OperationRow.state.in_(OPEN_STATES), self.free())
                .values(leased_until=now() + self._lease, attempts=OperationRow.attempts + 1)
                .returning(OperationRow.id)
            ).first()
            if not claimed:
                return None
            operation = self._read(session, str(operation_id))
            done = select(OperationRow.result).where(
                OperationRow.target == operation.target, OperationRow.state == OperationState.DONE
            )
            return operation.knowing(tuple(result or {} for result in session.scalars(done)))

    def free(self) -> ColumnElement[bool]:
        """Whether nobody is at an operation any more.

        No lease is longer than ours: one that ends later was given before the clock was set back.
        """
        moment = now()
        return or_(OperationRow.leased_until <= moment, OperationRow.leased_until > moment + self._lease)

    def supersede(self, session: Session, target: str, reason: str) -> list[Operation]:
        """End the open operations on a target, about which a person has decided otherwise; return them.

        The caller holds the provider's row. One that somebody may still be at is left alone.
        """
        statement = _with_numbers().where(OperationRow.target == target, _IS_OPEN, self.free())
        ended = []
        for row, number in session.execute(statement.with_for_update(of=OperationRow)):
            ended.append(self._operation(row, number))
            row.state, row.failure, row.finished_at = OperationState.FAILED, reason[:2000], now()
            row.result = {**(row.result or {}), SUPERSEDED: True}
        session.flush()
        return ended

    def conclude(self, session: Session, row: OperationRow, result: dict[str, Any]) -> None:
        """Put an operation on record as done, in the transaction of its local change. Its row is held."""
        row.result, row.state, row.finished_at, row.failure = result, OperationState.DONE, now(), ""
        session.flush()

    def held(self, session: Session, operation: Operation) -> tuple[ProviderRow, OperationRow]:
        """Hold the provider's row and then the operation's, in this order everywhere; return both as they now stand."""
        provider = provider_row(session, operation.provider_id, lock=True)
        held = session.get_one(OperationRow, str(operation.id), populate_existing=True, with_for_update=True)
        return provider, held

    def end(
        self, operation: Operation, state: OperationState, failure: str, result: dict[str, Any] | None = None
    ) -> None:
        """Say that an operation was not done, or that its outcome is not known; whoever comes next may take it up."""
        with self._database.write() as session:
            _, row = self.held(session, operation)
            if row.state not in OPEN_STATES:
                return
            row.state, row.failure, row.leased_until = state, failure[:2000], now()
            row.result = result if result is not None else row.result
            if state is OperationState.FAILED:
                row.finished_at = now()
                if row.attempts > 1:
                    # Whoever began it was told that its outcome was not known; here is how that ended.
                    details = {"operation": operation.kind.label, "reason": row.failure}
                    record(session, row.provider_id, NOT_DONE, row.actor, details, row.id)

    def read(self, operation_id: UUID) -> Operation:
        """An operation as it now stands."""
        with self._database.read() as session:
            return self._read(session, str(operation_id))

    def _read(self, session: Session, operation_id: str) -> Operation:
        statement = _with_numbers().where(OperationRow.id == operation_id).execution_options(populate_existing=True)
        return self._operation(*session.execute(statement).one())

    def as_it_stands(self, row: OperationRow, provider: ProviderRow) -> Operation:
        """The operation of a row, and of the provider that it is about."""
        return self._operation(row, provider.county_provider_id)

    def _operation(self, row: OperationRow, county_provider_id: str) -> Operation:
        return Operation(
            id=UUID(row.id),
            form=UUID(row.intention_id or row.id),
            kind=self._kinds[row.kind],
            provider_id=row.provider_id,
            county_provider_id=county_provider_id,
            target=row.target,
            content=row.content,
            actor=row.actor,
            state=OperationState(row.state),
            sending=row.sending,
            attempts=row.attempts,
            created_at=row.created_at,
            failure=row.failure,
            result=row.result or {},
        )


def _with_numbers() -> Any:
    return select(OperationRow, ProviderRow.county_provider_id).join(
        ProviderRow, ProviderRow.id == OperationRow.provider_id
    )


def _latest_attempt(session: Session, form: UUID) -> OperationRow | None:
    attempts = select(OperationRow).where(or_(OperationRow.intention_id == str(form), OperationRow.id == str(form)))
    return session.scalars(attempts.order_by(OperationRow.sending.desc())).first()
