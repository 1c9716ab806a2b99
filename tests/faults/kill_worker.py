"""Workers that begin something random and are killed in the middle of it.

Run as a program, this module waits for jobs on its standard input, one JSON object a line. For each it forks a worker
that has everything imported, kills it with SIGKILL when the job says so, and answers with a line on standard output.
The parent has neither a thread nor a connection of its own, so that a worker begins as a fresh process does.
"""

import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from sqlalchemy import create_engine

from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.domain.portal_records import InvitationStatus, NewInvitation
from cpse_plugin.domain.providers import CountyProvider
from cpse_plugin.operations.base import Operations
from cpse_plugin.operations.register import all_kinds
from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.portal.gateway import PortalError, PortalGateway
from cpse_plugin.services.admin_users import AdminUserService
from cpse_plugin.services.association import Associations
from cpse_plugin.services.claims import ClaimReader
from cpse_plugin.services.database import Database
from cpse_plugin.services.errors import ServiceError
from cpse_plugin.services.providers import Providers
from cpse_plugin.settings import Settings
from tests.faults.gateway import CHANGING

_STAFF = [
    Staff(f"sub-{name}", name.title(), f"{name}@tamarack.example", Role.INVITER) for name in ("ann", "bo", "cleo")
]
_PATIENCE_SECONDS = 60


class Moment(StrEnum):
    """How far a worker has come: its use case begins, its call goes out, the answer is there, it has ended."""

    BEGUN = "b"
    CALLED = "c"
    ANSWERED = "a"
    ENDED = "e"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the workers work: the county's database, and the settings with which the Portal is reached."""

    database_url: str
    settings: dict[str, str]
    lease_seconds: int


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker does, and when it dies: so many seconds after a moment; after none where it may live.

    One that only reconciles finishes what was left open, as the page of a provider does when it is opened.
    """

    seed: int
    provider_id: int
    reconciles: bool = False
    dies_after: Moment | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a worker; `failure` is the end of the traceback of one that failed in a way nobody foresaw."""

    killed: bool
    reached: Moment | None
    failure: str = ""


class Desk:
    """A worker's own parts of the plugin, on connections of its own."""

    def __init__(self, place: Place, mark: Callable[[Moment], None]) -> None:
        self.mark = mark
        gateway = cast(PortalGateway, _Marked(HttpPortalGateway(Settings.from_config(place.settings)), mark))
        database = Database(create_engine(place.database_url))
        lease = timedelta(seconds=place.lease_seconds)
        self.gateway = gateway
        self.providers = Providers(database)
        self.operations = Operations(database, all_kinds(database, gateway), lease)
        self.associations = Associations(
            gateway, self.providers, ClaimReader(database, gateway, self.providers), self.operations
        )
        self.admin_users = AdminUserService(database, gateway, self.providers, self.operations)

    def work(self, provider_id: int, chance: random.Random) -> None:
        """Do one thing that can be done with the provider as it now is."""
        staff = chance.choice(_STAFF)
        provider = self.providers.get(provider_id, staff)
        if provider.link is None:
            self._link_or_add(provider, staff, chance)
        elif chance.random() < 0.2:
            self.mark(Moment.BEGUN)
            self.associations.unlink(provider.id, reason="linked by mistake", operation_id=_new_id(chance), staff=staff)
        else:
            self._invite_or_change(provider, staff, chance)

    def _link_or_add(self, provider: CountyProvider, staff: Staff, chance: random.Random) -> None:
        matches = self.associations.find_matches(provider, staff)
        if not matches:
            self.mark(Moment.BEGUN)
            self.associations.add(provider.id, operation_id=_new_id(chance), staff=staff)
            return
        portal_id = chance.choice(matches).portal.id
        seen = self.associations.compare(provider, portal_id, staff).fingerprint
        self.mark(Moment.BEGUN)
        self.associations.link(provider.id, portal_id, operation_id=_new_id(chance), seen=seen, staff=staff)

    def _invite_or_change(self, provider: CountyProvider, staff: Staff, chance: random.Random) -> None:
        found = self.admin_users.retrieve(provider, staff)
        sent = [item for item in found.invitations if item.status is InvitationStatus.SENT]
        self.mark(Moment.BEGUN)
        if not sent or chance.random() < 0.4:
            # Few addresses, so that some of them have an invitation already.
            email = f"person{chance.randrange(4)}@provider{provider.id}.example"
            invitation = NewInvitation("Pat", "Person", email)
            self.admin_users.invite(provider.id, invitation, operation_id=_new_id(chance), staff=staff)
            return
        change = chance.choice([self.admin_users.send_again, self.admin_users.revoke])
        change(provider.id, chance.choice(sent).id, operation_id=_new_id(chance), staff=staff)


class _Marked:
    """A gateway that marks the moments of the calls that change something."""

    def __init__(self, gateway: PortalGateway, mark: Callable[[Moment], None]) -> None:
        self._gateway = gateway
        self._mark = mark

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._gateway, name)
        if name not in CHANGING:
            return method

        def marked(*arguments: Any, **named: Any) -> Any:
            self._mark(Moment.CALLED)
            try:
                return method(*arguments, **named)
            finally:
                self._mark(Moment.ANSWERED)

        return marked


def _new_id(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


def _run(place: Place, job: Job, pipe: int) -> str:
    """Do a job; return what failed, if something did that no page has words for."""
    desk = Desk(place, lambda moment: _write(pipe, moment))
    try:
        if job.reconciles:
            desk.operations.resume(job.provider_id)
        else:
            desk.work(job.provider_id, random.Random(job.seed))
    except (ServiceError, PortalError):
        return ""
    except Exception:  # noqa: BLE001  (whatever it is, the parent reports it)
        return traceback.format_exc()[-2000:]
    return ""


def _write(pipe: int, text: str) -> None:
    os.write(pipe, text.encode())


def _fork(place: Place, job: Job) -> tuple[int, int]:
    """Start a worker; return its process id, and a pipe that tells its moments and ends with it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    os.close(reading)
    _write(writing, Moment.ENDED + _run(place, job, writing))
    os._exit(0)


def _watch(pid: int, pipe: int, job: Job) -> Outcome:
    """Follow a worker to its end, which comes at the job's moment at the latest."""
    told = b""
    due: float | None = None
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        if due is None and job.dies_after is not None and job.dies_after.encode() in told:
            due = time.monotonic() + job.seconds
        left = (give_up if due is None else due) - time.monotonic()
        ready, _, _ = select.select([pipe], [], [], max(0.0, left))
        if not ready:
            os.kill(pid, signal.SIGKILL)
            break
        piece = os.read(pipe, 4096)
        if not piece:
            break
        told += piece
    os.waitpid(pid, 0)
    while piece := os.read(pipe, 4096):
        told += piece
    os.close(pipe)
    moments, ended, failure = told.decode(errors="replace").partition(Moment.ENDED)
    if not ended and due is None:
        failure = f"it did not end within {_PATIENCE_SECONDS} seconds"
    return Outcome(killed=not ended, reached=Moment(moments[-1]) if moments else None, failure=failure)


def main() -> None:
    """Take jobs until the standard input ends."""
    place = Place(**json.loads(sys.argv[1]))
    # What is imported at the first use is imported once, and not by every worker.
    Desk(place, lambda _: None)
    for line in sys.stdin:
        description = json.loads(line)
        moment = description.pop("dies_after")
        job = Job(**description, dies_after=Moment(moment) if moment else None)
        outcome = _watch(*_fork(place, job), job)
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
