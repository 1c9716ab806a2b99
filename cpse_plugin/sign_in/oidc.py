"""The client of the county's identity provider: OpenID Connect by authorization code, with PKCE and nonce.

Authlib makes the requests. What comes back is read here, and refused unless every rule is kept: Authlib's own client
takes the algorithms from the provider's word, keeps a bad answer for the life of the process and lets some tokens of
others pass.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from werkzeug.datastructures import MultiDict

from ..outbound import BoundedOAuth2Session, BoundedSession, UnreadableAnswer, read_json, reason, time_limit
from ..settings import Settings
from .errors import NotBegunHere, ProviderRefused, ProviderUnavailable, SignInFailed, TokenRefused
from .id_token import Expectation, IdToken, SignedToken
from .identity import Identity
from .kept import Kept
from .keys import VerificationKey, read_keys
from .logout_token import LogoutToken, ProviderLogout
from .metadata import ProviderMetadata, issuers_of, read_metadata
from .pending import PendingSignIn

# `profile` and `email` bring the name for the screen and the address for the Portal's audit trail.
SCOPE = "openid profile email"
# Seconds for all calls that one page waits for: discovery, keys, token and, after a change of keys, keys again.
_LONGEST_WAIT = 20
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class AuthorizationAnswer:
    """What the identity provider sent back with the browser."""

    state: str | None
    code: str | None
    error: str | None
    issuer: str | None

    @classmethod
    def from_query(cls, query: MultiDict[str, str]) -> "AuthorizationAnswer":
        """Read a query. Raises `NotBegunHere` where a parameter is there twice: then it is unclear which one counts."""
        values: dict[str, str | None] = {}
        for field, parameter in (("state", "state"), ("code", "code"), ("error", "error"), ("issuer", "iss")):
            given = query.getlist(parameter)
            if len(given) > 1:
                raise NotBegunHere(f"the answer has more than one {parameter}")
            values[field] = given[0] if given else None
        return cls(**values)


class OidcClient:
    """Signs people in at the identity provider of the settings; made without a call to it, and shared by threads.

    `clock` gives the seconds since 1970.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._discovery_url = settings.oidc_discovery_url or ""
        self._issuers = issuers_of(self._discovery_url)
        self._client_id = settings.oidc_client_id or ""
        self._client_secret = settings.oidc_client_secret or ""
        self._role_claim = settings.role_claim
        self._clock = clock
        self._http = BoundedSession()
        self._metadata = Kept(self._fetch_metadata, clock)
        self._keys = Kept(self._fetch_keys, clock)

    def begin(self, redirect_uri: str, next_page: str | None, *, silent: bool = False) -> tuple[PendingSignIn, str]:
        """Begin a sign-in: what the browser's session must keep, and the address to send the browser to.

        With `silent` the provider is told to ask the person nothing: it answers at once who has signed in there, or
        that it would have to ask (`ProviderRefused`). Raises `SignInFailed`.
        """
        with _failing_closed():
            metadata = self._metadata.get()
        pending = PendingSignIn(
            state=generate_token(32),
            nonce=generate_token(32),
            verifier=generate_token(64),
            next_page=next_page,
            begun=int(self._clock()),
            silent=silent,
        )
        with self._authlib_session(metadata, redirect_uri) as session:
            address, _ = session.create_authorization_url(
                metadata.authorization_endpoint,
                state=pending.state,
                nonce=pending.nonce,
                code_verifier=pending.verifier,
                **({"prompt": "none"} if silent else {}),
            )
        return pending, str(address)

    def finish(self, answer: AuthorizationAnswer, pending: PendingSignIn, redirect_uri: str) -> Identity:
        """Find out who has signed in. Raises `SignInFailed`, whatever the identity provider sent."""
        with _failing_closed():
            return self._identity(answer, pending, redirect_uri)

    def sign_out_address(self, back_to: str) -> str | None:
        """Where to send the browser to sign out at the identity provider too, or None where that is not offered.

        The id_token is not kept for this (`id_token_hint`): the provider knows the client by its id.
        Raises `SignInFailed`.
        """
        with _failing_closed():
            endpoint = self._metadata.get().end_session_endpoint
        if endpoint is None:
            return None
        query = urlencode({"client_id": self._client_id, "post_logout_redirect_uri": back_to})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    def provider_logout(self, logout_token: str) -> ProviderLogout:
        """What the identity provider says is over (back-channel logout). Raises `SignInFailed`."""
        with _failing_closed():
            token = LogoutToken(logout_token)
            self._check_signature(token)
            return token.logout(self._metadata.get().issuer, self._client_id, self._clock())

    def ping(self) -> None:
        """Make sure that the identity provider answers with a document that can be used. Raises `SignInFailed`."""
        with _failing_closed():
            self._metadata.fetch()

    def inspect(self) -> tuple[str, int]:
        """Fetch the discovery document and the keys anew; returns the issuer and the number of keys of use here.

        Raises `SignInFailed`, where the issuer is not the expected one too.
        """
        with _failing_closed():
            issuer = self._metadata.fetch().issuer
            return issuer, len(self._keys.fetch())

    def _identity(self, answer: AuthorizationAnswer, pending: PendingSignIn, redirect_uri: str) -> Identity:
        if not pending.is_open(self._clock()):
            raise NotBegunHere("the sign-in began too long ago")
        metadata = self._metadata.get()
        code = _code(answer, metadata)
        tokens = self._exchange(code, pending, redirect_uri, metadata)
        token = IdToken(tokens["id_token"])
        self._check_signature(token)
        expected = Expectation(metadata.issuer, self._client_id, pending.nonce, tokens["access_token"])
        return Identity.from_claims(token.claims(expected, self._clock()), self._role_claim)

    def _exchange(
        self, code: str, pending: PendingSignIn, redirect_uri: str, metadata: ProviderMetadata
    ) -> dict[str, str]:
        """Give the code for the tokens; both of them are in what is returned."""
        with self._authlib_session(metadata, redirect_uri) as session:
            session.register_compliance_hook("access_token_response", _readable)
            try:
                tokens = session.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    redirect_uri=redirect_uri,
                    code_verifier=pending.verifier,
                )
            except OAuthError as error:
                raise ProviderRefused(f"the token endpoint refused the code: {error.error!r}") from error
            except requests.RequestException as error:
                raise ProviderUnavailable(f"the token endpoint did not answer: {reason(error)}") from error
            except (ValueError, TypeError) as error:
                raise ProviderUnavailable(f"the token answer cannot be read ({type(error).__name__})") from error
        return _checked_tokens(tokens)

    def _check_signature(self, token: SignedToken) -> None:
        keys = self._keys.get()
        if token.is_signed_by(keys):
            return
        # The provider may have changed its keys within the hour.
        renewed = self._keys.renewed(keys)
        if renewed is keys or not token.is_signed_by(renewed):
            raise TokenRefused(f"no key of the identity provider made the signature (alg {token.alg})")

    def _authlib_session(self, metadata: ProviderMetadata, redirect_uri: str) -> Any:
        """Return a session for one sign-in, since Authlib's keeps the token that it fetches."""
        return BoundedOAuth2Session(
            client_id=self._client_id,
            client_secret=self._client_secret,
            token_endpoint_auth_method=metadata.token_auth_method,
            scope=SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )

    def _fetch_metadata(self) -> ProviderMetadata:
        return self._fetch(self._discovery_url, lambda document: read_metadata(document, self._issuers))

    def _fetch_keys(self) -> tuple[VerificationKey, ...]:
        return self._fetch(self._metadata.get().jwks_uri, read_keys)

    def _fetch(self, address: str, read: Callable[[object], Read]) -> Read:
        try:
            response = self._http.get(address, headers={"Accept": "application/json"})
            if response.status_code != 200:
                raise ProviderUnavailable(f"{address} answered {response.status_code}")
            return read(read_json(response))
        except requests.RequestException as error:
            raise ProviderUnavailable(f"{address} did not answer: {reason(error)}") from error
        except UnreadableAnswer as error:
            raise ProviderUnavailable(f"{address}: {error}") from error


