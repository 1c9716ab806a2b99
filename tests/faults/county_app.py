"""A county's host as a program of its own: `flask --app tests.faults.county_app cpse ...`, or served by running it.

Its settings are JSON in the environment variable `COUNTY_SETTINGS`.
"""

import json
import os
import sys

from flask import Flask
from werkzeug.serving import make_server

from tests.plugin.hosts import host
from tests.world import INVITER


def create_app() -> Flask:
    """The host, before which Ines Novak sits."""
    return host(lambda: INVITER, **json.loads(os.environ["COUNTY_SETTINGS"]))


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.serve_forever()
