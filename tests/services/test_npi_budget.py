"""The NPI Registry is called at most five times a second and four times at once, over all workers."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from sqlalchemy import create_engine, select, text

from cpse_plugin import migrate
from cpse_plugin.models import NpiCallRow
from cpse_plugin.npi_registry.gateway import RegistryBusy, RegistryUnavailable
from cpse_plugin.services.database import Database
from cpse_plugin.services.npi_budget import DatabaseCallBudget

from ..databases import Databases

LONG = timedelta(minutes=5)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    engine = create_engine(databases.fresh(empty=True))
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def workers(database: Database) -> Iterator[tuple[DatabaseCallBudget, DatabaseCallBudget]]:
    """Two workers of a county; they have the database in common and nothing else."""
    engine = create_engine(database.engine.url)
    yield DatabaseCallBudget(database, longest_call=LONG), DatabaseCallBudget(Database(engine), longest_call=LONG)
    engine.dispose()


def begin_long_ago(database: Database) -> None:
    """Let the calls so far have begun long ago, as far as the rate is concerned."""
    moment = "now() - interval '1 minute'" if database.engine.dialect.name == "postgresql" else "'2026-01-01 00:00:00'"
    with database.write() as session:
        session.execute(text(f"UPDATE cpse_npi_call SET started_at = {moment}"))


def test_four_calls_at_once_over_all_workers(
    workers: tuple[DatabaseCallBudget, DatabaseCallBudget], database: Database
) -> None:
    one, other = workers
    with ExitStack() as under_way:
        for worker in (one, other, one, other):
            under_way.enter_context(worker.turn(0))
        begin_long_ago(database)
        for worker in workers:
            with pytest.raises(RegistryBusy), worker.turn(0):
                pass
    with one.turn(0):
        pass


def test_five_calls_a_second_over_all_workers(workers: tuple[DatabaseCallBudget, DatabaseCallBudget]) -> None:
    one, other = workers
    begun = time.monotonic()
    for worker in (one, other, one, other, one):
        with worker.turn(0):
            pass
    quick = time.monotonic() - begun
    if quick < 0.9:
        # Otherwise this machine was too slow to make five calls in a second.
        with pytest.raises(RegistryBusy), other.turn(0):
            pass
    with other.turn(5):
        assert time.monotonic() - begun >= 1


def test_a_burst_of_many_threads_keeps_the_rate(
    workers: tuple[DatabaseCallBudget, DatabaseCallBudget], database: Database
) -> None:
    seen: dict[str, datetime] = {}

    def call(worker: DatabaseCallBudget) -> None:
        with worker.turn(20), database.read() as session:
            seen.update({row.id: row.started_at for row in session.scalars(select(NpiCallRow))})

    threads = [threading.Thread(target=call, args=(workers[number % 2],)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    starts = sorted(seen.values())
    assert len(starts) == 12
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in zip(starts, starts[5:], strict=False))


def test_a_turn_that_comes_free_is_given_to_the_one_who_waits(
    workers: tuple[DatabaseCallBudget, DatabaseCallBudget], database: Database
) -> None:
    one, other = workers
    got_turn = threading.Event()

    def wait_for_turn() -> None:
        with other.turn(20):
            got_turn.set()

    with ExitStack() as under_way:
        for _ in range(4):
            under_way.enter_context(one.turn(0))
        begin_long_ago(database)
        waiting = threading.Thread(target=wait_for_turn)
        waiting.start()
        assert not got_turn.wait(0.2)
    assert got_turn.wait(10)
    waiting.join(10)


_WORKER_THAT_IS_KILLED = """
import os, signal, sys
from contextlib import ExitStack
from datetime import datetime, timedelta
from sqlalchemy import create_engine
from cpse_plugin.services.database import Database
from cpse_plugin.services.npi_budget import DatabaseCallBudget
budget = DatabaseCallBudget(Database(create_engine(sys.argv[1])), longest_call=timedelta(seconds=float(sys.argv[2])))
with ExitStack() as under_way:
    for _ in range(4):
        under_way.enter_context(budget.turn(5))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_worker(database: Database, longest_call: float) -> None:
    """A worker that dies with four calls under way."""
    url = database.engine.url.render_as_string(hide_password=False)
    ended = subprocess.run([sys.executable, "-c", _WORKER_THAT_IS_KILLED, url, str(longest_call)], timeout=60)
    assert ended.returncode == -9


def test_the_places_of_a_killed_worker_come_back(
    workers: tuple[DatabaseCallBudget, DatabaseCallBudget], database: Database
) -> None:
    killed_worker(database, longest_call=3)
    with workers[0].turn(20):
        pass


def test_the_places_of_a_killed_worker_are_held_as_long_as_its_calls_may_run(
    workers: tuple[DatabaseCallBudget, DatabaseCallBudget], database: Database
) -> None:
    killed_worker(database, longest_call=300)
    begin_long_ago(database)
    with pytest.raises(RegistryBusy), workers[0].turn(0):
        pass


def test_a_clock_that_was_set_back_blocks_nobody(
    workers: tuple[DatabaseCallBudget, DatabaseCallBudget], database: Database
) -> None:
    killed_worker(database, longest_call=300)
    later = "now() + interval '1 day'" if database.engine.dialect.name == "postgresql" else "'2126-01-01 00:00:00'"
    with database.write() as session:
        session.execute(text(f"UPDATE cpse_npi_call SET started_at = {later}, leased_until = {later}"))
    with workers[0].turn(0):
        pass


def test_old_calls_leave_nothing_behind(
    workers: tuple[DatabaseCallBudget, DatabaseCallBudget], database: Database
) -> None:
    for _ in range(3):
        with workers[0].turn(5):
            pass
        begin_long_ago(database)
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM cpse_npi_call")).scalar_one() == 1


def test_a_failed_call_gives_its_turn_back(
    workers: tuple[DatabaseCallBudget, DatabaseCallBudget], database: Database
) -> None:
    for _ in range(6):
        with pytest.raises(ValueError, match="odd"), workers[0].turn(5):
            raise ValueError("odd")
        begin_long_ago(database)


def test_without_its_table_the_registry_is_not_called(
    workers: tuple[DatabaseCallBudget, DatabaseCallBudget], database: Database
) -> None:
    migrate.downgrade(database.engine, "0002")
    with pytest.raises(RegistryUnavailable, match="cannot be counted"), workers[0].turn(0):
        pass
