"""How often the NPI Registry is called."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from limits import parse
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from .gateway import RegistryBusy

_log = logging.getLogger("cpse_plugin.npi_registry")

# The registry publishes no quota; this is what its users consider polite.
CALLS = parse("5 per second")
CALLS_AT_ONCE = 4
_NAME = "npi_registry"
_TICK = 0.01
# No turn is that far away, in seconds, unless a clock was set back; clocks of several machines differ by less.
_FAR = 2.0


class Pace:
    """A `CallBudget`: five calls a second, counted where `limiter` counts, and four at once in this process.

    A limiter in memory counts this process alone, one in a Redis all that share it. While that does not answer, this
    process counts for itself.
    """

    def __init__(self, limiter: MovingWindowRateLimiter) -> None:
        self._limiter = limiter
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._at_once = threading.BoundedSemaphore(CALLS_AT_ONCE)

    @contextmanager
    def turn(self, patience: float) -> Iterator[None]:
        """Hold a turn until the block ends; `patience` is in seconds. Raises `RegistryBusy` where none came."""
        gives_up = time.monotonic() + patience
        if not self._at_once.acquire(timeout=patience):
            raise RegistryBusy("no call ended in time to make room for this one")
        try:
            try:
                _wait(self._limiter, gives_up)
            except StorageError as error:
                kind = type(error.storage_error).__name__
                _log.warning("this process alone counts its calls to the NPI Registry: %s", kind)
                _wait(self._own, gives_up)
            yield
        finally:
            self._at_once.release()


def _wait(limiter: MovingWindowRateLimiter, gives_up: float) -> None:
    """Count a call once there is room for it. Raises `RegistryBusy` where there is none by then."""
    while not limiter.hit(CALLS, _NAME):
        remaining = gives_up - time.monotonic()
        if remaining <= 0:
            raise RegistryBusy("no turn came in time")
        time.sleep(min(_until_next(limiter), remaining))


def _until_next(limiter: MovingWindowRateLimiter) -> float:
    """Seconds until there may be room."""
    window = limiter.get_window_stats(CALLS, _NAME)
    wait = window.reset_time - time.time()
    if wait > _FAR:
        limiter.clear(CALLS, _NAME)
    return _TICK if window.remaining or wait > _FAR else max(wait, _TICK)
