"""The plugin's parts as they stand in one application: `app.extensions["cpse"]`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from flask import current_app

from ..assets import Asset
from ..domain.access import Staff
from ..npi_registry.look_up import NpiChain
from ..operations.base import Operations
from ..portal.gateway import PortalGateway
from ..services.admin_users import AdminUserService
from ..services.association import Associations
from ..services.database import Database
from ..services.directory import Directory
from ..services.health import HealthChecks
from ..services.history import History
from ..services.kept_forms import KeptForms
from ..services.npi import NpiLookUp
from ..services.providers import Providers
from ..services.sign_in_sessions import SignInSessions
from ..settings import Settings
from ..sign_in.oidc import OidcClient
from .rate_limit import RateLimits


@dataclass(frozen=True, slots=True)
class Host:
    """What the host has told of itself at `Cpse.init_app`: who asks, where to sign in, the nonce."""

    staff_loader: Callable[[], Staff | None] | None = None
    sign_in_url: Callable[[str], str] | None = None
    csp_nonce: Callable[[], str] | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that `Cpse.init_app` put together for an application."""

    settings: Settings
    database: Database
    portal: PortalGateway
    registry: NpiChain
    providers: Providers
    directory: Directory
    associations: Associations
    admin_users: AdminUserService
    operations: Operations
    history: History
    health: HealthChecks
    npi: NpiLookUp
    oidc: OidcClient | None
    host: Host
    sessions: SignInSessions
    kept_forms: KeptForms
    rate_limits: RateLimits
    assets: Mapping[str, Asset]


def parts() -> Parts:
    """The parts of the current application."""
    return cast(Parts, current_app.extensions["cpse"])
