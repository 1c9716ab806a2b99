"""A host with the sign-in mounted, an identity provider that can be tampered with, and browsers, all over real HTTP."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from bs4 import BeautifulSoup
from flask import Blueprint, Flask, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

from cpse_plugin.blueprints import sign_in as sign_in_blueprint
from cpse_plugin.domain.access import Action, Role, Staff
from cpse_plugin.sandbox.identity_provider import create_identity_provider
from cpse_plugin.sandbox.identity_provider_grants import IdentityProvider
from cpse_plugin.sandbox.server import LoopbackServer, listen
from cpse_plugin.settings import Settings
from cpse_plugin.sign_in import OidcClient, current_staff
from cpse_plugin.web import access

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


class Tampered:
    """The identity provider's application with some of its answers replaced, and all of its calls counted."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app
        self.calls: Counter[str] = Counter()
        self.once: dict[str, list[tuple[str, bytes]]] = {}
        self.always: dict[str, tuple[str, bytes]] = {}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.calls[path] += 1
        queue = self.once.get(path)
        replaced = queue.pop(0) if queue else self.always.get(path)
        if replaced is None:
            return self._app(environ, start_response)
        status, body = replaced
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
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

    def post_form(self, page: requests.Response, action: str) -> requests.Response:
        """Send the form of a page that goes to this address, with its token."""
        form = soup(page).select_one(f'form[action="{action}"]')
        assert form is not None
        data = {field["name"]: field.get("value", "") for field in form.select("input[name]")}
        return self.post(self.absolute(action), data=data, allow_redirects=False, timeout=20)


class World:
    """Everything that a test of the sign-in touches."""

    def __init__(self, provider: Flask, tampered: Tampered, provider_url: str, host: Flask, host_url: str) -> None:
        self.idp: IdentityProvider = provider.extensions["identity_provider"]
        self.tampered = tampered
        self.provider_url = provider_url
        self.host = host
        self.host_url = host_url
        self.client: OidcClient = host.extensions["cpse"].oidc
        self.clock: Clock = host.config["TEST_CLOCK"]

    def browser(self) -> Browser:
        """A browser that was never here."""
        return Browser(self.host_url)

    def forge(self, change: Callable[[dict[str, Any], dict[str, Any]], str | None] | None) -> None:
        """Let every id_token go through `change` from now on."""
        self.idp.forge = change


def settings_for(provider_url: str, **changes: Any) -> Settings:
    """Settings of a county whose identity provider is at this address."""
    values: dict[str, Any] = {
        "county_name": "Tamarack County",
        "portal_url": "http://127.0.0.1:1",
        "portal_client_id": "county",
        "portal_client_secret": "secret",
        "oidc_discovery_url": provider_url + DISCOVERY,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "role_map": ROLE_MAP,
    }
    return Settings(**{**values, **changes})


def create_host(settings: Settings, staff_loader: Callable[[], Staff | None] | None = None) -> Flask:
    """A host with no more of the plugin than signing in."""
    app = Flask("host")
    clock = Clock()
    app.config.update(SECRET_KEY="host", TEST_CLOCK=clock)
    CSRFProtect(app)
    app.extensions["cpse"] = SimpleNamespace(
        settings=settings,
        oidc=OidcClient(settings, clock=clock) if settings.uses_oidc else None,
        staff_loader=staff_loader,
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

    app.register_blueprint(_plugin(settings), url_prefix="/cpse")
    return app


def _plugin(settings: Settings) -> Blueprint:
    parent = Blueprint("cpse", "cpse_plugin", template_folder="templates", static_folder="static")
    parent.before_request(access.enforce)
    sign_in_blueprint.register(parent)

    @parent.get("/providers", endpoint="providers")
    @access.requires(Action.VIEW)
    def providers() -> ResponseReturnValue:
        return "the list of providers"

    @parent.context_processor
    def page_context() -> dict[str, Any]:
        return {
            "cpse": SimpleNamespace(
                county_name=settings.county_name,
                base_template=settings.base_template,
                staff=current_staff(),
                asset=lambda name: url_for("cpse.static", filename=name),
            )
        }

    return parent


@contextmanager
def running_world(**changes: Any) -> Iterator[World]:
    """Start an identity provider and a host that know each other; `changes` are for the host's settings."""
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
    )
    tampered = Tampered(provider)
    host = create_host(settings_for(provider_url, **changes))
    with (
        LoopbackServer("identity-provider", tampered, listener=provider_socket),
        LoopbackServer("host", host, listener=host_socket),
    ):
        yield World(provider, tampered, provider_url, host, host_url)


def soup(page: requests.Response) -> BeautifulSoup:
    """The page, parsed."""
    return BeautifulSoup(page.text, "html.parser")


def query_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(address).query, keep_blank_values=True).items()}


def with_query(address: str, **changes: str | None) -> str:
    """The address with parameters changed; None takes one away."""
    query = {**query_of(address), **changes}
    kept = urlencode({name: value for name, value in query.items() if value is not None})
    return urlsplit(address)._replace(query=kept).geturl()
