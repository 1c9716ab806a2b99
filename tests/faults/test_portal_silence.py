"""The Portal cannot be reached, is slow, or breaks off: rows P1 to P3, P6 and P7."""

import threading

import pytest
from flask import Flask

from cpse_plugin.sandbox.faults import Drip, DropAfter, DropBefore, Fault, Slow, SlowWork
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.outbound.servers import free_port
from tests.pages.client import Answer
from tests.world import Gate, by_number, parts_of

from .changes import ALL, INVITE, LINK, UNLINK, Change
from .seat import DONE, NOT_DONE, NOT_KNOWN, Seat, told


def test_p1_a_portal_that_is_not_there_leaves_the_rest_of_the_application_working(
    make_intranet: MakeIntranet, database_url: str, fragments: bool
) -> None:
    intranet = make_intranet(database_url, CPSE_PORTAL_URL=f"http://127.0.0.1:{free_port()}/v1")
    seat = Seat(intranet, fragments=fragments)
    asked = seat.portal_section("TC-1004")
    assert told(asked) == NOT_DONE
    assert "The CPSE Portal could not be reached" in asked.text
    assert asked.texts("a[href$='/matches']")[-1] == "Try again"
    assert "Willow Bend" in seat.providers(q="willow").text
    assert seat.history("TC-1004").status == 200
    seat.send(seat.profile_form("TC-1004").typed(sed_code="049931880199"))
    assert by_number(parts_of(intranet), "TC-1004").profile.sed_code == "049931880199"


@pytest.mark.parametrize("change", ALL, ids=str)
def test_p1_what_could_not_be_sent_was_not_done_and_can_be_sent_again(
    seat: Seat, cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    form = change.form(seat)
    with monkeypatch.context() as away:
        away.setattr(cpse.portal._exchange, "_base", f"http://127.0.0.1:{free_port()}/v1")  # type: ignore[attr-defined]
        answer = seat.send(form)
    assert (answer.status, told(answer)) == (503, NOT_DONE)
    assert "The CPSE Portal could not be reached" in answer.text
    assert change.sent(portal) == []
    assert cpse.operations.open_for() == []
    assert told(seat.send(form)) == DONE
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


def test_p2_others_are_served_while_somebody_waits_for_the_portal(
    intranet: Flask, seat: Seat, cpse: Parts, portal: Portal
) -> None:
    form = LINK.form(seat)
    gate = Gate()
    portal.faults.plan(gate, method=LINK.method, path=LINK.path)
    answers: list[Answer] = []
    waiting = threading.Thread(target=lambda: answers.append(seat.send(form)))
    waiting.start()
    assert gate.entered.wait(30)
    colleague = Seat(intranet, fragments=seat.fragments)
    assert "Pinewood" in colleague.providers(q="pinewood").text
    assert colleague.portal_section("TC-1009").status == 200
    colleague.send(colleague.profile_form("TC-1009").typed(sed_code="049931880199"))
    assert by_number(cpse, "TC-1009").profile.sed_code == "049931880199"
    assert answers == []
    gate.leave.set()
    waiting.join(30)
    assert told(answers[0]) == DONE


@pytest.mark.parametrize("change", [INVITE, LINK, UNLINK], ids=str)
def test_p2_what_a_slow_portal_did_in_the_end_is_found_and_not_repeated(
    impatient_seat: Seat, portal: Portal, change: Change
) -> None:
    seat = impatient_seat
    form = change.form(seat)
    gate = Gate()
    portal.faults.plan(gate, method=change.method, path=change.path)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (502, NOT_KNOWN)
    assert change.effects(portal) == 0
    gate.leave.set()
    _until_done(change, portal)
    assert told(seat.portal_section(change.number)) == DONE
    assert change.effects(portal) == 1
    assert told(seat.portal_section(change.number)) == set()


def test_p2_while_the_portal_is_still_at_it_the_outcome_stays_open(impatient_seat: Seat, portal: Portal) -> None:
    form = INVITE.form(impatient_seat)
    portal.faults.plan(SlowWork(3), method=INVITE.method, path=INVITE.path)
    assert told(impatient_seat.send(form)) == NOT_KNOWN
    assert "Check now" in impatient_seat.portal_section(INVITE.number).text
    # The Portal answers the same key with 409 as long as it works on the first call.
    assert told(impatient_seat.check_now(INVITE.number)) == NOT_KNOWN
    _until_done(INVITE, portal)
    assert told(impatient_seat.portal_section(INVITE.number)) == DONE
    assert INVITE.effects(portal) == 1


def test_p2_a_slow_answer_to_a_question_is_given_up_and_can_be_asked_again(
    impatient_seat: Seat, portal: Portal
) -> None:
    portal.faults.plan(Slow(20), method="GET", path="/v1/providers$")
    answer = impatient_seat.portal_section("TC-1004")
    assert told(answer) == NOT_DONE
    assert "gave no proper answer" in answer.text
    assert "Willow Bend" in impatient_seat.portal_section("TC-1004").text


# Each byte of these comes in time, and all of them would take five minutes: only a limit for the whole ends the wait.


def test_p3_an_answer_whose_body_drips_is_cut_off(impatient_seat: Seat, portal: Portal) -> None:
    portal.faults.plan(Drip(0.5), method="GET", path="/v1/providers$")
    assert told(impatient_seat.portal_section("TC-1004")) == NOT_DONE
    assert "Willow Bend" in impatient_seat.portal_section("TC-1004").text


def test_p3_a_change_whose_answer_never_gets_beyond_its_headers_is_cut_off(
    impatient_seat: Seat, portal: Portal
) -> None:
    form = INVITE.form(impatient_seat)
    portal.faults.plan(Drip(0.5, headers=True), method=INVITE.method, path=INVITE.path)
    assert told(impatient_seat.send(form)) == NOT_KNOWN
    assert told(impatient_seat.check_now(INVITE.number)) == DONE
    assert INVITE.effects(portal) == 1


@pytest.mark.parametrize("change", ALL, ids=str)
def test_p6_a_change_that_was_done_and_not_answered_is_found_done(
    seat: Seat, cpse: Parts, portal: Portal, change: Change
) -> None:
    form = change.form(seat)
    portal.faults.plan(DropAfter(), method=change.method, path=change.path)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (502, NOT_KNOWN)
    assert len(change.sent(portal)) == 1
    assert told(seat.portal_section(change.number)) == DONE
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)
    assert cpse.operations.open_for() == []


