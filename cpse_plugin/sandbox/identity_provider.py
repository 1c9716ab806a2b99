"""The county's identity provider: OpenID Connect, and a page on which one chooses who to be.

It remembers the choice until one signs out, as a real one does.
"""

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from flask import Flask, render_template, request, session
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from .identity_provider_grants import (
    PERSON_KEY,
    SCOPES,
    SID_KEY,
    Client,
    IdentityProvider,
    Person,
    create_authorization_server,
)


def create_identity_provider(
    issuer: str,
    staff: Sequence[dict[str, Any]],
    client_id: str,
    client_secret: str,
    redirect_uris: Iterable[str],
    post_logout_redirect_uris: Iterable[str],
    *,
    key_file: Path | None = None,
    backchannel_logout_uri: str | None = None,
) -> Flask:
    """Make the application; its state is the `IdentityProvider` in `app.extensions["identity_provider"]`.

    `issuer` is the address at which the application answers, `staff` the entries of `data/staff.json`. The signing keys
    are kept in `key_file` where there is one. At `backchannel_logout_uri` the client is told when somebody signs out.
    """
    app = Flask(__name__, template_folder="templates")
    # The hosts of the sandbox differ by their ports alone, which cookies do not know: each needs a name of its own.
    app.config.update(
        SECRET_KEY=secrets.token_hex(32),
        SESSION_COOKIE_NAME="sandbox_identity_provider",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    client = Client(
        client_id, client_secret, tuple(redirect_uris), tuple(post_logout_redirect_uris), backchannel_logout_uri
    )
    people = [Person.from_entry(entry) for entry in staff]
    provider = IdentityProvider(issuer.rstrip("/"), people, client, key_file=key_file)
    app.extensions["identity_provider"] = provider
    _add_documents(app, provider)
    _add_pages(app, provider)
    app.register_error_handler(HTTPException, _http_problem)
    return app


def discovery_document(issuer: str) -> dict[str, Any]:
    """What the provider says of itself."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "end_session_endpoint": f"{issuer}/end-session",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["sub", "name", "email", "email_verified", "groups", "sid"],
        "prompt_values_supported": ["none", "login"],
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "authorization_response_iss_parameter_supported": True,
    }


def _add_documents(app: Flask, provider: IdentityProvider) -> None:
    @app.get("/.well-known/openid-configuration")
    def discovery() -> ResponseReturnValue:
        return discovery_document(provider.issuer)

    @app.get("/jwks")
    def jwks() -> ResponseReturnValue:
        return provider.public_keys


def _add_pages(app: Flask, provider: IdentityProvider) -> None:
    server = create_authorization_server(app, provider)

    @app.get("/")
    def home() -> ResponseReturnValue:
        return render_template("idp/home.html", person=_chosen(provider), people=provider.people.values())

    @app.get("/authorize")
    def authorize() -> ResponseReturnValue:
        person = _chosen(provider)
        grant = server.get_consent_grant(end_user=person)
        if person is not None and grant.prompt is None:
            return _answer(server.create_authorization_response(grant_user=person, grant=grant))
        return render_template("idp/choose.html", people=provider.people.values())

    @app.post("/authorize")
    def choose() -> ResponseReturnValue:
        person = provider.people.get(request.form.get("person", ""))
        grant = server.get_consent_grant(end_user=person)
        if person is not None:
            session[PERSON_KEY] = person.sub
            session[SID_KEY] = secrets.token_urlsafe(16)
        return _answer(server.create_authorization_response(grant_user=person, grant=grant))

    @app.post("/token")
    def token() -> ResponseReturnValue:
        return _answer(server.create_token_response())

    @app.get("/userinfo")
    def userinfo() -> ResponseReturnValue:
        person = provider.person_of(request.headers.get("Authorization", ""))
        return person.claims if person is not None else ("", 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'})

    @app.route("/end-session", methods=["GET", "POST"])
    def end_session() -> ResponseReturnValue:
        answer = server.create_endpoint_response("end_session")
        return _answer(answer) if answer is not None else render_template("idp/signed_out.html")

    @app.errorhandler(OAuth2Error)
    def refuse(error: OAuth2Error) -> ResponseReturnValue:
        if error.redirect_uri:
            answer = server.handle_error_response(None, error)
            # RFC 9207 wants the issuer in a refusal too, and Authlib puts it into a success alone.
            answer.location = add_params_to_uri(answer.location, [("iss", provider.issuer)])
            return _answer(answer)
        return render_template("idp/problem.html", text=error.get_error_description() or error.error), 400


def _chosen(provider: IdentityProvider) -> Person | None:
    return provider.people.get(session.get(PERSON_KEY, ""))


def _answer(response: Any) -> ResponseReturnValue:
    """Give what Authlib made a type; redirects after the form go on as GET."""
    if response.status_code == 302 and request.method == "POST":
        response.status_code = 303
    checked: ResponseReturnValue = response
    return checked


def _http_problem(error: HTTPException) -> ResponseReturnValue:
    return render_template("idp/problem.html", text=error.description), error.code or 500
