"""What goes wrong on the way: told apart by whether the Portal may have carried the call out."""

import json
import logging
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cpse_plugin.domain.portal_records import NewInvitation, NewPortalProvider
from cpse_plugin.domain.providers import ProviderType
from cpse_plugin.outbound import AnswerTooLarge, DeadlineExceeded, NotSent
from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.portal.gateway import PortalBusy, PortalError, PortalNotAsked, PortalOutcomeUnknown, PortalUnanswered

from ..outbound.servers import RawServer, free_port, raw_server
from . import samples
from .samples import BASE, KEY, NPI, SECRET, STAFF, TOKEN, admin_user, page, problem, provider, settings

PROVIDERS = f"{BASE}/providers"
ONE = f"{BASE}/providers/prv_1"
NEW_PROVIDER = NewPortalProvider("17", "Step by Step", ProviderType.AGENCY, NPI, None, None, None)

GONE_OUT = [
    requests.ReadTimeout("too slow"),
    requests.ConnectionError("connection reset"),
    requests.exceptions.ChunkedEncodingError("broken off"),
    DeadlineExceeded("too slow", sent=True),
    AnswerTooLarge("400 MB"),
]
NEVER_LEFT = [
    NotSent("connection refused"),
    requests.ConnectTimeout("too slow"),
    DeadlineExceeded("no time was left", sent=False),
]


def add(gateway: HttpPortalGateway) -> None:
    gateway.add_provider(NEW_PROVIDER, key=KEY, acting_user=STAFF)


def find(gateway: HttpPortalGateway) -> list[str]:
    return [match.id for match in gateway.find_providers(npi=NPI, sed_code=None, acting_user=STAFF)]


@pytest.mark.parametrize("failure", GONE_OUT, ids=repr)
def test_of_a_change_that_went_out_nobody_knows(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, failure: Exception
) -> None:
    sent = portal.post(PROVIDERS, body=failure)
    with pytest.raises(PortalOutcomeUnknown):
        add(gateway)
    assert sent.call_count == 1


@pytest.mark.parametrize("failure", NEVER_LEFT, ids=repr)
def test_a_change_that_never_left_was_not_asked(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, failure: Exception
) -> None:
    sent = portal.post(PROVIDERS, body=failure)
    with pytest.raises(PortalNotAsked):
        add(gateway)
    assert sent.call_count == 1


CHANGES: list[tuple[str, str, Callable[[HttpPortalGateway], object]]] = [
    ("POST", PROVIDERS, add),
    ("PUT", f"{ONE}/association", lambda gateway: gateway.associate("prv_1", "17", acting_user=STAFF)),
    ("DELETE", f"{ONE}/association", lambda gateway: gateway.dissociate("prv_1", "17", acting_user=STAFF)),
]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 202, 302, 307])
@pytest.mark.parametrize(("method", "url", "change"), CHANGES, ids=["POST", "PUT", "DELETE"])
def test_a_change_is_sent_once_and_its_outcome_unknown(
    gateway: HttpPortalGateway,
    portal: responses.RequestsMock,
    status: int,
    method: str,
    url: str,
    change: Callable[[HttpPortalGateway], object],
) -> None:
    sent = portal.add(method, url, body="", status=status, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(PortalOutcomeUnknown):
        change(gateway)
    assert sent.call_count == 1


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_read_is_tried_three_times(gateway: HttpPortalGateway, portal: responses.RequestsMock, status: int) -> None:
    bad = portal.get(PROVIDERS, status=status)
    with pytest.raises(PortalUnanswered):
        find(gateway)
    assert bad.call_count == 3


def test_a_read_gets_over_two_failures(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.get(PROVIDERS, body=requests.ConnectionError("reset"))
    portal.get(PROVIDERS, status=502)
    portal.get(PROVIDERS, json=page(provider()))
    assert find(gateway) == ["prv_1"]


@pytest.mark.parametrize("answer", [{"status": 500}, {"body": requests.ReadTimeout()}, {"status": 302}])
def test_a_failure_that_would_come_again_is_not_tried_again(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    bad = portal.get(PROVIDERS, **answer)
    with pytest.raises(PortalUnanswered):
        find(gateway)
    assert bad.call_count == 1


def test_a_read_waits_where_the_portal_asks_for_a_moment(
    gateway: HttpPortalGateway, portal: responses.RequestsMock
) -> None:
    portal.get(PROVIDERS, json=problem("busy", 429), status=429, headers={"Retry-After": "1"})
    portal.get(PROVIDERS, json=page(provider()))
    started = time.monotonic()
    assert find(gateway) == ["prv_1"]
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("header", ["6", "3600"])
def test_a_read_does_not_wait_for_long(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, status: int, header: str
) -> None:
    busy = portal.get(PROVIDERS, status=status, json=problem("busy", status), headers={"Retry-After": header})
    with pytest.raises(PortalBusy) as caught:
        find(gateway)
    assert caught.value.retry_after == float(header)
    assert busy.call_count == 1


UNREADABLE = [
    b"",
    b"<html>Hello</html>",
    b'{"items": [',
    b'{"items": NaN}',
    '{"items": "Zoë"}'.encode("latin-1"),
    b'{"items":' + b"[" * 200_000,
    b"[]",
    b"null",
    b"{}",
    b'{"items": {}}',
    b'{"items": [{}]}',
]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:20]))
def test_an_answer_that_cannot_be_read_is_never_taken_for_nothing_found(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, body: bytes
) -> None:
    portal.get(PROVIDERS, body=body)
    with pytest.raises(PortalUnanswered, match="cannot be used"):
        find(gateway)


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:20]))
def test_a_change_whose_answer_cannot_be_read_may_have_been_done(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, body: bytes
) -> None:
    portal.post(PROVIDERS, body=body, status=201)
    with pytest.raises(PortalOutcomeUnknown):
        add(gateway)


