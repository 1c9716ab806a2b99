"""Two people, or one with a nervous finger, at the same thing: rows C1 to C3."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from flask import Flask

from cpse_plugin.domain.access import Staff
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.pages.client import Answer
from tests.world import EDITOR, INVITER, OTHER_EDITOR, OTHER_INVITER, Gate, Who, by_number

from .changes import ADD, ALL, INVITE, LINK, Change
from .leases import end_leases
from .seat import DONE, NOT_DONE, NOT_KNOWN, Form, Seat, told

CROWD = 50


@dataclass
class WhoByThread(Who):
    """Who sits before the browser, in each thread somebody else; elsewhere the one that a test names."""

    here: threading.local = field(default_factory=threading.local)

    def __call__(self) -> Staff | None:
        return getattr(self.here, "staff", self.staff)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def who() -> WhoByThread:
    return WhoByThread()


def test_c1_the_second_of_two_who_edit_sees_both_values_and_loses_nothing(seat: Seat, cpse: Parts, who: Who) -> None:
    who.staff = EDITOR
    mine = seat.profile_form("TC-1004").typed(sed_code="010100010000")
    theirs = seat.profile_form("TC-1004").typed(npi="1999101011")
    who.staff = OTHER_EDITOR
    assert told(seat.send(theirs)) == DONE
    who.staff = EDITOR
    answer = seat.send(mine)
    assert answer.status == 409
    assert OTHER_EDITOR.acting_user in answer.text
    rows = answer.texts("tr.cpse-differs")
    assert [row.split()[0] for row in rows] == ["NPI", "SED"]
    assert "1999101011" in rows[0]
    assert "1999101045" in rows[0]
    assert "049931880104" in rows[1]
    assert "010100010000" in rows[1]
    assert by_number(cpse, "TC-1004").profile.npi == "1999101011"
    # The form still holds what was typed, and its next Apply goes over what was shown.
    again = Form(mine.action, answer.fields("form#cpse-profile"))
    assert told(seat.send(again)) == DONE
    profile = by_number(cpse, "TC-1004").profile
    assert (profile.npi, profile.sed_code) == ("1999101045", "010100010000")


@pytest.mark.parametrize("change", [LINK, ADD, INVITE], ids=str)
def test_c2_a_form_that_is_sent_fifty_times_at_once_is_carried_out_once(
    intranet: Flask, cpse: Parts, portal: Portal, fragments: bool, change: Change
) -> None:
    form = change.form(Seat(intranet, fragments=fragments))
    answers = _all_at_once(intranet, fragments, change, lambda seat, number: _same(seat, change, form))
    assert (len(change.sent(portal)), change.effects(portal)) == (1, 1)
    outcomes = Counter(frozenset(told(answer)) for answer in answers)
    assert outcomes.keys() <= {frozenset(DONE), frozenset(NOT_KNOWN), frozenset(NOT_DONE)}
    # On a busy machine the record may have been kept back; whoever sends the form again then reads that it is done.
    end_leases(cpse)
    late = Seat(intranet, fragments=fragments)
    assert told(late.send(_same(late, change, form))) == DONE
    assert (len(change.sent(portal)), change.effects(portal), change.on_record(cpse)) == (1, 1, 1)


@pytest.mark.parametrize("change", ALL, ids=str)
def test_c2_the_second_click_while_the_first_is_under_way_says_who_is_at_it(
    seat: Seat, intranet: Flask, portal: Portal, fragments: bool, change: Change
) -> None:
    form = change.form(seat)
    gate = Gate()
    portal.faults.plan(gate, method=change.method, path=change.path)
    answers: list[Answer] = []
    first = threading.Thread(target=lambda: answers.append(seat.send(form)))
    first.start()
    assert gate.entered.wait(30)
    second = Seat(intranet, fragments=fragments)
    answer = second.send(_same(second, change, form))
    assert (answer.status, told(answer)) == (409, NOT_KNOWN)
    assert f"{INVITER.acting_user} began it" in answer.text
    gate.leave.set()
    first.join(30)
    assert told(answers[0]) == DONE
    assert (len(change.sent(portal)), change.effects(portal)) == (1, 1)


def test_c3_of_fifty_who_invite_the_same_person_at_once_one_does_and_the_others_are_told(
    intranet: Flask, cpse: Parts, portal: Portal, fragments: bool, who: WhoByThread
) -> None:
    people = [INVITER, OTHER_INVITER]

    def own_form(seat: Seat, number: int) -> Form:
        who.here.staff = people[number % 2]
        return INVITE.form(seat)

    answers = _all_at_once(intranet, fragments, INVITE, own_form)
    assert (INVITE.effects(portal), INVITE.on_record(cpse)) == (1, 1)
    outcomes = Counter(answer.status for answer in answers)
    assert outcomes[200] == 1
    for answer in answers:
        if answer.status == 200:
            # Where somebody else's attempt was still under way, the page says that as well.
            assert told(answer) >= DONE
        else:
            assert answer.status in (409, 422)
            names = [person.acting_user for person in people if person.acting_user in answer.text]
            assert names
            assert "being done already" in answer.text or "has an open invitation" in answer.text


def test_c3_two_who_add_or_link_the_same_at_once_do_it_once(
    intranet: Flask, cpse: Parts, portal: Portal, fragments: bool, who: WhoByThread
) -> None:
    people = [INVITER, OTHER_INVITER]

    def own_form(seat: Seat, number: int) -> Form:
        who.here.staff = people[number % 2]
        return ADD.form(seat).typed(operation_id=str(uuid4()))

    answers = _all_at_once(intranet, fragments, ADD, own_form, crowd=16)
    assert (ADD.effects(portal), ADD.on_record(cpse)) == (1, 1)
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 15}


def _same(seat: Seat, change: Change, form: Form) -> Form:
    """The form, as this browser would send it: the token against forged requests is the browser's own."""
    return form.typed(csrf_token=seat.profile_form(change.number).fields["csrf_token"])


def _all_at_once(
    intranet: Flask, fragments: bool, change: Change, form: Callable[[Seat, int], Form], crowd: int = CROWD
) -> list[Answer]:
    """Let a crowd open its forms, and then send all of them at the same moment."""
    barrier = threading.Barrier(crowd)
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def one(number: int) -> None:
        try:
            seat = Seat(intranet, fragments=fragments)
            own = form(seat, number)
            barrier.wait(60)
            answers.append(seat.send(own))
        except BaseException as error:  # noqa: BLE001  # The test has to see it, whatever it is.
            errors.append(error)
            barrier.abort()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(crowd)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []
    assert len(answers) == crowd
    return answers
