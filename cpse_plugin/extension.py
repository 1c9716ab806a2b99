"""Mounts the plugin into a Flask application; the only place where its parts are put together."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any, cast

from flask import Blueprint, Flask
from sqlalchemy import Engine

from . import cli
from .assets import find as find_assets
from .blueprints import (
    admin_users,
    assets,
    association,
    framed_sign_in,
    health,
    history,
    npi,
    open_operations,
    outcome,
    providers,
    sessions,
    sign_in,
    unknown,
)
from .domain.access import Staff
from .npi_registry.client import ApiNpiRegistry
from .npi_registry.copy import LocalCopy
from .npi_registry.look_up import NpiChain
from .npi_registry.pace import Pace
from .operations.base import Operations, lease_for
from .operations.register import HISTORY_ACTIONS, all_kinds
from .outbound import DEFAULT_TIMEOUT, Bulkhead
from .portal.client import HttpPortalGateway
from .portal.gateway import PortalGateway
from .services.admin_users import AdminUserService
from .services.association import Associations
from .services.claims import ClaimReader
from .services.database import Database
from .services.directory import Directory
from .services.health import HealthChecks
from .services.history import History
from .services.kept_forms import KeptForms
from .services.npi import NpiLookUp
from .services.npi_cache import DatabaseAnswerCache
from .services.providers import Providers
from .services.sign_in_sessions import SessionLimits, SignInSessions
from .settings import Settings, SettingsError
from .sign_in.oidc import OidcClient
from .web import access, context, csrf, embed, headers, incoming, problems, request_log, time_budget
from .web.addresses import RestConverter
from .web.parts import Host, Parts
from .web.pieces import HostContext
from .web.rate_limit import RateLimits


class Cpse:
    """The extension. It keeps no state of its own: all of it is in `app.extensions["cpse"]`.

    `staff_loader` returns the host's own signed-in user as `Staff`, or None where nobody is signed in; it is for a host
    that has no `CPSE_OIDC_DISCOVERY_URL`. `sign_in_url` makes the address at which that host signs a person in, who is
    then to go on to the path that it is given. `csp_nonce` returns the nonce of this request's Content-Security-Policy,
    for a host that sets one of its own; the plugin's scripts and stylesheet then carry it.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        url_prefix: str = "/cpse",
        staff_loader: Callable[[], Staff | None] | None = None,
        sign_in_url: Callable[[str], str] | None = None,
        csp_nonce: Callable[[], str] | None = None,
    ) -> None:
        if app is not None:
            self.init_app(
                app, url_prefix=url_prefix, staff_loader=staff_loader, sign_in_url=sign_in_url, csp_nonce=csp_nonce
            )

    def init_app(
        self,
        app: Flask,
        *,
        url_prefix: str = "/cpse",
        staff_loader: Callable[[], Staff | None] | None = None,
        sign_in_url: Callable[[str], str] | None = None,
        csp_nonce: Callable[[], str] | None = None,
    ) -> None:
        """Mount the plugin at `url_prefix`. Flask-SQLAlchemy and CSRFProtect must have been set up on the app before.

        Raises `SettingsError`, which names what is missing or wrong; in a checkout also `AssetsNotBuilt`.
        """
        if "cpse" in app.extensions:
            raise SettingsError("cpse_plugin is mounted on this application already; call init_app once")
        settings = Settings.from_config(app.config)
        if not settings.uses_oidc and staff_loader is None:
            raise SettingsError("CPSE_OIDC_DISCOVERY_URL is required, or a staff_loader that names the host's user")
        if "csrf" not in app.extensions:
            raise SettingsError("CSRFProtect is required: call flask_wtf.CSRFProtect(app) before Cpse().init_app(app)")
        app.extensions["cpse"] = _put_together(app, settings, Host(staff_loader, sign_in_url, csp_nonce))
        app.url_map.converters["cpse_rest"] = RestConverter
        app.register_blueprint(_blueprint(), url_prefix=url_prefix)
        app.cli.add_command(cli.group)
        request_log.name_requests_in_log()
        # The identity provider sends it, and no page of ours; the token that it brings is what is looked at.
        app.extensions["csrf"].exempt(sessions.back_channel_logout)
        # The one name that the host's own templates get: {{ cpse.embed(...) }}
        app.jinja_env.globals.setdefault("cpse", HostContext())


