"""Kills workers with SIGKILL around their call to the Portal, and counts what is then there twice, lost or stuck.

`python -m tests.faults.kill --runs 200` prints the three figures and ends with 1 if any of them is not 0.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import create_engine
from werkzeug.wrappers import Response

from cpse_plugin.domain.identifiers import is_npi
from cpse_plugin.domain.providers import Profile, ProviderType
from cpse_plugin.operations.base import Operations
from cpse_plugin.operations.register import all_kinds
from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.sandbox.faults import IGNORE_IDEMPOTENCY_KEYS, WORK_SECONDS
from cpse_plugin.sandbox.mailbox import Mailbox
from cpse_plugin.sandbox.portal import Portal, PortalClient
from cpse_plugin.sandbox.server import LoopbackServer, listen
from cpse_plugin.sandbox.world import COUNTY_ID, load_world
from cpse_plugin.services.database import Database
from cpse_plugin.services.directory import Directory
from cpse_plugin.services.directory_file import DirectoryRecord
from cpse_plugin.settings import Settings

from ..databases import Databases, PostgresqlDatabases, SqliteDatabases
from ..postgresql import postgresql_server
from .kill_worker import Job, Moment, Outcome, Place
from .ledger import Account, Ledger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ROUNDS = 5
_LIVED = "had ended before"
CLIENT = PortalClient("tamarack-intranet", COUNTY_ID, secret="only for tests")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, by so many `workers` at a time.

    `lease` is in seconds; `delay` is what an answer takes at least and at most, in milliseconds.
    """

    runs: int
    seed: int = 1
    lease: int = 3
    delay: tuple[int, int] = (0, 600)
    ignore_keys: bool = False
    workers: int = 4


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and where the workers died."""

    account: Account
    deaths: Counter[str]
    failures: tuple[str, ...]

    @property
    def killed(self) -> int:
        """How many workers died."""
        return self.deaths.total() - self.deaths[_LIVED]


class UnsteadyPortal:
    """A Portal that takes its time over each call: before it reads it, with its key taken, and with its work done."""

    def __init__(self, app: "WSGIApplication", plan: Plan) -> None:
        self._app = app
        self._plan = plan
        self._chance = random.Random(plan.seed)

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Answer, some time."""
        if environ["PATH_INFO"].endswith("/oauth/token"):
            return self._app(environ, start)
        shortest, longest = self._plan.delay
        total = self._chance.uniform(shortest, longest) / 1000
        first, second = sorted((self._chance.uniform(0, total), self._chance.uniform(0, total)))
        time.sleep(first)
        environ[WORK_SECONDS] = second - first
        environ[IGNORE_IDEMPOTENCY_KEYS] = self._plan.ignore_keys
        response = Response.from_app(self._app, environ, buffered=True)
        time.sleep(total - second)
        return response(environ, start)


