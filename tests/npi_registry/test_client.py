"""A look-up has three outcomes, and none of them is taken for another."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from responses import matchers

from cpse_plugin.domain.registry import NpiRecord, ProviderKind
from cpse_plugin.npi_registry.client import ApiNpiRegistry
from cpse_plugin.npi_registry.gateway import NpiRegistry, RegistryUnavailable
from cpse_plugin.outbound import USER_AGENT, NotSent
from cpse_plugin.settings import Timeout

from ..outbound.servers import raw_server

URL = "https://registry.example/api/"
NPI = "1234567893"
OTHER_NPI = "1245251222"


@pytest.fixture
def registry() -> NpiRegistry:
    return ApiNpiRegistry(URL)


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def record(**changes: Any) -> dict[str, Any]:
    return {
        "number": NPI,
        "enumeration_type": "NPI-1",
        "basic": {"first_name": "ANA", "middle_name": "--", "last_name": "ORTIZ", "credential": "SLP", "status": "A"},
        "addresses": [
            {"address_purpose": "MAILING", "city": "ALBANY", "state": "NY"},
            {"address_purpose": "LOCATION", "city": "TROY", "state": "NY"},
        ],
        "taxonomies": [
            {"desc": "Specialist", "primary": False},
            {"desc": "Speech-Language Pathologist", "primary": True},
        ],
    } | changes


def found(*records: dict[str, Any]) -> dict[str, Any]:
    return {"result_count": len(records), "results": list(records)}


def errors(*numbers_and_words: tuple[Any, str]) -> dict[str, Any]:
    return {
        "Errors": [{"number": number, "field": "number", "description": words} for number, words in numbers_and_words]
    }


def test_a_provider_is_found(registry: NpiRegistry, mocked: responses.RequestsMock) -> None:
    asked = [
        matchers.query_param_matcher({"version": "2.1", "number": NPI}),
        matchers.header_matcher({"User-Agent": USER_AGENT}),
    ]
    mocked.get(URL, json=found(record()), match=asked)
    assert registry.look_up(NPI) == NpiRecord(
        NPI,
        ProviderKind.INDIVIDUAL,
        "ANA ORTIZ",
        "SLP",
        primary_taxonomy="Speech-Language Pathologist",
        city="TROY",
        state="NY",
    )


def test_the_registry_has_no_such_npi(registry: NpiRegistry, mocked: responses.RequestsMock) -> None:
    mocked.get(URL, json={"result_count": 0, "results": []})
    assert registry.look_up(NPI) is None


@pytest.mark.parametrize("number", ["15", 15])
def test_a_deactivated_npi(registry: NpiRegistry, mocked: responses.RequestsMock, number: object) -> None:
    mocked.get(URL, json=errors((number, f"CMS deactivated NPI {NPI}. The provider can no longer use this NPI.")))
    assert registry.look_up(NPI) == NpiRecord(NPI, None, "", active=False)


def test_a_record_that_says_itself_that_it_is_deactivated(
    registry: NpiRegistry, mocked: responses.RequestsMock
) -> None:
    basic = {"organization_name": "STEP BY STEP", "deactivation_date": "01/31/2020"}
    mocked.get(URL, json=found(record(enumeration_type="NPI-2", basic=basic)))
    answer = registry.look_up(NPI)
    assert answer is not None
    assert not answer.active
    assert str(answer.deactivated_on) == "2020-01-31"


@pytest.mark.parametrize(
    "npi", ["", "123456789", "1234567890", "2999999998", "0000000006", "12345678931", "１２３４５６７８９３"]
)
def test_what_is_no_npi_is_never_sent(registry: NpiRegistry, mocked: responses.RequestsMock, npi: str) -> None:
    with pytest.raises(ValueError, match="well-formed"):
        registry.look_up(npi)
    assert len(mocked.calls) == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (errors(("06", "NPI must be 10 digits")), "NPI must be 10 digits"),
        (errors(("07", "one"), ("09", "two")), "7: one; 9: two"),
        (errors(("15", f"CMS deactivated NPI {OTHER_NPI}.")), OTHER_NPI),
        ({"Errors": []}, "error"),
        ({"Errors": "all of them"}, "error"),
        (found(record(number=OTHER_NPI)), "another NPI"),
        (found(record(), record(number=OTHER_NPI)), "another NPI"),
        (found(record(number=None)), "no NPI"),
        (found(record(basic={})), "no name"),
        (found(record(basic=[])), "JSON object"),
        (found(record(enumeration_type="NPI-3")), "kind"),
        ({"result_count": 1, "results": []}, "neither"),
        ({"result_count": 0, "results": [record()]}, "neither"),
        ({"results": []}, "neither"),
        ({"result_count": 0}, "neither"),
        ([], "JSON object"),
        (None, "JSON object"),
    ],
)
def test_what_is_no_clear_answer_is_never_taken_for_not_found(
    registry: NpiRegistry, mocked: responses.RequestsMock, content: object, says: str
) -> None:
    mocked.get(URL, body=json.dumps(content))
    with pytest.raises(RegistryUnavailable, match=says):
        registry.look_up(NPI)


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<html>Down for maintenance</html>", "content_type": "text/html"},
        {"body": b""},
        {"body": b"[" * 200_000},
        {"body": b'{"result_count": NaN, "results": []}'},
        {"json": {"result_count": 0, "results": []}, "status": 404},
        {"json": {"result_count": 0, "results": []}, "status": 429},
        {"json": {"result_count": 0, "results": []}, "status": 500},
        {"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"body": NotSent("connection refused")},
        {"body": requests.ReadTimeout("too slow")},
        {"body": requests.ConnectionError("reset")},
    ],
)
def test_a_failure_is_never_taken_for_not_found(
    registry: NpiRegistry, mocked: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    mocked.get(URL, **answer)
    with pytest.raises(RegistryUnavailable):
        registry.look_up(NPI)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": int(NPI)},
        {"enumeration_type": None},
        {"addresses": None, "taxonomies": "none"},
        {"addresses": [None, {"address_purpose": "LOCATION", "city": 12, "state": None}]},
        {"created_epoch": "1277836466000", "last_updated_epoch": 1537639861},
    ],
)
def test_the_drift_of_the_form_does_no_harm(
    registry: NpiRegistry, mocked: responses.RequestsMock, changes: dict[str, Any]
) -> None:
    mocked.get(URL, json=found(record(**changes)))
    answer = registry.look_up(NPI)
    assert answer is not None
    assert (answer.npi, answer.kind, answer.name) == (NPI, ProviderKind.INDIVIDUAL, "ANA ORTIZ")


@pytest.mark.parametrize(
    ("basic", "name"),
    [
        ({"first_name": "ANA", "middle_name": "MARIA", "last_name": "ORTIZ", "name": "ORTIZ ANA"}, "ANA MARIA ORTIZ"),
        ({"first_name": "", "middle_name": None, "last_name": "ORTIZ"}, "ORTIZ"),
        ({"first_name": "--", "last_name": "--", "name": "ORTIZ ANA"}, "ORTIZ ANA"),
        ({"first_name": "Jo-Ann", "last_name": "O'NEIL"}, "Jo-Ann O'NEIL"),
        ({"first_name": "A\u202eNA\x00", "last_name": "OR\ud800TIZ\r\n"}, "ANA ORTIZ"),
    ],
)
def test_the_name_stands_in_reading_order_and_is_clean(
    registry: NpiRegistry, mocked: responses.RequestsMock, basic: dict[str, Any], name: str
) -> None:
    mocked.get(URL, body=json.dumps(found(record(basic=basic))))
    answer = registry.look_up(NPI)
    assert answer is not None
    assert answer.name == name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(["number", "enumeration_type", "basic", "addresses", "taxonomies"])
PARTS = st.sampled_from(["first_name", "last_name", "organization_name", "status", "deactivation_date", "name"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members=st.dictionaries(MEMBERS, JSON), parts=st.dictionaries(PARTS, JSON))
def test_no_form_of_a_record_leads_to_anything_but_a_record_or_unavailable(
    monkeypatch: pytest.MonkeyPatch, members: dict[str, Any], parts: dict[str, Any]
) -> None:
    monkeypatch.setattr("cpse_plugin.npi_registry.client._SECONDS_BETWEEN_CALLS", 0)
    registry = ApiNpiRegistry(URL)
    odd = record(**members)
    if isinstance(odd["basic"], dict):
        odd["basic"] = odd["basic"] | parts
    with responses.RequestsMock() as mock:
        mock.get(URL, body=json.dumps(found(odd)))
        try:
            answer = registry.look_up(NPI)
        except RegistryUnavailable:
            return
    assert answer is not None
    assert answer.npi == NPI
    assert answer.name
    answer.name.encode()


def test_ping_asks_for_an_npi_of_nobody(registry: NpiRegistry, mocked: responses.RequestsMock) -> None:
    mocked.get(
        URL,
        json={"result_count": 0, "results": []},
        match=[matchers.query_param_matcher({"version": "2.1", "number": "1999999984"})],
    )
    registry.ping()


def test_ping_tells_that_the_registry_is_down(registry: NpiRegistry, mocked: responses.RequestsMock) -> None:
    mocked.get(URL, status=503)
    with pytest.raises(RegistryUnavailable, match="503"):
        registry.ping()


def test_no_more_than_four_calls_are_made_at_once() -> None:
    arrived = threading.Semaphore(0)
    release = threading.Event()
    lock = threading.Lock()
    now: list[int] = [0]
    most: list[int] = [0]

    def script(server: object, connection: Any) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        arrived.release()
        release.wait(10)
        body = json.dumps(found()).encode()
        with lock:
            now[0] -= 1
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with raw_server(script) as server:
        registry = ApiNpiRegistry(server.url, timeout=Timeout(5, 20))
        answers: list[object] = []
        threads = [threading.Thread(target=lambda: answers.append(registry.look_up(NPI))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for _ in range(4):
            assert arrived.acquire(timeout=10)
        assert not arrived.acquire(timeout=0.5)
        release.set()
        for thread in threads:
            thread.join(20)
    assert answers == [None] * 6
    assert most == [4]


def test_calls_keep_a_distance(mocked: responses.RequestsMock) -> None:
    registry = ApiNpiRegistry(URL)
    mocked.get(URL, json=found())
    started = time.monotonic()
    for _ in range(3):
        registry.look_up(NPI)
    assert time.monotonic() - started >= 0.39


def test_each_call_is_logged(
    registry: NpiRegistry, mocked: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    mocked.get(URL, json=found())
    with caplog.at_level(logging.INFO, logger="cpse_plugin.npi_registry"):
        registry.look_up(NPI)
    assert "look-up: HTTP 200 in" in caplog.text
