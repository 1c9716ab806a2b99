"""The NPI Registry's public API, version 2.1."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import requests

from ..domain.identifiers import Npi
from ..domain.registry import NpiRecord, ProviderKind
from ..domain.text import fold_words
from ..outbound import (
    DEFAULT_TIMEOUT,
    USER_AGENT,
    BoundedSession,
    UnreadableAnswer,
    is_silent,
    note_silence,
    read_json,
    reason,
    time_limit,
)
from ..settings import Timeout
from . import answers
from .gateway import MOST_FOUND, CallBudget, NameQuery, RegistryRefused, RegistryUnavailable

_Read = TypeVar("_Read")

logger = logging.getLogger("cpse_plugin.npi_registry")

_VERSION = "2.1"
# How long a person waits for a turn before being told to try again.
_PATIENCE = 1.0
# Well formed, and never issued: a question that every registry can answer.
_NPI_OF_NOBODY = Npi("1999999984")
# What the registry gives at once; more than is shown, because it does not put the best first.
_MOST_ASKED_FOR = 200
_FEWEST_LETTERS_CUT_OFF = 2


class ApiNpiRegistry:
    """A `RegistryApi` that asks for every look-up; one is enough for a process, and threads may share it.

    The registry publishes no quota: `budget` says how often it is called. `contact` is an address, for whoever runs the
    registry and wants to know who asks.
    """

    def __init__(
        self, url: str, *, budget: CallBudget, contact: str | None = None, timeout: Timeout = DEFAULT_TIMEOUT
    ) -> None:
        self._url = url
        self._budget = budget
        self._deadline = timeout.deadline
        self._session = BoundedSession(timeout)
        if contact:
            self._session.headers["User-Agent"] = f"{USER_AGENT} ({contact})"

    def look_up(self, npi: Npi, *, patience: float = _PATIENCE) -> NpiRecord | None:
        """See `RegistryApi`. `patience` is how many seconds to wait for a turn."""
        about = npi.digits
        return self._answer({"number": about}, patience, lambda content: answers.look_up_answer(content, about))

    def search(self, query: NameQuery) -> Sequence[NpiRecord]:
        """See `RegistryApi`. One call for each kind of provider, since their names are in different fields."""
        found: dict[str, NpiRecord] = {}
        for kind in _kinds(query):
            records = self._answer(_search_parameters(query, kind), _PATIENCE, answers.records)
            found.update((record.npi, record) for record in records)
        return _best_first(found.values(), query)[:MOST_FOUND]

    def ping(self) -> None:
        """See `RegistryApi`."""
        self.look_up(_NPI_OF_NOBODY)

    def _answer(self, parameters: Mapping[str, str], patience: float, read: Callable[[object], _Read]) -> _Read:
        if is_silent(self._url):
            raise RegistryUnavailable("the registry gave no answer a moment ago, to another call of the same work")
        with self._budget.turn(patience):
            response = self._called(parameters)
        if response.status_code != 200:
            raise RegistryUnavailable(f"the registry answered with HTTP {response.status_code}")
        try:
            return read(read_json(response))
        except answers.ErrorsAnswered as error:
            raise RegistryRefused(f"the registry answered with an error ({error})", str(error)) from error
        except UnreadableAnswer as error:
            raise RegistryUnavailable(f"the registry's answer cannot be used: {error}") from error

    def _called(self, parameters: Mapping[str, str]) -> requests.Response:
        started = time.monotonic()
        try:
            with time_limit(self._deadline):
                response = self._session.get(self._url, params={"version": _VERSION, **parameters})
        except requests.RequestException as error:
            note_silence(self._url)
            logger.debug("NPI Registry: no answer (%s) in %d ms", reason(error), _milliseconds_since(started))
            raise RegistryUnavailable(f"the registry gave no answer ({reason(error)})") from error
        logger.info("NPI Registry: HTTP %d in %d ms", response.status_code, _milliseconds_since(started))
        return response


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _kinds(query: NameQuery) -> Sequence[ProviderKind]:
    if query.kind is not None:
        return (query.kind,)
    return (ProviderKind.INDIVIDUAL,) if query.first_name else tuple(ProviderKind)


def _search_parameters(query: NameQuery, kind: ProviderKind) -> dict[str, str]:
    parameters = {"enumeration_type": kind.value, "limit": str(_MOST_ASKED_FOR)}
    if kind is ProviderKind.ORGANIZATION:
        parameters["organization_name"] = _beginning(query.name)
    else:
        parameters["last_name"] = _beginning(query.name)
        if query.first_name:
            parameters["first_name"] = _beginning(query.first_name)
    if query.state:
        parameters["state"] = query.state
    return parameters


def _beginning(name: str) -> str:
    """The pattern of names that begin so; the registry wants two letters before the star."""
    return f"{name}*" if len(fold_words(name)) >= _FEWEST_LETTERS_CUT_OFF else name


def _best_first(records: Iterable[NpiRecord], query: NameQuery) -> list[NpiRecord]:
    """Names that are the one asked for before names that begin with it; then those who practice in the state."""
    wanted = fold_words(query.name)

    def rank(record: NpiRecord) -> tuple[bool, bool, str, str]:
        name = fold_words(record.name)
        # A record has a person's names in reading order, the last name last.
        same = wanted in (name, *map(fold_words, record.doing_business_as)) or (
            record.kind is ProviderKind.INDIVIDUAL and name.endswith(f" {wanted}")
        )
        return (not same, query.state is not None and record.state != query.state, name, record.npi)

    return sorted(records, key=rank)
