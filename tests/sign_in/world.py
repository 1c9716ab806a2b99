"""A host with the plugin mounted, an identity provider that can be tampered with, and browsers, all over real HTTP."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from bs4 import BeautifulSoup
from flask import Flask, session
from flask.typing import ResponseReturnValue
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from joserfc.jwk import KeySet, RSAKey
from limits import RateLimitItem

from cpse_plugin import Cpse
from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.models import Base, LinkRow, ProviderRow
from cpse_plugin.sandbox.identity_provider import create_identity_provider, discovery_document
from cpse_plugin.sandbox.identity_provider_grants import IdentityProvider
from cpse_plugin.sandbox.server import LoopbackServer, listen
from cpse_plugin.services.database import now
from cpse_plugin.services.kept_forms import KeptForms
from cpse_plugin.services.records import refresh_derived
from cpse_plugin.services.sign_in_sessions import SignInSessions
from cpse_plugin.settings import Settings
from cpse_plugin.sign_in import OidcClient, current_staff
from cpse_plugin.web.parts import Parts
from cpse_plugin.web.rate_limit import RateLimits

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CLIENT_ID = "tamarack-intranet"
CLIENT_SECRET = "canary-client-secret"
DISCOVERY = "/.well-known/openid-configuration"
EDITOR = "elliot"
NOBODY = "vernon"
STAFF: list[dict[str, Any]] = [
    {"sub": "rosa", "name": "Rosa Lindqvist", "email": "rosa@tamarack.example", "groups": ["Readers"]},
    {"sub": EDITOR, "name": "Elliot Marsh", "email": "elliot@tamarack.example", "groups": ["Editors", "Readers"]},
    {"sub": NOBODY, "name": "Vernon Pike", "email": "vernon@tamarack.example", "groups": ["County Employees"]},
]
ROLE_MAP = {"Readers": Role.READER, "Editors": Role.EDITOR}


class Clock:
    """The host's clock, which can be set wrong."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def moment(self) -> datetime:
        """The same as a moment, for the sessions."""
        return datetime.fromtimestamp(self(), UTC).replace(microsecond=0)


class Patient(RateLimits):
    """Lets everything through: a test signs in more often than a whole office."""

    def count(self, limit: RateLimitItem, name: str, who: str) -> None:
        """Count nothing."""


class Tampered:
    """The identity provider's application with some of its answers replaced, and all of its calls counted."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app
        self.calls: Counter[str] = Counter()
        self.once: dict[str, list[tuple[str, bytes]]] = {}
        self.always: dict[str, tuple[str, bytes]] = {}
        self.rewrite: dict[str, Callable[[bytes], tuple[str, bytes]]] = {}
        self.kinds: dict[str, str] = {}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.calls[path] += 1
        queue = self.once.get(path)
        replaced = queue.pop(0) if queue else self.always.get(path)
        if replaced is None and path in self.rewrite:
            replaced = self.rewrite[path](b"".join(self._app(environ, lambda *_: lambda _: None)))
        if replaced is None:
            return self._app(environ, start_response)
        status, body = replaced
        kind = self.kinds.pop(path, "application/json")
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def answer_once(self, path: str, body: object, status: str = "200 OK") -> None:
        """Answer the next call to the path with this instead."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.once.setdefault(path, []).append((status, raw))


