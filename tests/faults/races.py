"""Lets several people do the same at once, round after round, and counts what is then there twice, lost or stuck.

`python -m tests.faults.races --rounds 200 --people 2 --database postgresql` prints the figures of each operation and
ends with 1 if any of them is not 0.
"""

import argparse
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import create_engine, select

from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.domain.portal_records import NewInvitation
from cpse_plugin.domain.providers import CountyProvider
from cpse_plugin.models import HistoryRow, LinkRow, ProviderRow
from cpse_plugin.operations.base import Operations
from cpse_plugin.operations.register import all_kinds
from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.portal.gateway import PortalRefused
from cpse_plugin.sandbox.mailbox import Mailbox
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.sandbox.server import LoopbackServer, listen
from cpse_plugin.sandbox.world import COUNTY_ID, load_world
from cpse_plugin.services.admin_users import AdminUserService
from cpse_plugin.services.association import Associations
from cpse_plugin.services.claims import ClaimReader
from cpse_plugin.services.database import Database, now
from cpse_plugin.services.directory import Directory
from cpse_plugin.services.errors import AlreadyLinked, NotLinked, OperationInProgress
from cpse_plugin.services.history import NOT_DONE
from cpse_plugin.services.providers import Providers
from cpse_plugin.services.records import refresh_derived
from cpse_plugin.settings import Settings

from ..databases import Databases
from .kill import CLIENT, Plan, UnsteadyPortal, databases_of, portal_row, record_of
from .ledger import Account, Ledger

# What the second of two people may read: somebody else is at it, or has just done it.
_TOLD = (AlreadyLinked, NotLinked, OperationInProgress, PortalRefused)
_STEPS = ("link", "unlink", "add", "invite")
# So many people at once in all: more would try the machine's patience, and not the plugin's.
_AT_ONCE = 24


@dataclass(frozen=True, slots=True)
class Race:
    """So many `people` do one thing, `rounds` times, with providers of their own each time.

    They begin up to `apart` milliseconds after each other, and an answer of the Portal takes up to `delay`.
    """

    step: str
    rounds: int
    people: int
    seed: int = 1
    apart: int = 400
    delay: int = 400


@dataclass(frozen=True, slots=True)
class Result:
    """What was found: `failures` are what nobody should read, `twice` what the history tells more than once."""

    account: Account
    twice: tuple[str, ...]
    missing: tuple[str, ...]
    outcomes: Counter[str]
    failures: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether everything was done once, and everybody was told so."""
        return self.account.is_clean and not (self.twice or self.missing or self.failures)


class _Desk:
    """A process of the county's intranet, which the people share."""

    def __init__(self, url: str, settings: dict[str, Any], people: int) -> None:
        options = {} if url.startswith("sqlite") else {"pool_size": max(people, _AT_ONCE), "max_overflow": 10}
        self.engine = create_engine(url, **options)
        self.database = Database(self.engine)
        gateway = HttpPortalGateway(Settings.from_config(settings))
        self.providers = Providers(self.database)
        operations = Operations(self.database, all_kinds(self.database, gateway))
        claims = ClaimReader(self.database, gateway, self.providers)
        self.associations = Associations(gateway, self.providers, claims, operations)
        self.admin_users = AdminUserService(self.database, gateway, self.providers, operations)


