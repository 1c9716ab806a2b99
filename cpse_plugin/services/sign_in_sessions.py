"""Sessions of signed-in staff: rows of the database, since a cookie that was given out cannot be called back."""

import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..domain.access import Role, Staff
from ..models import KeptFormRow, LogoutTokenRow, SignInSessionRow
from .database import Database, now
from .errors import CommitUnknown, DatabaseBusy, DatabaseRefused

_LOGGER = logging.getLogger("cpse_plugin.sign_in")

# Each request of a busy person would be a write otherwise.
SEEN_AT_MOST_EVERY = timedelta(minutes=1)
# How long the subject of a session that is over is remembered.
REMEMBERED_FOR = timedelta(days=1)
# How long a role counts anew where the identity provider could not be asked.
POSTPONED_BY = timedelta(minutes=1)
# How far the clocks of two machines that share the database may be apart.
LEEWAY = timedelta(seconds=60)
# Every request asks so.
_BY_HASH = select(*SignInSessionRow.__table__.columns).where(SignInSessionRow.id_hash == bindparam("id_hash"))
# A session as it is kept, read whole or by its columns.
_Columns = SignInSessionRow | Row[Any]


class RoleCheck(Enum):
    """How well a session's role is known: for sure, enough to go on for now, or not any more."""

    FRESH = "fresh"
    DUE = "due"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts unused and in all, and after how long its role must have been confirmed."""

    idle: timedelta
    longest: timedelta
    role_check: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that is not over. `longest_end` is when it ends whatever its person does."""

    staff: Staff
    role_check: RoleCheck
    idle_end: datetime
    longest_end: datetime
    seconds_left: int

    @property
    def can_stay(self) -> bool:
        """Whether the session lasts longer if its person does something."""
        return self.idle_end < self.longest_end


