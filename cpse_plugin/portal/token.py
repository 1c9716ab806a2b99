"""The bearer token of the OAuth 2.0 client-credentials grant: fetched once, kept, renewed before it ends."""

import logging
import math
import threading
import time
from dataclasses import dataclass
from urllib.parse import quote_plus

import requests

from ..outbound import (
    BoundedSession,
    ClientAuthentication,
    SecretInHeader,
    TokenAnswer,
    TokenNotGranted,
    UnreadableAnswer,
    ask_for_token,
    read_token,
    reason,
    seconds_allowed,
)
from ..settings import Settings, SettingsError
from .client_key import ClientAssertion, ClientKey
from .gateway import PortalAccessRefused, PortalBusy, PortalClientRefused, PortalNotAsked
from .problems import retry_after

_log = logging.getLogger("cpse_plugin.portal")

# The life of a token whose answer does not tell it; RFC 6749 only recommends that it does.
_ASSUMED_LIFE = 300.0
_LONGEST_LIFE = 86_400.0
_MARGIN = 60.0
_MARGIN_SHARE = 0.1
_PAUSE_AFTER_REFUSAL = 5.0
_PAUSE_AFTER_FAILURE = 1.0
_FAIR_SHARE = 0.5
# The statuses of a refusal that is in no OAuth form.
_REFUSALS = {400: PortalAccessRefused, 401: PortalClientRefused, 403: PortalAccessRefused}
# What RFC 6749 and 6750 define for a refusal that no later request changes.
_PASSING_ERRORS = frozenset({"temporarily_unavailable", "server_error"})


class _TokenAnswer(TokenAnswer, frozen=True):
    """What is read of the endpoint's answer. Some endpoints write `expires_in` as text, or `scope` as a list."""

    expires_in: int | float | str | None = None
    scope: str | list[str] | None = None


@dataclass(frozen=True, slots=True, repr=False)
class _Token:
    text: str
    good_until: float
    scope: str | None


@dataclass(frozen=True, slots=True)
class _Failure:
    error: PortalNotAsked
    until: float


