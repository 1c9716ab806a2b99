"""The sandbox CPSE Portal: the whole contract over HTTP, its e-mail and its pages."""

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from ..faults import EXPIRE_TOKENS, Faults
from ..server import LOOPBACK
from .api import PortalApi, as_problem
from .invitations import Invitations
from .mail import Mailer
from .oauth import PortalClient, Tokens, add_token_endpoint, read_public_key
from .pages import create_pages
from .store import Store, utc_now

__all__ = ["Portal", "PortalClient", "read_public_key"]


class Portal:
    """The Portal as a WSGI application, `faults`, that can be told to misbehave.

    `base_url` is its own address, the issuer of its tokens. `seed` is the world to begin with, in the form of
    `data/portal.json`, and `registry_npis` the NPIs that the registry has. Without `database` all is kept in memory.
    """

    def __init__(
        self,
        *,
        base_url: str,
        clients: Iterable[PortalClient],
        smtp_port: int,
        seed: Mapping[str, Any],
        registry_npis: Iterable[str] = (),
        database: Path | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.url = base_url
        self.store = Store(database, clock)
        self.store.load(seed, registry_npis)
        self.tokens = Tokens(self.store, clients, base_url)
        self.invitations = Invitations(self.store, Mailer(LOOPBACK, smtp_port), base_url)
        self.app = self._create_app()
        self.faults = Faults(self.app)

    def close(self) -> None:
        """Close the database. Safe to repeat."""
        self.store.close()

    def _create_app(self) -> Flask:
        app = Flask(
            "cpse_plugin.sandbox.portal",
            root_path=str(Path(__file__).parent.parent),
            static_folder="static",
            template_folder="templates",
        )
        app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
        # Authlib logs every client's authentication at DEBUG; the sandbox's operator has no use for it.
        logging.getLogger("authlib").setLevel(logging.INFO)
        add_token_endpoint(app, self.tokens)
        app.register_blueprint(PortalApi(self.store, self.tokens, self.invitations).blueprint())
        app.register_blueprint(create_pages(self.invitations))
        app.before_request(_name_exchange)
        app.before_request(self._expire_tokens)
        app.after_request(_tell_name)
        app.register_error_handler(Exception, _answer_error)
        return app

    def _expire_tokens(self) -> None:
        if request.environ.get(EXPIRE_TOKENS):
            self.tokens.revoke_all()


def _name_exchange() -> None:
    g.request_id = str(uuid.uuid4())


def _tell_name(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    return response


def _answer_error(error: Exception) -> Response | HTTPException:
    if request.path.startswith("/v1/") or not isinstance(error, HTTPException):
        return as_problem(error)
    return error
