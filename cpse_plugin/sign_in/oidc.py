"""The client of the county's identity provider: OpenID Connect by authorization code, with PKCE and nonce.

Authlib makes the requests. What comes back is read here, and refused unless every rule is kept: Authlib's own client
takes the algorithms from the provider's word, keeps a bad answer for the life of the process and lets some tokens of
others pass.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from werkzeug.datastructures import MultiDict

from ..domain.text import clean_text
from ..outbound import time_limit
from ..settings import Settings
from .errors import NotBegunHere, ProviderRefused, ProviderUnavailable, SignInFailed, TokenRefused
from .id_token import Expectation, IdToken, SignedToken
from .identity import Identity, lacks
from .issuer import both, is_same
from .keys import VerificationKey
from .logout_token import LogoutToken, ProviderLogout
from .metadata import ProviderMetadata
from .pending import PendingSignIn
from .provider import Provider

_LOGGER = logging.getLogger("cpse_plugin.sign_in")

# `profile` and `email` bring the name for the screen and the address for the Portal's audit trail.
SCOPES = ("openid", "profile", "email")
# Seconds for all calls that one page waits for: discovery, keys, token, userinfo and, after a change, keys again.
_LONGEST_WAIT = 12
_LONGEST_CODE = 4096


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
        self._client_id = settings.oidc_client_id or ""
        self._role_claim = settings.role_claim
        self._scope = " ".join(dict.fromkeys((*SCOPES, *settings.oidc_scopes)))
        self._clock = clock
        self._provider = Provider(settings, clock)

    @property
    def is_ailing(self) -> bool:
        """Whether the identity provider failed within the last minute."""
        return self._provider.is_ailing

    def begin(self, redirect_uri: str, next_page: str | None, *, silent: bool = False) -> tuple[PendingSignIn, str]:
        """Begin a sign-in: what the browser's session must keep, and the address to send the browser to.

        With `silent` the provider is told to ask the person nothing: it answers at once who has signed in there, or
        that it would have to ask (`ProviderRefused`). Raises `SignInFailed`.
        """
        with _failing_closed():
            metadata = self._provider.metadata()
        pending = PendingSignIn(
            state=generate_token(32),
            nonce=generate_token(32),
            verifier=generate_token(64),
            next_page=next_page,
            begun=int(self._clock()),
            silent=silent,
        )
        address = prepare_grant_uri(
            metadata.authorization_endpoint,
            self._client_id,
            "code",
            redirect_uri,
            self._scope,
            pending.state,
            nonce=pending.nonce,
            code_challenge=create_s256_code_challenge(pending.verifier),
            code_challenge_method="S256",
            prompt="none" if silent else None,
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
            endpoint = self._provider.metadata().end_session_endpoint
        if endpoint is None:
            return None
        query = urlencode({"client_id": self._client_id, "post_logout_redirect_uri": back_to})
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"

    def provider_logout(self, logout_token: str) -> ProviderLogout:
        """What the identity provider says is over (back-channel logout). Raises `SignInFailed`."""
        with _failing_closed():
            token = LogoutToken(logout_token)
            # Anybody can send one; what is refused for its claims makes nobody fetch keys.
            issuer = self._provider.metadata().issuer
            logout = token.logout(issuer, self._client_id, self._clock())
            self._check_signature(token, self._provider.keys())
            return logout

    def make_sure_it_answers(self) -> None:
        """Return where the identity provider has answered lately or does so now. Raises `SignInFailed`."""
        with _failing_closed():
            self._provider.make_sure_it_answers()

    def inspect(self) -> tuple[str, int]:
        """Fetch the discovery document and the keys anew; returns the issuer and the number of keys of use here.

        Raises `SignInFailed`, where the issuer is not the expected one too.
        """
        with _failing_closed():
            return self._provider.inspect()

    def _identity(self, answer: AuthorizationAnswer, pending: PendingSignIn, redirect_uri: str) -> Identity:
        if not pending.is_open(self._clock()):
            raise NotBegunHere("the sign-in began too long ago")
        metadata = self._provider.metadata()
        code = _code(answer, metadata)
        # First the keys: where they cannot be had, the code is not used up for nothing.
        keys = self._provider.keys()
        tokens = self._provider.tokens(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": redirect_uri,
                "code_verifier": pending.verifier,
            }
        )
        token = IdToken(tokens.id_token)
        self._check_signature(token, keys)
        expected = Expectation(metadata.issuer, self._client_id, pending.nonce, tokens.access_token)
        claims = self._completed(token.claims(expected, self._clock()), tokens.access_token)
        return Identity.from_claims(claims, self._role_claim)

    def _completed(self, claims: dict[str, Any], access_token: str) -> dict[str, Any]:
        """The claims, and what the userinfo endpoint adds where the id_token does not tell all that is needed here.

        OpenID Connect Core 1.0, section 5.4: where there is an access token, a provider that follows the standard to
        the letter tells of a person there alone. What the id_token says is signed and counts first.
        """
        without_groups, without_name = lacks(claims, self._role_claim)
        if not without_groups and not without_name:
            return claims
        try:
            more = self._provider.userinfo(access_token, matters=without_groups)
        except ProviderUnavailable as failure:
            if without_groups:
                raise
            _LOGGER.warning("name and e-mail address could not be completed: %s", failure.reason)
            return claims
        if more is None:
            return claims
        if more.get("sub") != claims["sub"]:
            raise TokenRefused("the userinfo endpoint speaks of another person (sub)")
        return {**more, **{name: value for name, value in claims.items() if value is not None}}

    def _check_signature(self, token: SignedToken, keys: tuple[VerificationKey, ...]) -> None:
        if token.is_signed_by(keys):
            return
        # The provider may have changed its keys within the hour.
        renewed = self._provider.renewed_keys(keys)
        if renewed is keys or not token.is_signed_by(renewed):
            raise TokenRefused(f"no key of the identity provider made the signature (alg {token.alg})")


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
    if answer.issuer is not None and not is_same(answer.issuer, metadata.issuer):
        raise TokenRefused(f"the answer names another identity provider: {both(answer.issuer, metadata.issuer)}")
    if answer.error is not None:
        raise ProviderRefused(f"the identity provider answered {clean_text(answer.error, 100)!r}")
    if not answer.code or len(answer.code) > _LONGEST_CODE or not answer.code.isprintable():
        raise ProviderRefused("the identity provider sent no code")
    return answer.code
