"""Other pages while fifty people type NPIs and the registry takes 300 to 800 ms: a real server of eight threads."""

import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from cpse_plugin.sandbox.server import LoopbackServer

from ..databases import prepare
from . import nppes

_THREADS = 8
_PEOPLE = 50
_QUIET_SECONDS, _BUSY_SECONDS = 5.0, 12.0
_MANY = 1000


def run() -> Iterator[str]:
    """Measure, and yield lines for a person."""
    yield f"Another page while {_PEOPLE} people type NPIs; registry 300 to 800 ms, granian with {_THREADS} threads"
    with tempfile.TemporaryDirectory(prefix="cpse-bench-") as name, LoopbackServer("registry", _registry()) as registry:
        for label, places in (("share of 4 threads", 4), ("without a share", _MANY)):
            with _server(Path(name) / f"{places}.db", registry.url, places) as url:
                quiet = _page_times(url, _QUIET_SECONDS)
                with _people_typing(url):
                    busy = _page_times(url, _BUSY_SECONDS)
            yield (
                f"  {label:<19} nobody types: median {_ms(quiet, 50)} p99 {_ms(quiet, 99)}   "
                f"all type: median {_ms(busy, 50)} p99 {_ms(busy, 99)}   "
                f"p99 ratio {_percentile(busy, 99) / _percentile(quiet, 99):.1f}"
            )


def _registry() -> Flask:
    app = Flask("registry")

    @app.get("/api/")
    def answer() -> ResponseReturnValue:
        time.sleep(random.uniform(0.3, 0.8))
        return jsonify(result_count=0, results=[])

    return app


@contextmanager
def _server(database: Path, registry_url: str, places: int) -> Iterator[str]:
    url = f"sqlite:///{database}"
    prepare(url, empty=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "SQLALCHEMY_DATABASE_URI": url,
        "CPSE_NPI_REGISTRY_URL": f"{registry_url}/api/",
        "CPSE_UPSTREAM_CALLS": str(places),
    }
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "1", "--no-ws"]
    command += ["--blocking-threads", str(_THREADS), "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen([*command, "tests.bench.slow_host:app"], env=environment, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}/cpse"
        _wait_for(f"{address}/providers", process)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(address, timeout=5).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")


def _page_times(url: str, seconds: float) -> list[float]:
    """Open the list of providers again and again; how long each time took."""
    times: list[float] = []
    ends = time.monotonic() + seconds
    with requests.Session() as session:
        while time.monotonic() < ends:
            begun = time.perf_counter()
            session.get(f"{url}/providers", timeout=60).raise_for_status()
            times.append(time.perf_counter() - begun)
            time.sleep(0.02)
    return times


@contextmanager
def _people_typing(url: str) -> Iterator[None]:
    """Fifty people, each of whom has typed an NPI every second or so and waits for its name."""
    stop = threading.Event()

    def person(number: int) -> None:
        pace = random.Random(number)
        with requests.Session() as session:
            session.headers.update({"HX-Request": "true", "X-Person": f"person {number}"})
            for typed in range(_MANY):
                if stop.wait(pace.uniform(0.7, 1.3)):
                    return
                session.get(f"{url}/npi/{nppes.npi(number * _MANY + typed)}", timeout=60)

    with ThreadPoolExecutor(_PEOPLE) as people:
        list_of_people = [people.submit(person, number) for number in range(_PEOPLE)]
        try:
            yield
        finally:
            stop.set()
            for one in list_of_people:
                one.result()


def _percentile(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def _ms(times: list[float], percent: int) -> str:
    return f"{_percentile(times, percent) * 1000:.1f} ms"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in run())
