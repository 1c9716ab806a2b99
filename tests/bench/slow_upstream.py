"""Other pages while fifty people type NPIs and the registry takes 300 to 800 ms: a real server of eight threads."""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import nppes
from .figures import load, median_and_p99, p99_ratios
from .registry import slow_registry
from .server import serving, settings
from .visitors import PAGES, Visit, Visitor, for_seconds, readers, times_of, visit

_THREADS = 8
_PEOPLE = 50
# One has looked the next provider up, typed ten digits, and read the name.
_BETWEEN_NPIS = 4.0
_SECONDS = 8.0
_SHARES = {"4": "with a share of 4 threads", "1000": "without a bound"}
_BUSY = b"The look-up is busy"


def run(rounds: int) -> Iterator[str]:
    """Measure, and yield lines for a person; rounds with and without people who type take turns."""
    yield (
        f"Pages while {_PEOPLE} people type an NPI every {_BETWEEN_NPIS:.0f} s, the registry answers in 300 to 800 ms, "
        f"granian with {_THREADS} threads"
    )
    with slow_registry() as registry:
        for share, words in _SHARES.items():
            yield f"  {words}"
            with tempfile.TemporaryDirectory(prefix="cpse-bench-") as name:
                environment = settings(Path(name), CPSE_NPI_REGISTRY_URL=registry, CPSE_UPSTREAM_CALLS=share)
                with serving(environment, workers=1, threads=_THREADS) as port:
                    yield from _measured(port, rounds)
    yield load()


def _measured(port: int, rounds: int) -> Iterator[str]:
    quiet: list[list[Visit]] = []
    busy: list[list[Visit]] = []
    typed: list[Visit] = []
    numbers = itertools.count()
    visit(port, [readers()], for_seconds(_SECONDS))
    for _ in range(rounds):
        quiet += visit(port, [readers()], for_seconds(_SECONDS))
        pages, names = visit(port, [readers(), _people(numbers)], for_seconds(_SECONDS))
        busy.append(pages)
        typed += names
    for address, words in PAGES.items():
        without, beside = times_of(quiet, address), times_of(busy, address)
        yield (
            f"    {words:<16} nobody types {median_and_p99(without)} ms   all type {median_and_p99(beside)} ms   "
            f"p99 ratio {p99_ratios(beside, without):.2f}"
        )
    turned_away = sum(_BUSY in answer.body for answer in typed)
    yield (
        f"    the look-ups     {median_and_p99([[answer.seconds for answer in typed]])} ms, "
        f"{len(typed)} in all, {turned_away} told to try again"
    )


def _people(numbers: Iterator[int]) -> list[Visitor]:
    """Each person types NPIs that nobody has typed before, so that neither cache nor company answers."""
    who = ({"HX-Request": "true", "X-Person": f"person {number}"} for number in range(_PEOPLE))
    return [Visitor(lambda: f"/cpse/npi/{nppes.npi(next(numbers))}", _BETWEEN_NPIS, headers) for headers in who]