class Browser(requests.Session):
    """A person's browser at the host; redirects are followed by hand."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self.host = host
        self.trust_env = False

    def open(self, address: str, **kwargs: Any) -> requests.Response:
        """Get an address of the host, or any absolute one, without following where it leads."""
        return self.get(self.absolute(address), allow_redirects=False, timeout=20, **kwargs)

    def absolute(self, address: str) -> str:
        """The address as a browser at the host reads it."""
        return address if address.startswith("http") else self.host + address

    def go_to_provider(self, next_page: str | None = None) -> str:
        """Begin a sign-in; returns the address at the identity provider."""
        query = f"?{urlencode({'next': next_page})}" if next_page is not None else ""
        response = self.open(f"/cpse/sign-in{query}")
        assert response.status_code == 302, response.text
        return response.headers["Location"]

    def choose(self, address: str, person: str = EDITOR) -> str:
        """Be somebody at the identity provider; returns the callback's address."""
        response = self.post(address, data={"person": person}, allow_redirects=False, timeout=20)
        assert response.status_code == 303, response.text
        return response.headers["Location"]

    def sign_in(self, person: str = EDITOR, next_page: str | None = None) -> requests.Response:
        """Do the whole way; returns the callback's answer."""
        return self.open(self.choose(self.go_to_provider(next_page), person))

    def who(self) -> dict[str, Any] | None:
        """Whom the host takes the browser's person for."""
        found: dict[str, Any] | None = self.open("/who").json()
        return found

    def forget(self, cookie: str) -> None:
        """Lose a cookie."""
        for found in [one for one in self.cookies if one.name == cookie]:
            self.cookies.clear(found.domain, found.path, found.name)

    def follow(self, response: requests.Response) -> requests.Response:
        """Go on where redirects and pages lead by themselves, as far as the identity provider asks nothing."""
        for _ in range(8):
            address = response.headers.get("Location") or led_to(response)
            if address is None:
                break
            response = self.open(address)
        return response

    def token_of(self, page: requests.Response) -> str:
        """The CSRF token of a page's forms."""
        field = soup(page).select_one('input[name="csrf_token"]')
        assert field is not None, page.text
        return str(field["value"])

    def submit(self, address: str, data: dict[str, str], **kwargs: Any) -> requests.Response:
        """Send a form."""
        return self.post(self.absolute(address), data=data, allow_redirects=False, timeout=20, **kwargs)

    def post_form(self, page: requests.Response, action: str) -> requests.Response:
        """Send the form of a page that goes to this address, with its token."""
        form = soup(page).select_one(f'form[action="{action}"]')
        assert form is not None
        data = {field["name"]: field.get("value", "") for field in form.select("input[name]")}
        return self.post(self.absolute(action), data=data, allow_redirects=False, timeout=20)


class World:
    """Everything that a test of the sign-in touches."""

    def __init__(
        self,
        provider: Flask,
        tampered: Tampered,
        host: Flask,
        provider_server: LoopbackServer,
        host_server: LoopbackServer,
    ) -> None:
        self.idp: IdentityProvider = provider.extensions["identity_provider"]
        self.tampered = tampered
        self.provider_server = provider_server
        self.provider_url = provider_server.url
        self.host = host
        self.host_server = host_server
        self.host_url = host_server.url
        self.client: OidcClient = parts_of(host).oidc  # type: ignore[assignment]  # It has one.
        # The one by which tokens are judged, and the one by which sessions grow old: the provider's clock stays right.
        self.clock: Clock = host.config["TEST_CLOCK"]
        self.session_clock: Clock = host.config["TEST_SESSION_CLOCK"]

    def browser(self) -> Browser:
        """A browser that was never here."""
        return Browser(self.host_url)

    def take_secret(self, secret: str, method: str = "client_secret_basic") -> None:
        """Let the provider know the intranet by this secret, given in this one way, and say so."""
        self.idp.client = replace(self.idp.client, client_secret=secret, auth_method=method)
        document = discovery_document(self.provider_url)
        self.tampered.always[DISCOVERY] = (
            "200 OK",
            json.dumps({**document, "token_endpoint_auth_methods_supported": [method]}).encode(),
        )

    def forge(self, change: Callable[[dict[str, Any], dict[str, Any]], str | None] | None) -> None:
        """Let every id_token go through `change` from now on."""
        self.idp.forge = change


def settings_for(provider_url: str, **changes: Any) -> Settings:
    """Settings of a county whose identity provider is at this address."""
    return Settings.from_config(config_for(provider_url, **changes))


def config_for(provider_url: str, **changes: Any) -> dict[str, Any]:
    """The same as a host's configuration; `changes` are named as the fields of `Settings` are."""
    values: dict[str, Any] = {
        "county_name": "Tamarack County",
        "portal_url": "http://127.0.0.1:1/v1",
        "portal_client_id": "county",
        "portal_client_secret": "secret",
        "oidc_discovery_url": provider_url + DISCOVERY,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "role_map": {group: role.name.lower() for group, role in ROLE_MAP.items()},
        **changes,
    }
    return {f"CPSE_{name.upper()}": value for name, value in values.items()}