@pytest.mark.parametrize("change", ALL, ids=str)
def test_p6_sending_the_form_again_does_not_do_it_twice(
    seat: Seat, cpse: Parts, portal: Portal, change: Change
) -> None:
    form = change.form(seat)
    portal.faults.plan(DropAfter(), method=change.method, path=change.path)
    assert told(seat.send(form)) == NOT_KNOWN
    assert told(seat.send(form)) != NOT_KNOWN
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


@pytest.mark.parametrize("change", ALL, ids=str)
def test_p7_a_change_that_was_lost_on_the_way_is_finished_with_the_same_key(
    seat: Seat, cpse: Parts, portal: Portal, change: Change
) -> None:
    form = change.form(seat)
    portal.faults.plan(DropBefore(), method=change.method, path=change.path)
    assert told(seat.send(form)) == NOT_KNOWN
    assert change.effects(portal) == 0
    # A visit alone sends nothing that changes the Portal.
    assert told(seat.portal_section(change.number)) == NOT_KNOWN
    assert (len(change.sent(portal)), change.effects(portal)) == (1, 0)
    assert told(seat.check_now(change.number)) == DONE
    keys = {request.headers.get("idempotency-key") for request in change.sent(portal)}
    assert len(keys) == 1
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


def test_p7_a_change_that_was_lost_and_is_then_refused_was_not_done(seat: Seat, cpse: Parts, portal: Portal) -> None:
    form = LINK.form(seat)
    portal.faults.plan(DropBefore(), method=LINK.method, path=LINK.path)
    assert told(seat.send(form)) == NOT_KNOWN
    with portal.store.transaction() as db:
        db.execute("DELETE FROM provider WHERE id = 'P-20188'")
    after = seat.portal_section(LINK.number)
    assert told(after) == NOT_DONE
    assert cpse.operations.open_for() == []
    assert by_number(cpse, LINK.number).link is None


@pytest.mark.parametrize("fault", [DropBefore(), DropAfter()], ids=["before", "after"])
def test_p6_p7_as_long_as_the_portal_does_not_answer_nothing_is_given_up(
    seat: Seat, cpse: Parts, portal: Portal, fault: Fault
) -> None:
    form = INVITE.form(seat)
    portal.faults.plan(fault, method=INVITE.method, path=INVITE.path)
    assert told(seat.send(form)) == NOT_KNOWN
    portal.faults.plan(fault, path="/v1/providers", times=None)
    for _ in range(3):
        assert "not known" in told(seat.portal_section(INVITE.number))
    assert len(cpse.operations.open_for()) == 1
    portal.faults.clear()
    assert told(seat.check_now(INVITE.number)) == DONE
    assert (INVITE.effects(portal), INVITE.on_record(cpse)) == (1, 1)


def _until_done(change: Change, portal: Portal) -> None:
    """Wait until the Portal has done what it was late with."""
    done = threading.Event()
    for _ in range(600):
        if change.effects(portal):
            return
        done.wait(0.05)
    raise AssertionError("the Portal never did it")
