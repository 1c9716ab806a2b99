"""Holds the county's record against the Portal's, and says what is there twice, lost or left open."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select

from cpse_plugin.models import OPEN_STATES, HistoryRow, LinkRow, OperationRow, ProviderRow
from cpse_plugin.operations.add import Add
from cpse_plugin.operations.invite import Invite
from cpse_plugin.operations.kind import OperationState
from cpse_plugin.operations.links import LinkOperation
from cpse_plugin.operations.register import ALL
from cpse_plugin.operations.resend import Resend
from cpse_plugin.operations.revoke import Revoke
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.sandbox.world import COUNTY_ID
from cpse_plugin.services.database import Database
from cpse_plugin.services.history import NOT_DONE

_TOLD_AS = {kind.name: kind.history for kind in ALL}
_LINKING = frozenset(kind.name for kind in ALL if issubclass(kind, LinkOperation))


@dataclass(frozen=True, slots=True)
class Account:
    """What was found; each line names one thing."""

    duplicates: tuple[str, ...]
    lost: tuple[str, ...]
    stuck: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.duplicates or self.lost or self.stuck)


@dataclass(frozen=True, slots=True)
class _County:
    """The county's record; `links` and `open_links` are by the county's number of a provider."""

    links: dict[str, str]
    done: list[OperationRow]
    open: list[OperationRow]
    open_links: frozenset[str]
    told: Counter[tuple[str | None, str]]

    def having_done(self, *kinds: str) -> Iterator[OperationRow]:
        return (row for row in self.done if row.kind in kinds)

    def results(self, kind: str, name: str) -> Counter[str]:
        """How often operations of a kind brought each thing about, such as each invitation."""
        return Counter(str((row.result or {}).get(name)) for row in self.having_done(kind))

    def left_open(self, kind: str, name: str) -> Counter[str]:
        """How many operations of a kind are open about each thing that their content names."""
        return Counter(str(row.content.get(name)) for row in self.open if row.kind == kind)

    @property
    def being_invited(self) -> frozenset[tuple[str, str]]:
        """The providers and addresses for which an invitation is open on record here."""
        return frozenset(
            (row.content["portal_id"], row.content["invitation"]["email"].casefold())
            for row in self.open
            if row.kind == Invite.name
        )


@dataclass
class Ledger:
    """Both sides from this moment on: what they have now is not held against the county's operations."""

    database: Database
    portal: Portal
    _invitations: frozenset[str] = field(init=False)
    _providers: frozenset[str] = field(init=False)
    _apart: frozenset[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self._apart = frozenset(self._associations() ^ set(self._county().links.items()))
        self._invitations = frozenset(row["id"] for row in self.portal.store.all("SELECT id FROM invitation"))
        self._providers = frozenset(row["id"] for row in self.portal.store.all("SELECT id FROM provider"))

    def account(self) -> Account:
        """Compare. What an open operation explains is not lost; the operation itself is stuck, if it stays so."""
        county = self._county()
        return Account(
            duplicates=(*self._twice_on_the_portal(), *self._sent_too_often(county), *_told_twice(county)),
            lost=(*self._links(county), *self._invited(county), *self._changed(county), *_untold(county)),
            stuck=tuple(f"{row.kind} of provider {row.provider_id}: {row.failure or row.state}" for row in county.open),
        )

    def _county(self) -> _County:
        with self.database.read() as session:
            numbers = {row.id: row.county_provider_id for row in session.scalars(select(ProviderRow))}
            operations = list(session.scalars(select(OperationRow)))
            left_open = [row for row in operations if row.state in OPEN_STATES]
            entries = session.scalars(select(HistoryRow).where(HistoryRow.operation_id.is_not(None)))
            return _County(
                links={numbers[row.provider_id]: row.portal_id for row in session.scalars(select(LinkRow))},
                done=[row for row in operations if row.state == OperationState.DONE],
                open=left_open,
                open_links=frozenset(numbers[row.provider_id] for row in left_open if row.kind in _LINKING),
                told=Counter((row.operation_id, row.action) for row in entries if row.action != NOT_DONE.value),
            )

    def _twice_on_the_portal(self) -> Iterator[str]:
        rows = self.portal.store.all(
            "SELECT provider_id, email FROM invitation WHERE status = 'open' AND expires_at > ?"
            " GROUP BY provider_id, lower(email) HAVING count(*) > 1",
            self.portal.store.now,
        )
        yield from (f"{row['email']} has two open invitations of {row['provider_id']}" for row in rows)
        rows = self.portal.store.all(
            "SELECT npi, group_concat(id) AS ids FROM provider GROUP BY npi HAVING count(*) > 1"
        )
        added = [row for row in rows if row["npi"] and not self._providers.issuperset(row["ids"].split(","))]
        yield from (f"the NPI {row['npi']} is on the Portal as {row['ids']}" for row in added)
        rows = self.portal.store.all(
            "SELECT county_provider_id FROM association WHERE county_id = ?"
            " GROUP BY county_provider_id HAVING count(*) > 1",
            COUNTY_ID,
        )
        yield from (f"{row['county_provider_id']} is associated twice" for row in rows)

    def _sent_too_often(self, county: _County) -> Iterator[str]:
        sent = self._sent_again()
        recorded = county.results(Resend.name, "id")
        recorded += county.left_open(Resend.name, "invitation_id")
        yield from (
            f"invitation {name} was sent again {times} times too often" for name, times in (sent - recorded).items()
        )

    def _sent_again(self) -> Counter[str]:
        """How often the Portal has sent each invitation again; a replayed answer is not in its audit trail."""
        rows = self.portal.store.all("SELECT path FROM audit WHERE operation = 'resend_invitation' AND status = 200")
        return Counter(row["path"].split("/")[-2] for row in rows)

    def _associations(self) -> set[tuple[str, str]]:
        rows = self.portal.store.all(
            "SELECT county_provider_id, provider_id FROM association WHERE county_id = ?", COUNTY_ID
        )
        return {(row["county_provider_id"], row["provider_id"]) for row in rows}

    def _links(self, county: _County) -> Iterator[str]:
        associations = self._associations()
        for number, portal_id in sorted((associations ^ set(county.links.items())) - self._apart):
            if number not in county.open_links:
                side = "the Portal" if (number, portal_id) in associations else "the county's record"
                yield f"{number} and {portal_id} belong together on {side} alone"

    def _invited(self, county: _County) -> Iterator[str]:
        rows = self.portal.store.all(
            "SELECT id, provider_id, email, status FROM invitation WHERE county_id = ?", COUNTY_ID
        )
        on_portal = {row["id"]: row for row in rows if row["id"] not in self._invitations}
        recorded = county.results(Invite.name, "id")
        for name, times in recorded.items():
            if name not in on_portal or times > 1:
                yield f"the record has invitation {name} {times} times, the Portal {int(name in on_portal)} times"
        for name, row in on_portal.items():
            explained = (row["provider_id"], row["email"].casefold()) in county.being_invited
            if name not in recorded and not explained:
                yield f"invitation {name} of {row['email']} is on the Portal alone"

    def _changed(self, county: _County) -> Iterator[str]:
        """What became of sending again, of revoking and of adding."""
        sent = self._sent_again()
        missing = county.results(Resend.name, "id") - sent
        yield from (f"invitation {name} was not sent again {times} times" for name, times in missing.items())
        rows = self.portal.store.all("SELECT id, status FROM invitation")
        revoked = {row["id"] for row in rows if row["status"] == "revoked"}
        on_record = county.results(Revoke.name, "id")
        expected = on_record + county.left_open(Revoke.name, "invitation_id")
        yield from (f"invitation {name} was revoked on record alone" for name in on_record.keys() - revoked)
        unasked = revoked - self._invitations - expected.keys()
        yield from (f"invitation {name} was revoked on the Portal alone" for name in unasked)
        present = {row["id"] for row in self.portal.store.all("SELECT id FROM provider")}
        added = county.results(Add.name, "portal_id")
        yield from (f"provider {name} was added on record alone" for name in added.keys() - present)
        if not county.left_open(Add.name, "county_provider_id"):
            unknown = present - self._providers - added.keys()
            yield from (f"provider {name} was added on the Portal alone" for name in unknown)


def _told_twice(county: _County) -> Iterator[str]:
    yield from (f"the history tells {action} of {name} {n} times" for (name, action), n in county.told.items() if n > 1)


def _untold(county: _County) -> Iterator[str]:
    expected = {(row.id, _TOLD_AS[row.kind].value) for row in county.done}
    yield from (f"the history does not tell {action} of {name}" for name, action in expected - county.told.keys())
    yield from (f"the history tells {action} of {name}, which is not" for name, action in county.told.keys() - expected)
