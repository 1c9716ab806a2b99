"""While another system keeps its answers back, every other page answers, on a server of eight threads."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import pytest
import requests
from flask import Flask

from cpse_plugin.domain.identifiers import is_npi
from cpse_plugin.sandbox.faults import Faults
from cpse_plugin.sandbox.portal import Portal

from ..pooled_server import PooledServer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = 8
PLACES = 4
OF_ONE_SYSTEM = PLACES - 1
PEOPLE = 20


@dataclass
class Held:
    """A system that keeps its answers back until it is told otherwise."""

    name: ClassVar[str] = "held"
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    release: threading.Event = field(default_factory=threading.Event)

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> "Iterable[bytes]":
        self.arrived.release()
        self.release.wait(20)
        return app(environ, start)


@pytest.fixture
def server(make_intranet: Callable[..., Flask], database_url: str) -> Iterator[PooledServer]:
    with PooledServer(make_intranet(database_url, CPSE_UPSTREAM_CALLS=str(PLACES)), THREADS) as server:
        yield server


@contextmanager
def people(addresses: list[str]) -> Iterator[list[Future[requests.Response]]]:
    """People who open pages at the same time, each a page."""
    with ThreadPoolExecutor(len(addresses)) as pool:
        yield [pool.submit(requests.get, address, timeout=30) for address in addresses]


def npis(count: int) -> list[str]:
    return [npi for number in range(1_234_500_000, 1_234_600_000) if is_npi(npi := str(number))][:count]


def words_of(answer: requests.Response) -> str:
    assert answer.status_code == 200
    return answer.text


def test_a_page_answers_while_the_registry_keeps_every_look_up_back(server: PooledServer, registry: Faults) -> None:
    held = Held()
    registry.plan(held, times=None)
    with people([f"{server.url}/cpse/npi/{npi}" for npi in npis(PEOPLE)]) as opened:
        for _ in range(OF_ONE_SYSTEM):
            assert held.arrived.acquire(timeout=10)
        # Those who find no place are told so while the others still wait, and the list of providers is there.
        busy = [answer for answer in wait_for(opened, PEOPLE - OF_ONE_SYSTEM) if "busy" in words_of(answer)]
        for _ in range(3):
            assert "Bright Harbor" in words_of(requests.get(f"{server.url}/cpse/providers?q=bright", timeout=10))
        assert not held.release.is_set()
        held.release.set()
    assert len(busy) == PEOPLE - OF_ONE_SYSTEM
    assert sum("is not in the NPI Registry" in words_of(future.result()) for future in opened) == OF_ONE_SYSTEM


def test_a_page_answers_while_the_portal_keeps_every_answer_back(server: PooledServer, portal: Portal) -> None:
    held = Held()
    portal.faults.plan(held, times=None)
    # The first three providers do not use the Portal.
    with people([f"{server.url}/cpse/providers/{number}/matches" for number in range(4, 4 + PEOPLE)]) as opened:
        assert held.arrived.acquire(timeout=10)
        assert "Bright Harbor" in words_of(requests.get(f"{server.url}/cpse/providers?q=bright", timeout=10))
        busy = wait_for(opened, PEOPLE - OF_ONE_SYSTEM)
        # The Portal being slow does not keep the registry from being asked.
        assert "BRIGHT HARBOR" in words_of(requests.get(f"{server.url}/cpse/npi/1999101011", timeout=10))
        assert not held.release.is_set()
        held.release.set()
    assert all("The CPSE Portal is busy" in words_of(answer) for answer in busy)


def wait_for(opened: list[Future[requests.Response]], count: int) -> list[requests.Response]:
    """The first `count` answers."""
    ended = threading.Semaphore(0)
    for future in opened:
        future.add_done_callback(lambda _: ended.release())
    for _ in range(count):
        assert ended.acquire(timeout=10)
    return [future.result() for future in opened if future.done()]
