"""A value of the identity provider that is kept for a while, and fetched by one thread at a time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from .errors import ProviderBusy, SignInFailed

Value = TypeVar("Value")

KEPT_FOR = 3600.0
FAILURE_KEPT_FOR = 5.0
RENEWED_AT_MOST_EVERY = 10.0
# Seconds after the start of a fetch during which others wait for what comes of it. Whoever comes later is told at once:
# each of them is a thread of the server that would serve nobody meanwhile.
WAITED_FOR = 1.0
# Between taking the lock and writing down that the fetch has begun.
_LEAST_WAIT = 0.05


@dataclass(frozen=True, slots=True)
class _Held(Generic[Value]):
    value: Value
    since: float


class Kept(Generic[Value]):
    """A value that `fetch` brings, kept for an hour and shared by threads.

    `fetch` raises `SignInFailed` for whatever is not worth keeping. That failure is kept for some seconds, in which
    nobody fetches again. `clock` gives the seconds since 1970.
    """

    def __init__(self, fetch: Callable[[], Value], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._held: _Held[Value] | None = None
        self._failure: _Held[SignInFailed] | None = None
        self._renewed: float | None = None
        self._fetching = Lock()
        self._begun = 0.0

    def get(self, *, younger_than: float | None = None) -> Value:
        """The value, fetched where there is none or it is too old. Raises `SignInFailed`, and `ProviderBusy` where
        another thread's fetch takes long.
        """

        longest = KEPT_FOR if younger_than is None else younger_than

        def fit() -> _Held[Value] | None:
            held = self._held
            return held if held is not None and self._is_within(held.since, longest) else None

        return (fit() or self._fetched_once(fit)).value

    def fetch(self) -> Value:
        """Fetch the value in any case, and keep it."""
        value = self._fetch()
        self._held = _Held(value, self._clock())
        self._failure = None
        return value

    def renewed(self, unfit: Value) -> Value:
        """The value after `unfit` proved out of date: fetched anew, though at most once in ten seconds for everybody.

        Returns `unfit` itself where it is not yet time, and what another thread has fetched where it was quicker.
        """

        def fit() -> _Held[Value] | None:
            held = self._held
            if held is not None and held.value is not unfit:
                return held
            is_time = self._renewed is None or not self._is_within(self._renewed, RENEWED_AT_MOST_EVERY)
            return None if is_time else held

        found = fit()
        if found is None:
            found = self._fetched_once(fit)
            self._renewed = found.since
        return found.value

    def _fetched_once(self, fit: Callable[[], _Held[Value] | None]) -> _Held[Value]:
        wait = max(_LEAST_WAIT, self._begun + WAITED_FOR - time.monotonic())
        if not self._fetching.acquire(timeout=wait):
            raise ProviderBusy("another request waits for the identity provider already")
        try:
            found = fit()
            if found is not None:
                return found
            self._raise_what_failed_lately()
            self._begun = time.monotonic()
            try:
                value = self.fetch()
            except ProviderBusy:
                # It was not asked, so nothing is known of it.
                raise
            except SignInFailed as failure:
                self._failure = _Held(failure, self._clock())
                raise
            return _Held(value, self._clock())
        finally:
            self._fetching.release()

    def _raise_what_failed_lately(self) -> None:
        failure = self._failure
        if failure is not None and self._is_within(failure.since, FAILURE_KEPT_FOR):
            # A new exception: one raised by several threads would collect all their tracebacks.
            raise type(failure.value)(failure.value.reason)

    def _is_within(self, since: float, seconds: float) -> bool:
        # A clock that was set back makes the age negative; then the value counts as old rather than as new for long.
        return 0 <= self._clock() - since < seconds
