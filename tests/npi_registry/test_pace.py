"""The NPI Registry is called at most five times a second where its calls are counted, and four at once by a process."""

import logging
import threading
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from limits.errors import StorageError
from limits.storage import MemoryStorage, memory
from limits.strategies import MovingWindowRateLimiter

from cpse_plugin.npi_registry import pace as pace_module
from cpse_plugin.npi_registry.gateway import RegistryBusy
from cpse_plugin.npi_registry.pace import Pace


@dataclass
class Hours:
    """Stands for the module `time`, in the plugin and in the library: time goes by when somebody sleeps."""

    now: float = 1_000_000.0
    set_back: float = 0.0

    def time(self) -> float:
        return self.now - self.set_back

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    hours = Hours()
    monkeypatch.setattr(pace_module, "time", hours)
    monkeypatch.setattr(memory, "time", hours)
    return hours


class Broken(MemoryStorage):
    """A storage for all workers that is down."""

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        raise StorageError(ConnectionError("redis://:canary-password@127.0.0.1:9"))


def pace(storage: MemoryStorage | None = None) -> Pace:
    return Pace(MovingWindowRateLimiter(storage or MemoryStorage()))


def starts_of(calls: int, hours: Hours, *paces: Pace) -> list[float]:
    """When so many calls that come at the same moment begin, counted from then."""
    begun, starts = hours.now, []
    for number in range(calls):
        with paces[number % len(paces)].turn(patience=60):
            starts.append(hours.now - begun)
    return starts


def test_five_calls_a_second(hours: Hours) -> None:
    starts = starts_of(12, hours, pace())
    assert starts[:5] == [0] * 5
    assert 1 <= starts[5] <= starts[9] < 1.1
    assert 2 <= starts[10] < 2.2


def test_workers_that_share_a_storage_have_the_five_together_and_others_do_not(hours: Hours) -> None:
    shared = MemoryStorage()
    assert starts_of(6, hours, pace(shared), pace(shared))[5] >= 1
    assert starts_of(6, hours, pace(), pace())[5] == 0


def test_who_has_waited_long_enough_is_told_so(hours: Hours) -> None:
    busy = pace()
    starts_of(5, hours, busy)
    with pytest.raises(RegistryBusy), busy.turn(0.5):
        pass
    assert hours.now == pytest.approx(1_000_000.5)
    with busy.turn(1):
        pass


def test_four_calls_at_once(hours: Hours) -> None:
    one = pace()
    with ExitStack() as under_way:
        for _ in range(4):
            under_way.enter_context(one.turn(0))
        hours.sleep(60)
        with pytest.raises(RegistryBusy), one.turn(0):
            pass
    with one.turn(0):
        pass


def test_a_failed_call_gives_its_turn_back(hours: Hours) -> None:
    one = pace()
    for _ in range(6):
        with pytest.raises(ValueError, match="odd"), one.turn(0):
            raise ValueError("odd")
        hours.sleep(60)


def test_a_turn_that_comes_free_is_given_to_the_one_who_waits() -> None:
    one, got_turn = pace(), threading.Event()

    def wait_for_turn() -> None:
        with one.turn(20):
            got_turn.set()

    with ExitStack() as under_way:
        for _ in range(4):
            under_way.enter_context(one.turn(0))
        waiting = threading.Thread(target=wait_for_turn)
        waiting.start()
        assert not got_turn.wait(0.1)
    assert got_turn.wait(10)
    waiting.join(10)


def test_a_clock_that_was_set_back_blocks_nobody(hours: Hours) -> None:
    one = pace()
    starts_of(5, hours, one)
    hours.set_back = 86_400
    assert starts_of(1, hours, one)[0] < 1
    assert starts_of(6, hours, one)[5] >= 1


def test_while_the_storage_does_not_answer_the_worker_counts_for_itself(
    hours: Hours, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        starts = starts_of(6, hours, pace(Broken()))
    assert (starts[4], starts[5] >= 1) == (0, True)
    assert "this process alone counts its calls to the NPI Registry: ConnectionError" in caplog.text
    assert "canary-password" not in caplog.text
