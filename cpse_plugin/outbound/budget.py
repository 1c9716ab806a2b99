"""The one time budget of a piece of work: all of its calls, and everything else that it waits for.

Whoever begins the work, a request of the web or a command, enters the budget; everything underneath keeps to it without
being told. The calls end before the budget does: what is left then is for the county's own database and the answer.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Self

# Room for a look and a change at a Portal of seven seconds a call. Browsers wait for longer (static/js/htmx-before.js).
REQUEST_SECONDS = 15.0
# For putting an answer on record, and for the page that says so.
RESERVE_SECONDS = 3.0
# One run of `flask cpse reconcile` has ended when the next begins.
COMMAND_SECONDS = 270.0


@dataclass(slots=True)
class Budget:
    """`ends` is when all has to be over, `calls_end` when the calls are; both in seconds of `time.monotonic`.

    `silent` are the other systems that gave no answer. They are not asked again: each wait would be as long as the
    first and end the same. A command has None: what it does for one provider must not hang on another one's call.
    """

    calls_end: float
    ends: float
    silent: set[str] | None = None

    @classmethod
    def of_request(cls) -> Self:
        """The budget of a request that begins now."""
        calls_end = time.monotonic() + REQUEST_SECONDS
        return cls(calls_end, calls_end + RESERVE_SECONDS, set())


_current: ContextVar[Budget | None] = ContextVar("cpse_plugin_budget", default=None)


def current_budget() -> Budget | None:
    """The budget of the present work; what nobody has opened one for has none."""
    return _current.get()


def enter(budget: Budget | None) -> Budget | None:
    """Let what follows in this thread keep to `budget`; returns the one to enter again when it ends."""
    before = _current.get()
    _current.set(budget)
    return before


@contextmanager
def time_budget(seconds: float) -> Iterator[None]:
    """Let everything inside keep to one budget, in place of the one that held before."""
    ends = time.monotonic() + seconds
    before = enter(Budget(ends, ends))
    try:
        yield
    finally:
        enter(before)


def seconds_left() -> float | None:
    """Seconds that the present work may still wait for the county's own database, never below zero.

    None where no budget holds. For a call to another system it is `time_limit` that counts.
    """
    budget = _current.get()
    return None if budget is None else max(0.0, budget.ends - time.monotonic())


def is_silent(system: str) -> bool:
    """Whether another system has given no answer to the present work before."""
    budget = _current.get()
    return budget is not None and budget.silent is not None and system in budget.silent


def note_silence(system: str) -> None:
    """Remember for the rest of the present work that a system gives no answer."""
    budget = _current.get()
    if budget is not None and budget.silent is not None:
        budget.silent.add(system)
