"""Who did what with a provider, and when: added in the transaction of the change itself, and never altered."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..domain.access import Action, Staff, require
from ..domain.providers import Profile
from ..models import HistoryRow, ProviderRow
from .database import Database, now

_SHOWN = 200
_HIGHEST_ID = 2**31
_BATCH = 500


@dataclass(frozen=True, slots=True)
class HistoryAction:
    """What was done: `value` is what is stored, `label` and `sentences` are the words on the screen.

    Each kind of operation has its own. `sentences` makes an entry's details readable, one sentence each.
    """

    value: str
    label: str
    sentences: Callable[[Mapping[str, Any]], Iterator[str]]


def _profile_sentences(details: Mapping[str, Any]) -> Iterator[str]:
    for change in details.get("changes") or ():
        yield f"{change['field']}: from {change['from']} to {change['to']}"


def _not_done_sentences(details: Mapping[str, Any]) -> Iterator[str]:
    if details.get("operation"):
        yield details["operation"]
    if details.get("reason"):
        yield f"Reason: {details['reason']}"


PROFILE_CHANGED = HistoryAction("profile-changed", "Profile changed", _profile_sentences)
NOT_DONE = HistoryAction("not-done", "Not done", _not_done_sentences)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An entry of the history.

    `details` holds what the sentences of its action are made of.
    """

    id: int
    at: datetime
    provider_id: int
    county_provider_id: str
    provider_name: str
    actor: str
    action: HistoryAction
    details: dict[str, Any]
    operation_id: str | None

    @property
    def sentences(self) -> Iterator[str]:
        """The details in words."""
        return self.action.sentences(self.details)


class History:
    """Reads the history. `actions` are those of the operations."""

    def __init__(self, database: Database, actions: Iterable[HistoryAction]) -> None:
        self._database = database
        self._actions = {action.value: action for action in (PROFILE_CHANGED, NOT_DONE, *actions)}

    def of_provider(
        self, provider_id: int, staff: Staff, *, before: int | None = None, at_most: int = _SHOWN
    ) -> list[HistoryEntry]:
        """The latest entries of a provider, newest first: of all, or of those older than the entry `before`."""
        require(staff, Action.VIEW)
        statement = _entries().where(HistoryRow.provider_id == provider_id).order_by(HistoryRow.id.desc())
        if before is not None:
            statement = statement.where(HistoryRow.id < min(before, _HIGHEST_ID - 1))
        with self._database.read() as session:
            return [self._entry(row, provider) for row, provider in session.execute(statement.limit(at_most))]

    def since(self, moment: datetime) -> Iterator[HistoryEntry]:
        """All entries of that moment and later, oldest first, read in portions: an export can be long."""
        last = 0
        while True:
            statement = _entries().where(HistoryRow.at >= moment, HistoryRow.id > last).order_by(HistoryRow.id)
            with self._database.read() as session:
                found = [self._entry(row, provider) for row, provider in session.execute(statement.limit(_BATCH))]
            yield from found
            if len(found) < _BATCH:
                return
            last = found[-1].id

    def _entry(self, row: HistoryRow, provider: ProviderRow) -> HistoryEntry:
        return HistoryEntry(
            id=row.id,
            at=row.at,
            provider_id=row.provider_id,
            county_provider_id=provider.county_provider_id,
            provider_name=provider.name,
            actor=row.actor,
            # A newer version that runs beside this one may have actions of its own.
            action=self._actions.get(row.action) or HistoryAction(row.action, row.action, lambda _: iter(())),
            details=row.details,
            operation_id=row.operation_id,
        )


def record(
    session: Session,
    provider_id: int,
    action: HistoryAction,
    actor: str,
    details: dict[str, Any],
    operation_id: str | None = None,
) -> None:
    """Add an entry in the transaction of the change that it tells of: the one is not there without the other."""
    session.add(
        HistoryRow(
            at=now(),
            provider_id=provider_id,
            actor=actor,
            action=action.value,
            details=details,
            operation_id=operation_id,
        )
    )


def profile_changes(before: Profile, after: Profile) -> list[dict[str, str]]:
    """The fields of a profile that differ, from what to what, in the screen's words."""
    was, is_now = shown_profile(before), shown_profile(after)
    return [{"field": label, "from": was[label], "to": is_now[label]} for label in was if was[label] != is_now[label]]


def shown_profile(profile: Profile) -> dict[str, str]:
    """A profile in the screen's words, by label."""
    return {
        "Provider Type": profile.type.label if profile.type else "Not set",
        "NPI": profile.npi or "Not given",
        "SED Code": profile.sed_code or "Not given",
        "Provider Uses CPSE Portal": "Yes" if profile.uses_portal else "No",
    }


def _entries() -> Any:
    return select(HistoryRow, ProviderRow).join(ProviderRow, ProviderRow.id == HistoryRow.provider_id)
