"""The plugin's own migrations, beside a host's tables in one database."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from cpse_plugin import migrate


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{tmp_path / 'county.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE pupil (id INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('host-1')"))
    return engine


def test_upgrading_makes_exactly_the_tables_of_the_models(engine: Engine) -> None:
    migrate.upgrade(engine)
    assert migrate.current(engine) == migrate.head()
    assert migrate.differences(engine) == []
    engine.dispose()


def test_upgrading_twice_changes_nothing(engine: Engine) -> None:
    migrate.upgrade(engine)
    before = inspect(engine).get_table_names()
    migrate.upgrade(engine)
    assert inspect(engine).get_table_names() == before
    engine.dispose()


def test_going_back_leaves_the_tables_of_the_host_alone(engine: Engine) -> None:
    migrate.upgrade(engine)
    migrate.downgrade(engine, "base")
    left = {name for name in inspect(engine).get_table_names() if name != migrate.VERSION_TABLE}
    assert left == {"pupil", "alembic_version"}
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "host-1"
    engine.dispose()


def test_a_missing_column_is_told(engine: Engine) -> None:
    migrate.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE cpse_provider DROP COLUMN phone"))
    assert any("phone" in difference for difference in migrate.differences(engine))
    engine.dispose()
