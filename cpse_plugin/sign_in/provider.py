"""The calls to the county's identity provider, and how much of the server they may take.

A provider that hangs must not stop the intranet: its calls have places of their own, few of them; what has failed is
not asked for again for some seconds; and what all need, one fetches for all.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, TypeVar

import msgspec
import requests

from ..outbound import (
    BoundedSession,
    NoPlace,
    SecretInForm,
    SecretInHeader,
    Section,
    TokenAnswer,
    TokenNotGranted,
    UnreadableAnswer,
    ask_for_token,
    read_json,
    read_token,
    reason,
)
from ..settings import Settings, Timeout
from .errors import ProviderBusy, ProviderRefused, ProviderUnavailable
from .kept import FAILURE_KEPT_FOR, Kept
from .keys import VerificationKey, read_keys
from .metadata import ProviderMetadata, issuer_of, read_metadata

Read = TypeVar("Read")

# Shorter than for other systems: somebody stands before a page that shows nothing yet.
_TIMEOUT = Timeout(3.05, 6)
# An answer of so many seconds ago says that the provider answers.
_LATELY = 10.0
# For so long nobody is sent there for a role after it has failed.
_PAUSE = 60.0
_ABOUT_THE_CLIENT = frozenset({"invalid_client", "unauthorized_client"})
_PASSING = frozenset({"temporarily_unavailable", "server_error"})


class Tokens(TokenAnswer, frozen=True, kw_only=True):
    """What is read of the token endpoint's answer to a code."""

    id_token: Annotated[str, msgspec.Meta(min_length=1)]


class Provider:
    """The identity provider of the settings, shared by threads; made without a call to it.

    Everything raises `ProviderUnavailable`, and `ProviderBusy` where all places are taken. `clock` gives the seconds
    since 1970.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._discovery_url = settings.oidc_discovery_url or ""
        self.expected_issuer = issuer_of(self._discovery_url)
        self._client = (settings.oidc_client_id or "", settings.oidc_client_secret or "")
        # Apart from the staff's calls and fewer, so that both together leave threads that serve pages.
        self._places = Section.apart(max(1, settings.upstream_calls // 2))
        self._clock = clock
        self._http = BoundedSession(_TIMEOUT)
        self._metadata = Kept(self._fetch_metadata, clock)
        self._keys = Kept(self._fetch_keys, clock)
        # When which address gave no answer, and when anything at all failed.
        self._silent: dict[str, float] = {}
        self._failed: float | None = None

    def metadata(self) -> ProviderMetadata:
        """What it says of itself; at most an hour old."""
        return self._metadata.get()

    def keys(self) -> tuple[VerificationKey, ...]:
        """Its keys; at most an hour old."""
        return self._keys.get()

    def renewed_keys(self, unfit: tuple[VerificationKey, ...]) -> tuple[VerificationKey, ...]:
        """Its keys after none of `unfit` made a signature; `unfit` itself where they were fetched just now."""
        return self._keys.renewed(unfit)

    def inspect(self) -> tuple[str, int]:
        """Fetch everything anew; returns the issuer and the number of keys of use here."""
        return self._metadata.fetch().issuer, len(self._keys.fetch())

    @property
    def is_ailing(self) -> bool:
        """Whether it failed within the last minute, so that nobody is sent there who can go on without."""
        return self._failed is not None and 0 <= self._clock() - self._failed < _PAUSE

    def make_sure_it_answers(self) -> None:
        """Return where it has answered lately or does so now."""
        if self.is_ailing:
            raise ProviderUnavailable("the identity provider failed within the last minute, and is asked again later")
        try:
            self._metadata.get(younger_than=_LATELY)
        except ProviderBusy:
            raise
        except ProviderUnavailable:
            self._failed = self._clock()
            raise

    def tokens(self, grant: Mapping[str, str]) -> Tokens:
        """Give a code for the tokens. Raises `ProviderRefused` where the provider does not take it."""
        metadata = self.metadata()
        client = SecretInForm(*self._client) if metadata.secret_in_form else SecretInHeader(*self._client)
        address = metadata.token_endpoint
        with self._asking(address):
            try:
                tokens = read_token(ask_for_token(self._http, address, grant, client), Tokens)
            except TokenNotGranted as error:
                raise self._refusal(error) from error
            if tokens.token_type is None:
                raise UnreadableAnswer("the token answer has no token_type")
            return tokens

    def userinfo(self, access_token: str, *, matters: bool) -> Mapping[str, object] | None:
        """What it tells of the person whose token this is; None where it has no such endpoint.

        Whoever asks compares `sub`: the answer is not signed and bound to no sign-in. `matters` is set where nobody can
        go on without it.
        """
        address = self.metadata().userinfo_endpoint
        if address is None:
            return None
        return self._fetch(address, _read_userinfo, matters=matters, Authorization=f"Bearer {access_token}")

    def _refusal(self, error: TokenNotGranted) -> ProviderUnavailable | ProviderRefused:
        """Tell what is about the person's code from what is not."""
        words = error.words.replace(self._client[1], "***") if self._client[1] else error.words
        if error.status == 401 or error.code in _ABOUT_THE_CLIENT:
            what_to_do = "check CPSE_OIDC_CLIENT_ID and CPSE_OIDC_CLIENT_SECRET"
            return ProviderUnavailable(f"the token endpoint refuses the client ({words}); {what_to_do}")
        if error.status >= 500 or error.code in _PASSING:
            return ProviderUnavailable(f"the token endpoint cannot answer now ({words})")
        return ProviderRefused(f"the token endpoint refused the code ({words})")

    def _fetch_metadata(self) -> ProviderMetadata:
        metadata = self._fetch(self._discovery_url, lambda document: read_metadata(document, self.expected_issuer))
        self._failed = None
        return metadata

    def _fetch_keys(self) -> tuple[VerificationKey, ...]:
        return self._fetch(self.metadata().jwks_uri, read_keys)

    def _fetch(self, address: str, read: Callable[[object], Read], *, matters: bool = True, **headers: str) -> Read:
        with self._asking(address, matters=matters):
            response = self._http.get(address, headers={"Accept": "application/json", **headers})
            if response.status_code != 200:
                raise ProviderUnavailable(f"{address} answered {response.status_code}")
            if response.headers.get("Content-Type", "").lower().startswith("application/jwt"):
                raise UnreadableAnswer("a signed JWT came; have the client registered for an answer in plain JSON")
            return read(read_json(response))

    @contextmanager
    def _asking(self, address: str, *, matters: bool = True) -> Iterator[None]:
        """Make one call in a place, and turn whatever hinders it into words.

        Only silence is remembered: anybody who brings a strange code may get a strange answer for it.
        """
        since = self._silent.get(address)
        if since is not None and 0 <= self._clock() - since < FAILURE_KEPT_FOR:
            raise ProviderUnavailable(f"{address} did not answer just now, and is asked again in some seconds")
        try:
            with self._places.place():
                yield
        except NoPlace:
            raise ProviderBusy("as many calls as may wait for the identity provider are waiting") from None
        except requests.RequestException as error:
            self._silent[address] = self._clock()
            if matters:
                self._failed = self._clock()
            raise ProviderUnavailable(f"{address} did not answer: {reason(error)}") from error
        except UnreadableAnswer as error:
            raise ProviderUnavailable(f"{address}: {error}") from error
        self._silent.pop(address, None)


def _read_userinfo(document: object) -> Mapping[str, object]:
    if not isinstance(document, Mapping):
        raise UnreadableAnswer("the answer is no JSON object")
    return document
