"""The tables are brought up to date twice, by two at once, or by somebody who is killed half-way: row D6."""

import json
import signal
import subprocess
import sys

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from cpse_plugin import migrate
from tests.conftest import MakeIntranet
from tests.databases import Databases
from tests.world import parts_of

from .seat import NOT_DONE, Seat, told

# For each database and statement a process that dies before that statement; it says how each of them ended.
_KILLED = """
import json, os, signal, sys
from sqlalchemy import create_engine, event
from cpse_plugin import migrate

def upgrade(url, place):
    engine = create_engine(url)
    @event.listens_for(engine, "before_cursor_execute")
    def kill(connection, cursor, statement, *rest):
        if place in statement:
            os.kill(os.getpid(), signal.SIGKILL)
    migrate.upgrade(engine)

ends = {}
for place, url in json.loads(sys.argv[1]).items():
    worker = os.fork()
    if worker == 0:
        upgrade(url, place)
        os._exit(0)
    ends[place] = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
print(json.dumps(ends))
"""
_PLACES = (
    "CREATE TABLE cpse_link",
    "CREATE UNIQUE INDEX",
    "CREATE TABLE cpse_history",
    "CREATE TRIGGER",
    "UPDATE cpse_alembic",
)
_UPGRADE = "import sys; from sqlalchemy import create_engine; from cpse_plugin import migrate; "
_UPGRADE += "migrate.upgrade(create_engine(sys.argv[1]))"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bare(databases: Databases) -> str:
    """A database without any table of ours."""
    return _bare(databases)


def _bare(databases: Databases) -> str:
    url = databases.fresh(empty=True)
    engine = create_engine(url)
    migrate.downgrade(engine, "base")
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {migrate.VERSION_TABLE}"))
    engine.dispose()
    return url


def test_d6_a_second_upgrade_changes_nothing(database_url: str) -> None:
    engine = create_engine(database_url)
    migrate.upgrade(engine)
    assert (migrate.current(engine), migrate.differences(engine)) == (migrate.head(), [])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM cpse_provider")).scalar_one() == 42
    engine.dispose()


def test_d6_upgrades_at_once_come_one_after_the_other(bare: str) -> None:
    workers = [subprocess.Popen([sys.executable, "-c", _UPGRADE, bare], stderr=subprocess.PIPE) for _ in range(3)]
    assert [(worker.communicate(timeout=60)[1], worker.returncode) for worker in workers] == [(b"", 0)] * 3
    engine = create_engine(bare)
    assert (migrate.current(engine), migrate.differences(engine)) == (migrate.head(), [])
    engine.dispose()


def test_d6_an_upgrade_that_is_killed_leaves_no_half_of_a_migration_behind(databases: Databases) -> None:
    bare = {place: _bare(databases) for place in _PLACES}
    run = subprocess.run(
        [sys.executable, "-c", _KILLED, json.dumps(bare)], stdout=subprocess.PIPE, check=True, timeout=120
    )
    assert json.loads(run.stdout) == dict.fromkeys(_PLACES, -signal.SIGKILL)
    for place, url in bare.items():
        engine = create_engine(url)
        assert (migrate.current(engine), _tables(engine)) == (None, []), place
        migrate.upgrade(engine)
        assert (migrate.current(engine), migrate.differences(engine)) == (migrate.head(), []), place
        engine.dispose()


@pytest.mark.parametrize("revision", [None, "0001"])
def test_d6_on_tables_that_are_not_up_to_date_a_person_reads_that_nothing_was_saved(
    make_intranet: MakeIntranet, bare: str, fragments: bool, revision: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    intranet = make_intranet(bare)
    engine = parts_of(intranet).database.engine
    if revision is not None:
        migrate.upgrade(engine, revision)
    runner = intranet.test_cli_runner()
    assert migrate.head() in runner.invoke(args=["cpse", "db", "current"]).output
    assert runner.invoke(args=["cpse", "db", "check"]).exit_code == 1
    seat = Seat(intranet, fragments=fragments)
    if revision is None:
        answer = seat.providers()
        assert (answer.status, told(answer)) == (500, NOT_DONE)
        assert "please tell the people who look after this intranet" in answer.text
        assert "cpse_provider" in caplog.text
    assert runner.invoke(args=["cpse", "db", "upgrade"]).exit_code == 0
    assert seat.providers().status == 200
    assert runner.invoke(args=["cpse", "db", "check"]).exit_code == 0


def _tables(engine: Engine) -> list[str]:
    return [name for name in inspect(engine).get_table_names() if name.startswith("cpse_")]