def race(plan: Race, databases: Databases) -> Result:
    """Carry a plan out on a new county with a database of its own."""
    with ExitStack() as resources:
        portal, url = _portal(plan, resources)
        settings = {
            "CPSE_COUNTY_NAME": "Tamarack County",
            "CPSE_PORTAL_URL": f"{url}/v1",
            "CPSE_PORTAL_CLIENT_ID": CLIENT.client_id,
            "CPSE_PORTAL_CLIENT_SECRET": str(CLIENT.secret),
            "CPSE_UPSTREAM_CALLS": 200,
        }
        desk = _Desk(databases.fresh(empty=True), settings, plan.people)
        resources.callback(desk.engine.dispose)
        Directory(desk.database).import_records([record_of(number) for number in range(1, plan.rounds + 1)])
        if plan.step in ("unlink", "invite"):
            _link_all(desk.database)
        ledger = Ledger(desk.database, portal)
        outcomes: Counter[str] = Counter()
        failures: list[str] = []
        with ThreadPoolExecutor(max(1, min(6, _AT_ONCE // plan.people))) as rounds:
            for told in rounds.map(lambda number: _round(desk, plan, number), range(1, plan.rounds + 1)):
                outcomes.update(type(error).__name__ if error else "done" for error in told)
                failures += [repr(error) for error in told if error is not None and not isinstance(error, _TOLD)]
        twice, missing = _entries(desk.database, plan)
        return Result(ledger.account(), twice, missing, outcomes, tuple(failures))


def _portal(plan: Race, resources: ExitStack) -> tuple[Portal, str]:
    mailbox = Mailbox().start()
    resources.callback(mailbox.stop)
    listener = listen()
    portal = Portal(
        base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        clients=[CLIENT],
        smtp_port=mailbox.smtp_port,
        seed=load_world().portal | {"providers": list(_seed(plan)), "admin_users": [], "invitations": []},
    )
    resources.callback(portal.close)
    app = UnsteadyPortal(portal.faults, Plan(plan.rounds, plan.seed, delay=(0, plan.delay)))
    return portal, resources.enter_context(LoopbackServer("portal", app, listener=listener)).url


def _seed(plan: Race) -> Iterator[dict[str, Any]]:
    """Two matches for each provider that is to be linked, one for each that is linked, none to be added."""
    if plan.step == "add":
        return
    for number in range(1, plan.rounds + 1):
        row = portal_row(number)
        if plan.step == "link":
            yield row
            yield row | {"id": f"{row['id']}-old"}
        else:
            since = "2026-01-03T15:04:05Z"
            yield row | {"associations": {COUNTY_ID: {"county_provider_id": f"TC-{number:04d}", "since": since}}}


def _link_all(database: Database) -> None:
    with database.write() as session:
        for row in session.scalars(select(ProviderRow)):
            portal_id = f"P-{int(row.county_provider_id.removeprefix('TC-')):05d}"
            row.link = LinkRow(portal_id=portal_id, linked_at=now(), linked_by="import")
            refresh_derived(row)


def _round(desk: _Desk, plan: Race, number: int) -> list[Exception | None]:
    """Let the people begin, each a moment after another; return what each of them was told."""
    told: list[Exception | None] = []
    provider = desk.providers.by_county_ids([f"TC-{number:04d}"])[f"TC-{number:04d}"]
    start = threading.Barrier(plan.people)

    def one(place: int) -> None:
        chance = random.Random(f"{plan.seed}-{number}-{place}")
        staff = Staff(f"sub-{place}", f"Person {place}", f"person{place}@tamarack.example", Role.INVITER)
        try:
            act = _action(desk, plan.step, provider, staff, place)
            start.wait(120)
            threading.Event().wait(chance.uniform(0, plan.apart) / 1000)
            act()
            told.append(None)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is counted)
            told.append(error)

    people = [threading.Thread(target=one, args=(place,)) for place in range(plan.people)]
    for person in people:
        person.start()
    for person in people:
        person.join(300)
    return told


def _action(desk: _Desk, step: str, provider: CountyProvider, staff: Staff, place: int) -> Callable[[], object]:
    if step == "link":
        # Each of two matches is somebody's choice.
        portal_id = f"P-{int(provider.county_provider_id.removeprefix('TC-')):05d}{('', '-old')[place % 2]}"
        seen = desk.associations.compare(provider, portal_id, staff).fingerprint
        return lambda: desk.associations.link(provider.id, portal_id, operation_id=uuid4(), seen=seen, staff=staff)
    if step == "unlink":
        return lambda: desk.associations.unlink(
            provider.id, reason="Linked by mistake.", operation_id=uuid4(), staff=staff
        )
    if step == "add":
        return lambda: desk.associations.add(provider.id, operation_id=uuid4(), staff=staff)
    person = NewInvitation("Amy", "Lowe", f"amy@provider{provider.id}.example")
    return lambda: desk.admin_users.invite(provider.id, person, operation_id=uuid4(), staff=staff)


def _entries(database: Database, plan: Race) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The providers of which the history tells more than one entry, and those of which it tells none."""
    with database.read() as session:
        told = Counter(session.scalars(select(HistoryRow.provider_id).where(HistoryRow.action != NOT_DONE.value)))
        providers = list(session.scalars(select(ProviderRow.id)))
    twice = tuple(f"the history tells {n} entries of provider {provider}" for provider, n in told.items() if n > 1)
    missing = tuple(f"nobody could {plan.step} provider {provider}" for provider in providers if provider not in told)
    return twice, missing


def main() -> int:
    """Run as a command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.races", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="rounds of each operation (%(default)s)")
    parser.add_argument("--people", type=int, default=2, help="people who do the same (%(default)s)")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--step", choices=_STEPS, action="append", help="one operation alone; may be repeated")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    clean = True
    with databases_of(options.database) as databases:
        for step in options.step or _STEPS:
            result = race(Race(step, options.rounds, options.people, options.seed), databases)
            account = result.account
            for line in (*account.duplicates, *result.twice, *account.lost, *result.missing, *account.stuck):
                sys.stderr.write(f"{line}\n")
            for line in result.failures:
                sys.stderr.write(f"{line}\n")
            sys.stdout.write(
                f"{step}: {len(account.duplicates) + len(result.twice)} duplicates,"
                f" {len(account.lost) + len(result.missing)} lost, {len(account.stuck)} stuck,"
                f" {len(result.failures)} failures; {dict(result.outcomes.most_common())}\n"
            )
            sys.stdout.flush()
            clean = clean and result.is_clean
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
