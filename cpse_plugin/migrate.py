"""Brings the plugin's tables to the version that the code needs, and says which version they have.

The migrations are the plugin's own: their version table is `cpse_alembic_version`, and no table of a host is touched.
"""

from collections.abc import Mapping
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from .models import Base

VERSION_TABLE = "cpse_alembic_version"
# Any number that nobody else locks by: the bytes of "cpse".
_LOCK = 0x63707365
_PACKAGE = Path(__file__).resolve().parent


def without_cpse_tables(name: str | None, kind: str, _parents: Mapping[str, str | None] | None = None) -> bool:
    """Keep the plugin's tables out of a host's own migrations: the `include_name` of its Flask-Migrate or Alembic.

    Without it, autogenerate finds tables that no model of the host has, and proposes to drop them. A host that has an
    `include_name` of its own returns what both of them say.
    """
    return kind != "table" or not str(name).startswith("cpse_")


def _script_location() -> Path:
    """The folder of migrations: inside the package where it was installed, beside it in a checkout."""
    inside = _PACKAGE / "migrations"
    return inside if inside.is_dir() else _PACKAGE.parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_script_location()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to `revision`: whole or not at all, safe to repeat, and by two at once one after the other.

    An SQLite file is put into WAL mode, which it keeps.
    """
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            # Readers and a writer do not wait for each other in WAL mode. It cannot be set inside a transaction.
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    with engine.begin() as connection:
        _take_turn(connection)
        command.upgrade(_config(connection), revision)


def _take_turn(connection: Connection) -> None:
    """Wait for another migration to end, and make this one's changes a transaction."""
    if connection.dialect.name == "sqlite":
        # Python's driver begins no transaction before a CREATE, so a crash would leave half of a migration behind.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def downgrade(engine: Engine, revision: str) -> None:
    """Take the tables back to `revision`; `base` removes them, and what they hold."""
    with engine.begin() as connection:
        _take_turn(connection)
        command.downgrade(_config(connection), revision)


def current(engine: Engine) -> str | None:
    """The revision that the tables have, or None where there are none."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def head() -> str:
    """The revision that the code needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError(f"there are no migrations in {_script_location()}")
    return revision


def knows(revision: str) -> bool:
    """Whether the revision is one of this code's; tables that a newer version has brought up to date have another."""
    return revision in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def differences(engine: Engine) -> list[str]:
    """Say where the plugin's tables are not as the models say; an empty list where all is well."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "include_name": lambda name, kind, _: kind != "table" or str(name).startswith("cpse_"),
            },
        )
        found = compare_metadata(context, Base.metadata)
    return [str(difference) for difference in found if VERSION_TABLE not in str(difference)]
