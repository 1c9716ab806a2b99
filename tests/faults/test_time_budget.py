"""A request has one time budget, and asks nobody twice who gave it no answer: rows T1 and T2."""

import time

import pytest

from cpse_plugin.outbound import budget
from cpse_plugin.sandbox.faults import DropBefore, Faults, Slow, SlowWork
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet

from .changes import ALL, INVITE, LINK, Change
from .seat import DONE, NOT_DONE, NOT_KNOWN, Seat, told

# All of it at a tenth.
BUDGET = budget.REQUEST_SECONDS / 10
TIMEOUT = "0.5,1.2"
NEVER = 60


@pytest.fixture
def hurried_seat(
    monkeypatch: pytest.MonkeyPatch, make_intranet: MakeIntranet, database_url: str, fragments: bool
) -> Seat:
    monkeypatch.setattr(budget, "REQUEST_SECONDS", BUDGET)
    return Seat(make_intranet(database_url, CPSE_PORTAL_TIMEOUT=TIMEOUT), fragments=fragments)


@pytest.mark.parametrize("change", ALL, ids=str)
def test_t1_a_portal_that_hangs_everywhere_holds_a_request_no_longer_than_its_budget(
    hurried_seat: Seat, portal: Portal, change: Change
) -> None:
    form = change.form(hurried_seat)
    portal.faults.plan(Slow(NEVER), times=None)
    began = time.monotonic()
    answer = hurried_seat.send(form)
    assert time.monotonic() - began < BUDGET + budget.RESERVE_SECONDS
    assert told(answer) in (NOT_DONE, NOT_KNOWN)
    # What was sent may be done in the end, and what was not sent will not be.
    assert (told(answer) == NOT_KNOWN) == bool(change.sent(portal))


def test_t1_what_was_done_in_time_is_told_though_no_time_is_left_to_look(
    hurried_seat: Seat, cpse: Parts, portal: Portal
) -> None:
    form = INVITE.form(hurried_seat)
    portal.faults.plan(SlowWork(0.5 * BUDGET), method=INVITE.method, path=INVITE.path)
    portal.faults.plan(Slow(NEVER), method="GET", path="/admin-users$", times=None)
    answer = hurried_seat.send(form)
    assert INVITE.on_record(cpse) == 1
    words = answer.text + answer.headers.get("HX-Trigger", "")
    assert "The invitation was sent" in words or "What was done before stands" in words
    assert "Nothing was changed" not in words
    assert "not known" not in words


def test_t1_a_change_that_could_not_be_waited_for_is_not_sent(hurried_seat: Seat, cpse: Parts, portal: Portal) -> None:
    form = LINK.form(hurried_seat)
    portal.faults.plan(Slow(0.65 * BUDGET), method="GET")
    answer = hurried_seat.send(form)
    assert (told(answer), LINK.sent(portal)) == (NOT_DONE, [])
    assert cpse.operations.open_for() == []
    assert told(hurried_seat.send(form)) == DONE


@pytest.mark.parametrize("change", ALL, ids=str)
def test_t2_a_portal_that_gave_no_answer_is_not_asked_again_for_the_same_page(
    impatient_seat: Seat, portal: Portal, change: Change
) -> None:
    form = change.form(impatient_seat)
    portal.faults.plan(Slow(NEVER), method=change.method, path=change.path)
    told(impatient_seat.send(form))
    received = portal.faults.received()
    assert received[-1] == change.sent(portal)[-1]
    assert len(change.sent(portal)) == 1


def test_t2_a_page_of_two_questions_asks_one_where_no_answer_comes(seat: Seat, portal: Portal) -> None:
    portal.faults.plan(DropBefore(), method="GET", path="/P-20632/", times=None)
    answer = seat.admin_users("TC-1015")
    assert told(answer) == NOT_DONE
    assert "Please try again" in answer.text
    # The repetitions of the first one, and nothing of the second.
    assert {request.path.rpartition("/")[2] for request in portal.faults.received("GET", "/P-20632/")} == {
        "admin-users"
    }
    portal.faults.clear()
    assert told(seat.admin_users("TC-1015")) == set()


def test_t2_that_the_registry_is_silent_is_the_registrys_alone(
    make_intranet: MakeIntranet, database_url: str, fragments: bool, portal: Portal, registry: Faults
) -> None:
    seat = Seat(make_intranet(database_url), fragments=fragments)
    registry.plan(DropBefore(), times=None)
    assert "Willow Bend" in seat.portal_section("TC-1004").text
    assert len(portal.faults.received("GET", "/v1/providers$")) == 1
