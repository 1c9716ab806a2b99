"""A value of another system that is kept for a while."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")

KEPT_FOR = 3600.0
RENEWED_AT_MOST_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class _Held(Generic[Value]):
    value: Value
    since: float


class Kept(Generic[Value]):
    """A value that `fetch` brings, kept for an hour and shared by threads.

    `fetch` raises for whatever is not worth keeping, so one bad answer is gone with the call that met it.
    """

    def __init__(self, fetch: Callable[[], Value], clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._held: _Held[Value] | None = None
        self._renewed: float | None = None
        self._renewing = Lock()

    def get(self) -> Value:
        """The value, fetched where there is none or it is too old.

        Threads that come at once may each fetch it. None of them waits for another's slow answer.
        """
        held = self._held
        if held is not None and self._is_within(held.since, KEPT_FOR):
            return held.value
        return self.fetch()

    def fetch(self) -> Value:
        """Fetch the value in any case, and keep it."""
        value = self._fetch()
        self._held = _Held(value, self._clock())
        return value

    def renewed(self, unfit: Value) -> Value:
        """The value after `unfit` proved out of date: fetched anew, though at most once a minute.

        Returns `unfit` itself where it is not yet time, and what another thread has just fetched where it was quicker.
        """
        with self._renewing:
            held = self._held
            if held is not None and held.value is not unfit:
                return held.value
            if self._renewed is not None and self._is_within(self._renewed, RENEWED_AT_MOST_EVERY):
                return unfit
            value = self.fetch()
            self._renewed = self._clock()
            return value

    def _is_within(self, since: float, seconds: float) -> bool:
        # A clock that was set back makes the age negative; then the value counts as old rather than as new for long.
        return 0 <= self._clock() - since < seconds
