"""The Portal's tokens: rows P10 to P13."""

import logging
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from flask import Flask
from joserfc.jwk import ECKey

from cpse_plugin.sandbox.faults import (
    Body,
    Drip,
    DropBefore,
    Empty,
    ExpireTokens,
    Fault,
    Faults,
    Html,
    Redirect,
    Status,
)
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.sandbox.server import LoopbackServer
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.world import Gate

from .changes import ALL, INVITE, LINK, Change
from .seat import DONE, NOT_DONE, NOT_KNOWN, Seat, told

TOKEN = "/v1/oauth/token$"
FIND = "/v1/providers$"
AT_ONCE = 8


def test_p10_a_token_that_ended_early_is_renewed_unnoticed_for_a_question(seat: Seat, portal: Portal) -> None:
    seat.portal_section("TC-1004")
    portal.faults.clear()
    portal.faults.plan(ExpireTokens(), path=FIND)
    assert "One CPSE Portal provider matches" in seat.portal_section("TC-1004").text
    assert len(portal.faults.received("POST", TOKEN)) == 1
    assert len(portal.faults.received("GET", FIND)) == 2


@pytest.mark.parametrize("change", ALL, ids=str)
def test_p10_a_change_is_sent_again_after_a_401_alone_and_with_its_key(
    seat: Seat, cpse: Parts, portal: Portal, change: Change
) -> None:
    form = change.form(seat)
    portal.faults.plan(ExpireTokens(), method=change.method, path=change.path)
    assert told(seat.send(form)) == DONE
    sent = change.sent(portal)
    assert len(sent) == 2
    assert len({request.headers.get("idempotency-key") for request in sent}) == 1
    assert len({request.headers["authorization"] for request in sent}) == 2
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


