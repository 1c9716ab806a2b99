"""An awkward intranet's own migrations beside the plugin's, in one database: neither touches the other's tables."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, inspect, text

from cpse_plugin import migrate, without_cpse_tables

from .awkward import awkward_host

_ROOT = Path(__file__).parents[2]
_FLASK = """
import json, shlex, sys
from flask.cli import ScriptInfo, FlaskGroup
from tests.plugin.awkward import awkward_host

for command in sys.argv[2:]:
    info = ScriptInfo(create_app=lambda: awkward_host(**json.loads(sys.argv[1])))
    FlaskGroup().main(shlex.split(command), obj=info, standalone_mode=False)
"""


@dataclass(frozen=True)
class Office:
    """Where the intranet's developer works: a database, and a folder with the Flask-Migrate history."""

    url: str
    folder: Path
    engine: Engine

    def flask(self, *commands: str, **options: object) -> str:
        """Run `flask` commands of the intranet in a process of their own; returns what they said.

        Flask-Migrate's environment sets the process's logging up anew, which must not be that of the tests.
        """
        given = {"database_url": self.url, "migrations": str(self.folder), **options}
        run = subprocess.run(
            [sys.executable, "-c", _FLASK, json.dumps(given), *commands],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said = run.stdout + run.stderr
        assert run.returncode == 0, said
        return said

    def revise(self, message: str, **options: object) -> str | None:
        """Let `flask db migrate` write a revision; returns its text, or None where it had nothing to write."""
        before = set(self.folder.glob("versions/*.py"))
        said = self.flask(f"db migrate --message '{message}'", **options)
        written = set(self.folder.glob("versions/*.py")) - before
        assert (not written) is ("No changes in schema detected" in said), said
        return written.pop().read_text(encoding="utf-8") if written else None

    def tables(self) -> set[str]:
        """The tables of the database."""
        return set(inspect(self.engine).get_table_names())


@pytest.fixture
def office(url: str, tmp_path: Path) -> Iterator[Office]:
    """An intranet that had its first migration, and then took the plugin in."""
    engine = create_engine(url)
    office = Office(url, tmp_path / "migrations", engine)
    office.flask("db init")
    first = office.revise("first")
    assert first is not None
    assert "create_table('pupil'" in first
    office.flask("db upgrade", "cpse db upgrade")
    yield office
    engine.dispose()


def test_with_the_one_line_the_hosts_migrations_see_its_own_tables_alone(office: Office) -> None:
    ours = {name for name in office.tables() if name.startswith("cpse_")}
    without = office.revise("without the line", include_name="none")
    assert without is not None
    assert {name for name in ours if f"drop_table('{name}')" in without} == ours
    for file in office.folder.glob("versions/*without_the_line.py"):
        file.unlink()
    assert office.revise("with the line") is None
    with office.engine.begin() as connection:
        connection.execute(text("CREATE TABLE legacy_report (id INTEGER PRIMARY KEY)"))
    # The host has one of its own for that table, too.
    changed = office.revise("schools", include_name="both", pupils_have_a_school=True)
    assert changed is not None
    assert "add_column(sa.Column('school'" in changed
    assert [word for word in ("cpse_", "drop_table", "create_table") if word in changed] == []
    said = office.flask("db upgrade", "db check", include_name="both", pupils_have_a_school=True)
    assert "No new upgrade operations" in said
    assert migrate.differences(office.engine) == []


@pytest.mark.parametrize(
    ("name", "kind", "kept"),
    [
        ("pupil", "table", True),
        ("cpse_provider", "table", False),
        (migrate.VERSION_TABLE, "table", False),
        # Only names of tables are ours to leave out; a host's own column may be called anything.
        ("cpse_role", "column", True),
        ("cpse_something", "index", True),
        # Alembic asks for the default schema as None.
        (None, "schema", True),
    ],
)
def test_what_the_line_leaves_out(name: str | None, kind: str, kept: bool) -> None:
    assert without_cpse_tables(name, kind, {"schema_name": None}) is kept


def contents(engine: Engine, tables: set[str]) -> dict[str, object]:
    """Shape and rows of some tables."""
    look = inspect(engine)
    with engine.connect() as connection:
        return {
            table: (
                [(column["name"], str(column["type"])) for column in look.get_columns(table)],
                [index["name"] for index in look.get_indexes(table)],
                connection.execute(text(f"SELECT * FROM {table}")).fetchall(),
            )
            for table in tables
        }


@pytest.fixture
def moved_in(url: str) -> Iterator[Flask]:
    """An intranet with tables and a version of its own, and none of the plugin's yet."""
    app = awkward_host(database_url=url)
    models = app.extensions["awkward"]
    with app.app_context():
        models.db.create_all()
        models.add_pupil("Pia Park")
        models.db.session.commit()
        models.db.session.connection().exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        models.db.session.connection().exec_driver_sql("INSERT INTO alembic_version VALUES ('host-1')")
        models.db.session.commit()
    yield app
    with app.app_context():
        models.db.engine.dispose()


def test_the_plugins_own_commands_touch_nothing_of_the_host(moved_in: Flask, url: str) -> None:
    engine = create_engine(url)
    hosts = {"pupil", "intranet_user", "alembic_version"}
    before = contents(engine, hosts)
    runner = moved_in.test_cli_runner()

    def run(*command: str) -> str:
        result = runner.invoke(args=["cpse", "db", *command])
        assert result.exit_code == 0, result.output
        assert contents(engine, hosts) == before
        assert {name for name in inspect(engine).get_table_names() if not name.startswith("cpse_")} == hosts
        return result.output.strip()

    head = migrate.head()
    assert run("current") == f"tables: none, code: {head}"
    assert runner.invoke(args=["cpse", "db", "check"]).exit_code == 1
    assert run("upgrade") == f"The cpse tables are at {head}."
    assert run("check") == "The cpse tables are as the code needs them."
    assert run("downgrade", "0001") == "The cpse tables are at 0001."
    assert run("current") == f"tables: 0001, code: {head}"
    assert runner.invoke(args=["cpse", "db", "check"]).exit_code == 1
    assert run("upgrade") == f"The cpse tables are at {head}."
    assert run("downgrade", "base") == "The cpse tables are at base."
    left = {name for name in inspect(engine).get_table_names() if name.startswith("cpse_")}
    assert left <= {migrate.VERSION_TABLE}
    engine.dispose()


def test_making_and_dropping_all_tables_of_the_host_leaves_ours_alone(moved_in: Flask) -> None:
    """What hosts do in their tests."""
    db = moved_in.extensions["awkward"].db
    with moved_in.app_context():
        migrate.upgrade(db.engine)
        db.drop_all()
        assert {"pupil", "intranet_user"} & set(inspect(db.engine).get_table_names()) == set()
        assert migrate.differences(db.engine) == []
        db.create_all()
        assert migrate.differences(db.engine) == []


def test_with_a_bind_of_its_own_the_plugin_leaves_no_table_in_the_database_of_the_host(tmp_path: Path) -> None:
    own = f"sqlite:///{tmp_path / 'cpse.db'}"
    app = awkward_host(
        database_url=f"sqlite:///{tmp_path / 'intranet.db'}", settings={"SQLALCHEMY_BINDS": {"cpse": own}}
    )
    db = app.extensions["awkward"].db
    with app.app_context():
        db.create_all()
        result = app.test_cli_runner().invoke(args=["cpse", "db", "upgrade"])
        assert result.exit_code == 0, result.output
        assert set(inspect(db.engine).get_table_names()) == {"pupil", "intranet_user"}
        assert {name.partition("_")[0] for name in inspect(db.engines["cpse"]).get_table_names()} == {"cpse"}
        for engine in db.engines.values():
            engine.dispose()
