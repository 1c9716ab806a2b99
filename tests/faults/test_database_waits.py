"""The database has no connection to give, breaks while one is given back, or holds everybody up: rows D8 to D10."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from flask import Flask, request
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from cpse_plugin.outbound import time_budget
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services import database as waits
from cpse_plugin.services.database import Database
from cpse_plugin.services.errors import DatabaseBusy
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.world import READER, Who, by_number

from .changes import ALL, Change
from .seat import DONE, NOT_DONE, NOT_KNOWN, Seat, told
from .test_database import Lock

BothDatabases = pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
PATIENT = {"connect_args": {"timeout": 60}}
# Far below what the host would wait, far above what a busy machine needs.
DID_NOT_HANG = 30
ONE_CONNECTION = {"pool_size": 1, "max_overflow": 0}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "_LONGEST_WAIT", 0.3)
    monkeypatch.setattr(waits, "_AT_LEAST", 0.1)


class TestExhausted:
    """Row D8: as many connections as the pool may have are taken, for instance by the host's own pages."""

    @pytest.fixture(params=[{"pool_timeout": 0.2}, {}], ids=["host in a hurry", "host that would wait half a minute"])
    def intranet(
        self, make_intranet: MakeIntranet, database_url: str, request: pytest.FixtureRequest, impatient: None
    ) -> Flask:
        return make_intranet(database_url, SQLALCHEMY_ENGINE_OPTIONS={**ONE_CONNECTION, **request.param})

    @BothDatabases
    def test_d8_everybody_reads_that_the_database_is_busy(self, seat: Seat, cpse: Parts) -> None:
        form = seat.profile_form("TC-1004").typed(sed_code="049931880199")
        begun = time.monotonic()
        with taken(cpse):
            answer = seat.send(form)
            assert (answer.status, told(answer)) == (503, NOT_DONE)
            assert answer.headers["Retry-After"] == "2"
            assert "The database is busy" in answer.text
            assert told(seat.providers()) == NOT_DONE
        assert time.monotonic() - begun < DID_NOT_HANG
        assert told(seat.send(form)) == DONE

    def test_d8_no_address_answers_with_a_fault(self, intranet: Flask, cpse: Parts) -> None:
        provider = by_number(cpse, "TC-1014").id
        client = intranet.test_client()
        with taken(cpse):
            for path in ("", "/matches", "/admin-users?retrieve=1", "/history", "/invitations/new", "/association/end"):
                for headers in ({}, {"HX-Request": "true", "HX-Target": "section#cpse-provider-tab"}):
                    answer = client.get(f"/cpse/providers/{provider}{path}", headers=headers)
                    assert (answer.status_code, "The database is busy" in answer.text) == (503, True), path
            for piece in ("1", "piece"):
                answer = client.get(f"/cpse/providers?embed={piece}", headers={"HX-Request": "true"})
                assert (answer.status_code, "The database is busy" in answer.text) == (503, True)
            health = client.get("/cpse/health")
            assert (health.status_code, health.json and health.json["database"]) == (503, "unavailable")

    def test_d8_the_name_of_an_npi_comes_from_the_registry(self, intranet: Flask, cpse: Parts) -> None:
        with taken(cpse):
            answer = intranet.test_client().get("/cpse/npi/1999101011")
        assert (answer.status_code, "BRIGHT HARBOR" in answer.text.upper()) == (200, True)

    def test_d8_a_hosts_own_look_for_its_user_is_no_fault_either(
        self, intranet: Flask, cpse: Parts, who: Who, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def look_up(_: Who) -> object:
            with cpse.database.engine.connect() as connection:
                return connection.execute(text("SELECT 1")).one() and READER

        monkeypatch.setattr(Who, "__call__", look_up)
        monkeypatch.setattr(cpse.database.engine.pool, "_timeout", 0.2)
        with taken(cpse):
            assert intranet.test_client().get("/cpse/providers").status_code == 503


def test_d8_somebody_who_is_signed_in_by_a_session_is_told_so_too(
    make_intranet: MakeIntranet, database_url: str, impatient: None
) -> None:
    app = make_intranet(
        database_url,
        SQLALCHEMY_ENGINE_OPTIONS=ONE_CONNECTION,
        CPSE_OIDC_DISCOVERY_URL="http://127.0.0.1:9/.well-known/openid-configuration",
        CPSE_OIDC_CLIENT_ID="county",
        CPSE_OIDC_CLIENT_SECRET="only for tests",
        CPSE_ROLE_MAP={"Preschool staff": "editor"},
    )
    cpse: Parts = app.extensions["cpse"]
    client = app.test_client()
    with client.session_transaction() as session:
        session["cpse_session"] = cpse.sessions.begin(READER)
    assert client.get("/cpse/providers").status_code == 200
    with taken(cpse):
        for address in ("/cpse/providers", "/cpse/session", "/cpse/sign-in", "/cpse/providers?embed=1"):
            answer = client.get(address)
            assert (answer.status_code, "The database is busy" in answer.text) == (503, True), address
        with closing(client.post("/cpse/sign-out")) as answer:
            assert answer.status_code < 500 or answer.status_code == 503


@contextmanager
def taken(cpse: Parts) -> Iterator[None]:
    """The pool's only connection is somebody else's."""
    cpse.database.engine.dispose()
    with cpse.database.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        yield


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_d9_a_connection_that_breaks_after_the_last_statement_of_a_read_is_told_as_busy(
    seat: Seat, cpse: Parts, database_url: str
) -> None:
    seat.history("TC-1004")
    broken: list[str] = []

    @event.listens_for(cpse.database.engine, "after_cursor_execute")
    def break_connection(connection: object, cursor: psycopg.Cursor[object], statement: str, *_: object) -> None:
        if "FROM cpse_history" in statement and not broken:
            broken.append(statement)
            url = database_url.replace("postgresql+psycopg", "postgresql")
            with psycopg.connect(url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 10000)", [cursor.connection.info.backend_pid])

    answer = seat.history("TC-1004")
    assert len(broken) == 1
    assert (answer.status, told(answer)) == (503, NOT_DONE)
    assert seat.history("TC-1004").status == 200


class TestLocked:
    """Row D10: another process writes to SQLite and does not come to an end, and the host would wait for a minute."""

    @pytest.fixture
    def intranet(self, make_intranet: MakeIntranet, database_url: str) -> Flask:
        return make_intranet(database_url, SQLALCHEMY_ENGINE_OPTIONS=PATIENT)

    @pytest.fixture
    def lock(self, database_url: str) -> Iterator[Lock]:
        with closing(Lock(database_url.removeprefix("sqlite:///"))) as lock:
            lock.take()
            yield lock

    def test_d10_looking_goes_on_and_what_is_noted_beside_it_waits_for_nobody(
        self, seat: Seat, lock: Lock, caplog: pytest.LogCaptureFixture
    ) -> None:
        begun = time.monotonic()
        assert "Bright Harbor Preschool" in seat.npi_name("1999101011").text.title()
        assert "Unlink" in seat.portal_section("TC-1015").text
        assert seat.admin_users("TC-1014").status == 200
        assert time.monotonic() - begun < DID_NOT_HANG
        lines = [record.getMessage().partition(" [")[0] for record in caplog.records]
        for what in ("the answer about NPI 1999101011 cannot be kept", "the progress of provider 14 was not noted"):
            assert lines.count(f"{what}: database is locked") == 1

    @pytest.mark.usefixtures("impatient")
    def test_d10_what_is_to_be_saved_does_not_wait_for_as_long_as_the_host_would(
        self, seat: Seat, cpse: Parts, lock: Lock
    ) -> None:
        begun = time.monotonic()
        answer = seat.send(seat.profile_form("TC-1004").typed(sed_code="049931880199"))
        assert (answer.status, told(answer)) == (503, NOT_DONE)
        assert time.monotonic() - begun < DID_NOT_HANG
        with cpse.database.engine.connect() as connection:
            # The connection is the host's again, with the host's patience.
            assert connection.execute(text("PRAGMA busy_timeout")).scalar_one() == 60_000

    def test_d10_no_wait_is_longer_than_the_time_that_a_request_has_left(
        self, cpse: Parts, lock: Lock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(waits, "_LONGEST_WAIT", 600)
        begun = time.monotonic()
        with time_budget(0.1), pytest.raises(DatabaseBusy), cpse.database.write():
            pass
        assert time.monotonic() - begun < DID_NOT_HANG


@pytest.mark.parametrize("database_kind", ["postgresql"])
@pytest.mark.usefixtures("impatient")
def test_d10_what_somebody_else_has_locked_is_not_waited_for(seat: Seat, database_url: str) -> None:
    form = seat.profile_form("TC-1004").typed(sed_code="049931880199")
    begun = time.monotonic()
    with psycopg.connect(database_url.replace("postgresql+psycopg", "postgresql")) as other:
        other.execute("SELECT 1 FROM cpse_provider FOR UPDATE")
        assert told(seat.send(form)) == NOT_DONE
        other.execute("LOCK TABLE cpse_provider IN ACCESS EXCLUSIVE MODE")
        assert told(seat.providers()) == NOT_DONE
    assert time.monotonic() - begun < DID_NOT_HANG
    assert told(seat.send(form)) == DONE


@pytest.mark.parametrize("change", ALL, ids=str)
def test_d8_what_was_done_is_not_told_as_unsaved_where_only_the_page_cannot_be_read(
    seat: Seat, cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    form, read = change.form(seat), Database.read

    @contextmanager
    def away(database: Database) -> Iterator[Session]:
        # A page that is led to after the change, without htmx, is a look of its own.
        if change.sent(portal) and request.method == "POST":
            raise DatabaseBusy("away")
        with read(database) as session:
            yield session

    monkeypatch.setattr(Database, "read", away)
    assert told(seat.send(form)) == DONE
    assert change.effects(portal) == 1


@pytest.mark.parametrize("change", ALL, ids=str)
def test_d8_what_the_portal_has_done_is_not_told_as_unsaved_where_nothing_can_be_read_or_written(
    seat: Seat, cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    form = change.form(seat)
    for name in ("read", "write", "aside"):
        monkeypatch.setattr(Database, name, _away_after(change, portal, getattr(Database, name)))
    assert told(seat.send(form)) == NOT_KNOWN


def _away_after(change: Change, portal: Portal, opened: Any) -> Any:
    @contextmanager
    def away(database: Database) -> Iterator[Session]:
        if change.sent(portal):
            raise DatabaseBusy("away")
        with opened(database) as session:
            yield session

    return away
