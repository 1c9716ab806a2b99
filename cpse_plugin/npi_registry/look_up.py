"""The chain behind every look-up: the local copy, then the answer that was kept, then the registry itself."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from ..domain.identifiers import Npi
from ..outbound import NoPlace, Section, seconds_allowed
from .gateway import (
    AnswerCache,
    KeptAnswer,
    NameQuery,
    NamesFound,
    RegistryAnswer,
    RegistryApi,
    RegistryBusy,
    RegistryCopy,
    RegistryUnavailable,
    Source,
)

_log = logging.getLogger("cpse_plugin.npi_registry")
_Result = TypeVar("_Result")

# After that an answer is asked anew; if that fails, the old one is shown with its date.
FRESH_FOR = timedelta(hours=24)
# An NPI that the registry does not have yet may be there soon.
_NOT_FOUND_FRESH_FOR = timedelta(hours=1)
# A load balancer asks for the plugin's health every few seconds; the turns are for people.
_PING_GOOD_FOR = timedelta(seconds=15)


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


class NpiChain:
    """Answers look-ups and searches from the nearest source that can; one for a process, and threads may share it.

    A look-up that the copy answers touches neither the database nor `places`. Everything else waits for the registry
    in one of the `places`, and where there is none it raises `RegistryBusy` at once. Anybody may ask for a ping, so
    that it has places apart where `places_of_ping` are given.
    """

    def __init__(
        self,
        api: RegistryApi,
        *,
        cache: AnswerCache,
        places: Section,
        places_of_ping: Section | None = None,
        copy: RegistryCopy | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.api = api
        self.copy = copy
        self._cache = cache
        self._places = places
        self._places_of_ping = places_of_ping or places
        self._clock = clock
        self._flights = _Flights()
        self._last_answered: datetime | None = None

    def look_up(self, npi: Npi) -> RegistryAnswer:
        """What is known of an NPI.

        Where the registry cannot be asked, the answer is an older one, marked as outdated: the one that was kept, or
        that the copy does not have the NPI. Raises `RegistryUnavailable`, or its `RegistryBusy`, where there is none.
        """
        in_copy = self._from_copy(npi)
        if in_copy is not None and in_copy.record is not None:
            return in_copy
        kept = self._cache.get(npi.digits)
        if kept is not None and self._is_fresh(kept):
            return kept.answer()
        try:
            return self._asked_once(npi)
        except RegistryUnavailable as error:
            older = kept.answer(outdated=True) if kept else in_copy and replace(in_copy, outdated=True)
            if older is None:
                raise
            _log.warning("NPI %s: %s; the %s of %s is shown", npi, error, older.source, older.as_of)
            return older

    def search(self, query: NameQuery) -> NamesFound:
        """The providers of a name, the best first. Raises `RegistryUnavailable` or its `RegistryBusy`."""
        if self.copy is not None:
            try:
                found = self.copy.search(query)
                if found is not None:
                    return found
            except RegistryUnavailable as error:
                _log.warning("the local copy of the NPI Registry cannot be searched: %s", error)
        records = self._in_a_place(lambda: self.api.search(query))
        return NamesFound(records, Source.REGISTRY, self._clock().date())

    def ping(self) -> None:
        """Make sure that look-ups can be answered; raises `RegistryUnavailable` where not.

        A registry that has just answered is not asked.
        """
        if self.copy is not None:
            try:
                _ = self.copy.as_of
            except RegistryUnavailable as error:
                _log.warning("the local copy of the NPI Registry cannot be read: %s", error)
            else:
                return
        last = self._last_answered
        if last is None or not timedelta(0) <= self._clock() - last < _PING_GOOD_FOR:
            self._in_a_place(self.api.ping, self._places_of_ping)
            self._last_answered = self._clock()

    def _from_copy(self, npi: Npi) -> RegistryAnswer | None:
        """The copy's answer, a missing record too; None where there is no copy that can be read."""
        if self.copy is None:
            return None
        try:
            return self.copy.look_up(npi)
        except RegistryUnavailable as error:
            _log.warning("the local copy of the NPI Registry cannot be read: %s", error)
            return None

    def _is_fresh(self, kept: KeptAnswer) -> bool:
        longest = FRESH_FOR if kept.record is not None else _NOT_FOUND_FRESH_FOR
        # A clock that was set back makes the age negative; then the answer counts as old rather than as new for long.
        return timedelta(0) <= self._clock() - kept.asked_at < longest

    def _asked_once(self, npi: Npi) -> RegistryAnswer:
        """Ask the registry, or wait with others for the answer to the same question."""
        return self._in_a_place(lambda: self._flights.join(npi.digits, lambda: self._ask(npi)))

    def _ask(self, npi: Npi) -> RegistryAnswer:
        # Since the look-up began, an equal one may have ended, here or in another worker.
        kept = self._cache.get(npi.digits)
        if kept is not None and self._is_fresh(kept):
            return kept.answer()
        record = self.api.look_up(npi)
        self._last_answered = self._clock()
        self._cache.put(npi.digits, record)
        return RegistryAnswer(record, Source.REGISTRY, self._clock().date())

    def _in_a_place(self, ask: Callable[[], _Result], places: Section | None = None) -> _Result:
        try:
            with (places or self._places).place():
                return ask()
        except NoPlace:
            raise RegistryBusy("too many calls are waiting for answers of other systems") from None


class _Flights:
    """Equal questions that are under way at the same time: the first one asks, the others wait for its answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[RegistryAnswer]] = {}

    def join(self, npi: str, ask: Callable[[], RegistryAnswer]) -> RegistryAnswer:
        """The answer to the question; raises what `ask` raises."""
        with self._lock:
            flight = self._under_way.get(npi)
            if flight is None:
                own = self._under_way[npi] = Future()
        if flight is not None:
            return _shared(flight)
        try:
            answer = ask()
        except BaseException as error:
            # Those who wait have to learn of every end, or they would wait for ever.
            self._end(npi)
            own.set_exception(error)
            raise
        self._end(npi)
        own.set_result(answer)
        return answer

    def _end(self, npi: str) -> None:
        with self._lock:
            del self._under_way[npi]


def _shared(flight: Future[RegistryAnswer]) -> RegistryAnswer:
    try:
        # The one who asks may have begun later, and have more time left.
        error = flight.exception(timeout=seconds_allowed(None))
    except TimeoutError:
        raise RegistryUnavailable("the same question, asked by another request, was not answered in time") from None
    if isinstance(error, RegistryUnavailable):
        # An exception of one's own; one raised by several threads would collect all their tracebacks.
        raise type(error)(*error.args)
    if error is not None:
        raise RegistryUnavailable("the same question, asked by another request, failed") from error
    return flight.result()
