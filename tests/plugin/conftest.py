"""An empty database, the awkward intranet, and a person who has signed in there."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from limits import parse

from cpse_plugin.sandbox.faults import Faults
from cpse_plugin.sandbox.portal import Portal
from tests.pages.client import PageClient
from tests.postgresql import PostgresqlServer
from tests.world import Neighbours

from .awkward import awkward_host
from .awkward.front import FrontClient
from .awkward.models import INES, move_in

MakeAwkward = Callable[..., Flask]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    name = f"empty{uuid4().hex}"
    yield server.create(name)
    server.drop(name)


@pytest.fixture
def make_awkward(
    database_url: str,
    neighbours: Neighbours,
    portal: Portal,
    registry: Faults,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeAwkward]:
    """Makes awkward intranets in the county's database, which has the plugin's tables and providers already."""
    monkeypatch.setattr("cpse_plugin.npi_registry.pace.CALLS", parse("1000 per second"))
    made: list[Flask] = []

    def make(*, settings: dict[str, Any] | None = None, **options: Any) -> Flask:
        app = awkward_host(
            **{"database_url": database_url, **options}, settings={**neighbours.settings, **(settings or {})}
        )
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            for engine in app.extensions["sqlalchemy"].engines.values():
                engine.dispose()


@pytest.fixture
def awkward(make_awkward: MakeAwkward) -> Flask:
    """The awkward intranet with the plugin mounted, its people moved in."""
    app = make_awkward()
    move_in(app)
    return app


@pytest.fixture
def browser(awkward: Flask) -> FrontClient:
    """A browser in which nobody has signed in."""
    return FrontClient(awkward)


@pytest.fixture
def inviter(browser: FrontClient) -> PageClient:
    """Somebody who may do everything, signed in at the intranet; each answer is held to the laws of pages."""
    browser.log_in(INES)
    return PageClient(browser)