WRONG = [
    {"id": None},
    {"id": 7},
    {"id": "../7"},
    {"name": ""},
    {"name": 12},
    {"type": "hospital"},
    {"npi": 1234567893},
    {"npi": "123"},
    {"npi": []},
    {"sed_code": 10100010000},
    {"sed_code": "10100010000"},
    {"status": "sleeping"},
    {"status": None},
    {"association": "17"},
    {"association": {"county_provider_id": 17, "since": "2026-01-02T03:04:05Z"}},
    {"updated_at": "yesterday"},
    {"updated_at": 1700000000},
    {"updated_at": "0001-01-01T00:00:00+05:00"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_one_bad_row_does_not_take_the_good_ones_along(
    gateway: HttpPortalGateway,
    portal: responses.RequestsMock,
    wrong: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    portal.get(PROVIDERS, json=page(provider(**wrong), None, provider(id="prv_2"), provider(id="prv_2", name="Again")))
    assert find(gateway) == ["prv_2"]
    assert "left out one item" in caplog.text


@pytest.mark.parametrize("missing", ["id", "name", "type", "npi", "sed_code", "status", "association", "updated_at"])
def test_a_provider_without_a_part_that_the_work_rests_on_is_not_used(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, missing: str
) -> None:
    incomplete = {name: value for name, value in provider().items() if name != missing}
    portal.get(ONE, json=incomplete)
    with pytest.raises(PortalUnanswered, match=missing):
        gateway.get_provider("prv_1", acting_user=STAFF)


@pytest.mark.parametrize(
    "changes",
    [
        {"address": None, "phone": None},
        {"address": "1 Main Street", "phone": 5185550100},
        {"address": {"line1": "1 Main Street"}},
        {"something": "new"},
    ],
)
def test_what_is_only_shown_may_be_odd(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, changes: dict[str, Any]
) -> None:
    portal.get(ONE, json=provider(**changes))
    found = gateway.get_provider("prv_1", acting_user=STAFF)
    assert found is not None
    assert found.name == "Step by Step"


def test_what_is_longer_than_the_contract_has_it_is_not_cut_to_something_else(
    gateway: HttpPortalGateway, portal: responses.RequestsMock
) -> None:
    portal.get(ONE, json=provider(address=provider()["address"] | {"state": "Nevada"}))
    found = gateway.get_provider("prv_1", acting_user=STAFF)
    assert found is not None
    assert found.address is not None
    assert found.address.state == "Nevada"


def test_an_odd_cursor_is_told_once(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    portal.get(PROVIDERS, json=page(provider()) | {"next_cursor": 7})
    find(gateway)
    assert [record.levelname for record in caplog.records if "next_cursor" in record.getMessage()] == ["WARNING"]


def test_strings_are_cleaned(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.get(ONE, body=json.dumps(provider(name="Step\ud800 \u202eby\x00\r\n Step", phone=" 518 ")))
    found = gateway.get_provider("prv_1", acting_user=STAFF)
    assert found is not None
    assert (found.name, found.phone) == ("Step by Step", "518")


def test_another_provider_than_the_one_asked_for_is_not_used(
    gateway: HttpPortalGateway, portal: responses.RequestsMock
) -> None:
    portal.get(ONE, json=provider(id="prv_2"))
    with pytest.raises(PortalUnanswered, match="another provider"):
        gateway.get_provider("prv_1", acting_user=STAFF)


@pytest.mark.parametrize("association", [None, {"county_provider_id": "18", "since": "2026-01-02T03:04:05Z"}])
def test_an_association_that_does_not_show_in_the_answer_is_not_believed(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, association: object
) -> None:
    portal.put(f"{ONE}/association", json=provider(association=association))
    with pytest.raises(PortalOutcomeUnknown, match="not associated"):
        gateway.associate("prv_1", "17", acting_user=STAFF)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wrong_provider=st.dictionaries(st.sampled_from(sorted(provider())), JSON),
    wrong_admin=st.dictionaries(st.sampled_from(sorted(admin_user())), JSON),
)
def test_no_form_of_an_answer_leads_to_anything_but_records_or_a_portal_error(
    gateway: HttpPortalGateway, wrong_provider: dict[str, Any], wrong_admin: dict[str, Any]
) -> None:
    good = provider(id="prv_good")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(samples.TOKEN_URL, json=samples.token_answer())
        mock.get(PROVIDERS, body=json.dumps(page(provider(**wrong_provider), good)))
        mock.get(f"{ONE}/admin-users", body=json.dumps({"items": [admin_user(**wrong_admin)]}))
        assert "prv_good" in find(gateway)
        try:
            for admin in gateway.list_admin_users("prv_1", acting_user=STAFF):
                repr(admin).encode()
        except PortalError:
            return


def with_token(script: Any) -> Any:
    """A script of a raw server that grants tokens and leaves everything else to `script`."""

    def serve(server: RawServer, connection: socket.socket) -> None:
        if server.requests[-1].startswith(b"POST /oauth/token"):
            body = json.dumps(samples.token_answer()).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        else:
            script(server, connection)

    return serve


def raw_gateway(port: int) -> HttpPortalGateway:
    return HttpPortalGateway(settings(CPSE_PORTAL_URL=f"http://127.0.0.1:{port}", CPSE_PORTAL_TIMEOUT="0.5,0.5"))


def invite(gateway: HttpPortalGateway) -> None:
    gateway.invite_admin_user("prv_1", NewInvitation("Ana", "Ortiz", "ana@example.org"), key=KEY, acting_user=STAFF)


def test_a_portal_that_is_down_was_not_asked() -> None:
    with pytest.raises(PortalNotAsked, match="refused"):
        invite(raw_gateway(free_port()))


def test_a_connection_that_is_reset_after_the_invitation_went_out() -> None:
    def reset(server: RawServer, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with raw_server(with_token(reset)) as server:
        with pytest.raises(PortalOutcomeUnknown):
            invite(raw_gateway(server.port))
        assert len([request for request in server.requests if b"/invitations" in request]) == 1


def test_a_portal_that_drips_is_given_up_in_time() -> None:
    def drip(server: RawServer, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2000\r\n\r\n")
        server.dripping(connection, b" " * 2000)

    with raw_server(with_token(drip)) as server:
        started = time.monotonic()
        with pytest.raises(PortalOutcomeUnknown, match="in time"):
            invite(raw_gateway(server.port))
    assert time.monotonic() - started < 5


def test_the_log_tells_of_each_call_and_holds_no_secret(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    portal.get(PROVIDERS, body=requests.ConnectionError("reset"))
    portal.get(PROVIDERS, json=page(provider()))
    find(gateway)
    lines = [entry.getMessage() for entry in caplog.records if entry.name == "cpse_plugin.portal"]
    assert len(lines) == 2
    assert lines[0].startswith("GET findProviders: no answer (ConnectionError: reset) in ")
    assert lines[1].startswith("GET findProviders: HTTP 200 in ")
    assert SECRET not in caplog.text
    assert TOKEN not in caplog.text
