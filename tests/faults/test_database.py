"""The county's database is busy, full, read-only or refuses: rows D1, D2, D5 and D7."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from sqlalchemy import event, text

from cpse_plugin.sandbox.faults import DropBefore, Fault, Status
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services.history import PROFILE_CHANGED
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.pages.client import Answer
from tests.world import READER, Gate, by_number

from .changes import ALL, INVITE, LINK, Change
from .leases import end_leases
from .seat import DONE, NOT_DONE, NOT_KNOWN, Seat, told

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

IMPATIENT = {"connect_args": {"timeout": 0.2}}


class Lock:
    """Another process that holds the SQLite database for itself."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def take(self) -> None:
        self._connection.execute("BEGIN EXCLUSIVE")

    def give_back(self) -> None:
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def lock(database_url: str) -> Iterator[Lock]:
    with closing(Lock(database_url.removeprefix("sqlite:///"))) as lock:
        yield lock


@pytest.fixture
def intranet(make_intranet: MakeIntranet, database_url: str) -> Flask:
    """A host that waits a moment for the database, and not five seconds."""
    return make_intranet(database_url, SQLALCHEMY_ENGINE_OPTIONS=IMPATIENT)


def test_d1_a_profile_that_meets_a_locked_database_is_not_saved_and_stays_as_typed(
    seat: Seat, cpse: Parts, lock: Lock
) -> None:
    before = by_number(cpse, "TC-1004")
    form = seat.profile_form("TC-1004").typed(sed_code="049931880199")
    lock.take()
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (503, NOT_DONE)
    assert "The database is busy" in answer.text
    assert answer.headers["Retry-After"] == "2"
    assert answer.one("input[name=sed_code]")["value"] == "049931880199"
    lock.give_back()
    assert by_number(cpse, "TC-1004") == before
    seat.send(form)
    assert by_number(cpse, "TC-1004").profile.sed_code == "049931880199"


@pytest.mark.parametrize("change", ALL, ids=str)
def test_d1_a_change_that_cannot_be_written_down_is_not_asked_of_the_portal(
    seat: Seat, cpse: Parts, portal: Portal, lock: Lock, change: Change
) -> None:
    form = change.form(seat)
    lock.take()
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (503, NOT_DONE)
    assert answer.headers["Retry-After"] == "2"
    assert change.sent(portal) == []
    lock.give_back()
    assert told(seat.send(form)) == DONE
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


def test_d1_reading_goes_on_while_somebody_else_writes(seat: Seat, lock: Lock) -> None:
    lock.take()
    assert "Pinewood" in seat.providers(q="pinewood").text
    assert "Unlink" in seat.portal_section("TC-1015").text
    assert seat.history("TC-1015").status == 200
    assert "Nobody administers this provider yet" in seat.admin_users("TC-1015").text


@pytest.mark.parametrize("change", [LINK, INVITE], ids=str)
def test_d1_what_the_portal_has_done_and_cannot_be_recorded_is_finished_later(
    seat: Seat, cpse: Parts, portal: Portal, lock: Lock, change: Change
) -> None:
    answer = _sent_while_locked(seat, change, portal, lock)
    assert (answer.status, told(answer)) == (503, NOT_KNOWN)
    assert "The CPSE Portal has done it, and it is not on record here yet" in answer.text
    assert told(seat.portal_section(change.number)) == NOT_KNOWN
    end_leases(cpse)
    assert told(seat.portal_section(change.number)) == DONE
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


def test_d1_a_refusal_that_cannot_be_recorded_is_not_told_as_not_done(
    seat: Seat, cpse: Parts, portal: Portal, lock: Lock
) -> None:
    """The operation is open on record, and will be taken up again."""
    answer = _sent_while_locked(seat, INVITE, portal, lock, Status(429))
    assert (answer.status, told(answer)) == (503, NOT_KNOWN)
    assert INVITE.effects(portal) == 0
    end_leases(cpse)
    assert told(seat.check_now(INVITE.number)) == DONE
    assert (INVITE.effects(portal), INVITE.on_record(cpse)) == (1, 1)


def test_d1_reconciling_says_that_the_database_is_locked(
    intranet: Flask, seat: Seat, cpse: Parts, portal: Portal, lock: Lock
) -> None:
    portal.faults.plan(DropBefore(), method=INVITE.method, path=INVITE.path)
    assert told(seat.send(INVITE.form(seat))) == NOT_KNOWN
    lock.take()
    refused = intranet.test_cli_runner().invoke(args=["cpse", "reconcile"])
    lock.give_back()
    assert refused.exit_code == 1
    assert refused.output == "Error: the county's database cannot be used: database is locked\n"
    done = intranet.test_cli_runner().invoke(args=["cpse", "reconcile"])
    assert (done.exit_code, INVITE.on_record(cpse)) == (0, 1)
    assert done.output.startswith("done: Inviting an admin user")


