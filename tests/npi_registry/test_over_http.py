"""The registry over real HTTP, in every form that it was ever seen to answer in, and in its bad moments."""

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import pytest
from flask import Flask

from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.npi_registry.gateway import NameQuery, RegistryUnavailable
from cpse_plugin.sandbox.faults import (
    Body,
    Drip,
    DropAfter,
    DropBefore,
    Empty,
    Fault,
    Faults,
    Html,
    Huge,
    Redirect,
    Slow,
    Status,
    Truncated,
)
from cpse_plugin.services.npi import NpiAnswer, NpiOutcome
from cpse_plugin.settings import Timeout

from ..world import parts_of
from .test_captured_answers import DEACTIVATED, ERRORS, RECORDS, RESPONSES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READER = Staff("sub-rita", "Rita Reyes", "rita@tamarack.example", Role.READER)
BRIGHT_HARBOR = "1999101011"
LookUp = Callable[[str], NpiAnswer]


@pytest.fixture
def app(make_intranet: Callable[..., Flask], database_url: str, monkeypatch: pytest.MonkeyPatch) -> Flask:
    # The real patience is twelve seconds.
    monkeypatch.setattr("cpse_plugin.extension.DEFAULT_TIMEOUT", Timeout(2, 1))
    return make_intranet(database_url)


@pytest.fixture
def look_up(app: Flask) -> LookUp:
    return lambda npi: parts_of(app).npi.look_up(npi, None, READER)


