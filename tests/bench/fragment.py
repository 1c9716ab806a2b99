"""What the NPI fragment costs in process, against a bare route of the same application that reads the same session."""

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, session
from sqlalchemy import create_engine
from werkzeug.test import EnvironBuilder

from cpse_plugin import Cpse, Staff, migrate
from cpse_plugin.domain.registry import NpiRecord, ProviderKind
from cpse_plugin.npi_registry.copy import import_file
from cpse_plugin.services.database import Database
from cpse_plugin.services.npi_cache import DatabaseAnswerCache
from cpse_plugin.sign_in.sessions import SESSION_ID_KEY

from ..plugin.hosts import ANN, bare_host
from . import nppes
from .figures import load

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_ROUNDS = 30
_REQUESTS = 200
# One person's look-ups are counted and limited, so they are those of many.
_PEOPLE = 250
_FOUND = nppes.npi(1)
_OIDC = {
    "CPSE_OIDC_DISCOVERY_URL": "http://127.0.0.1:9/.well-known/openid-configuration",
    "CPSE_OIDC_CLIENT_ID": "intranet",
    "CPSE_OIDC_CLIENT_SECRET": "only for this",
    "CPSE_ROLE_MAP": '{"Staff": "inviter"}',
}


def run() -> Iterator[str]:
    """Measure, and yield lines for a person."""
    yield "NPI fragment in process, against a bare route that gets the same cookie"
    with tempfile.TemporaryDirectory(prefix="cpse-bench-") as name:
        folder = Path(name)
        copy = make_copy(folder)
        url = f"sqlite:///{folder / 'intranet.db'}"
        _fill(url)
        for who, oidc in (("the host names the person", {}), ("session of a sign-in", _OIDC)):
            for source, settings in (("local copy", {"CPSE_NPI_LOCAL_COPY": copy}), ("kept answer", {})):
                app = _host(SQLALCHEMY_DATABASE_URI=url, **oidc, **settings)
                cookies = [_cookie(app, number) for number in range(_PEOPLE)]
                bare = _requests(app, "/bare", cookies)
                fragment = _requests(app, f"/cpse/npi/{_FOUND}", cookies)
                ratio, seconds = _alternating(bare, fragment)
                yield (
                    f"  {source}, {who:<25}  bare {seconds[0] * 1e6:4.0f} us   fragment {seconds[1] * 1e6:4.0f} us   "
                    f"ratio {ratio:.2f}"
                )
    yield load()


def make_copy(folder: Path, rows: int = 5_000) -> Path:
    """A local copy of a generated file; `nppes.npi(1)` is in it."""
    copy = folder / "copy.sqlite"
    import_file(nppes.write(folder / "monthly.zip", rows), copy, progress=lambda *_: None)
    return copy


def _fill(url: str) -> None:
    """Make the tables, and keep an answer."""
    engine = create_engine(url)
    migrate.upgrade(engine)
    record = NpiRecord(_FOUND, ProviderKind.INDIVIDUAL, "ANA ORTIZ", city="ALBANY", state="NY")
    DatabaseAnswerCache(Database(engine)).put(_FOUND, record)
    engine.dispose()


def _host(**settings: Any) -> Flask:
    app = bare_host(**settings)

    @app.get("/bare")
    def bare() -> str:
        return str(session.get("person"))

    numbers = itertools.cycle(range(_PEOPLE))
    Cpse().init_app(app, staff_loader=lambda: _person(next(numbers)) if session.get("person") else None)
    return app


def _person(number: int) -> Staff:
    return replace(ANN, subject=f"person {number}")


def _cookie(app: Flask, number: int) -> str:
    """The session cookie of a person who has signed in, at the host and at the identity provider."""
    with app.test_client() as client:
        with client.session_transaction() as content:
            content["person"] = f"person {number}"
            content[SESSION_ID_KEY] = app.extensions["cpse"].sessions.begin(_person(number))
        cookie = client.get_cookie("session")
    if cookie is None:
        raise RuntimeError("the host has no session")
    return cookie.value


def _requests(app: Flask, address: str, cookies: Sequence[str]) -> Callable[[], None]:
    """Many requests, from WSGI environment to body: without a test client's work, which is more than the server's."""
    environments = itertools.cycle([_environment(address, cookie) for cookie in cookies])
    statuses: list[str] = []

    def start(status: str, _: Any, __: Any = None) -> Any:
        statuses.append(status)

    def ask() -> None:
        for environment in itertools.islice(environments, _REQUESTS):
            body = app(dict(environment), start)
            b"".join(body)
            body.close()  # type: ignore[attr-defined]  # Werkzeug's iterator has it.
        if set(statuses) != {"200 OK"}:
            raise RuntimeError(f"{address}: {set(statuses)}")

    return ask


def _environment(address: str, cookie: str) -> "WSGIEnvironment":
    headers = [("Cookie", f"session={cookie}"), ("HX-Request", "true")]
    return EnvironBuilder(path=address, headers=headers).get_environ()


def _alternating(one: Callable[[], None], other: Callable[[], None]) -> tuple[float, tuple[float, float]]:
    """The median ratio of the two, measured in turn, and the median seconds of a request of each."""
    one()
    other()
    pairs = [(_seconds(one), _seconds(other)) for _ in range(_ROUNDS)]
    ratio = statistics.median(second / first for first, second in pairs)
    return ratio, (statistics.median(first for first, _ in pairs), statistics.median(second for _, second in pairs))


def _seconds(ask: Callable[[], None]) -> float:
    """Seconds of the processor's time, of which other programs take none; nothing here waits for anything."""
    begun = time.process_time()
    ask()
    return (time.process_time() - begun) / _REQUESTS


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in run())
