"""The systems around the plugin, as tests have them: real servers on this machine, and a new world for each test."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID, uuid4

from flask import Flask

from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.domain.providers import CountyProvider
from cpse_plugin.sandbox.faults import Faults
from cpse_plugin.sandbox.mailbox import Mailbox
from cpse_plugin.sandbox.npi_registry import create_npi_registry
from cpse_plugin.sandbox.portal import Portal, PortalClient
from cpse_plugin.sandbox.server import LoopbackServer, listen
from cpse_plugin.sandbox.world import COUNTY_ID, load_world
from cpse_plugin.web.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READER = Staff("sub-rita", "Rita Reyes", "rita@tamarack.example", Role.READER)
EDITOR = Staff("sub-edgar", "Edgar Ellis", "edgar@tamarack.example", Role.EDITOR)
INVITER = Staff("sub-ines", "Ines Novak", "ines@tamarack.example", Role.INVITER)
OTHER_EDITOR = Staff("sub-olga", "Olga Otis", "olga@tamarack.example", Role.EDITOR)
OTHER_INVITER = Staff("sub-ivan", "Ivan Imber", "ivan@tamarack.example", Role.INVITER)

_CLIENT = PortalClient("tamarack-intranet", COUNTY_ID, secret="only for tests")
_WORLD = load_world()


@dataclass
class Who:
    """Who sits before the browser; `staff` is None where nobody has signed in. It is the host's `staff_loader`."""

    staff: Staff | None = INVITER

    def __call__(self) -> Staff | None:
        return self.staff


class _Standing:
    """A server that stays while the application behind it changes from test to test."""

    def __init__(self, name: str) -> None:
        self.app: WSGIApplication | None = None
        self.server = LoopbackServer(name, self, listener=listen())

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> "Iterable[bytes]":
        if self.app is None:
            raise RuntimeError("a request came while no test was running")
        return self.app(environ, start)


class Neighbours:
    """The Portal, the NPI registry and the mailbox. Each call of `moved_in` gives them a state of their own."""

    def __init__(self) -> None:
        self._portal = _Standing("portal")
        self._registry = _Standing("registry")
        self._registry_app = create_npi_registry(_WORLD.registry_results, _WORLD.registry_deactivated)
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        for standing in (self._portal, self._registry):
            self._resources.enter_context(standing.server)
        self.mailbox = Mailbox().start()
        self._resources.callback(self.mailbox.stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a host that talks to them."""
        return {
            "CPSE_COUNTY_NAME": _WORLD.county_name,
            "CPSE_PORTAL_URL": f"{self._portal.server.url}/v1",
            "CPSE_PORTAL_CLIENT_ID": _CLIENT.client_id,
            "CPSE_PORTAL_CLIENT_SECRET": _CLIENT.secret,
            "CPSE_NPI_REGISTRY_URL": f"{self._registry.server.url}/api/",
            # Some tests have many threads call at once.
            "CPSE_UPSTREAM_CALLS": 100,
        }

    @contextmanager
    def new_portal(self) -> Iterator[Portal]:
        """A Portal as the world begins."""
        portal = Portal(
            base_url=self._portal.server.url,
            clients=[_CLIENT],
            smtp_port=self.mailbox.smtp_port,
            seed=_WORLD.portal,
            registry_npis=_WORLD.registry_npis,
        )
        self._portal.app = portal.faults
        try:
            yield portal
        finally:
            self._portal.app = None
            portal.close()

    @contextmanager
    def new_registry(self) -> Iterator[Faults]:
        """A registry without faults."""
        registry = Faults(self._registry_app)
        self._registry.app = registry
        try:
            yield registry
        finally:
            self._registry.app = None


@dataclass
class Gate:
    """A fault for the Portal: it holds a request from `entered` until `leave` is set, and then does the work."""

    name: ClassVar[str] = "gate"
    entered: threading.Event = field(default_factory=threading.Event)
    leave: threading.Event = field(default_factory=threading.Event)

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> "Iterable[bytes]":
        """Wait at the gate, then go through."""
        self.entered.set()
        if not self.leave.wait(30):
            raise RuntimeError("nobody opened the gate")
        return app(environ, start)


def by_number(cpse: Parts, number: str) -> CountyProvider:
    """The county's provider of this number of the Preschool database, such as TC-1004."""
    return cpse.providers.by_county_ids([number])[number]


def link(
    cpse: Parts, number: str, portal_id: str, staff: Staff = EDITOR, operation_id: UUID | None = None
) -> CountyProvider:
    """Look at both records and link them, as a person does."""
    provider = by_number(cpse, number)
    seen = cpse.associations.compare(provider, portal_id, staff).fingerprint
    return cpse.associations.link(provider.id, portal_id, operation_id=operation_id or uuid4(), seen=seen, staff=staff)


def associations_on(portal: Portal) -> dict[str, str]:
    """What the Portal has on record for this county: its providers' ids to the county's numbers."""
    rows = portal.store.all("SELECT provider_id, county_provider_id FROM association WHERE county_id = ?", COUNTY_ID)
    return {row["provider_id"]: row["county_provider_id"] for row in rows}


def parts_of(app: Flask) -> Parts:
    """The plugin's parts in an application."""
    parts: Parts = app.extensions["cpse"]
    return parts
