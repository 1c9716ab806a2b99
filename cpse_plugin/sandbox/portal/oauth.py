"""The Portal's OAuth 2.0 token endpoint, and the tokens that its calls bear."""

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError, grants
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from flask import Flask, Response
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from werkzeug.security import gen_salt

from ..client_secret import by_secret_in_header
from .problems import Problem
from .store import Store, moment

SCOPES = ("providers.read", "providers.write", "admins.read", "admins.invite")
TOKEN_LIFE = timedelta(minutes=15)
_ASSERTIONS_KEPT = timedelta(hours=2)


PublicKey = RSAKey | ECKey


def read_public_key(text: str) -> PublicKey:
    """Read a public key from PEM or JWK text. Raises `ValueError` where it is neither RSA nor elliptic-curve."""
    for kind in (RSAKey, ECKey):
        try:
            key: PublicKey = kind.import_key(json.loads(text) if text.lstrip().startswith("{") else text)
        except JoseError:
            continue
        return key
    raise ValueError("the key is neither an RSA nor an elliptic-curve key")


@dataclass(frozen=True, slots=True)
class PortalClient(ClientMixin):  # type: ignore[misc]  # Authlib has no types.
    """A county's intranet as the Portal knows it: with a secret, or with a public key for RS256 or ES256."""

    client_id: str
    county_id: str
    secret: str | None = field(default=None, repr=False)
    public_key: PublicKey | None = None
    scopes: tuple[str, ...] = SCOPES

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What is granted of the scope asked for; None, which is a refusal, where some of it does not reach."""
        if not scope:
            return " ".join(self.scopes)
        return scope if set(scope.split()) <= set(self.scopes) else None

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret is not None and hmac.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        known = {"client_secret_basic": self.secret, "private_key_jwt": self.public_key}
        return endpoint == "token" and bool(known.get(method))

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token a call bears, and on whose behalf it is made."""

    client_id: str
    county_id: str
    scopes: frozenset[str]
    acting_user: str | None


class Tokens:
    """Grants tokens and knows them again. `life` can be set at any time and holds for tokens granted from then on."""

    def __init__(self, store: Store, clients: Iterable[PortalClient], issuer: str) -> None:
        self.life = TOKEN_LIFE
        self.issuer = issuer
        self._store = store
        self._clients = {client.client_id: client for client in clients}

    @property
    def endpoint(self) -> str:
        """The address of the token endpoint."""
        return f"{self.issuer}/v1/oauth/token"

    def client(self, client_id: str) -> PortalClient | None:
        """The client with this id."""
        return self._clients.get(client_id)

    def keep(self, token: dict[str, Any], client: PortalClient) -> None:
        """Remember a token that was granted, as its hash."""
        expires_at = self._store.clock() + timedelta(seconds=token["expires_in"])
        values = (_hash(token["access_token"]), client.client_id, client.county_id, token["scope"], moment(expires_at))
        with self._store.transaction() as db:
            db.execute("DELETE FROM token WHERE expires_at <= ?", (self._store.now,))
            db.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?)", values)

    def revoke_all(self) -> None:
        """Make every token granted so far void."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM token")

    def use_assertion(self, client_id: str, jti: str) -> bool:
        """Whether the client assertion with this id is seen for the first time."""
        oldest = moment(self._store.clock() - _ASSERTIONS_KEPT)
        with self._store.transaction() as db:
            db.execute("DELETE FROM assertion WHERE seen_at < ?", (oldest,))
            try:
                db.execute("INSERT INTO assertion VALUES (?, ?, ?)", (client_id, jti, self._store.now))
            except sqlite3.IntegrityError:
                return False
        return True

    def caller(self, authorization: str, acting_user: str | None) -> Caller:
        """Who calls, by the header Authorization. Raises a 401 `Problem`."""
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() != "bearer" or not credentials:
            raise _unauthorized("A bearer token is required.", 'Bearer realm="CPSE Portal"')
        rows = self._store.all(
            "SELECT * FROM token WHERE token_hash = ? AND expires_at > ?", _hash(credentials.strip()), self._store.now
        )
        if not rows:
            challenge = 'Bearer realm="CPSE Portal", error="invalid_token"'
            raise _unauthorized("The token is expired, revoked or not ours.", challenge)
        row = rows[0]
        return Caller(row["client_id"], row["county_id"], frozenset(row["scope"].split()), acting_user)


def require_scope(caller: Caller, scope: str) -> None:
    """Raise a 403 `Problem` where the caller's token does not reach."""
    if scope not in caller.scopes:
        challenge = f'Bearer realm="CPSE Portal", error="insufficient_scope", scope="{scope}"'
        raise Problem(
            403,
            "The token's scope does not reach",
            detail=f"The scope {scope} is needed.",
            headers={"WWW-Authenticate": challenge},
        )


def add_token_endpoint(app: Flask, tokens: Tokens) -> None:
    """Serve `/v1/oauth/token`."""

    class Assertion(JWTBearerClientAssertion):  # type: ignore[misc]  # Authlib has no types.
        """Client authentication by a JWT that the client has signed."""

        CLIENT_AUTH_METHOD = "private_key_jwt"

        def get_audiences(self) -> list[str]:
            return [tokens.issuer, tokens.endpoint]

        def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
            return isinstance(jti, str) and tokens.use_assertion(claims["sub"], jti)

        def resolve_client_public_key(self, client: PortalClient) -> PublicKey:
            if client.public_key is None:
                raise InvalidClientError(description="The client has no key on record.")
            return client.public_key

    class Grant(grants.ClientCredentialsGrant):  # type: ignore[misc]  # Authlib has no types.
        """The grant in which a client acts for itself."""

        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "private_key_jwt")

    server = AuthorizationServer(
        app, query_client=tokens.client, save_token=lambda token, request: tokens.keep(token, request.client)
    )
    server.register_token_generator(
        "default",
        BearerTokenGenerator(
            lambda **_: gen_salt(43), expires_generator=lambda *_: max(1, int(tokens.life.total_seconds()))
        ),
    )
    server.register_client_auth_method("client_secret_basic", by_secret_in_header)
    server.register_client_auth_method("private_key_jwt", Assertion())
    server.register_grant(Grant)

    @app.post("/v1/oauth/token")
    def token() -> Response:
        response: Response = server.create_token_response()
        return response


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _unauthorized(detail: str, challenge: str) -> Problem:
    return Problem(401, "Not authorized", detail=detail, headers={"WWW-Authenticate": challenge})
