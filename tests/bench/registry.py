"""A slow registry in a process of its own: it prints its address, and ends with the process that started it."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from cpse_plugin.sandbox.server import LoopbackServer

SLOWNESS = (0.3, 0.8)


@contextmanager
def slow_registry() -> Iterator[str]:
    """Run it until the block ends; gives the address of its API."""
    command = [sys.executable, "-m", "tests.bench.registry"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("the registry has no voice")
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _app() -> Flask:
    app = Flask("registry")

    @app.get("/api/")
    def answer() -> ResponseReturnValue:
        time.sleep(random.uniform(*SLOWNESS))
        return jsonify(result_count=0, results=[])

    return app


if __name__ == "__main__":
    with LoopbackServer("registry", _app()) as server:
        sys.stdout.write(f"{server.url}/api/\n")
        sys.stdout.flush()
        sys.stdin.read()
