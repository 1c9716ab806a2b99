"""The processes that cut and sort for the import, and the conversation with them."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from . import cut
from .archive import Reading
from .errors import CopyError

Progress = Callable[[int, float], None]
"""What is told how far an import is: rows so far, and the share of its time from 0 to 1."""

_WORKERS = 2
_CHUNKS_AHEAD = 8
# How the time of an import divides: reading and cutting, then filling the tables.
SHARE_OF_CUTTING = 0.55


class Workers:
    """The processes that cut and sort.

    They drop what they cut into buckets on disk, and sort bucket after bucket. Raises `CopyError` where one fails.
    """

    def __init__(self, directory: Path, layout: cut.Layout, *, searchable: bool) -> None:
        orders = {"layout": layout, "search": searchable, "workers": _WORKERS}
        self._directory = directory
        self._keys: dict[str, list[str]] = {}
        with ExitStack() as stack:
            self._workers = [
                stack.enter_context(_Worker(directory, {**orders, "worker": number})) for number in range(_WORKERS)
            ]
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def cut(self, reading: Reading, progress: Progress) -> int:
        """Have all rows cut into buckets; returns how many there are."""
        rows = 0
        for number, chunk in enumerate(reading.chunks()):
            worker = self._workers[number % _WORKERS]
            if worker.owes == _CHUNKS_AHEAD:
                rows += worker.answer()["rows"]
                progress(rows, reading.share * SHARE_OF_CUTTING)
            worker.cut(chunk)
        found: dict[str, set[str]] = {}
        for worker in self._workers:
            while worker.owes:
                rows += worker.answer()["rows"]
            worker.order({})
        for worker in self._workers:
            for kind, keys in worker.answer().items():
                found.setdefault(kind, set()).update(keys)
        self._keys = {kind: sorted(keys) for kind, keys in found.items()}
        return rows

    def keys(self, kind: str) -> list[str]:
        """The buckets of a kind, in the order of their rows."""
        return self._keys[kind]

    def sorted(self, kind: str) -> Iterator[list[str]]:
        """The rows of each bucket in order, bucket after bucket."""
        keys = self._keys[kind]
        for number, key in enumerate(keys):
            self._workers[number % _WORKERS].order({"kind": kind, "key": key})
        for number, key in enumerate(keys):
            self._workers[number % _WORKERS].answer()
            bucket = cut.bucket_file(self._directory, kind, key)
            yield bucket.read_bytes().decode().split("\n")
            bucket.unlink()


class _Worker:
    """A process that cuts and sorts. Every order is answered once, in turn; `owes` counts those that are not yet.

    A chunk is handed over in one of a few files, which never leave the system's memory, and not through the pipe: it
    holds less than a chunk, so that the two processes would wait for each other at every single one.
    """

    def __init__(self, directory: Path, orders: dict[str, object]) -> None:
        self.owes = 0
        self._chunks = 0
        self._slots = [f"slot-{orders['worker']}-{number}" for number in range(_CHUNKS_AHEAD)]
        with ExitStack() as stack:
            self._files = [stack.enter_context((directory / slot).open("wb")) for slot in self._slots]
            # -I and -S: the process needs the standard library alone, and starts several times as fast without more.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", cut.__file__, str(directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
            )
            stack.callback(self._end)
            self._stack = stack.pop_all()
        self._say(orders)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def cut(self, chunk: bytes) -> None:
        """Have a chunk cut. At most `_CHUNKS_AHEAD` may be under way."""
        turn = self._chunks % _CHUNKS_AHEAD
        self._chunks += 1
        self._files[turn].seek(0)
        self._files[turn].write(chunk)
        self._files[turn].flush()
        self.order({"slot": self._slots[turn], "length": len(chunk)})

    def order(self, order: dict[str, object]) -> None:
        """Have something done."""
        self.owes += 1
        self._say(order)

    def answer(self) -> dict[str, Any]:
        """Wait for the next answer. Raises `CopyError` where the process has failed."""
        self.owes -= 1
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise CopyError("a process of the import ended before its time; was there too little memory?")
        content: dict[str, Any] = json.loads(line)
        if "error" in content:
            raise CopyError(content["error"])
        return content

    def _say(self, order: dict[str, object]) -> None:
        if self._process.stdin:
            try:
                self._process.stdin.write(json.dumps(order) + "\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                # Behind the answers that it still owes, the process has said why it ended.
                while True:
                    self.answer()

    def _end(self) -> None:
        self._process.kill()
        # Closing would write what is still waiting to be written, to a process that is no more.
        with suppress(BrokenPipeError):
            self._process.communicate()