@dataclass
class GateBefore(Gate):
    """A gate, and behind it another fault."""

    fault: Fault = field(default_factory=Status)

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        return super().answer(lambda environ, start: self.fault.answer(app, environ, start), environ, start)


def _sent_while_locked(seat: Seat, change: Change, portal: Portal, lock: Lock, fault: Fault | None = None) -> Answer:
    """Send a form, and lock the database while the Portal is at it."""
    form = change.form(seat)
    gate = GateBefore(fault=fault) if fault else Gate()
    portal.faults.plan(gate, method=change.method, path=change.path)
    answers: list[Answer] = []
    sending = threading.Thread(target=lambda: answers.append(seat.send(form)))
    sending.start()
    assert gate.entered.wait(30)
    lock.take()
    gate.leave.set()
    sending.join(30)
    lock.give_back()
    return answers[0]


def test_d5_on_a_full_disk_nothing_is_done_by_halves(seat: Seat, cpse: Parts) -> None:
    with cpse.database.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()

    @event.listens_for(cpse.database.engine, "connect")
    @event.listens_for(cpse.database.engine, "checkout")
    def no_room(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    for number in range(400):
        before = by_number(cpse, "TC-1004")
        answer = seat.send(seat.profile_form("TC-1004").typed(sed_code=f"{number:012d}"))
        if told(answer) != DONE:
            break
    assert (answer.status, told(answer)) == (500, NOT_DONE)
    assert "please tell the people who look after this intranet" in answer.text
    assert by_number(cpse, "TC-1004") == before
    assert len(_profile_changes(cpse)) == number


@pytest.mark.parametrize("change", ALL, ids=str)
def test_d5_with_a_read_only_database_nothing_is_asked_of_the_portal(
    make_intranet: MakeIntranet, database_url: str, portal: Portal, fragments: bool, change: Change
) -> None:
    path = database_url.removeprefix("sqlite:///")
    intranet = make_intranet(f"sqlite:///file:{path}?mode=ro&uri=true")
    seat = Seat(intranet, fragments=fragments)
    answer = seat.send(change.form(seat))
    assert (answer.status, told(answer)) == (500, NOT_DONE)
    assert "please tell the people who look after this intranet" in answer.text
    assert change.sent(portal) == []
    saved = seat.send(seat.profile_form("TC-1009").typed(sed_code="049931880199"))
    assert (saved.status, told(saved)) == (500, NOT_DONE)
    assert "Pinewood" in seat.providers(q="pinewood").text


class TestAudit:
    """Row D7, on both databases."""

    @pytest.fixture(params=["sqlite", "postgresql"])
    def database_kind(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def intranet(self, make_intranet: MakeIntranet, database_url: str) -> Flask:
        return make_intranet(database_url)

    def test_d7_without_its_entry_in_the_history_a_profile_is_not_saved(self, seat: Seat, cpse: Parts) -> None:
        before = by_number(cpse, "TC-1004")
        form = seat.profile_form("TC-1004").typed(sed_code="049931880199")
        _refuse_history(cpse)
        answer = seat.send(form)
        assert (answer.status, told(answer)) == (500, NOT_DONE)
        assert by_number(cpse, "TC-1004") == before
        _accept_history(cpse)
        seat.send(form)
        assert len(_profile_changes(cpse)) == 1

    @pytest.mark.parametrize("change", ALL, ids=str)
    def test_d7_without_its_entry_in_the_history_no_change_is_on_record(
        self, seat: Seat, cpse: Parts, portal: Portal, change: Change
    ) -> None:
        form = change.form(seat)
        before = by_number(cpse, change.number)
        _refuse_history(cpse)
        answer = seat.send(form)
        assert (answer.status, told(answer)) == (503, NOT_KNOWN)
        assert "The CPSE Portal has done it, and it is not on record here yet" in answer.text
        assert by_number(cpse, change.number).link == before.link
        end_leases(cpse)
        assert "not known" in told(seat.portal_section(change.number))
        _accept_history(cpse)
        end_leases(cpse)
        assert told(seat.portal_section(change.number)) == DONE
        assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


def _refuse_history(cpse: Parts) -> None:
    if cpse.database.engine.dialect.name == "sqlite":
        statements = ["CREATE TRIGGER refuse BEFORE INSERT ON cpse_history BEGIN SELECT RAISE(ABORT, 'no room'); END"]
    else:
        statements = [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$",
            "CREATE TRIGGER refuse BEFORE INSERT ON cpse_history FOR EACH ROW EXECUTE FUNCTION refuse()",
        ]
    with cpse.database.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _accept_history(cpse: Parts) -> None:
    if cpse.database.engine.dialect.name == "sqlite":
        statements = ["DROP TRIGGER refuse"]
    else:
        statements = ["DROP TRIGGER refuse ON cpse_history", "DROP FUNCTION refuse"]
    with cpse.database.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _profile_changes(cpse: Parts) -> list[object]:
    entries = cpse.history.of_provider(by_number(cpse, "TC-1004").id, READER)
    return [entry for entry in entries if entry.action is PROFILE_CHANGED]
