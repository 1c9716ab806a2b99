"""Fresh databases for tests: migrated, and with the county's providers as the sandbox's world begins."""

import itertools
import shutil
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import create_engine, select

from cpse_plugin import migrate
from cpse_plugin.models import LinkRow, ProviderRow
from cpse_plugin.sandbox.world import load_world
from cpse_plugin.services.database import Database, now
from cpse_plugin.services.directory import Directory
from cpse_plugin.services.records import refresh_derived

from .postgresql import PostgresqlServer

_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
_SEQUENCES = "SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'"
# What a test can change of a database beside its rows: columns, triggers, constraints, settings.
_SHAPE = """
SELECT md5(string_agg(one, ',' ORDER BY one)) FROM (
    SELECT concat(attrelid, attname, atttypid) AS one FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat(tgrelid, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT concat(conrelid, conname) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT setconfig::text FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS everything
"""
_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Databases(Protocol):
    """Where fresh databases come from."""

    def fresh(self, *, empty: bool = False) -> str:
        """The address of one that is migrated; the county's providers are in it unless it is to be `empty`."""

    def clear(self) -> None:
        """Take those back that were given out since the last time."""


class SqliteDatabases:
    """SQLite files, each a copy of one that was prepared once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)
        self._given: list[Path] = []
        for name in ("empty", "filled"):
            prepare(f"sqlite:///{folder / name}.db", empty=name == "empty")

    def fresh(self, *, empty: bool = False) -> str:
        """See `Databases`."""
        path = self._folder / f"{next(self._numbers)}.db"
        shutil.copyfile(self._folder / ("empty.db" if empty else "filled.db"), path)
        self._given.append(path)
        return f"sqlite:///{path}"

    def clear(self) -> None:
        """See `Databases`."""
        while self._given:
            self._given.pop().unlink()


class PostgresqlDatabases:
    """Databases of one PostgreSQL server.

    Making one takes the server ten times as long as bringing one back to its first rows, which it keeps in a schema of
    their own. One whose tables a test has changed is not used again.
    """

    def __init__(self, server: PostgresqlServer) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._free: list[str] = []
        self._given: list[str] = []
        prepare(server.create("prepared"), empty=False)
        with server.connect("prepared") as connection:
            connection.execute("CREATE SCHEMA pristine")
            for (table,) in connection.execute(_TABLES).fetchall():
                connection.execute(f"CREATE TABLE pristine.{table} AS TABLE public.{table}".encode())
            self._shape = connection.execute(_SHAPE).fetchone()

    def fresh(self, *, empty: bool = False) -> str:
        """See `Databases`."""
        name = self._free.pop() if self._free else self._made()
        self._given.append(name)
        with self._server.connect(name) as connection:
            _bring_back(connection, empty=empty)
        return self._server.url(name)

    def clear(self) -> None:
        """See `Databases`."""
        while self._given:
            name = self._given.pop()
            with self._server.connect(name) as connection:
                as_before = connection.execute(_SHAPE).fetchone() == self._shape
            if as_before:
                self._free.append(name)
            else:
                self._server.drop(name)

    def _made(self) -> str:
        name = f"test{next(self._numbers)}"
        self._server.create(name, template="prepared")
        return name


def _bring_back(connection: psycopg.Connection, *, empty: bool) -> None:
    connection.execute(_OTHERS)
    # Neither the history's own triggers nor foreign keys stand in the way.
    connection.execute("SET session_replication_role = replica")
    for (table,) in connection.execute(_TABLES).fetchall():
        if table == migrate.VERSION_TABLE:
            continue
        connection.execute(f"DELETE FROM public.{table}".encode())
        if not empty:
            connection.execute(f"INSERT INTO public.{table} SELECT * FROM pristine.{table}".encode())
    for (sequence,) in connection.execute(_SEQUENCES).fetchall():
        connection.execute("SELECT setval(%s::oid::regclass, %s)", (sequence, 1 if empty else 1000))


def prepare(url: str, *, empty: bool) -> None:
    """Bring a database's tables up to date, and the county's providers with their links into it."""
    engine = create_engine(url)
    world = load_world()
    try:
        migrate.upgrade(engine)
        if empty:
            return
        database = Database(engine)
        Directory(database).import_file(world.county_providers)
        with database.write() as session:
            for row in session.scalars(select(ProviderRow)):
                portal_id = world.links.get(row.county_provider_id)
                if portal_id:
                    row.link = LinkRow(portal_id=portal_id, linked_at=now(), linked_by="import")
                    refresh_derived(row)
    finally:
        engine.dispose()
