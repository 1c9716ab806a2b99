"""The bearer token of the OAuth 2.0 client-credentials grant: fetched once, kept, renewed before it ends."""

import logging
import re
import threading
import time
from dataclasses import dataclass

import requests
from authlib.integrations.base_client import OAuthError

from ..domain.text import clean_text
from ..outbound import BoundedOAuth2Session, UnreadableAnswer, read_json, reason
from ..settings import Settings, SettingsError
from .client_key import ClientKey, PortalPrivateKeyJWT
from .gateway import PortalAccessRefused, PortalBusy, PortalClientRefused, PortalNotAsked
from .problems import retry_after

_log = logging.getLogger("cpse_plugin.portal")

_BEARER = re.compile(r"[\x21-\x7e]{1,16384}")
# The life of a token whose answer does not tell it; RFC 6749 only recommends that it does.
_ASSUMED_LIFE = 300.0
_LONGEST_LIFE = 86_400.0
_MARGIN = 60.0
_MARGIN_SHARE = 0.1
_PAUSE_AFTER_REFUSAL = 5.0
_PAUSE_AFTER_FAILURE = 1.0
# The statuses of a refusal that is in no OAuth form.
_REFUSALS = {400: PortalAccessRefused, 401: PortalClientRefused, 403: PortalAccessRefused}
# What RFC 6749 and 6750 define for a refusal that no later request changes.
_PASSING_ERRORS = frozenset({"temporarily_unavailable", "server_error"})


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
        self._authentication: PortalPrivateKeyJWT | None = None
        if settings.portal_private_key:
            try:
                key = ClientKey(settings.portal_private_key)
            except ValueError as error:
                raise SettingsError(f"CPSE_PORTAL_PRIVATE_KEY {error}") from None
            self._authentication = PortalPrivateKeyJWT(key, settings.portal_assertion_audience)

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
        if not self._lock.acquire(timeout=self._settings.portal_timeout.deadline):
            raise PortalNotAsked("another call's request for a token did not come back in time")
        try:
            return self._usable(refused) or self._fetched()
        finally:
            self._lock.release()

    def _usable(self, refused: str | None) -> str | None:
        token = self._token
        if token is None or token.text == refused or time.monotonic() >= token.good_until:
            return None
        return token.text

    def _fetched(self) -> str:
        if self._failure is not None and time.monotonic() < self._failure.until:
            raise _again(self._failure.error)
        try:
            self._token = self._fetch()
        except PortalNotAsked as error:
            _log.warning("no token for the Portal: %s", error.detail)
            pause = _PAUSE_AFTER_REFUSAL if isinstance(error, PortalAccessRefused) else _PAUSE_AFTER_FAILURE
            self._failure = _Failure(error, time.monotonic() + pause)
            raise
        self._failure = None
        return self._token.text

    def _fetch(self) -> _Token:
        asked_at = time.monotonic()
        try:
            with self._session() as session:
                answer = session.fetch_token(self._settings.portal_token_url, grant_type="client_credentials")
            return _read(answer, asked_at)
        except PortalNotAsked:
            raise
        except OAuthError as error:
            words = clean_text(self._without_secret(f"{error.error}: {error.description or ''}"), 200)
            if error.error in _PASSING_ERRORS:
                raise PortalNotAsked(f"the token endpoint cannot answer now ({words})") from error
            refused = PortalClientRefused if error.error == "invalid_client" else PortalAccessRefused
            raise refused(f"the token endpoint refuses the client ({words})") from error
        except requests.RequestException as error:
            raise PortalNotAsked(f"the token endpoint gave no answer ({reason(error)})") from error
        except Exception as error:
            # Authlib stumbles in many ways over an answer of an odd form. Without a token nothing may be asked.
            raise PortalNotAsked(f"the token endpoint's answer cannot be used ({type(error).__name__})") from error

    def _without_secret(self, words: str) -> str:
        """What the endpoint says, should it repeat what it was sent."""
        secret = self._settings.portal_client_secret
        return words.replace(secret, "***") if secret else words

    def _session(self) -> BoundedOAuth2Session:
        settings = self._settings
        method = "private_key_jwt" if self._authentication else "client_secret_basic"
        session = BoundedOAuth2Session(
            client_id=settings.portal_client_id,
            client_secret=settings.portal_client_secret,
            token_endpoint_auth_method=method,
            scope=settings.portal_scope or None,
            timeout=settings.portal_timeout,
        )
        if self._authentication:
            session.register_client_auth_method(self._authentication)
        session.register_compliance_hook("access_token_response", _checked)
        return session


def _again(error: PortalNotAsked) -> PortalNotAsked:
    """A new exception that says the same; one raised by several threads would collect all their tracebacks."""
    if isinstance(error, PortalBusy):
        return PortalBusy(error.detail, retry_after=error.retry_after)
    return type(error)(error.detail)


def _checked(response: requests.Response) -> requests.Response:
    """Look at what Authlib does not look at: the status, and whether the content can be read safely."""
    status = response.status_code
    if status in (429, 503):
        raise PortalBusy(f"the token endpoint asks to wait (HTTP {status})", retry_after=retry_after(response))
    try:
        content = read_json(response)
    except UnreadableAnswer as error:
        content = str(error)
    if isinstance(content, dict) and (status == 200 or ("error" in content and 400 <= status < 500)):
        return response
    raise _REFUSALS.get(status, PortalNotAsked)(
        f"the token endpoint answered with HTTP {status} and neither a token nor an OAuth error"
    )


def _read(answer: object, asked_at: float) -> _Token:
    if not isinstance(answer, dict):
        raise PortalNotAsked("the token endpoint's answer is no JSON object")
    text, kind = answer.get("access_token"), answer.get("token_type", "bearer")
    if not isinstance(text, str) or not _BEARER.fullmatch(text):
        raise PortalNotAsked("the token endpoint's answer holds no token that can be sent")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise PortalNotAsked("the token endpoint's answer holds a token of another type than Bearer")
    life = min(max(float(answer.get("expires_in") or _ASSUMED_LIFE), 0.0), _LONGEST_LIFE)
    scope = answer.get("scope")
    good_until = asked_at + life - min(_MARGIN, life * _MARGIN_SHARE)
    return _Token(text, good_until, scope if isinstance(scope, str) else None)