def test_p10_a_portal_that_refuses_every_token_is_asked_twice_and_the_operator_named(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    form = INVITE.form(seat)
    portal.faults.plan(Status(401), method=INVITE.method, path=INVITE.path, times=None)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (502, NOT_DONE)
    assert "please tell the people who look after this intranet" in answer.text
    assert len(INVITE.sent(portal)) == 2
    assert (INVITE.effects(portal), cpse.operations.open_for()) == (0, [])


REFUSED = '{"error": "invalid_client", "error_description": "no such client"}'
NO_TOKEN: dict[str, tuple[Fault, str]] = {
    "down": (DropBefore(), "The CPSE Portal could not be reached"),
    "500": (Status(500), "The CPSE Portal could not be reached"),
    "invalid_client": (Body(REFUSED.encode(), 400), "The CPSE Portal does not let this intranet in"),
    "401": (Body(REFUSED.encode(), 401), "The CPSE Portal does not let this intranet in"),
    "{}": (Body(b"{}"), "The CPSE Portal could not be reached"),
    "null": (Body(b'{"access_token": null, "token_type": "Bearer"}'), "The CPSE Portal could not be reached"),
    "odd life": (
        Body(b'{"access_token": "x", "token_type": "Bearer", "expires_in": "abc"}'),
        "The CPSE Portal could not be reached",
    ),
    "html": (Html(), "The CPSE Portal could not be reached"),
    "empty": (Empty(), "The CPSE Portal could not be reached"),
    "busy": (Status(503, {"Retry-After": "9"}), "Please try again in 9 seconds"),
}


@pytest.mark.parametrize(("fault", "words"), NO_TOKEN.values(), ids=NO_TOKEN.keys())
def test_p11_without_a_token_nothing_is_asked_and_the_reason_told_once(
    seat: Seat,
    cpse: Parts,
    portal: Portal,
    fault: Fault,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("cpse_plugin.portal.token._PAUSE_AFTER_FAILURE", 60.0)
    portal.faults.plan(fault, path=TOKEN, times=None)
    for _ in range(3):
        answer = seat.portal_section("TC-1004")
        assert (answer.status, told(answer)) == (200, NOT_DONE)
        assert words in answer.text
    assert caplog.text.count("no token for the Portal: ") == 1
    # After a failure nobody asks again for a moment.
    assert [request.path for request in portal.faults.requests] == ["/v1/oauth/token"]
    added = seat.send(seat.addition_form("TC-1021"))
    assert told(added) == NOT_DONE
    assert words in added.text
    assert cpse.operations.open_for() == []
    assert seat.providers().status == 200
    assert all(entry.exc_info is None for entry in caplog.records if entry.levelno >= logging.ERROR)


def test_p11_a_token_endpoint_that_drips_is_given_up(impatient_seat: Seat, portal: Portal) -> None:
    portal.faults.plan(Drip(0.5), path=TOKEN)
    assert told(impatient_seat.portal_section("TC-1004")) == NOT_DONE


def test_p11_after_the_pause_the_token_is_asked_for_again(
    seat: Seat, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cpse_plugin.portal.token._PAUSE_AFTER_FAILURE", 0.0)
    portal.faults.plan(Status(500), path=TOKEN)
    assert told(seat.portal_section("TC-1004")) == NOT_DONE
    assert "One CPSE Portal provider matches" in seat.portal_section("TC-1004").text


@pytest.fixture
def seat_with_key(make_intranet: MakeIntranet, database_url: str, portal: Portal, fragments: bool) -> Seat:
    """At a host that signs in at the token endpoint with a private key."""
    key = ECKey.generate_key("P-256", auto_kid=False)
    known = portal.tokens._clients
    client = known["tamarack-intranet"]
    known[client.client_id] = replace(client, secret=None, public_key=ECKey.import_key(key.as_dict(private=False)))
    private = key.as_pem(private=True).decode()
    intranet = make_intranet(database_url, CPSE_PORTAL_CLIENT_SECRET=None, CPSE_PORTAL_PRIVATE_KEY=private)
    return Seat(intranet, fragments=fragments)


@pytest.mark.parametrize("seconds", [30, -30])
def test_p11_a_clock_that_is_off_by_half_a_minute_does_no_harm(
    seat_with_key: Seat, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set_clock(monkeypatch, seconds)
    assert "One CPSE Portal provider matches" in seat_with_key.portal_section("TC-1004").text


def test_p11_a_clock_that_is_off_by_an_hour_is_a_matter_for_the_operator(
    seat_with_key: Seat, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _set_clock(monkeypatch, -3600)
    answer = seat_with_key.portal_section("TC-1004")
    assert told(answer) == NOT_DONE
    assert "please tell the people who look after this intranet" in answer.text
    added = seat_with_key.send(seat_with_key.addition_form("TC-1021"))
    assert told(added) == NOT_DONE
    assert "CPSE Portal does not let this intranet in" in added.text
    assert "no token for the Portal: the token endpoint refuses the client (invalid_client" in caplog.text


def _set_clock(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Let the clock that the client's assertions go by be fast, or slow."""
    clock = SimpleNamespace(time=lambda: time.time() + seconds)
    monkeypatch.setattr("cpse_plugin.portal.client_key.time", clock)


def test_p12_many_at_once_fetch_one_token(intranet: Flask, portal: Portal, fragments: bool) -> None:
    gate = Gate()
    portal.faults.plan(gate, path=TOKEN)
    answers, threads = _ask_at_once(intranet, fragments)
    assert gate.entered.wait(30)
    gate.leave.set()
    for thread in threads:
        thread.join(30)
    assert len(answers) == AT_ONCE
    assert all("One CPSE Portal provider matches" in text for text in answers)
    assert len(portal.faults.received("POST", TOKEN)) == 1


def test_p12_many_at_once_renew_a_token_once(intranet: Flask, portal: Portal, fragments: bool) -> None:
    Seat(intranet, fragments=fragments).portal_section("TC-1004")
    portal.tokens.revoke_all()
    portal.faults.clear()
    answers, threads = _ask_at_once(intranet, fragments)
    for thread in threads:
        thread.join(30)
    assert len(answers) == AT_ONCE
    assert all("One CPSE Portal provider matches" in text for text in answers)
    assert len(portal.faults.received("POST", TOKEN)) == 1


@pytest.fixture
def elsewhere() -> Faults:
    """Another server, which notes what comes in."""
    return Faults(lambda environ, start: (start("200 OK", []), [b"{}"])[1])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_p13_a_question_is_not_led_elsewhere(seat: Seat, portal: Portal, elsewhere: Faults, status: int) -> None:
    with LoopbackServer("elsewhere", elsewhere) as server:
        portal.faults.plan(Redirect(f"{server.url}/v1/providers", status), method="GET", path=FIND)
        answer = seat.portal_section("TC-1004")
    assert told(answer) == NOT_DONE
    assert list(elsewhere.requests) == []


@pytest.mark.parametrize("change", [INVITE, LINK], ids=str)
@pytest.mark.parametrize("status", [302, 307, 308])
def test_p13_neither_a_change_nor_its_token_is_led_elsewhere(
    seat: Seat, portal: Portal, elsewhere: Faults, change: Change, status: int
) -> None:
    form = change.form(seat)
    with LoopbackServer("elsewhere", elsewhere) as server:
        portal.faults.plan(Redirect(f"{server.url}/take", status), method=change.method, path=change.path)
        assert told(seat.send(form)) == NOT_KNOWN
        assert told(seat.check_now(change.number)) == DONE
    assert list(elsewhere.requests) == []
    assert change.effects(portal) == 1


def test_p13_the_clients_secret_is_not_led_elsewhere(seat: Seat, portal: Portal, elsewhere: Faults) -> None:
    with LoopbackServer("elsewhere", elsewhere) as server:
        portal.faults.plan(Redirect(f"{server.url}/token", 307), path=TOKEN)
        assert told(seat.portal_section("TC-1004")) == NOT_DONE
    assert list(elsewhere.requests) == []


def _ask_at_once(intranet: Flask, fragments: bool) -> tuple[list[str], list[threading.Thread]]:
    barrier = threading.Barrier(AT_ONCE)
    answers: list[str] = []

    def ask() -> None:
        seat = Seat(intranet, fragments=fragments)
        barrier.wait(30)
        answers.append(seat.portal_section("TC-1004").text)

    threads = [threading.Thread(target=ask) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    return answers, threads
