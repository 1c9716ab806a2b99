"""One call to the Portal: its headers, its token, its repetition where that is safe, and its line in the log."""

import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import UUID, uuid4

import requests

from ..domain.text import clean_text
from ..outbound import (
    BoundedSession,
    NoPlace,
    Section,
    TimeLimit,
    is_silent,
    note_silence,
    reason,
    time_limit,
    trace,
)
from ..settings import Settings
from .gateway import PortalAccessRefused, PortalBusy, PortalError, PortalNotAsked, PortalRefused
from .problems import from_failure, from_response, request_id_of, retry_after
from .token import TokenSource

logger = logging.getLogger("cpse_plugin.portal")

_ATTEMPTS_TO_READ = 3
_PASSING_STATUSES = frozenset({502, 503, 504})
_BUSY_STATUSES = frozenset({429, 503})
_LONGEST_WAIT = 5.0
# A change that has less than this share of a call's time left would most likely end as one of which nobody knows.
_LEAST_SHARE_FOR_CHANGE = 0.25
_ACTING_USER_LENGTH = 254
# Every printable character of ASCII but the percent sign, which begins the code of one that is not.
_PLAIN_IN_HEADER = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of the Portal. `operation` is the contract's `operationId`; `path` follows the base address."""

    operation: str
    method: str
    path: str
    acting_user: str
    expected: frozenset[int] = frozenset({200})
    query: Mapping[str, str] = field(default_factory=dict)
    content: Mapping[str, object] | None = None
    key: UUID | None = None
    etag: str | None = None

    @property
    def changes(self) -> bool:
        """Whether the call is to change something on the Portal."""
        return self.method != "GET"


class Exchange:
    """Carries out calls; safe to share by threads.

    Everything that belongs to one call (fetching a token, a repetition) ends within the one deadline of the settings,
    and within the budget of the work that it belongs to. A call that reads is repeated, twice at most, after a failure
    that may pass. A call that changes something is sent once, and again only after a 401, which says that it was not
    carried out.

    A call is not sent at all that finds no place among `places`, that belongs to work to which the Portal has given no
    answer before, or that is to change something and has too little time left.
    """

    def __init__(self, settings: Settings, places: Section) -> None:
        self._base = settings.portal_url
        self._deadline = settings.portal_timeout.deadline
        self._tokens = TokenSource(settings)
        self._session = BoundedSession(settings.portal_timeout)
        self._places = places

    def answer(self, call: Call, *, places: Section | None = None) -> requests.Response:
        """Return the Portal's answer to a call that succeeded; raises `PortalError` for every other outcome.

        `places` are taken instead of the exchange's own.
        """
        if is_silent(self._base):
            raise PortalNotAsked("the Portal gave no answer a moment ago, to another call of the same work")
        try:
            with (places or self._places).place():
                response = self._exchanged(call)
        except NoPlace:
            logger.warning("%s was not sent: as many calls as may wait at once are waiting", call.operation)
            raise PortalBusy("too many calls are waiting for answers of other systems") from None
        if response.status_code not in call.expected:
            error = _noted(call, from_response(response, call.operation, changes=call.changes))
            if response.status_code in _PASSING_STATUSES and not isinstance(error, PortalBusy):
                note_silence(self._base)
            raise error
        return response

    def _exchanged(self, call: Call) -> requests.Response:
        with time_limit(self._deadline) as limit:
            token = self._token(self._tokens.current)
            response = self._send(call, token, limit)
            if response.status_code == 401:
                response = self._send(call, self._token(lambda: self._tokens.renewed(token)), limit)
        return response

    def _token(self, get: Callable[[], str]) -> str:
        try:
            return get()
        except PortalAccessRefused:
            raise
        except PortalNotAsked:
            note_silence(self._base)
            raise

    def _send(self, call: Call, token: str, limit: TimeLimit) -> requests.Response:
        if call.changes and limit.remaining < self._deadline * _LEAST_SHARE_FOR_CHANGE:
            raise _noted(call, PortalNotAsked("too little time was left to wait for an answer"))
        attempts = 1 if call.changes else _ATTEMPTS_TO_READ
        for attempt in range(1, attempts + 1):
            # One id for all that a request of ours makes the Portal do; a call that belongs to none has its own.
            request_id = trace.request_id() or str(uuid4())
            outcome = self._send_once(call, token, request_id)
            pause = _pause(outcome, attempt)
            if attempt == attempts or pause is None or pause >= limit.remaining:
                break
            time.sleep(pause)
        if isinstance(outcome, requests.RequestException):
            note_silence(self._base)
            raise _noted(call, from_failure(outcome, request_id, changes=call.changes)) from outcome
        return outcome

    def _send_once(self, call: Call, token: str, request_id: str) -> requests.Response | requests.RequestException:
        started = time.monotonic()
        try:
            response = self._session.request(
                call.method,
                self._base + call.path,
                params=dict(call.query),
                json=call.content,
                headers=_headers(call, token, request_id),
            )
        except requests.RequestException as error:
            _log(call, f"no answer ({reason(error)})", started, request_id, logging.DEBUG)
            return error
        level = logging.INFO if response.status_code in call.expected else logging.DEBUG
        _log(call, f"HTTP {response.status_code}", started, request_id_of(response), level)
        return response


def _noted(call: Call, error: PortalError) -> PortalError:
    """Write the failure's one line into the log; whoever catches it says it to a person and writes no other."""
    # A refusal is for the person who asked; everything else is for whoever runs the plugin.
    level = logging.INFO if isinstance(error, PortalRefused) else logging.WARNING
    logger.log(level, "%s failed: %s (request %s)", call.operation, error, error.request_id)
    return error


def _log(call: Call, outcome: str, started: float, request_id: str | None, level: int) -> None:
    """Write a line about one exchange; one that failed, and may be repeated, is for whoever looks closely."""
    milliseconds = round((time.monotonic() - started) * 1000)
    logger.log(level, "%s %s: %s in %d ms (request %s)", call.method, call.operation, outcome, milliseconds, request_id)


def _headers(call: Call, token: str, request_id: str) -> dict[str, str]:
    headers = {
        "Accept": "application/json, application/problem+json",
        "Authorization": f"Bearer {token}",
        "CPSE-Acting-User": header_text(call.acting_user),
        "X-Request-Id": request_id,
    }
    if call.key is not None:
        headers["Idempotency-Key"] = str(call.key)
    if call.etag is not None:
        headers["If-None-Match"] = call.etag
    return headers


def header_text(text: str) -> str:
    """Return a person's name or address as a header can carry it: what is not ASCII is percent-encoded UTF-8."""
    encoded = quote(clean_text(text, _ACTING_USER_LENGTH), safe=_PLAIN_IN_HEADER)[:_ACTING_USER_LENGTH]
    return re.sub(r"%[0-9A-F]?$", "", encoded)


def _pause(outcome: requests.Response | requests.RequestException, attempt: int) -> float | None:
    """Seconds to wait before a call that reads is repeated, or None where repeating it is of no use."""
    jittered = attempt * random.uniform(0.1, 0.3)  # noqa: S311  (spreads calls out; nothing secret)
    if isinstance(outcome, requests.RequestException):
        # What ran out of time would do so again.
        passing = isinstance(outcome, requests.ConnectionError) and not isinstance(outcome, requests.Timeout)
        return jittered if passing else None
    wait = retry_after(outcome) if outcome.status_code in _BUSY_STATUSES else None
    if wait is not None:
        return wait + jittered if wait <= _LONGEST_WAIT else None
    return jittered if outcome.status_code in _PASSING_STATUSES else None
