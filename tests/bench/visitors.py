"""People in front of a real server. Each has a connection that is kept open, asks, reads the answer, and thinks.

All of them live in one thread of one process and cost it next to nothing: what is measured on the same machine is to be
the server, and not a struggle with those who ask it for the processor.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .server import LOOPBACK


@dataclass(frozen=True, slots=True)
class Visitor:
    """Asks for one address after the other; between two of them it thinks for `pause` seconds on average."""

    address: Callable[[], str]
    pause: float
    headers: Mapping[str, str] = field(default_factory=dict)


def for_seconds(seconds: float) -> Callable[[], bool]:
    """What goes on for so long."""
    ends = time.monotonic() + seconds
    return lambda: time.monotonic() < ends


@dataclass(frozen=True, slots=True)
class Visit:
    """An answer, and how many seconds it took."""

    address: str
    seconds: float
    body: bytes


PAGES = {"/cpse/providers": "providers", "/notices": "host's own page"}
_READERS = 6
_BETWEEN_PAGES = 0.1


def readers() -> list[Visitor]:
    """People who open pages that have nothing to do with what else is going on; there are sixty answers a second."""
    pages = itertools.cycle(PAGES)
    return [Visitor(lambda: next(pages), _BETWEEN_PAGES)] * _READERS


def times_of(rounds: Sequence[Sequence[Visit]], address: str) -> list[list[float]]:
    """How long the answers of one address took, round by round."""
    return [[visit.seconds for visit in visits if visit.address == address] for visits in rounds]


def visit(port: int, crowds: Sequence[Sequence[Visitor]], goes_on: Callable[[], bool]) -> list[list[Visit]]:
    """Let all come to the server while it `goes_on`; gives what each crowd got. Raises `RuntimeError` for a failure."""
    return asyncio.run(_all_visits(port, crowds, goes_on))


async def _all_visits(port: int, crowds: Sequence[Sequence[Visitor]], goes_on: Callable[[], bool]) -> list[list[Visit]]:
    found: list[list[Visit]] = [[] for _ in crowds]
    async with asyncio.TaskGroup() as tasks:
        for visits, crowd in zip(found, crowds, strict=True):
            for visitor in crowd:
                tasks.create_task(_visits(port, visitor, goes_on, visits))
    return found


async def _visits(port: int, visitor: Visitor, goes_on: Callable[[], bool], visits: list[Visit]) -> None:
    headers = "".join(f"{name}: {value}\r\n" for name, value in visitor.headers.items())
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    # They did not all come at the same moment.
    await asyncio.sleep(visitor.pause * random.random())
    while goes_on():
        address = visitor.address()
        begun = time.perf_counter()
        writer.write(f"GET {address} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\n{headers}\r\n".encode())
        body = await _answer(reader)
        visits.append(Visit(address, time.perf_counter() - begun, body))
        await asyncio.sleep(visitor.pause * random.uniform(0.5, 1.5))
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if not head.startswith(b"http/1.1 200 "):
        raise RuntimeError(f"the server answered {head.splitlines()[0].decode()}")
    length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    return await reader.readexactly(int(length))
