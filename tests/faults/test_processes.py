"""A worker that is stopped during a call, and two reconcilers at once: rows C6 and C7."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from cpse_plugin.domain.portal_records import NewInvitation
from cpse_plugin.portal.gateway import PortalOutcomeUnknown
from cpse_plugin.sandbox.faults import DropBefore
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.pages.laws import parse
from tests.world import INVITER, Gate, Neighbours, by_number

from .changes import INVITE
from .leases import end_leases
from .seat import DONE, NOT_KNOWN, Seat, told

ROOT = Path(__file__).parents[2]
LEFT_OPEN = 6
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def start(neighbours: Neighbours, database_url: str) -> Iterator[Start]:
    """Start a program of Python's in the county's surroundings."""
    settings: dict[str, Any] = {**neighbours.settings, "SQLALCHEMY_DATABASE_URI": database_url}
    environment = {**os.environ, "COUNTY_SETTINGS": json.dumps(settings)}
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def worker(start: Start) -> subprocess.Popen[str]:
    return start("tests.faults.county_app")


def test_c6_a_worker_that_is_stopped_during_a_call_leaves_an_operation_that_is_finished_later(
    worker: subprocess.Popen[str], seat: Seat, cpse: Parts, portal: Portal
) -> None:
    assert worker.stdout is not None
    base = f"http://127.0.0.1:{worker.stdout.readline().strip()}"
    address = f"{base}/cpse/providers/{by_number(cpse, INVITE.number).id}/invitations"
    gate = Gate()
    with requests.Session() as browser:
        form = parse(browser.get(f"{address}/new", timeout=30).text).select_one("form#cpse-invitation")
        assert form is not None
        fields = {str(tag["name"]): str(tag.get("value", "")) for tag in form.select("input[type=hidden]")}
        email = "amy.lowe@therapy.example"
        fields |= {"first_name": "Amy", "last_name": "Lowe", "email": email, "email_again": email}
        portal.faults.plan(gate, method=INVITE.method, path=INVITE.path)
        with pytest.raises(requests.ConnectionError):
            _stop_during(worker, gate, lambda: browser.post(address, data=fields, timeout=60))
    assert [operation.state for operation in cpse.operations.open_for()] == ["intent"]
    assert told(seat.portal_section(INVITE.number)) == NOT_KNOWN
    gate.leave.set()
    end_leases(cpse)
    assert told(seat.portal_section(INVITE.number)) == DONE
    assert (INVITE.effects(portal), INVITE.on_record(cpse)) == (1, 1)


def _stop_during(worker: subprocess.Popen[str], gate: Gate, send: Callable[[], object]) -> None:
    import threading

    def stop() -> None:
        if gate.entered.wait(30):
            worker.send_signal(signal.SIGTERM)

    stopper = threading.Thread(target=stop)
    stopper.start()
    try:
        send()
    finally:
        stopper.join(30)
        worker.wait(30)


def test_c7_two_reconcilers_at_once_do_each_operation_once(start: Start, cpse: Parts, portal: Portal) -> None:
    """The first is held at the Portal with one operation in hand; the second does the others and leaves that one."""
    _leave_open(cpse, portal)
    gate = Gate()
    portal.faults.plan(gate, method=INVITE.method, path=INVITE.path)
    first = start("flask", "--app", "tests.faults.county_app", "cpse", "reconcile")
    assert gate.entered.wait(60)
    second = start("flask", "--app", "tests.faults.county_app", "cpse", "reconcile")
    told_second, errors_second = second.communicate(timeout=60)
    gate.leave.set()
    told_first, errors_first = first.communicate(timeout=60)
    assert (errors_first, errors_second) == ("", "")
    assert Counter(_lines(told_second)) == {"done": LEFT_OPEN - 1, "not known yet": 1}
    assert second.returncode == 1
    assert Counter(_lines(told_first)) == {"done": 1}
    assert first.returncode == 0
    keys = Counter(request.headers["idempotency-key"] for request in INVITE.sent(portal))
    assert set(keys.values()) == {2}
    assert (INVITE.effects(portal), INVITE.on_record(cpse)) == (LEFT_OPEN, LEFT_OPEN)
    third = start("flask", "--app", "tests.faults.county_app", "cpse", "reconcile")
    assert third.communicate(timeout=60)[0] == "Nothing was left open.\n"
    assert third.returncode == 0


def test_c7_reconcilers_that_race_do_each_operation_once(start: Start, cpse: Parts, portal: Portal) -> None:
    _leave_open(cpse, portal)
    racing = [start("flask", "--app", "tests.faults.county_app", "cpse", "reconcile") for _ in range(3)]
    answers = [process.communicate(timeout=60) for process in racing]
    assert [errors for _, errors in answers] == ["", "", ""]
    done = Counter(line for text, _ in answers for line in text.splitlines() if line.startswith("done: "))
    assert sum(done.values()) == LEFT_OPEN
    assert (INVITE.effects(portal), INVITE.on_record(cpse)) == (LEFT_OPEN, LEFT_OPEN)
    assert cpse.operations.open_for() == []


def _leave_open(cpse: Parts, portal: Portal) -> None:
    """Invite several people while the Portal breaks off, so that nobody knows what became of it."""
    provider_id = by_number(cpse, INVITE.number).id
    for number in range(LEFT_OPEN):
        portal.faults.plan(DropBefore(), method=INVITE.method, path=INVITE.path)
        person = NewInvitation("Amy", "Lowe", f"amy.{number}@therapy.example")
        with pytest.raises(PortalOutcomeUnknown):
            cpse.admin_users.invite(provider_id, person, operation_id=uuid4(), staff=INVITER)
    sent = list(portal.faults.requests)
    portal.faults.clear()
    portal.faults.requests.extend(request for request in sent if request.method == "POST" and "invit" in request.path)
    assert len(cpse.operations.open_for()) == LEFT_OPEN
    end_leases(cpse)


def _lines(text: str) -> list[str]:
    """What each line of the command begins with."""
    return [line.partition(":")[0] for line in text.splitlines()]
