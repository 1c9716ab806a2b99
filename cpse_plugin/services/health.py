"""Whether the systems that the plugin needs answer, for whoever may ask: anybody, and as often as they like."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..npi_registry.gateway import RegistryUnavailable
from ..outbound import time_budget
from ..outbound.trace import Trace, current_trace, enter
from ..portal.gateway import PortalError
from .errors import ServiceError

_log = logging.getLogger("cpse_plugin.health")

# Load balancers ask every few seconds, each of them for itself.
GOOD_FOR = 15.0
# An answer is given after so long at the latest, and five seconds is the promise.
LONGEST = 4.0


class Health(StrEnum):
    """How a system is. `CHECKING`: nobody has found out yet."""

    OK = "ok"
    UNAVAILABLE = "unavailable"
    CHECKING = "checking"


@dataclass(frozen=True, slots=True)
class _Found:
    states: Mapping[str, Health]
    at: float


class HealthChecks:
    """Asks each system whether it answers, all of them at once; one for a process, and threads may share it.

    Each system is asked in a thread of its own, whatever it may hang in, and by one thread at a time. What was found
    counts for `GOOD_FOR` seconds. While one request waits for a new finding, the others get the old one at once.
    """

    def __init__(self, asks: Mapping[str, Callable[[], None]]) -> None:
        self._asks = {name: _Ask(name, ask) for name, ask in asks.items()}
        self._one_at_a_time = threading.Lock()
        self._found = _Found(dict.fromkeys(asks, Health.CHECKING), float("-inf"))

    def states(self) -> Mapping[str, Health]:
        """How each system is, after `LONGEST` seconds at the latest. What has not answered by then is unavailable."""
        if time.monotonic() - self._found.at < GOOD_FOR or not self._one_at_a_time.acquire(blocking=False):
            return self._found.states
        try:
            ends = time.monotonic() + LONGEST
            for ask in self._asks.values():
                ask.begin()
            states = {name: ask.state(ends) for name, ask in self._asks.items()}
            self._found = _Found(states, time.monotonic())
            return states
        finally:
            self._one_at_a_time.release()


class _Ask:
    """One system. A question that hangs is not put a second time before it has ended."""

    def __init__(self, name: str, ask: Callable[[], None]) -> None:
        self._name = name
        self._ask = ask
        self._thread: threading.Thread | None = None
        self._state = Health.CHECKING

    def begin(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        self._state = Health.UNAVAILABLE
        self._thread = threading.Thread(
            target=self._run, args=(current_trace(),), name=f"cpse-plugin-health-{self._name}", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError as error:
            self._thread = None
            _log.error("no thread can be had to ask for the health of %s: %s", self._name, error)

    def state(self, ends: float) -> Health:
        """What came of the question, as far as it has ended by then."""
        if self._thread is not None:
            self._thread.join(max(0.0, ends - time.monotonic()))
            if self._thread.is_alive():
                return Health.UNAVAILABLE
        return self._state

    def _run(self, trace: Trace | None) -> None:
        # The thread is this question's own, so there is nothing to enter again at its end.
        enter(trace)
        try:
            with time_budget(LONGEST):
                self._ask()
            self._state = Health.OK
        except (ServiceError, PortalError, RegistryUnavailable) as error:
            _log.info("%s is unavailable: %s", self._name, error)
        except Exception:  # noqa: BLE001
            # A fault of a county's own gateway, say, must not leave a load balancer without an answer.
            _log.exception("the health of %s cannot be told", self._name)
