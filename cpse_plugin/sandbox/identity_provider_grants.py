"""The identity provider's state and its part of OAuth 2.0 and OpenID Connect, on Authlib's server side."""

import hmac
import json
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import requests
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, InvalidRequestError, list_to_scope
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import OpenIDCode
from authlib.oidc.rpinitiated import EndSessionEndpoint, EndSessionRequest
from flask import Flask, session
from joserfc import jws, jwt
from joserfc.jwk import KeySet, RSAKey

from .client_secret import by_secret_in_header

SCOPES = ("openid", "profile", "email")
PERSON_KEY = "person"
SID_KEY = "sid"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_CODE_ENDS_AFTER = 60
_log = logging.getLogger(__name__)

Forge = Callable[[dict[str, Any], dict[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the county's staff, as the identity provider knows them."""

    sub: str
    name: str
    email: str
    groups: tuple[str, ...]
    note: str = ""

    @classmethod
    def from_entry(cls, entry: dict[str, Any]) -> "Person":
        """Read an entry of `data/staff.json`."""
        return cls(entry["sub"], entry["name"], entry["email"], tuple(entry["groups"]), entry.get("note", ""))

    @property
    def claims(self) -> dict[str, Any]:
        """What the id_token says of the person."""
        return {
            "sub": self.sub,
            "name": self.name,
            "email": self.email,
            "email_verified": True,
            "groups": list(self.groups),
        }


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):  # type: ignore[misc]  # Authlib has no types.
    """The one application that is registered here: the intranet, which gives its secret by `auth_method`."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    backchannel_logout_uri: str | None = None
    auth_method: str = "client_secret_basic"

    @property
    def client_metadata(self) -> dict[str, Any]:
        """What Authlib's end-session endpoint reads."""
        return {"post_logout_redirect_uris": list(self.post_logout_redirect_uris)}

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """There is none: a request says where it wants to go, to the letter."""

    def get_allowed_scope(self, scope: str | None) -> str:
        return str(list_to_scope([item for item in (scope or "").split() if item in SCOPES]))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(self.client_secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass(frozen=True, slots=True)
class Code(AuthorizationCodeMixin):  # type: ignore[misc]  # Authlib has no types.
    """A code that was issued and not redeemed, with what it is bound to."""

    text: str
    person: Person
    sid: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str
    issued: float

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(self.issued)

    def get_acr(self) -> None:
        """Nobody is asked for a password, so there is no class of authentication to name."""

    def get_amr(self) -> None:
        """As with `get_acr`: there is no method to name."""


class IdentityProvider:
    """Keys, people and open codes.

    `forge` is for tests: it gets the claims and the header of each id_token before it is issued. It may change them,
    and then they are signed as they are, or return a token of its own.
    """

    def __init__(self, issuer: str, people: Sequence[Person], client: Client, *, key_file: Path | None = None) -> None:
        self.issuer = issuer
        self.people = {person.sub: person for person in people}
        self.client = client
        self.forge: Forge | None = None
        self._key_file = key_file
        self._keys = _load_keys(key_file)
        self._codes: dict[str, Code] = {}
        self._nonces: set[str] = set()
        self._tokens: dict[str, Person] = {}
        self._lock = Lock()
        self._save_keys()

    @property
    def key(self) -> RSAKey:
        """The key that signs."""
        return self._keys[0]

    @property
    def public_keys(self) -> dict[str, Any]:
        """The JSON Web Key Set; an earlier key stays in it for the tokens that it signed."""
        return dict(KeySet(list(self._keys)).as_dict(private=False))

    def rotate_key(self, *, revoke: bool = False) -> None:
        """Sign with a new key from now on; with `revoke`, the earlier keys are published no longer."""
        self._keys = [_new_key()] if revoke else [_new_key(), *self._keys]
        self._save_keys()

    def sign(self, claims: dict[str, Any], header: dict[str, Any]) -> str:
        """Sign whatever it is."""
        registry = jws.JWSRegistry(algorithms=[header.get("alg", "RS256")], strict_check_header=False)
        return jwt.encode(header, claims, self.key, registry=registry, default_type=None)

    def issued(self, id_token: str) -> str:
        """The id_token that goes out in place of the honest one."""
        if self.forge is None:
            return id_token
        honest = jwt.decode(id_token, self.key, ["RS256"])
        claims, header = dict(honest.claims), dict(honest.header)
        forged = self.forge(claims, header)
        return forged if forged is not None else self.sign(claims, header)

    def logout_token(self, *, sub: str | None = None, sid: str | None = None) -> str:
        """The statement that a session, or all sessions of a person, are over."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.client.client_id,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(16),
            "events": {LOGOUT_EVENT: {}},
        }
        claims |= {name: value for name, value in (("sub", sub), ("sid", sid)) if value is not None}
        return self.sign(claims, {"alg": "RS256", "kid": self.key.kid, "typ": "logout+jwt"})

    def tell_signed_out(self, *, sub: str | None = None, sid: str | None = None) -> requests.Response | None:
        """Tell the intranet that somebody has signed out; None where it has no address for that, or does not answer."""
        address = self.client.backchannel_logout_uri
        if address is None:
            return None
        try:
            return requests.post(address, data={"logout_token": self.logout_token(sub=sub, sid=sid)}, timeout=10)
        except requests.RequestException as error:
            _log.warning("the intranet could not be told of a sign-out: %s", type(error).__name__)
            return None

    def keep_code(self, code: Code) -> None:
        """Remember a code until it is redeemed or too old."""
        with self._lock:
            fresh = {text: kept for text, kept in self._codes.items() if not _is_over(kept)}
            self._codes = {**fresh, code.text: code}
            self._nonces.update({code.nonce} if code.nonce else ())

    def take_code(self, text: str) -> Code | None:
        """Redeem a code: it is given out once, whatever becomes of the exchange."""
        with self._lock:
            code = self._codes.pop(text, None)
        return code if code is not None and not _is_over(code) else None

    def keep_token(self, token: dict[str, Any], person: Person) -> None:
        """Remember whose access token it is."""
        with self._lock:
            self._tokens[token["access_token"]] = person

    def person_of(self, authorization: str) -> Person | None:
        """Whose token the header bears; as the person is now."""
        with self._lock:
            person = self._tokens.get(authorization.removeprefix("Bearer "))
        return self.people.get(person.sub) if person is not None else None

    def has_seen(self, nonce: str) -> bool:
        """Whether a code was issued for this nonce."""
        with self._lock:
            return nonce in self._nonces

    def _save_keys(self) -> None:
        if self._key_file is not None:
            text = json.dumps({"keys": [key.as_dict(private=True) for key in self._keys]})
            self._key_file.write_text(text, encoding="utf-8")
            self._key_file.chmod(0o600)


def create_authorization_server(app: Flask, provider: IdentityProvider) -> AuthorizationServer:
    """Put Authlib's server together: code grant with PKCE, id_token, issuer in the answer, sign-out."""

    class Grant(AuthorizationCodeGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

        def save_authorization_code(self, code: str, request: Any) -> None:
            data = request.payload.data
            provider.keep_code(
                Code(
                    text=code,
                    person=request.user,
                    sid=session[SID_KEY],
                    redirect_uri=request.payload.redirect_uri,
                    scope=request.scope,
                    nonce=data.get("nonce"),
                    code_challenge=data["code_challenge"],
                    code_challenge_method=data["code_challenge_method"],
                    issued=time.time(),
                )
            )

        def query_authorization_code(self, code: str, client: Client) -> Code | None:  # noqa: ARG002
            return provider.take_code(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            """It was taken when it was looked up."""

        def authenticate_user(self, authorization_code: Code) -> Person:
            return authorization_code.person

    class IdTokens(OpenIDCode):  # type: ignore[misc]
        def resolve_client_private_key(self, client: Client) -> RSAKey:  # noqa: ARG002
            return provider.key

        def get_client_claims(self, client: Client) -> dict[str, Any]:
            return {"iss": provider.issuer, "aud": client.client_id}

        def get_encode_header(self, client: Client) -> dict[str, Any]:  # noqa: ARG002
            return {"alg": "RS256", "kid": provider.key.kid}

        def exists_nonce(self, nonce: str, request: Any) -> bool:  # noqa: ARG002
            return provider.has_seen(nonce)

        def get_authorization_code_claims(self, authorization_code: Code) -> dict[str, Any]:
            return {**super().get_authorization_code_claims(authorization_code), "sid": authorization_code.sid}

        def generate_user_info(self, user: Person, scope: str) -> dict[str, Any]:  # noqa: ARG002
            return user.claims

        def encode_id_token(self, token: Any, request: Any) -> str:
            return provider.issued(super().encode_id_token(token, request))

    class Issuer(IssuerParameter):  # type: ignore[misc]
        def get_issuer(self) -> str:
            return provider.issuer

    class EndSession(EndSessionEndpoint):  # type: ignore[misc]
        def get_server_jwks(self) -> dict[str, Any]:
            return provider.public_keys

        def is_post_logout_redirect_uri_legitimate(self, request: Any, uri: str, client: Client, hint: Any) -> bool:  # noqa: ARG002
            # The address was compared with the client's registered ones, and there is one client only.
            return True

        def end_session(self, end_session_request: EndSessionRequest) -> None:  # noqa: ARG002
            sub, sid = session.pop(PERSON_KEY, None), session.pop(SID_KEY, None)
            if sub is not None:
                provider.tell_signed_out(sub=sub, sid=sid)

    server = AuthorizationServer(
        app,
        query_client=lambda client_id: provider.client if client_id == provider.client.client_id else None,
        save_token=lambda token, request: provider.keep_token(token, request.user),
    )
    server.register_client_auth_method("client_secret_basic", by_secret_in_header)
    server.register_grant(Grant, [_S256Only(required=True), IdTokens(require_nonce=True)])
    server.register_extension(Issuer())
    server.register_endpoint(EndSession)
    return server


class _S256Only(CodeChallenge):  # type: ignore[misc]
    """PKCE for confidential clients too, which Authlib would let go without."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("'code_challenge' with 'code_challenge_method=S256' is required")
        super().validate_code_challenge(grant, redirect_uri)


def _is_over(code: Code) -> bool:
    return time.time() - code.issued > _CODE_ENDS_AFTER


def _new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


def _load_keys(key_file: Path | None) -> list[RSAKey]:
    if key_file is None or not key_file.exists():
        return [_new_key()]
    return [_key(json.dumps(entry)) for entry in json.loads(key_file.read_text(encoding="utf-8"))["keys"]]


@cache
def _key(entry: str) -> RSAKey:
    """The key of a JWK. To read one takes as long as to make one, since its primes are checked."""
    return RSAKey.import_key(json.loads(entry))
