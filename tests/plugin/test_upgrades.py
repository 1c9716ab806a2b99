"""Upgrades without downtime: each migration leaves the version before it working, for both run side by side a while."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, inspect, select, text
from sqlalchemy.engine.interfaces import ReflectedColumn

from cpse_plugin import migrate
from tests.postgresql import PostgresqlServer

# What a migration takes away, by its revision, as `table` or `table.column`: only what the version before it, by then,
# neither reads nor writes any more.
TAKEN_AWAY = {
    # The code that counted there was never released.
    "0009": frozenset({"cpse_npi_call"}),
}

Columns = dict[str, dict[str, ReflectedColumn]]


def steps() -> list[tuple[str, str]]:
    """Each revision with the one before it."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[2] / "migrations"))
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    return list(pairwise(reversed(revisions)))


@pytest.fixture(params=["sqlite", "postgresql"])
def new_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """Makes an engine for an empty database of either kind."""
    engine: Engine | None = None

    def make() -> Engine:
        nonlocal engine
        if request.param == "sqlite":
            engine = create_engine(f"sqlite:///{tmp_path / 'county.db'}")
        else:
            server: PostgresqlServer = request.getfixturevalue("postgresql")
            engine = create_engine(server.create("upgrades"))
        return engine

    yield make
    if engine is not None:
        engine.dispose()
        if request.param == "postgresql":
            request.getfixturevalue("postgresql").drop("upgrades")


def columns(engine: Engine) -> Columns:
    inspector = inspect(engine)
    return {
        name: {column["name"]: column for column in inspector.get_columns(name)}
        for name in inspector.get_table_names()
        if name.startswith("cpse_") and name != migrate.VERSION_TABLE
    }


def breaks(before: Columns, after: Columns) -> set[str]:
    """What would fail under code that knows only the tables as they were."""
    found = {table for table in before if table not in after}
    for table in before.keys() & after.keys():
        old, new = before[table], after[table]
        found |= {f"{table}.{name}" for name in old if name not in new}
        # Old code writes rows without the new columns.
        found |= {
            f"{table}.{name} must be given"
            for name in new.keys() - old.keys()
            if not new[name]["nullable"] and new[name]["default"] is None
        }
        for name in old.keys() & new.keys():
            if old[name]["nullable"] and not new[name]["nullable"]:
                found.add(f"{table}.{name} may not be NULL any more")
            if str(old[name]["type"]) != str(new[name]["type"]):
                found.add(f"{table}.{name} is of another type")
    return found


def rules(engine: Engine, tables: Columns) -> set[str]:
    """What the database holds rows to beside their columns; a new rule can refuse what old code writes."""
    inspector = inspect(engine)
    found: set[str] = set()
    for table in filter(inspector.has_table, tables):
        names = [rule["name"] for rule in inspector.get_unique_constraints(table)]
        names += [rule["name"] for rule in inspector.get_check_constraints(table)]
        names += [index["name"] for index in inspector.get_indexes(table) if index["unique"]]
        found |= {f"{table}: {name}" for name in names}
    return found


def test_a_migration_breaks_nothing_that_the_version_before_it_uses(new_engine: Callable[[], Engine]) -> None:
    engine = new_engine()
    migrate.upgrade(engine, steps()[0][0])
    for before, after in steps():
        old = columns(engine)
        old_rules = rules(engine, old)
        migrate.upgrade(engine, after)
        broken = breaks(old, columns(engine)) | (rules(engine, old) - old_rules)
        assert broken == TAKEN_AWAY.get(after, frozenset()), f"{before} to {after}"


def test_the_tables_of_the_version_before_can_still_be_read(new_engine: Callable[[], Engine]) -> None:
    engine = new_engine()
    before, newest = steps()[-1]
    migrate.upgrade(engine, before)
    as_they_were = MetaData()
    as_they_were.reflect(engine, only=lambda name, _: name.startswith("cpse_"))
    migrate.upgrade(engine, newest)
    with engine.connect() as connection:
        for table in as_they_were.sorted_tables:
            if table.name in TAKEN_AWAY.get(newest, frozenset()):
                continue
            connection.execute(select(table)).all()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DROP TABLE cpse_history", "cpse_history"),
        ("ALTER TABLE cpse_provider DROP COLUMN phone", "cpse_provider.phone"),
        ("ALTER TABLE cpse_provider RENAME COLUMN phone TO telephone", "cpse_provider.telephone must be given"),
    ],
)
def test_what_would_break_is_found(new_engine: Callable[[], Engine], statement: str, found: str) -> None:
    engine = new_engine()
    migrate.upgrade(engine)
    old = columns(engine)
    with engine.begin() as connection:
        connection.execute(text(statement))
    assert found in breaks(old, columns(engine))


def test_a_new_column_that_may_be_left_out_breaks_nothing(new_engine: Callable[[], Engine]) -> None:
    engine = new_engine()
    migrate.upgrade(engine)
    old = columns(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE cpse_provider ADD COLUMN fax VARCHAR(40)"))
        connection.execute(text("ALTER TABLE cpse_provider ADD COLUMN county INTEGER NOT NULL DEFAULT 0"))
    assert breaks(old, columns(engine)) == set()
