"""`flask cpse npi import` in a process of its own, as an operator runs it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from .server import HOST

_WATCHED_EVERY = 0.05


class Importing:
    """An import under way. `memory` is the most that its processes held together, `seconds` how long it took."""

    def __init__(self, environment: Mapping[str, str], file: Path, copy: Path, *words: str) -> None:
        self._command = [sys.executable, "-m", "flask", "--app", HOST, "cpse", "npi", "import", *words, str(file)]
        self._environment = {**environment, "CPSE_NPI_LOCAL_COPY": str(copy)}
        self.memory = 0
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._begun = time.perf_counter()
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.DEVNULL, start_new_session=True
        )
        self._watch = threading.Thread(target=self._watch_memory)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for its end."""
        failed = self._process.wait()
        self.seconds = time.perf_counter() - self._begun
        self._watch.join()
        if failed:
            raise RuntimeError("the import failed")

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def _watch_memory(self) -> None:
        while self.is_under_way:
            self.memory = max(self.memory, sum(map(_resident, _family(self._process.pid))))
            time.sleep(_WATCHED_EVERY)


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *map(int, children)]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
