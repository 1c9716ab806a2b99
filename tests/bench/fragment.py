"""What the NPI fragment costs with a local copy, against a bare route of the same application with a session."""

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask, session
from flask.testing import FlaskClient
from sqlalchemy import create_engine
from werkzeug.test import EnvironBuilder

from cpse_plugin import migrate
from cpse_plugin.npi_registry.copy import import_file

from ..plugin.hosts import ANN, bare_host
from . import nppes

_ROUNDS = 30
_REQUESTS = 200


def run() -> Iterator[str]:
    """Measure, and yield lines for a person."""
    with tempfile.TemporaryDirectory(prefix="cpse-bench-") as name:
        folder = Path(name)
        copy = make_copy(folder)
        app = _host(folder, copy)
        found = nppes.npi(1)
        bare = _requests(app, "/bare")
        fragment = _requests(app, f"/cpse/npi/{found}", {"HX-Request": "true"})
        ratios, seconds = _alternating(bare, fragment)
    yield "NPI fragment, name from the local copy, in process"
    yield f"  bare route {seconds[0] * 1e6:6.0f} us   fragment {seconds[1] * 1e6:6.0f} us   ratio {ratios:.2f}"


def make_copy(folder: Path, rows: int = 5_000) -> Path:
    """A local copy of a generated file; `nppes.npi(1)` is in it."""
    copy = folder / "copy.sqlite"
    import_file(nppes.write(folder / "monthly.zip", rows), copy, progress=lambda *_: None)
    return copy


def _host(folder: Path, copy: Path) -> Flask:
    from cpse_plugin import Cpse

    url = f"sqlite:///{folder / 'intranet.db'}"
    app = bare_host(SQLALCHEMY_DATABASE_URI=url, CPSE_NPI_LOCAL_COPY=copy)

    @app.get("/bare")
    def bare() -> str:
        return str(session.get("person"))

    @app.get("/sign-in")
    def sign_in() -> str:
        session["person"] = ANN.subject
        return ""

    # One person's look-ups are counted and limited, so each is another person's.
    numbers = itertools.count()
    people = lambda: replace(ANN, subject=f"person {next(numbers)}") if session.get("person") else None  # noqa: E731
    Cpse().init_app(app, staff_loader=people)
    engine = create_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    return app


def _requests(app: Flask, address: str, headers: dict[str, str] | None = None) -> Callable[[], None]:
    """Many requests, from WSGI environment to body: without a test client's work, which is more than the server's."""
    client: FlaskClient = app.test_client()
    client.get("/sign-in")
    cookie = client.get_cookie("session")
    assert cookie is not None
    sent = {"Cookie": f"session={cookie.value}"} | (headers or {})
    environ = EnvironBuilder(path=address, headers=list(sent.items())).get_environ()
    statuses: list[str] = []

    def start(status: str, _: Any, __: Any = None) -> Any:
        statuses.append(status)

    def ask() -> None:
        for _ in range(_REQUESTS):
            body = app(dict(environ), start)
            b"".join(body)
            body.close()  # type: ignore[attr-defined]  # Werkzeug's iterator has it.
        if set(statuses) != {"200 OK"}:
            raise RuntimeError(f"{address}: {set(statuses)}")

    return ask


def _alternating(one: Callable[[], None], other: Callable[[], None]) -> tuple[float, tuple[float, float]]:
    """The median ratio of the two, measured in turn, and the median seconds of a request of each."""
    one()
    other()
    pairs = [(_seconds(one), _seconds(other)) for _ in range(_ROUNDS)]
    ratio = statistics.median(second / first for first, second in pairs)
    return ratio, (statistics.median(first for first, _ in pairs), statistics.median(second for _, second in pairs))


def _seconds(ask: Callable[[], None]) -> float:
    begun = time.perf_counter()
    ask()
    return (time.perf_counter() - begun) / _REQUESTS


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in run())