@contextmanager
def _failing_closed() -> Iterator[None]:
    """Give all calls inside a common end, and let nothing out of it but `SignInFailed`."""
    try:
        with time_limit(_LONGEST_WAIT):
            yield
    except SignInFailed:
        raise
    except Exception as error:
        # What is read inside comes from another system and goes through two libraries; something that nobody thought
        # of must end as a refused sign-in and never as a page with a stack trace.
        raise ProviderUnavailable(f"unexpected {type(error).__name__} while signing in") from error


def _code(answer: AuthorizationAnswer, metadata: ProviderMetadata) -> str:
    """Return the code once it is certain that the provider that was asked sent it (RFC 9207)."""
    if answer.issuer is None and metadata.names_itself:
        raise TokenRefused("the answer does not name the identity provider, which promises to do so")
    if answer.issuer not in (None, metadata.issuer):
        raise TokenRefused("the answer names another identity provider")
    if answer.error is not None:
        raise ProviderRefused(f"the identity provider answered {answer.error!r}")
    if not answer.code:
        raise ProviderRefused("the identity provider sent no code")
    return answer.code


def _readable(response: requests.Response) -> requests.Response:
    """Let Authlib see nothing but a JSON object, which is a success or names an error."""
    body = read_json(response)
    if not isinstance(body, dict):
        raise UnreadableAnswer("the token answer is no JSON object")
    if "error" not in body and response.status_code != 200:
        raise UnreadableAnswer(f"the token endpoint answered {response.status_code}")
    return response


def _checked_tokens(tokens: Any) -> dict[str, str]:
    if str(tokens.get("token_type")).lower() != "bearer":
        raise TokenRefused("the token answer has another token_type than Bearer")
    for name in ("access_token", "id_token"):
        if not isinstance(tokens.get(name), str) or not tokens[name]:
            raise TokenRefused(f"the token answer has no {name}")
    return {name: tokens[name] for name in ("access_token", "id_token")}
