"""Forms that were sent after their session was over: what was typed is kept until the person has signed in again."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..models import KeptFormRow
from .database import Database, now
from .sign_in_sessions import digest

KEPT_FOR = timedelta(minutes=30)
LARGEST = 64 * 1024
# Of one person: so many forms, and so many bytes of them all.
MOST = 5
MOST_BYTES = 128 * 1024

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class KeptForm:
    """What was typed, and why it was not saved: the session was over, or else its role had to be confirmed."""

    fields: Fields
    signed_out: bool


class KeptForms:
    """Keeps a form for its person, and gives it back once."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = now) -> None:
        self._database = database
        self._clock = clock

    def keep(self, subject: str, page: str, fields: Fields, *, signed_out: bool) -> str | None:
        """Keep what was typed into the form at the address `page`; None where it is too much to keep.

        Returns the key to it. The person's oldest forms make room.
        """
        if _size(fields) > LARGEST:
            return None
        key = secrets.token_urlsafe(32)
        with self._database.write() as session:
            _make_room(session, subject, _size(fields))
            session.add(
                KeptFormRow(
                    key_hash=digest(key),
                    subject=subject,
                    page=page,
                    fields=[[name, value] for name, value in fields],
                    signed_out=signed_out,
                    ends_at=self._clock() + KEPT_FOR,
                )
            )
        return key

    def take(self, key: str, subject: str, page: str) -> KeptForm | None:
        """Give back what this person typed at this address; nobody else gets it, and nobody gets it twice."""
        with self._database.write() as session:
            row = session.get(KeptFormRow, digest(key))
            if row is None or (row.subject == subject and row.page != page):
                return None
            session.delete(row)
        if row.subject != subject or self._clock() >= row.ends_at:
            return None
        return KeptForm([(name, value) for name, value in row.fields], row.signed_out)


def _make_room(session: Session, subject: str, size: int) -> None:
    """Let go of a person's oldest forms until another of this size has room beside the rest."""
    own = select(KeptFormRow).where(KeptFormRow.subject == subject)
    for number, row in enumerate(session.scalars(own.order_by(KeptFormRow.ends_at.desc())), start=1):
        size += _size([(name, value) for name, value in row.fields])
        if number >= MOST or size > MOST_BYTES:
            session.delete(row)


def _size(fields: Fields) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in fields)
