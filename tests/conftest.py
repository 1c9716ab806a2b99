"""What tests of several folders share: databases, the systems around the plugin, a host with the plugin mounted."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from limits import parse
from sqlalchemy import Engine, event

from cpse_plugin.assets import building
from cpse_plugin.sandbox.faults import Faults
from cpse_plugin.sandbox.mailbox import Mailbox
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts

from .databases import Databases, PostgresqlDatabases, SqliteDatabases
from .plugin.hosts import host
from .postgresql import PostgresqlServer, postgresql_server
from .world import Neighbours, Who, parts_of

MakeIntranet = Callable[..., Flask]


def pytest_configure() -> None:
    """Build what browsers get, where it is missing or its sources have changed."""
    building.build_if_old()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of a folder together in the random order: what they share is then started and stopped once."""

    def folder(item: pytest.Item) -> str:
        return item.path.relative_to(config.rootpath).parts[1]

    order = {name: number for number, name in enumerate(dict.fromkeys(map(folder, items)))}
    items.sort(key=lambda item: order[folder(item)])


@event.listens_for(Engine, "connect")
def _do_not_wait_for_the_disk(connection: Any, record: object) -> None:
    """Nothing that a test writes has to outlive the machine; a process that is killed loses nothing by it."""
    if isinstance(connection, sqlite3.Connection):
        with suppress(sqlite3.Error):
            connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """The PostgreSQL server of this run; without one the tests that need it fail and say so."""
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_databases(postgresql: PostgresqlServer) -> Databases:
    return PostgresqlDatabases(postgresql)


@pytest.fixture
def database_kind() -> str:
    """Which database a test is about; a folder or a test that needs both says so by parametrising it."""
    return "sqlite"


@pytest.fixture
def databases(database_kind: str, request: pytest.FixtureRequest) -> Iterator[Databases]:
    found: Databases = request.getfixturevalue(f"{database_kind}_databases")
    yield found
    found.clear()


@pytest.fixture
def database_url(databases: Databases) -> str:
    """A database with the county's providers, as the sandbox's world begins."""
    return databases.fresh()


@pytest.fixture(scope="session")
def neighbours() -> Iterator[Neighbours]:
    with Neighbours() as running:
        yield running


@pytest.fixture
def portal(neighbours: Neighbours) -> Iterator[Portal]:
    with neighbours.new_portal() as portal:
        yield portal


@pytest.fixture
def registry(neighbours: Neighbours) -> Iterator[Faults]:
    with neighbours.new_registry() as registry:
        yield registry


@pytest.fixture
def mailbox(neighbours: Neighbours) -> Mailbox:
    """The mailbox of this run; it holds the e-mail of earlier tests too, so look for an address."""
    return neighbours.mailbox


@pytest.fixture
def who() -> Who:
    """Who sits before the browser: an inviter, until a test says otherwise."""
    return Who()


@pytest.fixture
def make_intranet(
    databases: Databases,
    neighbours: Neighbours,
    portal: Portal,
    registry: Faults,
    who: Who,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeIntranet]:
    """Makes hosts with the plugin mounted, each on the database of the given address and with the given settings.

    The databases, the Portal and the registry stand before them and are there as long.
    """
    # The waits between repetitions and look-ups are for other people's servers.
    monkeypatch.setattr("cpse_plugin.portal.exchange.random.uniform", lambda *_: 0.0)
    monkeypatch.setattr("cpse_plugin.npi_registry.pace.CALLS", parse("1000 per second"))
    made: list[Flask] = []

    def make(database_url: str, **settings: Any) -> Flask:
        app = host(who, **{**neighbours.settings, "SQLALCHEMY_DATABASE_URI": database_url, **settings})
        made.append(app)
        return app

    yield make
    for app in made:
        parts_of(app).database.engine.dispose()


@pytest.fixture
def intranet(database_url: str, make_intranet: MakeIntranet) -> Flask:
    """A county's host with the plugin mounted. (`app` would make pytest-flask share one context among requests.)"""
    return make_intranet(database_url)


@pytest.fixture
def cpse(intranet: Flask) -> Parts:
    """The parts of the plugin in that host."""
    return parts_of(intranet)
