"""The local copy of the NPI Registry: import, update, look-up and search, with a generated file of the real shape."""

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

from cpse_plugin.domain.registry import ProviderKind
from cpse_plugin.npi_registry.copy import LocalCopy, update_file
from cpse_plugin.npi_registry.gateway import NameQuery

from . import nppes

_WEEKLY_ROWS = 30_000
_LOOK_UPS = 20_000
_SEARCHES = 400
_IMPORT = """
import sys
from pathlib import Path
from cpse_plugin.npi_registry.copy import import_file
file, copy, kind, niceness = sys.argv[1:]
import_file(
    Path(file), Path(copy), searchable=kind == "search", niceness=int(niceness), progress=lambda *_: None
)
"""


def run(rows: int = 200_000, rounds: int = 3, given: Path | None = None) -> Iterator[str]:
    """Measure, and yield lines for a person. Floor and import take turns; the ratio is that of their medians.

    `given` is a monthly file to take in place of a generated one of so many rows.
    """
    if not shutil.which("unzip"):
        yield "Local copy: left out, because its floor is that of unzip, which is not installed"
        return
    with tempfile.TemporaryDirectory(prefix="cpse-bench-") as name:
        folder = Path(name)
        file = given or nppes.write(folder / "month.zip", rows)
        week = nppes.write(
            folder / "week.zip",
            _WEEKLY_ROWS,
            since=date(2026, 11, 9),
            until=date(2026, 11, 15),
            first=max(rows - _WEEKLY_ROWS // 2, 0),
        )
        yield f"Local copy, zip of {megabytes(file)}"
        yield from _imports(file, folder, rounds)
        copy = LocalCopy(folder / "search")
        yield f"  providers          {copy.info.rows:,}"
        quiet = _look_ups(copy, _LOOK_UPS)
        yield f"  look-up            {_times(quiet, 1e6)} us"
        during = _during_import(copy, file, folder)
        ratio = _percentile(during, 0.99) / _percentile(quiet, 0.99)
        yield f"  during an import   {_times(during, 1e6)} us   p99 ratio {ratio:.2f}"
        yield from _searches(copy)
        for kind in ("plain", "search"):
            seconds = _seconds(lambda kind=kind: update_file(week, folder / kind))  # type: ignore[misc]
            yield f"  weekly file of {_WEEKLY_ROWS:,} rows ({kind}) {seconds:6.2f} s"


def _imports(file: Path, folder: Path, rounds: int) -> Iterator[str]:
    member = next(line for line in _names(file) if line.startswith("npidata") and "header" not in line)
    taken: dict[str, list[float]] = {"floor": [], "plain": [], "search": []}
    memory = 0
    for _ in range(rounds):
        taken["floor"].append(_seconds(lambda: _floor(file, member)))
        for kind in ("plain", "search"):
            (folder / kind).unlink(missing_ok=True)
            with _Import(file, folder / kind, kind) as process:
                process.wait()
            taken[kind].append(process.seconds)
            memory = max(memory, process.memory)
    floor = statistics.median(taken["floor"])
    yield f"  unzip -p | wc -l   {floor:7.2f} s"
    for kind, words in (("plain", "import, no search "), ("search", "import with search")):
        seconds = statistics.median(taken[kind])
        yield f"  {words} {seconds:7.2f} s   ratio {seconds / floor:.2f}   {megabytes(folder / kind)}"
    yield f"  memory of all its processes at most {memory / 1e6:.0f} MB"


def _names(file: Path) -> list[str]:
    return subprocess.run(["unzip", "-Z1", file], check=True, capture_output=True, text=True).stdout.splitlines()


def _floor(file: Path, member: str) -> None:
    with subprocess.Popen(["unzip", "-p", file, member], stdout=subprocess.PIPE) as unzip:
        subprocess.run(["wc", "-l"], stdin=unzip.stdout, check=True, capture_output=True)


class _Import:
    """An import in a process of its own, as an operator runs it; `memory` is the most that it held, all together."""

    def __init__(self, file: Path, copy: Path, kind: str, niceness: int = 0) -> None:
        self._command = [sys.executable, "-c", _IMPORT, str(file), str(copy), kind, str(niceness)]
        self.memory = 0
        self.seconds = 0.0

    def __enter__(self) -> "_Import":
        self._begun = time.perf_counter()
        self.process = subprocess.Popen(self._command)
        self._watch = threading.Thread(target=self._watch_memory)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.join()

    def wait(self) -> None:
        """Wait for its end."""
        if self.process.wait():
            raise RuntimeError("the import failed")
        self.seconds = time.perf_counter() - self._begun

    def _watch_memory(self) -> None:
        while self.process.poll() is None:
            self.memory = max(self.memory, sum(map(_resident, _family(self.process.pid))))
            time.sleep(0.1)


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


def _look_ups(copy: LocalCopy, count: int) -> list[float]:
    """Seconds of each look-up, of NPIs all over the copy."""
    picked = [copy.sample(random.randrange(1_000_000_000, 1_990_000_000)) for _ in range(count)]
    npis = [record.npi for record in picked if record]
    return [_seconds(lambda npi=npi: copy.look_up(npi)) for npi in npis]  # type: ignore[misc]


def _during_import(copy: LocalCopy, file: Path, folder: Path) -> list[float]:
    found: list[float] = []
    with _Import(file, folder / "another", "search", niceness=10) as process:
        while process.process.poll() is None:
            found += _look_ups(copy, 200)
            time.sleep(0.02)
    return found


def _searches(copy: LocalCopy) -> Iterator[str]:
    people: list[tuple[str, str]] = []
    companies: list[str] = []
    while len(people) < _SEARCHES or len(companies) < _SEARCHES // 4:
        record = copy.sample(random.randrange(1_000_000_000, 1_999_999_999))
        if record and record.kind is ProviderKind.INDIVIDUAL:
            people.append((record.name.split()[-1], record.name.split()[0]))
        elif record and record.kind is ProviderKind.ORGANIZATION:
            companies.append(record.name)
    questions = {
        "last and first name ": [NameQuery(last, first) for last, first in people],
        "beginnings, in NY   ": [NameQuery(last[:4], first[:2], "NY") for last, first in people],
        "last name, in WA    ": [NameQuery(last, state="WA") for last, _ in people],
        "two letters, no hit ": [NameQuery(last[:2], "QQQQ", "NY") for last, _ in people],
        "organization        ": [NameQuery(name) for name in companies],
    }
    for words, queries in questions.items():
        seconds = [_seconds(lambda query=query: copy.search(query)) for query in queries]  # type: ignore[misc]
        yield f"  search, {words} {_times(seconds, 1e3)} ms"


def _seconds(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


def _times(values: Sequence[float], unit: float) -> str:
    return f"median {statistics.median(values) * unit:7.2f}   p99 {_percentile(values, 0.99) * unit:7.2f}"


def megabytes(file: Path) -> str:
    """A file's size in words."""
    return f"{file.stat().st_size / 1e6:,.0f} MB"
