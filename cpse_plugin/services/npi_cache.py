"""The NPI Registry's answers, kept in the database for all workers."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Insert, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from ..domain.registry import NpiRecord, ProviderKind
from ..models import NpiAnswerRow
from ..npi_registry.gateway import KeptAnswer
from ..npi_registry.look_up import utc_now
from .database import Database
from .errors import ServiceError

_log = logging.getLogger("cpse_plugin.npi_registry")

_KEPT = select(NpiAnswerRow.record, NpiAnswerRow.asked_at).where(NpiAnswerRow.npi == bindparam("npi"))
_DATES = ("deactivated_on", "reactivated_on")


class DatabaseAnswerCache:
    """An `AnswerCache` in the table `cpse_npi_answer`. A look-up is no reason to fail: trouble goes to the log."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def get(self, npi: str) -> KeptAnswer | None:
        """See `AnswerCache`."""
        try:
            with self._database.columns() as connection:
                row = connection.execute(_KEPT, {"npi": npi}).one_or_none()
        except ServiceError as error:
            _log.warning("the kept answer about NPI %s cannot be read: %s", npi, error)
            return None
        if row is None:
            return None
        try:
            return KeptAnswer(_record(row.record) if row.record is not None else None, row.asked_at)
        except (KeyError, TypeError, ValueError) as error:
            # Another version of the plugin wrote it; the registry is asked anew.
            _log.warning("the kept answer about NPI %s is of another form: %r", npi, error)
            return None

    def put(self, npi: str, record: NpiRecord | None) -> None:
        """See `AnswerCache`."""
        values = {"npi": npi, "asked_at": self._clock(), "record": None if record is None else _plain(record)}
        try:
            with self._database.aside() as session:
                session.execute(_kept(values, session.get_bind().dialect.name))
        except ServiceError as error:
            _log.warning("the answer about NPI %s cannot be kept: %s", npi, error)


def _kept(values: dict[str, Any], dialect: str) -> Insert:
    """Insert or overwrite in one statement: two workers may have asked at the same time."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(NpiAnswerRow).values(values)
    return statement.on_conflict_do_update(
        index_elements=["npi"],
        set_={"asked_at": statement.excluded.asked_at, "record": statement.excluded.record},
    )


def _plain(record: NpiRecord) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(record).items()}


def _record(plain: dict[str, Any]) -> NpiRecord:
    kind = plain["kind"]
    dates = {name: date.fromisoformat(plain[name]) if plain[name] else None for name in _DATES}
    # An answer that an earlier version kept has no other names.
    others = tuple(plain.get("doing_business_as", ()))
    return NpiRecord(**{**plain, **dates, "kind": ProviderKind(kind) if kind else None, "doing_business_as": others})
