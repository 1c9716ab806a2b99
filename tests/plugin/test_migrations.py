"""The plugin's own migrations, beside a host's tables in one database."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from cpse_plugin import migrate


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A database in which a host has tables of its own."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE pupil (id INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('host-1')"))
    yield engine
    engine.dispose()


def test_upgrading_makes_exactly_the_tables_of_the_models(engine: Engine) -> None:
    migrate.upgrade(engine)
    assert migrate.current(engine) == migrate.head()
    assert migrate.differences(engine) == []


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    migrate.upgrade(engine)
    before = inspect(engine).get_table_names()
    migrate.upgrade(engine)
    assert inspect(engine).get_table_names() == before


def test_going_back_leaves_the_tables_of_the_host_alone(engine: Engine) -> None:
    migrate.upgrade(engine)
    migrate.downgrade(engine, "base")
    left = {name for name in inspect(engine).get_table_names() if name != migrate.VERSION_TABLE}
    assert left == {"pupil", "alembic_version"}
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "host-1"


def test_a_missing_column_is_told(engine: Engine) -> None:
    migrate.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE cpse_provider DROP COLUMN phone"))
    assert any("phone" in difference for difference in migrate.differences(engine))


def test_going_back_and_forth_ends_where_it_was(engine: Engine) -> None:
    migrate.upgrade(engine)
    before = sorted(inspect(engine).get_table_names())
    migrate.downgrade(engine, "base")
    migrate.upgrade(engine)
    assert (sorted(inspect(engine).get_table_names()), migrate.differences(engine)) == (before, [])


def test_a_migration_that_fails_half_way_can_be_done_again(engine: Engine) -> None:
    migrate.upgrade(engine, "0001")
    with engine.begin() as connection:
        # The next migration finds its own table's name taken.
        connection.execute(text("CREATE TABLE cpse_history (id INTEGER PRIMARY KEY)"))
    with pytest.raises(DBAPIError):
        migrate.upgrade(engine)
    assert migrate.current(engine) == "0001"
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE cpse_history"))
    migrate.upgrade(engine)
    assert migrate.differences(engine) == []
