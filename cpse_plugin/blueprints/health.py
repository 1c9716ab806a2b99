"""The plugin's health, for a load balancer."""

from collections.abc import Callable

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from ..npi_registry.gateway import RegistryUnavailable
from ..portal.gateway import PortalError
from ..services.errors import ServiceError
from ..web.access import public
from ..web.parts import parts


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/health", "health", show)


@public
def show() -> ResponseReturnValue:
    """Whether database, Portal and registry answer; 503 only without the database, since nothing works without it."""
    states = {
        "database": _state(_ask_database),
        "portal": _state(parts().portal.ping),
        "npi_registry": _state(parts().registry.ping),
    }
    return jsonify(states), 200 if states["database"] == "ok" else 503


def _ask_database() -> None:
    with parts().database.read() as session:
        session.execute(text("SELECT 1"))


def _state(ask: Callable[[], None]) -> str:
    """Say in a word whether something answers; why not is for the log, not for whoever may ask here."""
    try:
        ask()
    except (ServiceError, PortalError, RegistryUnavailable):
        return "unavailable"
    return "ok"