def captured(name: str) -> Body:
    return Body((RESPONSES / f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", [name for name, records in RECORDS.items() if len(records) == 1])
def test_a_captured_record_is_found(look_up: LookUp, registry: Faults, name: str) -> None:
    (expected,) = RECORDS[name]
    registry.plan(captured(name))
    answer = look_up(expected.npi)
    assert (answer.outcome, answer.record) == (NpiOutcome.FOUND, expected)
    assert look_up(expected.npi).record == expected
    assert len(registry.requests) == 1


@pytest.mark.parametrize("name", RECORDS)
def test_a_captured_search_is_read(app: Flask, registry: Faults, name: str) -> None:
    registry.plan(captured(name), times=2)
    found = parts_of(app).npi.search(NameQuery("any name"), READER)
    assert {record.npi for record in found.records} == {record.npi for record in RECORDS[name]}
    assert len(found.records) == len(RECORDS[name])


@pytest.mark.parametrize(("name", "npi"), DEACTIVATED.items())
def test_a_captured_deactivation(look_up: LookUp, registry: Faults, name: str, npi: str) -> None:
    registry.plan(captured(name))
    assert look_up(npi).outcome is NpiOutcome.DEACTIVATED
    assert look_up(npi).outcome is NpiOutcome.DEACTIVATED
    assert len(registry.requests) == 1


def test_a_captured_nothing_found(look_up: LookUp, registry: Faults) -> None:
    registry.plan(captured("ropensci-npi_api-a2f836"))
    assert look_up(BRIGHT_HARBOR).outcome is NpiOutcome.NOT_FOUND


@pytest.mark.parametrize("name", ERRORS)
def test_a_captured_error_is_not_an_answer(look_up: LookUp, app: Flask, registry: Faults, name: str) -> None:
    registry.plan(captured(name), times=3)
    assert look_up(BRIGHT_HARBOR).outcome is NpiOutcome.UNAVAILABLE
    with pytest.raises(RegistryUnavailable):
        parts_of(app).npi.search(NameQuery("any name"), READER)


def test_a_record_that_was_reactivated(look_up: LookUp, registry: Faults) -> None:
    content = json.loads((RESPONSES / "ropensci-npi_api-a769af.json").read_bytes())
    one = [result for result in content["results"] if str(result["number"]) == "1003142399"]
    registry.plan(Body(json.dumps({"result_count": 1, "results": one}).encode()))
    answer = look_up("1003142399")
    assert answer.outcome is NpiOutcome.REACTIVATED
    assert answer.record is not None
    assert str(answer.record.reactivated_on) == "2019-02-13"


BAD_MOMENTS: list[Fault] = [
    Slow(3),
    Drip(0.05),
    Drip(0.05, headers=True),
    Status(500),
    Status(503, {"Retry-After": "60"}),
    Status(429),
    DropBefore(),
    DropAfter(),
    Html(),
    Empty(),
    Truncated(),
    Huge(3),
    Redirect(),
    captured("ropensci-npi_api-8bdc8b"),
    captured("ropensci-npi_api-1f9cef"),
    captured("idx13417322038_error_15_deactivated"),
    Body(b'{"result_count": 1, "results": [{"number": "1999101011"'),
    Body(b'{"result_count": 0}'),
]


@pytest.mark.parametrize("fault", BAD_MOMENTS, ids=lambda fault: type(fault).__name__)
def test_a_bad_moment_is_neither_an_answer_nor_kept(
    look_up: LookUp, registry: Faults, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    registry.plan(fault)
    answer = look_up(BRIGHT_HARBOR)
    assert (answer.outcome, answer.record) == (NpiOutcome.UNAVAILABLE, None)
    assert f"NPI {BRIGHT_HARBOR} could not be looked up: the registry" in caplog.text
    assert look_up(BRIGHT_HARBOR).outcome is NpiOutcome.FOUND


def test_a_registry_that_is_not_there(make_intranet: Callable[..., Flask], database_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api/"
        app = make_intranet(database_url, CPSE_NPI_REGISTRY_URL=url)
        assert parts_of(app).npi.look_up(BRIGHT_HARBOR, None, READER).outcome is NpiOutcome.UNAVAILABLE


@pytest.mark.parametrize("fault", [Status(500), Html(), DropBefore()], ids=lambda fault: type(fault).__name__)
def test_an_older_answer_is_shown_with_its_day(
    intranet: Flask, registry: Faults, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cpse_plugin.npi_registry.look_up.FRESH_FOR", timedelta())
    look_up = parts_of(intranet).npi.look_up
    first = look_up(BRIGHT_HARBOR, None, READER)
    registry.plan(fault)
    again = look_up(BRIGHT_HARBOR, None, READER)
    assert (again.outcome, again.record, again.outdated) == (NpiOutcome.FOUND, first.record, True)
    assert again.as_of is not None


def test_only_a_well_formed_npi_reaches_the_registry(look_up: LookUp, registry: Faults) -> None:
    for typed in ("1234567890", "2999999998", "0000000006", "12345", "19991010111", "abc", ""):
        assert look_up(typed).outcome is NpiOutcome.MALFORMED
    assert look_up(" 1999-101 011").outcome is NpiOutcome.FOUND
    assert [request.query for request in registry.requests] == [f"version=2.1&number={BRIGHT_HARBOR}"]


def test_the_registry_learns_who_asks(make_intranet: Callable[..., Flask], database_url: str, registry: Faults) -> None:
    app = make_intranet(database_url, CPSE_CONTACT="it@tamarack.example")
    parts_of(app).npi.look_up(BRIGHT_HARBOR, None, READER)
    (request,) = registry.requests
    assert request.headers["user-agent"].startswith("cpse_plugin/")
    assert request.headers["user-agent"].endswith(" (it@tamarack.example)")


@dataclass
class Held:
    """The registry answers when it is told to."""

    name: ClassVar[str] = "held"
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    release: threading.Event = field(default_factory=threading.Event)

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> "Iterable[bytes]":
        self.arrived.release()
        assert self.release.wait(10)
        return app(environ, start)


def test_equal_look_ups_of_many_people_are_one_call(look_up: LookUp, registry: Faults) -> None:
    held = Held()
    registry.plan(held)
    outcomes: list[NpiOutcome] = []
    people = [threading.Thread(target=lambda: outcomes.append(look_up(BRIGHT_HARBOR).outcome)) for _ in range(20)]
    for person in people:
        person.start()
    assert held.arrived.acquire(timeout=10)
    held.release.set()
    for person in people:
        person.join(10)
    assert outcomes == [NpiOutcome.FOUND] * 20
    assert len(registry.requests) == 1


def test_a_search_over_the_wire(app: Flask) -> None:
    found = parts_of(app).npi.search(NameQuery("bright harbor", state="NY"), READER)
    assert [(record.npi, record.name) for record in found.records] == [
        (BRIGHT_HARBOR, "BRIGHT HARBOR PRESCHOOL SERVICES INC")
    ]
