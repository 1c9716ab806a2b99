"""The plugin's health, for a load balancer; anybody may ask for it, and as often as they like."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy.pool import QueuePool

from cpse_plugin.sandbox.faults import Faults, Slow, Status
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services import health
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.pooled_server import PooledServer
from tests.world import Gate, Who, parts_of

from .conftest import BothDatabases

ALL_WELL = {"database": "ok", "portal": "ok", "npi_registry": "ok"}
LOOPS = 12
PAGES = 10


@BothDatabases
def test_all_is_well(intranet: Flask, who: Who) -> None:
    who.staff = None
    answer = intranet.test_client().get("/cpse/health")
    assert (answer.status_code, answer.json) == (200, ALL_WELL)


def test_what_does_not_answer_is_named_and_nothing_more(intranet: Flask, portal: Portal, registry: Faults) -> None:
    portal.faults.plan(Status(500), times=None)
    registry.plan(Status(500), times=None)
    answer = intranet.test_client().get("/cpse/health")
    expected = {"database": "ok", "portal": "unavailable", "npi_registry": "unavailable"}
    assert (answer.status_code, answer.json) == (200, expected)


def test_without_the_database_nothing_works(make_intranet: MakeIntranet, tmp_path: object) -> None:
    app = make_intranet(f"sqlite:///{tmp_path}/no/such/folder.db")
    answer = app.test_client().get("/cpse/health")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["database"] == "unavailable"


def test_a_pool_with_no_connection_left_is_told_in_time_and_in_json(
    make_intranet: MakeIntranet, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LONGEST", 0.5)
    options = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "pool_timeout": 30}
    app = make_intranet(database_url, SQLALCHEMY_ENGINE_OPTIONS=options)
    with parts_of(app).database.engine.connect():
        began = time.monotonic()
        answer = app.test_client().get("/cpse/health")
        assert time.monotonic() - began < health.LONGEST + 4
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["database"], answer.json["portal"]) == ("unavailable", "ok")


@pytest.mark.parametrize("name", ["database", "portal", "registry"])
def test_a_fault_that_nobody_thought_of_is_told_in_json(
    cpse: Parts, intranet: Flask, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def stumble() -> None:
        raise ZeroDivisionError

    asks = {"database": cpse.database.ping, "portal": cpse.portal.ping, "npi_registry": cpse.registry.ping}
    asks[{"registry": "npi_registry"}.get(name, name)] = stumble
    monkeypatch.setattr(cpse.health, "_asks", health.HealthChecks(asks)._asks)
    answer = intranet.test_client().get("/cpse/health")
    assert answer.json == {**ALL_WELL, {"registry": "npi_registry"}.get(name, name): "unavailable"}


def test_a_host_that_refuses_the_request_before_the_view_is_told_in_json(intranet: Flask) -> None:
    @intranet.before_request
    def fail() -> None:
        raise RuntimeError("the host's own database is away")

    answer = intranet.test_client().get("/cpse/health")
    assert answer.status_code == 500
    assert answer.is_json


def test_systems_that_hang_are_given_up_together(
    intranet: Flask, portal: Portal, registry: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert health.LONGEST < 5
    monkeypatch.setattr(health, "LONGEST", 0.5)
    portal.faults.plan(Slow(60), times=None)
    registry.plan(Slow(60), times=None)
    began = time.monotonic()
    answer = intranet.test_client().get("/cpse/health")
    assert time.monotonic() - began < 5
    assert answer.json == {"database": "ok", "portal": "unavailable", "npi_registry": "unavailable"}


def test_an_answer_is_kept_for_a_while(
    intranet: Flask, portal: Portal, registry: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = intranet.test_client()
    for _ in range(5):
        assert client.get("/cpse/health").json == ALL_WELL
    assert len(portal.faults.received("GET")) == 1
    portal.faults.plan(Status(500), times=None)
    monkeypatch.setattr(health, "GOOD_FOR", 0.0)
    assert client.get("/cpse/health").json == {**ALL_WELL, "portal": "unavailable"}


def test_while_one_is_asking_the_others_are_answered_at_once(
    intranet: Flask, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    portal.faults.plan(gate, method="GET")
    first: list[Any] = []
    asking = threading.Thread(target=lambda: first.append(intranet.test_client().get("/cpse/health").json))
    asking.start()
    assert gate.entered.wait(10)
    others = intranet.test_client().get("/cpse/health")
    assert (others.status_code, set(others.json.values() if others.json else ())) == (200, {"checking"})
    assert first == []
    gate.leave.set()
    asking.join(10)
    assert first == [ALL_WELL]
    # From then on it is the finding before that the others get.
    monkeypatch.setattr(health, "GOOD_FOR", 0.0)
    second = Gate()
    portal.faults.plan(second, method="GET")
    asking = threading.Thread(target=lambda: first.append(intranet.test_client().get("/cpse/health").json))
    asking.start()
    assert second.entered.wait(10)
    assert intranet.test_client().get("/cpse/health").json == ALL_WELL
    second.leave.set()
    asking.join(10)


@pytest.fixture
def server(make_intranet: MakeIntranet, database_url: str) -> Iterator[PooledServer]:
    """A county's server, with fewer places for other systems than there are loops."""
    with PooledServer(make_intranet(database_url, CPSE_UPSTREAM_CALLS="2"), LOOPS + 4) as server:
        yield server


@pytest.mark.parametrize("address", ["/cpse/health", "/cpse/sign-in", "/cpse/signed-out"])
def test_anonymous_loops_take_nothing_from_staff(server: PooledServer, portal: Portal, address: str) -> None:
    over = threading.Event()

    def loop() -> int:
        with requests.Session() as session:
            rounds = 0
            while not over.is_set():
                session.get(server.url + address, timeout=30)
                rounds += 1
            return rounds

    with ThreadPoolExecutor(LOOPS) as pool:
        loops = [pool.submit(loop) for _ in range(LOOPS)]
        try:
            # The first three providers do not use the Portal.
            pages = [requests.get(f"{server.url}/cpse/providers/{4 + n}/matches", timeout=30) for n in range(PAGES)]
        finally:
            over.set()
        assert sum(running.result() for running in loops) > LOOPS
    assert [page.status_code for page in pages] == [200] * PAGES
    assert not any("is busy" in page.text for page in pages)
    asked = portal.faults.received("GET")
    assert len([request for request in asked if request.path == "/v1/professions"]) <= 1
