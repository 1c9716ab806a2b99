"""The plugin's health, for a load balancer."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from ..services.health import Health
from ..web.access import public
from ..web.parts import parts


def register(parent: Blueprint) -> None:
    """Put the routes on the parent blueprint."""
    parent.add_url_rule("/health", "health", show)


@public
def show() -> ResponseReturnValue:
    """Whether database, Portal and registry answer; 503 only without the database, since nothing works without it."""
    states = parts().health.states()
    return jsonify(states), 503 if states["database"] == Health.UNAVAILABLE else 200
