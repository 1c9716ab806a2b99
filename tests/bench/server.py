"""A real server in a process of its own, as a county runs it."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..databases import prepare

LOOPBACK = "127.0.0.1"
HOST = "tests.bench.host:app"


def settings(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a host with a fresh database in the folder; the commands of the plugin take the same."""
    url = f"sqlite:///{folder / 'intranet.db'}"
    if not (folder / "intranet.db").exists():
        prepare(url, empty=False)
    return {**os.environ, "SQLALCHEMY_DATABASE_URI": url, **more}


@contextmanager
def serving(environment: Mapping[str, str], *, workers: int, threads: int) -> Iterator[int]:
    """Run granian with so many workers of so many threads each, until the block ends; gives its port."""
    port = _free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--log-level", "error"]
    command += ["--workers", str(workers), "--blocking-threads", str(threads), "--port", str(port), HOST]
    # A service is in a session of its own, and systems share the processor out by sessions.
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        return int(free.getsockname()[1])


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
        try:
            connection.request("GET", "/cpse/providers")
            if connection.getresponse().status == 200:
                return
        except ConnectionError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError("the server did not start")
