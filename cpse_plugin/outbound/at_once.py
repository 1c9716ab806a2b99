"""Two questions to other systems, of which neither waits for the other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

One = TypeVar("One")
Other = TypeVar("Other")


def at_once(one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
    """Ask both at the same time, within the limits that hold here, and return both answers.

    Each of them takes a place of its own among the calls that may wait. Raises what the first raises, else the second.
    """
    with ThreadPoolExecutor(1, "cpse-at-once") as beside:
        second = beside.submit(copy_context().run, other)
        first = one()
    return first, second.result()