class TokenSource:
    """The plugin's token for the Portal; safe to share by threads.

    One thread at a time asks the token endpoint, and the others wait for what comes of it. After a failure nobody asks
    again for a moment (five seconds after a refusal): wrong credentials do not become right by being sent often, and
    endpoints lock out those who try.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._failure: _Failure | None = None
        self._session = BoundedSession(settings.portal_timeout)
        self._client = _client(settings)

    def current(self) -> str:
        """Return a token that is good for a while. Raises `PortalNotAsked` or a subclass of it where there is none."""
        return self._token_other_than(None)

    def granted_scope(self) -> frozenset[str]:
        """Ask for a token, and return what it was granted for. Raises `PortalNotAsked` or a subclass of it.

        An endpoint that grants just what it was asked for need not say so (RFC 6749, section 5.1).
        """
        token = self._fetch()
        return frozenset((self._settings.portal_scope if token.scope is None else token.scope).split())

    def renewed(self, refused: str) -> str:
        """Return a token in place of one that the Portal refused, which another thread may have fetched already."""
        return self._token_other_than(refused)

    def _token_other_than(self, refused: str | None) -> str:
        held = self._usable(refused)
        if held:
            return held
        if not self._lock.acquire(timeout=self._patience()):
            raise PortalNotAsked("another call's request for a token did not come back in time")
        try:
            return self._usable(refused) or self._fetched()
        finally:
            self._lock.release()

    def _patience(self) -> float:
        """Seconds that this thread may wait; a call that has no time left gets `PortalNotAsked`."""
        deadline = self._settings.portal_timeout.deadline
        try:
            return seconds_allowed(deadline) or deadline
        except TimeoutError:
            raise PortalNotAsked("no time was left to get a token") from None

    def _usable(self, refused: str | None) -> str | None:
        token = self._token
        if token is None or token.text == refused or time.monotonic() >= token.good_until:
            return None
        return token.text

    def _fetched(self) -> str:
        if self._failure is not None and time.monotonic() < self._failure.until:
            raise _again(self._failure.error)
        patience = self._patience()
        try:
            self._token = self._fetch()
        except PortalNotAsked as error:
            _log.warning("no token for the Portal: %s", error.detail)
            if (
                not isinstance(error, PortalAccessRefused)
                and patience < _FAIR_SHARE * self._settings.portal_timeout.deadline
            ):
                # It was this call that had too little time left, which says nothing to the others.
                raise
            pause = _PAUSE_AFTER_REFUSAL if isinstance(error, PortalAccessRefused) else _PAUSE_AFTER_FAILURE
            self._failure = _Failure(error, time.monotonic() + pause)
            raise
        self._failure = None
        return self._token.text

    def _fetch(self) -> _Token:
        asked_at = time.monotonic()
        grant = {"grant_type": "client_credentials"}
        if self._settings.portal_scope:
            grant["scope"] = self._settings.portal_scope
        try:
            response = ask_for_token(self._session, self._settings.portal_token_url, grant, self._client)
        except requests.RequestException as error:
            raise PortalNotAsked(f"the token endpoint gave no answer ({reason(error)})") from error
        status = response.status_code
        if status in (429, 503):
            raise PortalBusy(f"the token endpoint asks to wait (HTTP {status})", retry_after=retry_after(response))
        try:
            return _kept(read_token(response, _TokenAnswer), asked_at)
        except TokenNotGranted as error:
            raise self._refusal(error) from error
        except UnreadableAnswer as error:
            text = f"the token endpoint's answer holds no token that can be used ({error})"
            raise _REFUSALS.get(status, PortalNotAsked)(text) from error

    def _refusal(self, error: TokenNotGranted) -> PortalNotAsked:
        words = self._without_secret(error.words)
        if error.status >= 500 or error.code in _PASSING_ERRORS:
            return PortalNotAsked(f"the token endpoint cannot answer now ({words})")
        refused = PortalClientRefused if error.status == 401 or error.code == "invalid_client" else PortalAccessRefused
        return refused(f"the token endpoint refuses the client ({words})")

    def _without_secret(self, words: str) -> str:
        """What the endpoint says, should it repeat what it was sent."""
        secret = self._settings.portal_client_secret
        return words.replace(secret, "***").replace(quote_plus(secret), "***") if secret else words


def _client(settings: Settings) -> ClientAuthentication:
    """How the client signs in: with its key where there is one, else with its secret."""
    if not settings.portal_private_key:
        return SecretInHeader(settings.portal_client_id, settings.portal_client_secret or "")
    try:
        key = ClientKey(settings.portal_private_key)
    except ValueError as error:
        raise SettingsError(f"CPSE_PORTAL_PRIVATE_KEY {error}") from None
    return ClientAssertion(settings.portal_client_id, key, settings.portal_assertion_audience)


def _again(error: PortalNotAsked) -> PortalNotAsked:
    """A new exception that says the same; one raised by several threads would collect all their tracebacks."""
    if isinstance(error, PortalBusy):
        return PortalBusy(error.detail, retry_after=error.retry_after)
    return type(error)(error.detail)


def _kept(answer: _TokenAnswer, asked_at: float) -> _Token:
    life = min(_seconds(answer.expires_in) or _ASSUMED_LIFE, _LONGEST_LIFE)
    scope = " ".join(answer.scope) if isinstance(answer.scope, list) else answer.scope
    good_until = asked_at + life - min(_MARGIN, life * _MARGIN_SHARE)
    return _Token(answer.access_token, good_until, scope)


def _seconds(value: float | str | None) -> float:
    """The life of a token; 0 where the answer does not tell it. Raises `UnreadableAnswer`."""
    try:
        seconds = float(value or 0)
    except (ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise UnreadableAnswer("expires_in is no number of seconds")
    return seconds
