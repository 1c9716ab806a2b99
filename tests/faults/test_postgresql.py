"""PostgreSQL is restarted under the county's feet, the hard way: rows D3 and D4."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.databases import PostgresqlDatabases
from tests.postgresql import PostgresqlServer, postgresql_server
from tests.world import by_number, parts_of

from .changes import INVITE, LINK, Change
from .leases import end_leases
from .seat import DONE, NOT_DONE, NOT_KNOWN, Seat, told

# Otherwise a server of the tests may lose its latest commits in a crash, which is quicker.
_DURABLE = "ALTER ROLE cpse SET synchronous_commit = on"


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresqlServer]:
    """A server that nobody else uses, so that it can be restarted."""
    with postgresql_server() as server:
        with server.connect("postgres") as connection:
            connection.execute(_DURABLE)
        yield server


@pytest.fixture(scope="module")
def own_databases(own_server: PostgresqlServer) -> PostgresqlDatabases:
    return PostgresqlDatabases(own_server)


@pytest.fixture
def database_url(own_databases: PostgresqlDatabases) -> str:
    return own_databases.fresh()


@pytest.fixture
def intranet(make_intranet: MakeIntranet, database_url: str) -> Flask:
    """A host that looks at a connection before it uses it, as the README asks of every host on PostgreSQL."""
    return make_intranet(database_url, SQLALCHEMY_ENGINE_OPTIONS={"pool_pre_ping": True})


def restart(server: PostgresqlServer) -> None:
    server.stop(immediately=True)
    server.start()


def test_d3_a_restart_between_two_requests_is_not_noticed(seat: Seat, own_server: PostgresqlServer) -> None:
    assert seat.providers().status == 200
    restart(own_server)
    assert "Pinewood" in seat.providers(q="pinewood").text
    restart(own_server)
    assert told(seat.send(seat.profile_form("TC-1004").typed(sed_code="049931880199"))) == DONE


def test_d3_while_the_database_is_away_that_is_what_a_person_reads(seat: Seat, own_server: PostgresqlServer) -> None:
    seat.providers()
    own_server.stop(immediately=True)
    try:
        answer = seat.providers()
        assert (answer.status, told(answer)) == (503, NOT_DONE)
        assert answer.headers["Retry-After"] == "2"
    finally:
        own_server.start()
    assert seat.providers().status == 200


def test_d4_a_restart_in_the_middle_of_a_transaction_saves_nothing_and_leaves_nothing_behind(
    seat: Seat, cpse: Parts, own_server: PostgresqlServer
) -> None:
    form = seat.profile_form("TC-1004").typed(sed_code="049931880199")
    with at_the_moment_of(cpse.database.engine, "INSERT INTO cpse_history", own_server):
        answer = seat.send(form)
    assert (answer.status, told(answer)) == (503, NOT_DONE)
    assert by_number(cpse, "TC-1004").profile.sed_code == "049931880104"
    assert told(seat.send(form)) == DONE


def test_d4_a_restart_at_the_commit_of_a_profile_is_told_as_not_known(
    seat: Seat, cpse: Parts, own_server: PostgresqlServer
) -> None:
    form = seat.profile_form("TC-1004").typed(sed_code="049931880199")
    with at_the_commit_after(cpse.database.engine, "INSERT INTO cpse_history", own_server):
        answer = seat.send(form)
    assert (answer.status, told(answer)) == (503, NOT_KNOWN)
    assert by_number(cpse, "TC-1004").profile.sed_code == "049931880104"


@pytest.mark.parametrize("change", [LINK, INVITE], ids=str)
@pytest.mark.parametrize("moment", ["transaction", "commit"])
def test_d4_what_the_portal_has_done_when_the_database_goes_is_finished_later(
    seat: Seat, cpse: Parts, portal: Portal, own_server: PostgresqlServer, change: Change, moment: str
) -> None:
    form = change.form(seat)
    broken = at_the_moment_of if moment == "transaction" else at_the_commit_after
    with broken(cpse.database.engine, "INSERT INTO cpse_history", own_server):
        answer = seat.send(form)
    assert (answer.status, told(answer)) == (503, NOT_KNOWN)
    assert change.effects(portal) == 1
    end_leases(cpse)
    assert told(seat.portal_section(change.number)) == DONE
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)
    assert cpse.operations.open_for() == []


@pytest.mark.parametrize("moment", ["transaction", "commit"])
def test_d4_a_restart_before_the_call_went_out_leaves_nothing_half_done(
    seat: Seat, cpse: Parts, portal: Portal, own_server: PostgresqlServer, moment: str
) -> None:
    form = INVITE.form(seat)
    broken = at_the_moment_of if moment == "transaction" else at_the_commit_after
    with broken(cpse.database.engine, "INSERT INTO cpse_operation", own_server):
        answer = seat.send(form)
    assert told(answer) == (NOT_DONE if moment == "transaction" else NOT_KNOWN)
    assert (INVITE.effects(portal), cpse.operations.open_for()) == (0, [])
    assert told(seat.send(form)) == DONE
    assert INVITE.effects(portal) == 1


@contextmanager
def at_the_moment_of(engine: Engine, statement: str, server: PostgresqlServer) -> Iterator[None]:
    """Restart the server once, just before a statement that begins so is executed."""
    left = [statement]

    def watch(_: object, __: object, sql: str, *___: object) -> None:
        if left and sql.startswith(left[0]):
            left.clear()
            restart(server)

    event.listen(engine, "before_cursor_execute", watch)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", watch)
    assert left == []


@contextmanager
def at_the_commit_after(engine: Engine, statement: str, server: PostgresqlServer) -> Iterator[None]:
    """Restart the server once, just before the transaction is committed in which such a statement was executed."""
    seen: list[str] = []

    def watch(_: object, __: object, sql: str, *___: object) -> None:
        if sql.startswith(statement):
            seen.append(sql)

    def commit(_: object) -> None:
        if len(seen) == 1:
            seen.append("restarted")
            restart(server)

    event.listen(engine, "after_cursor_execute", watch)
    event.listen(engine, "commit", commit)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", watch)
        event.remove(engine, "commit", commit)
    assert "restarted" in seen


def test_d3_without_the_look_at_a_connection_a_restart_costs_one_request(
    make_intranet: MakeIntranet, database_url: str, own_server: PostgresqlServer, fragments: bool
) -> None:
    """Why the README asks for it."""
    plain = make_intranet(database_url)
    seat = Seat(plain, fragments=fragments)
    seat.providers()
    restart(own_server)
    answer = seat.providers()
    assert (answer.status, told(answer)) == (503, NOT_DONE)
    assert seat.providers().status == 200
    assert parts_of(plain).operations.open_for() == []
