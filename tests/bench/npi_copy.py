"""The local copy of the NPI Registry: import, update, look-up and search, with a generated file of the real shape."""

import hashlib
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from cpse_plugin.domain.identifiers import Npi
from cpse_plugin.domain.registry import ProviderKind
from cpse_plugin.npi_registry.copy import LocalCopy, update_file
from cpse_plugin.npi_registry.gateway import NameQuery

from . import nppes
from .figures import against, load, median_and_p99, p99_ratios, seconds_of
from .importing import Importing
from .server import settings
from .visitors import for_seconds

_COUNTRY = 9_000_000
_BIG = 5_000_000
_WEEKLY_ROWS = 30_000
_LOOK_UPS = 200
_PAUSE = 0.02
_QUIET_SECONDS = 4
_SEARCHES = 400
_MEGABYTE = 1e6
_KINDS: dict[str, Sequence[str]] = {"plain": (), "names": ("--names",)}


def monthly_file(rows: int, given: Path | None = None) -> Path:
    """A monthly file: the `given` one, or one that was generated once and is kept in the system's temporary folder."""
    if given is not None:
        return given
    generator = hashlib.sha256(Path(nppes.__file__).read_bytes()).hexdigest()[:8]
    file = Path(tempfile.gettempdir()) / "cpse-bench" / f"monthly-{rows}-{generator}.zip"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        nppes.write(file.with_suffix(".part"), rows).replace(file)
    return file


def run(rows: int, rounds: int, given: Path | None = None) -> Iterator[str]:
    """Measure, and yield lines for a person. Floor and imports take turns; a ratio is that of their medians."""
    if not shutil.which("unzip"):
        yield "Local copy: left out, because its floor is that of unzip, which is not installed"
        return
    yield "Local copy of the NPI Registry"
    file = monthly_file(rows, given)
    with tempfile.TemporaryDirectory(prefix="cpse-bench-") as name:
        folder = Path(name)
        environment = settings(folder)
        yield from _imports(file, folder, environment, rounds)
        yield from _look_ups(file, folder, environment, rounds)
        yield from _weekly(folder)
        yield from _searches(LocalCopy(folder / "names"))
    yield load()


def _imports(file: Path, folder: Path, environment: Mapping[str, str], rounds: int) -> Iterator[str]:
    floors: list[float] = []
    taken: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    memory = dict.fromkeys(_KINDS, 0)
    for _ in range(rounds):
        floors.append(seconds_of(lambda: _floor(file)))
        for kind, options in _KINDS.items():
            (folder / kind).unlink(missing_ok=True)
            with Importing(environment, file, folder / kind, *options) as importing:
                pass
            taken[kind].append(importing.seconds)
            memory[kind] = max(memory[kind], importing.memory)
    rows = LocalCopy(folder / "plain").info.rows
    floor = statistics.median(floors)
    yield f"  {rows:,} providers, zip of {file.stat().st_size / _MEGABYTE:,.0f} MB, medians of {rounds} rounds"
    yield f"  unzip -p | wc -l           {floor:6.2f} s"
    for kind, words in (("plain", "import        "), ("names", "import --names")):
        seconds = statistics.median(taken[kind])
        ratio, megabytes = seconds / floor, memory[kind] / _MEGABYTE
        scaled = (folder / kind).stat().st_size / _MEGABYTE * _COUNTRY / rows
        yield f"  {words}             {seconds:6.2f} s, start of the command included"
        aim = f" {against(ratio, 1.25 if rows >= _BIG else 1.2)}" if kind == "plain" else ""
        yield f"    against that floor       {ratio:6.2f}{aim}"
        yield f"    memory of its processes  {megabytes:4.0f} MB {against(megabytes, 350, ' MB')}"
        aim = f" {against(scaled, 700, ' MB')}" if kind == "plain" else ""
        yield f"    size for nine million    {scaled:4.0f} MB{aim}"


def _floor(file: Path) -> None:
    """Count the lines, at the priority that an import gives itself; else a busy machine would hold up the one only."""
    listed = subprocess.run(["unzip", "-Z1", file], check=True, capture_output=True, text=True).stdout.splitlines()
    member = next(line for line in listed if line.startswith("npidata") and "header" not in line)
    with subprocess.Popen(["nice", "-n", "19", "unzip", "-p", file, member], stdout=subprocess.PIPE) as unzip:
        subprocess.run(["nice", "-n", "19", "wc", "-l"], stdin=unzip.stdout, check=True, capture_output=True)


def _look_ups(file: Path, folder: Path, environment: Mapping[str, str], rounds: int) -> Iterator[str]:
    """Look-ups before and during an import, in turn."""
    copy = LocalCopy(folder / "plain")
    quiet: list[list[float]] = []
    busy: list[list[float]] = []
    for _ in range(rounds):
        quiet.append(_looked_up(copy, for_seconds(_QUIET_SECONDS)))
        with Importing(environment, file, folder / "another") as importing:
            busy.append(_looked_up(copy, lambda: importing.is_under_way))
    ratio = p99_ratios(busy, quiet)
    yield f"  look-up                    {median_and_p99(quiet, 1e6)} us"
    yield f"    while an import runs     {median_and_p99(busy, 1e6)} us   p99 ratio {ratio:.2f} {against(ratio, 2)}"


def _looked_up(copy: LocalCopy, goes_on: Callable[[], bool]) -> list[float]:
    """Seconds of each look-up, of NPIs all over the copy, with a pause now and then."""
    seconds: list[float] = []
    while goes_on():
        picked = [copy.sample(random.randrange(1_000_000_000, 1_990_000_000)) for _ in range(_LOOK_UPS)]
        npis = [Npi(record.npi) for record in picked if record]
        seconds += [seconds_of(lambda npi=npi: copy.look_up(npi)) for npi in npis]  # type: ignore[misc]
        time.sleep(_PAUSE)
    return seconds


def _weekly(folder: Path) -> Iterator[str]:
    first = max(LocalCopy(folder / "plain").info.rows - _WEEKLY_ROWS // 2, 0)
    since, until = date(2026, 11, 9), date(2026, 11, 15)
    week = nppes.write(folder / "week.zip", _WEEKLY_ROWS, since=since, until=until, first=first)
    for kind, words in (("plain", "        "), ("names", " (names)")):
        seconds = seconds_of(lambda kind=kind: update_file(week, folder / kind))  # type: ignore[misc]
        aim = f" {against(seconds, 2, ' s')}" if kind == "plain" else ""
        yield f"  weekly file, {_WEEKLY_ROWS:,} rows{words} {seconds:4.2f} s{aim}"


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
        seconds = [seconds_of(lambda query=query: copy.search(query)) for query in queries]  # type: ignore[misc]
        yield f"  search, {words}{median_and_p99([seconds])} ms"
