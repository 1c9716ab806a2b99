"""A share of the server's threads for calls that wait for other systems.

A thread that waits for a slow answer serves nobody else. Were all of them to wait, every page of the intranet would
stand still, the host's own too; so whoever finds no place here is turned away at once.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class NoPlace(Exception):
    """Every place is taken by a call that is still waiting."""


class Bulkhead:
    """The places of one process, for all systems together.

    A section may take all of them but one, so that one slow system does not keep the others from being asked.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken = 0
        self._lock = threading.Lock()

    def section(self) -> "Section":
        """The part of one other system."""
        return Section(self, max(1, self._places - 1))

    def take(self) -> bool:
        """Take a place where there is one; each has to be given back."""
        with self._lock:
            free = self._taken < self._places
            self._taken += free
            return free

    def give_back(self) -> None:
        """Give a taken place back."""
        with self._lock:
            self._taken -= 1


class Section:
    """The places that the calls to one system may take."""

    def __init__(self, bulkhead: Bulkhead, at_most: int) -> None:
        self._bulkhead = bulkhead
        self._own = threading.BoundedSemaphore(at_most)

    @classmethod
    def apart(cls, places: int) -> "Section":
        """A section with a bulkhead of its own, for a system that shares its places with no other."""
        return cls(Bulkhead(places), places)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place until the block ends. Raises `NoPlace` at once where there is none; it never waits."""
        if not self._own.acquire(blocking=False):
            raise NoPlace
        try:
            if not self._bulkhead.take():
                raise NoPlace
            try:
                yield
            finally:
                self._bulkhead.give_back()
        finally:
            self._own.release()
