"""Starts and stops the sandbox as a whole."""

import secrets
import socket
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from flask import Flask

from .. import assets, migrate
from ..domain.access import Role, Staff
from ..standalone import create_app
from ..web.parts import Parts
from .faults import Faults
from .identity_provider import create_identity_provider
from .mailbox import Mailbox, create_mailbox
from .npi_registry import create_npi_registry
from .portal import Portal, PortalClient
from .server import LoopbackServer, listen
from .world import COUNTY_ID, OTHER_COUNTY_ID, World, load_world

# The order of the ports above the base.
_SERVICES = ("intranet", "portal", "identity_provider", "registry", "mailbox")
ROLE_MAP = {"Preschool Readers": "reader", "Preschool Editors": "editor", "Preschool Inviters": "inviter"}
PORTAL_CLIENT_ID = "tamarack-intranet"
OIDC_CLIENT_ID = "tamarack-intranet"
_PREPARER = Staff(subject="sandbox", name="The sandbox", email="sandbox@tamarack.example", role=Role.INVITER)


@dataclass(frozen=True, slots=True)
class Service:
    """A system of the sandbox: its address, and the faults that it can be told to have."""

    url: str
    app: Flask
    faults: Faults


class Sandbox:
    """The intranet host with the plugin, and the systems that it talks to, each on a port of this machine.

    With `base_port` 0 every port is a free one. Without `data_dir` nothing is left behind. The ports are taken at once
    (`PortInUse` where one is busy), and `start` fills the county's database at the first time. `settings` are laid over
    the plugin's own.
    """

    def __init__(
        self, data_dir: Path | None = None, base_port: int = 0, *, settings: Mapping[str, Any] | None = None
    ) -> None:
        self._resources = ExitStack()
        self._extra_settings = dict(settings or {})
        self.world: World = load_world()
        try:
            self._listeners = self._take_ports(base_port)
            self._ports: dict[str, int] = {
                name: listener.getsockname()[1] for name, listener in self._listeners.items()
            }
            self._data_dir = self._folder(data_dir)
            self._build()
        except BaseException:
            self._resources.close()
            raise

    @property
    def intranet_url(self) -> str:
        """The one address to open.

        Its host name differs from the others' because cookies do not know ports.
        """
        return f"http://localhost:{self._port('intranet')}"

    @property
    def mailbox_url(self) -> str:
        """Where the e-mail can be read."""
        return self._url("mailbox")

    def start(self) -> Self:
        """Begin to answer, the other systems before the intranet host."""
        try:
            self._serve("portal", self.portal.faults)
            self._serve("registry", self.registry.faults)
            self._serve("identity_provider", self.identity_provider.faults)
            self._serve("mailbox", create_mailbox(self.mailbox))
            self.mailbox.start()
            self._prepare_county()
            self._serve("intranet", self.intranet)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop all of it. Safe to repeat."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _take_ports(self, base_port: int) -> dict[str, socket.socket]:
        return {
            name: self._resources.enter_context(listen(base_port + place if base_port else 0))
            for place, name in enumerate(_SERVICES)
        }

    def _folder(self, data_dir: Path | None) -> Path:
        if data_dir is None:
            return Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="cpse-sandbox-")))
        data_dir.mkdir(parents=True, exist_ok=True)
        return data_dir

    def _build(self) -> None:
        if assets.digest_of_sources() is not None:
            # A checkout: what browsers get is built where it is missing or old. A wheel has it, and not what builds it.
            import_module("cpse_plugin.assets.building").build_if_old()
        self._portal_secret = self._secret("portal-client")
        self._oidc_secret = self._secret("oidc-client")
        self.mailbox = Mailbox(self._data_dir / "mailbox")
        self._resources.callback(self.mailbox.stop)
        self.portal = Portal(
            base_url=self._url("portal"),
            clients=[
                PortalClient(PORTAL_CLIENT_ID, COUNTY_ID, secret=self._portal_secret),
                PortalClient("kestrel-intranet", OTHER_COUNTY_ID, secret=self._secret("other-portal-client")),
            ],
            smtp_port=self.mailbox.smtp_port,
            seed=self.world.portal,
            registry_npis=self.world.registry_npis,
            database=self._data_dir / "portal.sqlite",
        )
        self._resources.callback(self.portal.close)
        self.registry = self._service(
            "registry", create_npi_registry(self.world.registry_results, self.world.registry_deactivated)
        )
        self.identity_provider = self._service(
            "identity_provider",
            create_identity_provider(
                self._url("identity_provider"),
                self.world.staff,
                OIDC_CLIENT_ID,
                self._oidc_secret,
                [f"{self.intranet_url}/cpse/sign-in/callback"],
                [f"{self.intranet_url}/cpse/signed-out"],
                key_file=self._data_dir / "identity-provider-keys.json",
                backchannel_logout_uri=f"{self.intranet_url}/cpse/sign-in/back-channel-logout",
            ),
        )
        self.intranet = create_app(self._config())

    def _config(self) -> dict[str, Any]:
        """The intranet host's settings: those that a county would give in its environment."""
        return {
            "SECRET_KEY": self._secret("intranet"),
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{(self._data_dir / 'intranet.sqlite').resolve()}",
            # The sandbox has no TLS.
            "SESSION_COOKIE_SECURE": False,
            "CPSE_COUNTY_NAME": self.world.county_name,
            "CPSE_PORTAL_URL": f"{self._url('portal')}/v1",
            "CPSE_PORTAL_CLIENT_ID": PORTAL_CLIENT_ID,
            "CPSE_PORTAL_CLIENT_SECRET": self._portal_secret,
            "CPSE_NPI_REGISTRY_URL": f"{self._url('registry')}/api/",
            "CPSE_OIDC_DISCOVERY_URL": f"{self._url('identity_provider')}/.well-known/openid-configuration",
            "CPSE_OIDC_CLIENT_ID": OIDC_CLIENT_ID,
            "CPSE_OIDC_CLIENT_SECRET": self._oidc_secret,
            "CPSE_ROLE_MAP": ROLE_MAP,
            "TRUSTED_HOSTS": "localhost",
            **self._extra_settings,
        }

    def _prepare_county(self) -> None:
        """Bring the county's tables up to date and, at the first time, its providers and links into them."""
        parts: Parts = self.intranet.extensions["cpse"]
        self._resources.callback(parts.database.engine.dispose)
        migrate.upgrade(parts.database.engine)
        if not parts.directory.import_file(self.world.county_providers).added:
            return
        providers = parts.providers.by_county_ids(list(self.world.links))
        for number, portal_id in self.world.links.items():
            provider = providers[number]
            seen = parts.associations.compare(provider, portal_id, _PREPARER).fingerprint
            linked = parts.associations.link(provider.id, portal_id, operation_id=uuid4(), seen=seen, staff=_PREPARER)
            parts.admin_users.retrieve(linked, _PREPARER)
        # What the tests count at the wire begins after this.
        self.portal.faults.clear()

    def _service(self, name: str, app: Flask) -> Service:
        return Service(self._url(name), app, Faults(app))

    def _serve(self, name: str, app: Any) -> None:
        self._resources.enter_context(LoopbackServer(name, app, listener=self._listeners[name]))

    def _port(self, name: str) -> int:
        return self._ports[name]

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._port(name)}"

    def _secret(self, name: str) -> str:
        """A secret of this sandbox, the same again after a restart with the same data."""
        path = self._data_dir / f"{name}.secret"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32), encoding="ascii")
        return path.read_text(encoding="ascii")
