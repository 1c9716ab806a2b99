"""Times as figures, and figures in words."""

import os
import statistics
import time
from collections.abc import Callable, Sequence


def percentile(times: Sequence[float], percent: int) -> float:
    """The time that so many percent of all times do not exceed."""
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def p99_ratios(busy: Sequence[Sequence[float]], quiet: Sequence[Sequence[float]]) -> float:
    """How many times as long the slowest hundredth takes: the median of rounds, each held against its own quiet one."""
    return statistics.median(
        percentile(one, 99) / percentile(other, 99) for one, other in zip(busy, quiet, strict=True)
    )


def median_and_p99(rounds: Sequence[Sequence[float]], unit: float = 1e3) -> str:
    """Median and 99th percentile in words, each the median of rounds; milliseconds where `unit` is a thousand."""
    median = statistics.median(statistics.median(times) for times in rounds)
    late = statistics.median(percentile(times, 99) for times in rounds)
    return f"median {median * unit:6.2f}   p99 {late * unit:6.2f}"


def against(value: float, most: float, unit: str = "") -> str:
    """What was to be reached, and whether it was."""
    return f"(at most {most:g}{unit}: {'reached' if value <= most else 'MISSED'})"


def load() -> str:
    """How busy the machine was in the last minute: what else it does is part of every figure."""
    return f"  load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def seconds_of(do: Callable[[], object]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun
