"""The intranet that the measurements of a running server start: the plugin, and a page of the host's own."""

import os
from dataclasses import replace

from flask import request

from cpse_plugin import Cpse
from cpse_plugin.domain.access import Staff

from ..plugin.hosts import ANN, bare_host


def _who() -> Staff:
    # One person's look-ups are counted and limited; the fifty who type are fifty.
    return replace(ANN, subject=request.headers.get("X-Person", ANN.subject))


app = bare_host(**{name: value for name, value in os.environ.items() if name.startswith(("CPSE_", "SQLALCHEMY_"))})
Cpse().init_app(app, staff_loader=_who)


@app.get("/notices")
def notices() -> str:
    """A page that has nothing to do with the plugin."""
    return "<!doctype html><title>Notices</title><h1>Notices</h1>"