class SignInSessions:
    """Begins, finds and ends sessions; the browser has an id of 256 random bits and the database its SHA-256."""

    def __init__(self, database: Database, limits: SessionLimits, *, clock: Callable[[], datetime] = now) -> None:
        self.limits = limits
        self._database = database
        self._clock = clock

    def begin(self, staff: Staff, provider_sid: str | None = None, *, longest_end: datetime | None = None) -> str:
        """Begin a session and return its id.

        `longest_end` is given where the session goes on from an earlier one, which it must not outlive.
        """
        at = self._clock()
        session_id = secrets.token_urlsafe(32)
        with self._database.write() as session:
            for kind, expired in _expired(at):
                session.execute(delete(kind).where(expired))
            row = _new_row(session_id, staff, at)
            row.provider_sid = provider_sid or ""
            row.ends_at = longest_end or at + self.limits.longest
            session.add(row)
        return session_id

    def find(self, session_id: str, *, is_use: bool = True) -> LiveSession | None:
        """The session of this id, or None where there is none any more. `is_use` begins its idle time anew."""
        at = self._clock()
        with self._database.columns() as connection:
            row = connection.execute(_BY_HASH, {"id_hash": digest(session_id)}).one_or_none()
        if row is None or not self._is_live(row, at):
            return None
        is_to_be_written = is_use and not -LEEWAY <= at - row.seen_at < SEEN_AT_MOST_EVERY
        seen_at = at if is_to_be_written and self._see(row.id_hash, at) else row.seen_at
        return self._as_live(row, at, seen_at)

    def stay(self, session_id: str) -> LiveSession | None:
        """Begin the idle time anew, however lately that was done."""
        at = self._clock()
        with self._database.write() as session:
            row = session.get(SignInSessionRow, digest(session_id))
            if row is None or not self._is_live(row, at):
                return None
            row.seen_at = at
        return self._as_live(row, at, at)

    def postpone_role_check(self, session_id: str) -> None:
        """Let the role count for a minute more, where the identity provider cannot be asked."""
        checked = self._clock() - self._due_after + POSTPONED_BY
        with self._database.write() as session:
            session.execute(
                update(SignInSessionRow)
                .where(SignInSessionRow.id_hash == digest(session_id))
                .values(role_checked_at=checked)
            )

    def go_on_beside(self, first: str) -> str | None:
        """Begin another session of the person of a live one, by that one's digest, and return its id.

        It is for a place where the browser keeps other cookies, and it outlives the first one's time by nothing.
        """
        at = self._clock()
        session_id = secrets.token_urlsafe(32)
        with self._database.write() as session:
            before = session.get(SignInSessionRow, first)
            if before is None or not self._is_live(before, at):
                return None
            row = _new_row(session_id, _staff_of(before), at)
            row.provider_sid = before.provider_sid
            row.role_checked_at = before.role_checked_at
            row.ends_at = before.ends_at
            session.add(row)
        return session_id

    def end(self, session_id: str) -> None:
        """End a session; one that is over stays over."""
        self._end(SignInSessionRow.id_hash == digest(session_id))

    def end_sign_in(self, session_id: str) -> None:
        """End a session and those that went on beside it: all that came of one sign-in at the identity provider.

        Where the provider names no session of its own, nothing tells them from those of another computer, and the
        others end by themselves, when the role is to be asked for at the latest.
        """
        with self._database.read() as session:
            row = session.get(SignInSessionRow, digest(session_id))
        if row is None or not row.provider_sid:
            self.end(session_id)
            return
        self._end(and_(SignInSessionRow.provider_sid == row.provider_sid, SignInSessionRow.subject == row.subject))

    def end_all(self, subject: str | None = None) -> int:
        """End the sessions of a person, or everybody's, and return how many there were."""
        return self._end(SignInSessionRow.subject == subject if subject is not None else None)

    def end_at_provider(self, *, sid: str | None, subject: str | None, begun_by: datetime) -> int:
        """End what the identity provider says is over: its own session `sid`, or all sessions of a subject.

        A session that began after `begun_by` is another one: the message about the earlier one came late.
        """
        is_meant = SignInSessionRow.subject == subject
        if sid is not None:
            # Of a session whose id_token named none, the subject is all that is known.
            unnamed = and_(SignInSessionRow.provider_sid == "", is_meant)
            is_meant = or_(SignInSessionRow.provider_sid == sid, unnamed)
        return self._end(and_(is_meant, SignInSessionRow.created_at <= begun_by))

    def subject_of(self, session_id: str) -> str | None:
        """Whose session it is or was; known for a day after its end."""
        with self._database.read() as session:
            row = session.get(SignInSessionRow, digest(session_id))
        return row.subject if row is not None else None

    def use_once(self, jti: str, valid_until: datetime) -> bool:
        """Remember a token that counts once, such as a logout token; False where it was used before."""
        with self._database.write() as session:
            session.add(LogoutTokenRow(jti_hash=digest(jti), ends_at=valid_until))
            try:
                session.flush()
            except IntegrityError:
                session.rollback()
                return False
        return True

    @property
    def _due_after(self) -> timedelta:
        """Half of the time that a role counts: pages ask early, so that a form that is sent later is not held up."""
        return self.limits.role_check / 2

    def _is_live(self, row: _Columns, at: datetime) -> bool:
        # A clock that was set back makes a time negative; then the session is over rather than alive for long.
        has_begun = row.created_at <= at + LEEWAY
        return row.ended_at is None and has_begun and at < min(row.ends_at, row.seen_at + self.limits.idle)

    def _as_live(self, row: _Columns, at: datetime, seen_at: datetime) -> LiveSession:
        idle_end = seen_at + self.limits.idle
        age = at - row.role_checked_at
        check = RoleCheck.OVER if age >= self.limits.role_check or age < -LEEWAY else RoleCheck.DUE
        return LiveSession(
            staff=_staff_of(row),
            role_check=RoleCheck.FRESH if -LEEWAY <= age < self._due_after else check,
            idle_end=idle_end,
            longest_end=row.ends_at,
            seconds_left=max(0, int((min(idle_end, row.ends_at) - at).total_seconds())),
        )

    def _see(self, id_hash: str, at: datetime) -> bool:
        """Write that the session was used; whether that could be done."""
        try:
            with self._database.aside() as session:
                session.execute(
                    update(SignInSessionRow)
                    .where(SignInSessionRow.id_hash == id_hash)
                    # Another machine may just have written a later time, if not so late that a clock was set back.
                    .where(or_(SignInSessionRow.seen_at < at, SignInSessionRow.seen_at > at + LEEWAY))
                    .values(seen_at=at)
                )
        except (DatabaseBusy, DatabaseRefused, CommitUnknown) as error:
            # A person who only reads can go on; the next request tries again.
            _LOGGER.warning("a session's last use is written later: %s", error)
            return False
        return True

    def _end(self, which: ColumnElement[bool] | None) -> int:
        at = self._clock()
        with self._database.write() as session:
            live = select(SignInSessionRow).where(SignInSessionRow.ended_at.is_(None))
            rows = session.scalars(live.where(which) if which is not None else live).all()
            ended = sum(self._is_live(row, at) for row in rows)
            for row in rows:
                row.ended_at = at
        return ended


def _new_row(session_id: str, staff: Staff, at: datetime) -> SignInSessionRow:
    """A session that begins now; how long it lasts at longest is for the caller to say."""
    return SignInSessionRow(
        id_hash=digest(session_id),
        subject=staff.subject,
        name=staff.name,
        email=staff.email or "",
        role=staff.role.name.lower(),
        created_at=at,
        seen_at=at,
        role_checked_at=at,
        ended_at=None,
    )


def _staff_of(row: _Columns) -> Staff:
    return Staff(row.subject, row.name, row.email or None, Role.from_name(row.role))


def digest(secret: str) -> str:
    """What is kept of a random secret. It has too many bits to be guessed, so one round without salt is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _expired(
    at: datetime,
) -> tuple[tuple[type[SignInSessionRow | KeptFormRow | LogoutTokenRow], ColumnElement[bool]], ...]:
    return (
        (SignInSessionRow, SignInSessionRow.ends_at < at - REMEMBERED_FOR),
        (KeptFormRow, KeptFormRow.ends_at < at),
        (LogoutTokenRow, LogoutTokenRow.ends_at < at),
    )
