"""What stands between the plugin and the Portal answers in its own words: row P16."""

import json

import pytest

from cpse_plugin.sandbox.faults import Status
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.world import by_number

from .changes import ALL, Change
from .seat import DONE, NOT_DONE, NOT_KNOWN, Seat, told

PAGE = "<html><h1>Not now</h1></html>"
FOREIGN_PROBLEM = {"type": "https://gateway.example/conflict", "title": "Conflict", "status": 409}
# Every other status and form is tried at the Portal's client, in tests/portal/test_certainty.py.
ANSWERS = {
    "408 after the work": Status(408, body=PAGE, after=True),
    "408 before the work": Status(408, body=PAGE),
    "499 in the form of a problem": Status(499, after=True),
    "404 as a page": Status(404, body=PAGE, after=True),
    "409 in a gateway's words": Status(409, body=json.dumps(FOREIGN_PROBLEM), after=True),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("change", ALL, ids=str)
def test_p16_an_answer_of_something_in_between_says_nothing_of_the_change(
    seat: Seat, cpse: Parts, portal: Portal, change: Change, answer: Status
) -> None:
    form = change.form(seat)
    portal.faults.plan(answer, method=change.method, path=change.path)
    assert told(seat.send(form)) == NOT_KNOWN
    assert change.effects(portal) == int(answer.after)
    assert [operation.provider_id for operation in cpse.operations.open_for()] == [by_number(cpse, change.number).id]
    # Looked into, it is done: once, whoever did it.
    cpse.operations.resume()
    assert told(seat.send(form)) <= DONE
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


def test_p16_a_wrong_address_is_never_taken_for_a_provider_that_is_not_there(seat: Seat, portal: Portal) -> None:
    portal.faults.plan(Status(404, body=PAGE), method="GET", times=None)
    for asked in (seat.portal_section("TC-1015"), seat.portal_section("TC-1004"), seat.admin_users("TC-1015")):
        assert told(asked) == NOT_DONE
        assert "does not have" not in asked.text
        assert "No match" not in asked.text