def _put_together(
    app: Flask,
    settings: Settings,
    host: Host,
) -> Parts:
    database = Database(_engine(app))
    bulkhead = Bulkhead(settings.upstream_calls)
    # Anybody may ask for the health. That takes no place from staff.
    for_health = Bulkhead(2)
    portal = _portal(settings, bulkhead, for_health)
    rate_limits = RateLimits(settings.rate_limit_storage)
    pace = Pace(rate_limits.limiter)
    registry = _registry(settings, database, pace, bulkhead, for_health)
    providers_service = Providers(database)
    operations = Operations(database, all_kinds(database, portal), lease_for(settings.portal_timeout.deadline))
    return Parts(
        settings=settings,
        database=database,
        portal=portal,
        registry=registry,
        providers=providers_service,
        directory=Directory(database),
        associations=Associations(
            portal, providers_service, ClaimReader(database, portal, providers_service), operations
        ),
        admin_users=AdminUserService(database, portal, providers_service, operations),
        operations=operations,
        history=History(database, HISTORY_ACTIONS),
        health=HealthChecks({"database": database.ping, "portal": portal.ping, "npi_registry": registry.ping}),
        npi=NpiLookUp(registry),
        oidc=OidcClient(settings) if settings.uses_oidc else None,
        host=host,
        sessions=SignInSessions(database, _session_limits(settings)),
        kept_forms=KeptForms(database),
        rate_limits=rate_limits,
        assets=find_assets(),
    )


def _session_limits(settings: Settings) -> SessionLimits:
    return SessionLimits(
        idle=timedelta(minutes=settings.session_idle_minutes),
        longest=timedelta(hours=settings.session_hours),
    )


def _engine(app: Flask) -> Engine:
    """The host's engine: the one of the bind `cpse` if there is one, else the default one."""
    database = app.extensions.get("sqlalchemy")
    if database is None:
        raise SettingsError("SQLALCHEMY_DATABASE_URI is required: set Flask-SQLAlchemy up before Cpse().init_app(app)")
    with app.app_context():
        engines = database.engines
    engine = engines.get("cpse", engines.get(None))
    if engine is None:
        raise SettingsError("SQLALCHEMY_DATABASE_URI is required, or a bind called cpse in SQLALCHEMY_BINDS")
    return cast(Engine, engine)


def _registry(settings: Settings, database: Database, pace: Pace, bulkhead: Bulkhead, for_health: Bulkhead) -> NpiChain:
    return NpiChain(
        ApiNpiRegistry(settings.npi_registry_url, budget=pace, contact=settings.contact, timeout=DEFAULT_TIMEOUT),
        cache=DatabaseAnswerCache(database),
        places=bulkhead.section(),
        places_of_ping=for_health.section(),
        copy=LocalCopy(settings.npi_local_copy) if settings.npi_local_copy else None,
    )


def _portal(settings: Settings, bulkhead: Bulkhead, for_health: Bulkhead) -> PortalGateway:
    """The Portal's HTTP client, or the county's own gateway where `CPSE_PORTAL_GATEWAY` names one."""
    if settings.portal_gateway is None:
        return HttpPortalGateway(settings, bulkhead.section(), places_of_ping=for_health.section())
    module, _, name = settings.portal_gateway.partition(":")
    try:
        gateway: Any = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(f"CPSE_PORTAL_GATEWAY: {settings.portal_gateway} cannot be loaded ({error})") from error
    return cast(PortalGateway, gateway(settings))


def _blueprint() -> Blueprint:
    """The parent blueprint, made anew for each application so that two of them never meet."""
    parent = Blueprint("cpse", "cpse_plugin", template_folder="templates")
    request_log.register(parent)
    time_budget.register(parent)
    parent.url_value_preprocessor(headers.limit_request)
    parent.url_value_preprocessor(incoming.make_readable)
    parent.url_defaults(embed.stay_in_frame)
    parent.before_request(incoming.refuse_other_bodies)
    parent.before_request(csrf.enforce)
    parent.before_request(access.enforce)
    parent.after_request(headers.secure)
    parent.context_processor(context.context)
    problems.register(parent)
    for module in (
        providers,
        npi,
        association,
        open_operations,
        admin_users,
        history,
        sign_in,
        framed_sign_in,
        sessions,
        health,
        outcome,
        assets,
        # The last, since it takes what no other rule does.
        unknown,
    ):
        module.register(parent)
    return parent
