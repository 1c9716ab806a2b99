"""The end of a call, known to everything that the call waits for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from .budget import current_budget


@dataclass(slots=True)
class TimeLimit:
    """How long a call, or several together, may take.

    `ends` is in seconds of `time.monotonic`. `connecting_failed` is set where the way to the other side could not be
    opened (name, connection, proxy, TLS), which proves that no part of a request was sent.
    """

    ends: float
    connecting_failed: bool = False

    @property
    def remaining(self) -> float:
        """Seconds that are left; not above zero once the time is up."""
        return self.ends - time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the time is up, give or take the coarseness of timers."""
        return self.remaining < 0.01


_current: ContextVar[TimeLimit | None] = ContextVar("cpse_plugin_time_limit", default=None)


def current_limit() -> TimeLimit | None:
    """The innermost limit that holds in this thread."""
    return _current.get()


@contextmanager
def time_limit(seconds: float) -> Iterator[TimeLimit]:
    """Give everything inside, however many calls it makes, at most `seconds` together.

    Limits nest, and the budget of the present work is the outermost; the one that ends first holds.
    """
    ends = [time.monotonic() + seconds]
    outer, budget = _current.get(), current_budget()
    if outer is not None:
        ends.append(outer.ends)
    if budget is not None:
        ends.append(budget.calls_end)
    limit = TimeLimit(min(ends))
    token = _current.set(limit)
    try:
        yield limit
    finally:
        _current.reset(token)


def seconds_allowed(patience: float | None) -> float | None:
    """How long one operation of a socket, or another wait, may take: `patience`, or less where the time ends before.

    Raises `TimeoutError` where the time is up. Without a limit or a budget, `patience` alone counts.
    """
    limit, budget = _current.get(), current_budget()
    if limit is None and budget is None:
        return patience
    remaining = limit.remaining if limit is not None else (budget.calls_end - time.monotonic() if budget else 0.0)
    if remaining <= 0:
        raise TimeoutError("the call's time is up")
    return remaining if patience is None else min(patience, remaining)