class Workers:
    """A program that forks workers, one at a time."""

    def __init__(self, place: Place) -> None:
        command = [sys.executable, "-m", "tests.faults.kill_worker", json.dumps(asdict(place))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, job: Job) -> Outcome:
        """Let a worker do a job, or die over it."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the program has no pipes")
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        reached = answer.pop("reached")
        return Outcome(**answer, reached=Moment(reached) if reached else None)


class County:
    """A county and a Portal with providers to link and to add, and workers who do so."""

    def __init__(self, plan: Plan, databases: Databases, resources: ExitStack) -> None:
        self._plan = plan
        self._slowest = plan.delay[1] / 1000
        self._providers = max(8, plan.runs // 5)
        self._portal, server = self._start_portal(resources)
        settings = {
            "CPSE_COUNTY_NAME": "Tamarack County",
            "CPSE_PORTAL_URL": f"{server.url}/v1",
            "CPSE_PORTAL_CLIENT_ID": CLIENT.client_id,
            "CPSE_PORTAL_CLIENT_SECRET": str(CLIENT.secret),
        }
        place = Place(databases.fresh(empty=True), settings, plan.lease)
        engine = create_engine(place.database_url)
        resources.callback(engine.dispose)
        database = Database(engine)
        Directory(database).import_records([record_of(number) for number in range(1, self._providers + 1)])
        self._ledger = Ledger(database, self._portal)
        gateway = HttpPortalGateway(Settings.from_config(settings))
        self._operations = Operations(database, all_kinds(database, gateway), timedelta(seconds=plan.lease))
        self._workers = [resources.enter_context(Workers(place)) for _ in range(plan.workers)]

    def _start_portal(self, resources: ExitStack) -> tuple[Portal, LoopbackServer]:
        mailbox = Mailbox().start()
        resources.callback(mailbox.stop)
        # The Portal has every second provider; the others are to be added.
        present = [portal_row(number) for number in range(2, self._providers + 1, 2)]
        listener = listen()
        portal = Portal(
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            clients=[CLIENT],
            smtp_port=mailbox.smtp_port,
            seed=load_world().portal | {"providers": present, "admin_users": [], "invitations": []},
        )
        resources.callback(portal.close)
        app = UnsteadyPortal(portal.faults, self._plan)
        return portal, resources.enter_context(LoopbackServer("portal", app, listener=listener))

    def run(self) -> Report:
        """Kill, reconcile, wait for whatever a dead worker's call may still do, and count."""
        outcomes: list[Outcome] = []
        numbers = iter(range(self._plan.runs))
        lock = threading.Lock()

        def work(workers: Workers) -> None:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                found = list(self._run_one(workers, random.Random(f"{self._plan.seed}-{number}")))
                with lock:
                    outcomes.extend(found)

        threads = [threading.Thread(target=work, args=(workers,)) for workers in self._workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._reconcile()
        time.sleep(self._slowest + 0.2)
        failures = tuple(outcome.failure for outcome in outcomes if outcome.failure)
        deaths = Counter(_death(outcome) for outcome in outcomes)
        return Report(self._ledger.account(), deaths, failures)

    def _run_one(self, workers: Workers, chance: random.Random) -> Iterator[Outcome]:
        # Most of an operation's time is the Portal's, so that few kills would hit the short times around the call.
        longest = {Moment.BEGUN: self._slowest, Moment.CALLED: 0.8 * self._slowest, Moment.ANSWERED: 0.015}
        moment = chance.choice(list(longest))
        seconds = chance.uniform(0, longest[moment])
        provider_id = chance.randint(1, self._providers)
        outcome = workers.run(Job(chance.getrandbits(32), provider_id, dies_after=moment, seconds=seconds))
        yield outcome
        if outcome.killed:
            # A colleague opens the same page at once. Before the lease has ended it leaves the operation alone.
            reconciled = workers.run(Job(0, provider_id, reconciles=True))
            if reconciled.failure:
                yield reconciled

    def _reconcile(self) -> None:
        """Finish what is left as `flask cpse reconcile` does, which is run again where the Portal is still at it."""
        for _ in range(_ROUNDS):
            time.sleep(self._plan.lease)
            self._operations.resume()
            if not self._operations.open_for():
                return


def _death(outcome: Outcome) -> str:
    if not outcome.killed:
        return _LIVED
    names = {Moment.CALLED: "died during the call", Moment.ANSWERED: "died after the answer"}
    return names.get(outcome.reached or Moment.BEGUN, "died before the call")


def _npi(number: int) -> str:
    found = (f"19992{number:04d}{digit}" for digit in range(10))
    return next(npi for npi in found if is_npi(npi))


def record_of(number: int) -> DirectoryRecord:
    """A provider of the county, with an NPI of its own."""
    profile = Profile(ProviderType.AGENCY, _npi(number), sed_code=None, uses_portal=True)
    return DirectoryRecord(number, f"TC-{number:04d}", f"Preschool {number}", profile, contact={})


def portal_row(number: int) -> dict[str, Any]:
    """The Portal provider that matches it."""
    return {
        "id": f"P-{number:05d}",
        "name": f"Preschool {number}",
        "type": "agency",
        "npi": _npi(number),
        "sed_code": None,
        "address": None,
        "phone": None,
        "status": "active",
        "associations": {},
        "updated_at": "2026-01-03T15:04:05Z",
    }


def kill(plan: Plan, databases: Databases) -> Report:
    """Carry a plan out on a new county with a database of its own."""
    with ExitStack() as resources:
        return County(plan, databases, resources).run()


@contextmanager
def databases_of(kind: str) -> Iterator[Databases]:
    """Where databases of a kind come from, for a command."""
    if kind == "postgresql":
        with postgresql_server() as server:
            yield PostgresqlDatabases(server)
    else:
        with tempfile.TemporaryDirectory(prefix="cpse-kill-") as folder:
            yield SqliteDatabases(Path(folder))


def _milliseconds(text: str) -> tuple[int, int]:
    shortest, longest = (int(part) for part in text.split(":"))
    return shortest, longest


def main() -> int:
    """Run as a command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kill", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="workers to begin (%(default)s)")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--ignore-keys", action="store_true", help="let the Portal ignore Idempotency-Keys")
    parser.add_argument("--portal-delay", type=_milliseconds, default=(0, 600), metavar="MS:MS", help="0:600")
    parser.add_argument("--lease", type=int, default=3, help="seconds before an operation is finished by others")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    plan = Plan(options.runs, options.seed, options.lease, options.portal_delay, options.ignore_keys)
    with databases_of(options.database) as databases:
        report = kill(plan, databases)
    for line in (*report.account.duplicates, *report.account.lost, *report.account.stuck, *report.failures):
        sys.stderr.write(f"{line}\n")
    sys.stderr.write(f"{', '.join(f'{count} {words}' for words, count in report.deaths.most_common())}\n")
    for words in ("duplicates", "lost", "stuck"):
        sys.stdout.write(f"{words}: {len(getattr(report.account, words))}\n")
    return 0 if report.account.is_clean and not report.failures else 1


if __name__ == "__main__":
    sys.exit(main())
