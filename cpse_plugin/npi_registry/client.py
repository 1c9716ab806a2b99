"""The NPI Registry's public API, version 2.1."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from ..domain.identifiers import is_npi
from ..domain.registry import NpiRecord
from ..outbound import DEFAULT_TIMEOUT, BoundedSession, UnreadableAnswer, read_json, reason, time_limit
from ..settings import Timeout
from . import parse
from .gateway import RegistryUnavailable

logger = logging.getLogger("cpse_plugin.npi_registry")

_VERSION = "2.1"
_AT_ONCE = 4
_SECONDS_BETWEEN_CALLS = 0.2
# Well formed, and never issued: a question that every registry can answer.
_NPI_OF_NOBODY = "1999999984"


class ApiNpiRegistry:
    """An `NpiRegistry` that asks the API for every look-up; one is enough for a process, and threads may share it.

    The registry publishes no quota. This client makes at most four calls at once and five a second.
    """

    def __init__(self, url: str, *, timeout: Timeout = DEFAULT_TIMEOUT) -> None:
        self._url = url
        self._deadline = timeout.deadline
        self._session = BoundedSession(timeout)
        self._courtesy = _Courtesy(_AT_ONCE, _SECONDS_BETWEEN_CALLS)

    def look_up(self, npi: str) -> NpiRecord | None:
        """See `NpiRegistry`."""
        if not is_npi(npi):
            raise ValueError("only a well-formed NPI is looked up")
        response = self._answer(npi)
        try:
            return parse.look_up_answer(read_json(response), npi)
        except parse.ErrorsAnswered as error:
            raise RegistryUnavailable(f"the registry answered with an error ({error})") from error
        except (UnreadableAnswer, parse.UnexpectedForm) as error:
            raise RegistryUnavailable(f"the registry's answer cannot be used: {error}") from error

    def ping(self) -> None:
        """See `NpiRegistry`."""
        self.look_up(_NPI_OF_NOBODY)

    def _answer(self, npi: str) -> requests.Response:
        started = time.monotonic()
        try:
            with time_limit(self._deadline), self._courtesy.turn(self._deadline):
                response = self._session.get(self._url, params={"version": _VERSION, "number": npi})
        except requests.RequestException as error:
            logger.warning("look-up: no answer (%s) in %d ms", reason(error), _milliseconds_since(started))
            raise RegistryUnavailable(f"the registry gave no answer ({reason(error)})") from error
        logger.info("look-up: HTTP %d in %d ms", response.status_code, _milliseconds_since(started))
        if response.status_code != 200:
            raise RegistryUnavailable(f"the registry answered with HTTP {response.status_code}")
        return response


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


class _Courtesy:
    """Holds calls back so that no more than `at_once` are under way and each starts a little after the one before."""

    def __init__(self, at_once: int, seconds_between: float) -> None:
        self._places = threading.BoundedSemaphore(at_once)
        self._seconds_between = seconds_between
        self._lock = threading.Lock()
        self._next_start = 0.0

    @contextmanager
    def turn(self, patience: float) -> Iterator[None]:
        """Wait for a turn, `patience` seconds at the most, and keep the place until the call is over."""
        if not self._places.acquire(timeout=patience):
            raise RegistryUnavailable("too many look-ups are under way")
        try:
            time.sleep(self._wait())
            yield
        finally:
            self._places.release()

    def _wait(self) -> float:
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next_start)
            self._next_start = start + self._seconds_between
            return start - now
