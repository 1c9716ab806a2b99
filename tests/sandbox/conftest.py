"""A Portal with its mailbox on real sockets, and a client that holds every exchange against the contract."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from jsonschema_path.readers import FilePathReader
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

import cpse_plugin
from cpse_plugin.sandbox.mailbox import Mailbox
from cpse_plugin.sandbox.portal import Portal, PortalClient
from cpse_plugin.sandbox.portal.store import utc_now
from cpse_plugin.sandbox.server import LoopbackServer, listen
from cpse_plugin.sandbox.world import World, load_world

CONTRACT = Path(cpse_plugin.__file__).parent / "portal" / "openapi.yaml"
CLIENTS = (
    PortalClient("tamarack", "tamarack", secret="tamarack's own"),
    PortalClient("kestrel", "kestrel", secret="kestrel's own"),
    PortalClient("narrow", "tamarack", secret="narrow", scopes=("providers.read",)),
)


class Clock:
    """A clock that a test can move on."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self._ahead

    def move(self, **by: float) -> None:
        self._ahead += timedelta(**by)


@dataclass
class Api:
    """Calls the Portal as one of its clients; `fits` tells whether a request is meant to keep to the contract."""

    url: str
    contract: OpenAPI
    client: PortalClient
    http: requests.Session
    acting_user: str | None = "ines.novak@tamarack.example"
    token: str = field(default="", repr=False)

    def call(
        self,
        method: str,
        path: str,
        *,
        fits: bool = True,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> requests.Response:
        if not self.token:
            self.token = self.fetch_token()
        sent = {"Authorization": f"Bearer {self.token}"}
        if self.acting_user:
            sent["CPSE-Acting-User"] = self.acting_user
        if method == "POST":
            sent["Idempotency-Key"] = key or str(uuid4())
        sent.update(headers or {})
        request = requests.Request(
            method, f"{self.url}/v1{path}", headers={name: value for name, value in sent.items() if value}, **more
        ).prepare()
        response = self.http.send(request, timeout=10)
        asked = RequestsOpenAPIRequest(request)
        if fits:
            self.contract.validate_request(asked)
        self.contract.validate_response(asked, RequestsOpenAPIResponse(response))
        return response

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.call("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> requests.Response:
        return self.call("POST", path, json=json, **more)

    def fetch_token(self, scope: str | None = None) -> str:
        answer = self.http.post(
            f"{self.url}/v1/oauth/token",
            data={"grant_type": "client_credentials", **({"scope": scope} if scope else {})},
            auth=(self.client.client_id, self.client.secret or ""),
            timeout=10,
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])


@pytest.fixture(scope="session")
def world() -> World:
    return load_world()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox().start()
    yield box
    box.stop()


@pytest.fixture
def portal(world: World, mailbox: Mailbox, clock: Clock) -> Iterator[Portal]:
    listener = listen()
    portal = Portal(
        base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        clients=CLIENTS,
        smtp_port=mailbox.smtp_port,
        seed=world.portal,
        registry_npis=world.registry_npis,
        clock=clock,
    )
    with LoopbackServer("portal", portal.faults, listener=listener):
        yield portal
    portal.close()


@pytest.fixture(scope="session")
def contract() -> OpenAPI:
    loaded, _ = FilePathReader(str(CONTRACT)).read()
    document: dict[str, Any] = dict(loaded)
    # The Portal is on another port in each test.
    document["servers"] = [{"url": "/v1"}]
    # openapi-core cannot check OAuth; as a bearer scheme it checks that a token is there, and tests do the scopes.
    document["components"]["securitySchemes"]["oauth"] = {"type": "http", "scheme": "bearer"}
    config = Config(extra_media_type_deserializers={"application/problem+json": json.loads})
    return OpenAPI.from_dict(document, config=config)


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture
def api(portal: Portal, contract: OpenAPI, http: requests.Session) -> Api:
    return Api(portal.url, contract, CLIENTS[0], http)


@pytest.fixture
def other_county(portal: Portal, contract: OpenAPI, http: requests.Session) -> Api:
    return Api(portal.url, contract, CLIENTS[1], http, acting_user="somebody@kestrel.example")


@pytest.fixture
def narrow(portal: Portal, contract: OpenAPI, http: requests.Session) -> Api:
    return Api(portal.url, contract, CLIENTS[2], http)