def create_host(
    folder: Path,
    config: dict[str, Any],
    staff_loader: Callable[[], Staff | None] | None = None,
    role_check: timedelta | None = None,
) -> Flask:
    """A host with the plugin mounted, whose database is in the folder and whose clock can be set."""
    app = Flask("host")
    clock, session_clock = Clock(), Clock()
    app.config.update(
        SECRET_KEY="host",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder / 'county.db'}",
        # A test waits for no other writer than the ones that it starts.
        SQLALCHEMY_ENGINE_OPTIONS={"connect_args": {"timeout": 5}},
        TEST_CLOCK=clock,
        TEST_SESSION_CLOCK=session_clock,
        **config,
    )
    SQLAlchemy(app)
    CSRFProtect(app)
    Cpse().init_app(app, staff_loader=staff_loader)
    cpse = parts_of(app)
    limits = cpse.sessions.limits if role_check is None else replace(cpse.sessions.limits, role_check=role_check)
    Base.metadata.create_all(cpse.database.engine)
    with cpse.database.write() as session_:
        session_.add(_provider())
    app.extensions["cpse"] = replace(
        cpse,
        oidc=OidcClient(cpse.settings, clock=clock) if cpse.oidc is not None else None,
        sessions=SignInSessions(cpse.database, limits, clock=session_clock.moment),
        kept_forms=KeptForms(cpse.database, clock=session_clock.moment),
        rate_limits=Patient("memory://"),
    )

    @app.get("/who")
    def who() -> ResponseReturnValue:
        staff = current_staff()
        if staff is None:
            return "null", {"Content-Type": "application/json"}
        return {"subject": staff.subject, "name": staff.name, "email": staff.email, "role": staff.role.name}

    @app.get("/host-page")
    def host_page() -> ResponseReturnValue:
        session["host_key"] = "the host's own"
        return "kept"

    @app.get("/session")
    def show_session() -> ResponseReturnValue:
        return dict(session)

    return app


def _provider() -> ProviderRow:
    row = ProviderRow(
        id=1,
        county_provider_id="TC-1",
        name="Granite Path",
        npi="",
        sed_code="",
        sort_name="granite path",
        search_text="granite path",
        version=1,
        updated_at=now(),
        updated_by="import",
        link=LinkRow(portal_id="P-1", linked_at=now(), linked_by="import"),
    )
    refresh_derived(row)
    return row


# The configuration of a county whose intranet signs its staff in by itself.
WITHOUT_PROVIDER = config_for("", oidc_discovery_url=None, oidc_client_id=None, oidc_client_secret=None)


@contextmanager
def running_world(role_check: timedelta | None = None, **changes: Any) -> Iterator[World]:
    """Start an identity provider and a host that know each other; `changes` are for the host's settings.

    With `role_check`, a role counts for so long as none does in a county.
    """
    with TemporaryDirectory(prefix="cpse-sign-in-") as folder:
        world = _world(Path(folder), changes, role_check)
        with world.provider_server, world.host_server:
            yield world
        parts_of(world.host).database.engine.dispose()


@cache
def _keys() -> str:
    """The first key of every identity provider, as its file holds it: to make one takes longer than a test."""
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
    return json.dumps(KeySet([key]).as_dict(private=True))


def _world(folder: Path, changes: dict[str, Any], role_check: timedelta | None) -> World:
    key_file = folder / "keys.json"
    key_file.write_text(_keys(), encoding="utf-8")
    provider_socket, host_socket = listen(), listen()
    provider_url = f"http://127.0.0.1:{provider_socket.getsockname()[1]}"
    host_url = f"http://127.0.0.1:{host_socket.getsockname()[1]}"
    provider = create_identity_provider(
        provider_url,
        STAFF,
        CLIENT_ID,
        CLIENT_SECRET,
        [f"{host_url}/cpse/sign-in/callback"],
        [f"{host_url}/cpse/signed-out"],
        backchannel_logout_uri=f"{host_url}/cpse/sign-in/back-channel-logout",
        key_file=key_file,
    )
    tampered = Tampered(provider)
    host = create_host(folder, config_for(provider_url, **changes), role_check=role_check)
    return World(
        provider,
        tampered,
        host,
        LoopbackServer("identity-provider", tampered, listener=provider_socket),
        LoopbackServer("host", host, listener=host_socket),
    )


def parts_of(app: Flask) -> Parts:
    """The plugin's parts in a host."""
    parts: Parts = app.extensions["cpse"]
    return parts


def soup(page: requests.Response) -> BeautifulSoup:
    """The page, parsed."""
    return BeautifulSoup(page.text, "html.parser")


def led_to(page: requests.Response) -> str | None:
    """Where a page leads by itself."""
    refresh = soup(page).select_one('meta[http-equiv="refresh"]')
    return str(refresh["content"]).partition("url=")[2] if refresh is not None else None


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(address).query, keep_blank_values=True).items()}


def with_query(address: str, **changes: str | None) -> str:
    """The address with parameters changed; None takes one away."""
    query = {**query_of(address), **changes}
    kept = urlencode({name: value for name, value in query.items() if value is not None})
    return urlsplit(address)._replace(query=kept).geturl()
