"""What the present work is called in the logs of both sides, and the calls that it makes to other systems.

Whoever begins a piece of work, a request of the web or a command, gives it an id. Everything underneath finds it here
and needs no web framework for it. Work that nobody has named has no trace.
"""

import random
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# A page makes a handful of calls; a command that goes on for hours must not gather them.
_MOST_CALLS = 50


@dataclass(slots=True)
class UpstreamCall:
    """A call to another system. `status` is None where no answer came that could be read."""

    peer: str
    method: str
    path: str
    status: int | None = None
    milliseconds: float = 0.0


@dataclass(slots=True)
class Trace:
    """The id of a piece of work, and the latest of its calls."""

    request_id: str
    calls: deque[UpstreamCall] = field(default_factory=lambda: deque(maxlen=_MOST_CALLS))


_current: ContextVar[Trace | None] = ContextVar("cpse_plugin_trace", default=None)


def new_request_id() -> str:
    """An id that nothing else has. It is no secret, so it does not cost a call of the system's."""
    return f"{random.getrandbits(128):032x}"


def request_id() -> str | None:
    """The id of the present work."""
    trace = _current.get()
    return trace.request_id if trace is not None else None


def current_trace() -> Trace | None:
    """The present work's trace, to take it along into another thread."""
    return _current.get()


def enter(trace: Trace | None) -> Trace | None:
    """Let what follows in this thread belong to `trace`; returns the trace to enter again when it ends."""
    before = _current.get()
    _current.set(trace)
    return before


@contextmanager
def traced(request_id: str) -> Iterator[Trace]:
    """Let everything inside belong to one id."""
    trace = Trace(request_id)
    before = enter(trace)
    try:
        yield trace
    finally:
        enter(before)


@contextmanager
def noted_call(method: str | None, url: str | None) -> Iterator[UpstreamCall]:
    """Put the call inside on the present trace, if there is one; the caller sets the `status` that came.

    Only host and path are kept: user information and a query can hold what belongs into no log.
    """
    parts = urlsplit(url or "")
    call = UpstreamCall(parts.netloc.rpartition("@")[2], method or "", parts.path)
    started = time.perf_counter()
    try:
        yield call
    finally:
        call.milliseconds = round((time.perf_counter() - started) * 1000, 1)
        trace = _current.get()
        if trace is not None:
            trace.calls.append(call)
