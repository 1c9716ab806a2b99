"""Pages of a running server while `flask cpse npi import` is at work in another process, and without it."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from .figures import against, load, median_and_p99, p99_ratios
from .importing import Importing
from .npi_copy import monthly_file
from .server import serving, settings
from .visitors import PAGES, Visit, for_seconds, readers, times_of, visit

_WORKERS, _THREADS = 2, 16
_SECONDS = 5.0


def run(rows: int, rounds: int, given: Path | None = None) -> Iterator[str]:
    """Measure, and yield lines for a person; rounds with and without an import take turns."""
    yield f"Pages while an import runs beside the server, granian with {_WORKERS} x {_THREADS} threads"
    file = monthly_file(rows, given)
    quiet: list[list[Visit]] = []
    busy: list[list[Visit]] = []
    with tempfile.TemporaryDirectory(prefix="cpse-bench-") as name:
        environment = settings(Path(name))
        with serving(environment, workers=_WORKERS, threads=_THREADS) as port:
            _visits(port, for_seconds(_SECONDS))
            for _ in range(rounds):
                quiet.append(_visits(port, for_seconds(_SECONDS)))
                with Importing(environment, file, Path(name) / "copy") as importing:
                    busy.append(_visits(port, lambda: importing.is_under_way))
    for address, words in PAGES.items():
        without, beside = times_of(quiet, address), times_of(busy, address)
        ratio = p99_ratios(beside, without)
        yield f"  {words:<16} without {median_and_p99(without)} ms   with {median_and_p99(beside)} ms"
        yield f"    p99 ratio {ratio:.2f} {against(ratio, 2)}"
    yield load()


def _visits(port: int, goes_on: Callable[[], bool]) -> list[Visit]:
    (visits,) = visit(port, [readers()], goes_on)
    return visits
