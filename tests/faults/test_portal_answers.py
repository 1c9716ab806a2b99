"""The Portal answers, and not as it should: rows P4, P5, P8, P9, P14 and P15."""

import json
import logging
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cpse_plugin.sandbox.faults import Body, DropBefore, Empty, Fault, Html, Huge, Status, Truncated
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.portal.samples import admin_user, invitation, provider
from tests.world import INVITER, by_number, link

from .changes import ALL, INVITE, LINK, Change
from .seat import DONE, NOT_DONE, NOT_KNOWN, Seat, told

FIND = "/v1/providers$"


@pytest.mark.parametrize("code", [502, 503, 504])
def test_p4_a_question_that_fails_is_asked_three_times_at_most(seat: Seat, portal: Portal, code: int) -> None:
    portal.faults.plan(Status(code), method="GET", path=FIND, times=None)
    answer = seat.portal_section("TC-1004")
    assert told(answer) == NOT_DONE
    assert "Try again" in answer.text
    assert len(portal.faults.received("GET", FIND)) == 3


def test_p4_a_failure_that_passes_is_not_noticed(seat: Seat, portal: Portal) -> None:
    portal.faults.plan(Status(502), method="GET", path=FIND, times=2)
    answer = seat.portal_section("TC-1004")
    assert told(answer) == set()
    assert "One CPSE Portal provider matches" in answer.text


@pytest.mark.parametrize("change", ALL, ids=str)
@pytest.mark.parametrize("code", [500, 503])
def test_p4_a_change_that_fails_is_sent_once_and_looked_into_later(
    seat: Seat, cpse: Parts, portal: Portal, change: Change, code: int
) -> None:
    form = change.form(seat)
    portal.faults.plan(Status(code), method=change.method, path=change.path)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (502, NOT_KNOWN)
    assert len(change.sent(portal)) == 1
    assert told(seat.check_now(change.number)) == DONE
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("2", "in 2 seconds"),
        ("3600", "in 60 minutes"),
        (format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True), r"in 1[34]\d\d minutes"),
        ("abc", "in a moment"),
    ],
    ids=["seconds", "an hour", "a date", "no number"],
)
@pytest.mark.parametrize("change", [INVITE, LINK], ids=str)
def test_p5_a_change_that_the_portal_puts_off_is_not_done_and_not_sent_again(
    seat: Seat, cpse: Parts, portal: Portal, change: Change, header: str, words: str
) -> None:
    form = change.form(seat)
    portal.faults.plan(Status(429, {"Retry-After": header}), method=change.method, path=change.path)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (503, NOT_DONE)
    assert re.search(f"Please try again {words}", answer.text)
    assert ("Retry-After" in answer.headers) == (header != "abc")
    assert len(change.sent(portal)) == 1
    assert cpse.operations.open_for() == []
    assert told(seat.send(form)) == DONE
    assert change.effects(portal) == 1


def test_p5_a_question_waits_where_the_portal_asks_for_a_moment(seat: Seat, portal: Portal) -> None:
    portal.faults.plan(Status(429, {"Retry-After": "1"}), method="GET", path=FIND)
    assert "One CPSE Portal provider matches" in seat.portal_section("TC-1004").text
    assert len(portal.faults.received("GET", FIND)) == 2


@pytest.mark.parametrize(
    ("header", "words"), [("3600", "in 60 minutes"), ("6", "in 6 seconds"), ("abc", "in a moment")]
)
def test_p5_a_question_does_not_wait_for_long(seat: Seat, portal: Portal, header: str, words: str) -> None:
    portal.faults.plan(Status(429, {"Retry-After": header}), method="GET", path=FIND, times=None)
    answer = seat.portal_section("TC-1004")
    assert told(answer) == NOT_DONE
    assert f"Please try again {words}" in answer.text
    assert len(portal.faults.received("GET", FIND)) == 1


UNREADABLE: dict[str, Fault] = {
    "html": Html(),
    "truncated": Truncated(),
    "empty": Empty(),
    "deep": Body(b'{"items":' + b"[" * 200_000),
    "nan": Body(b'{"items": [], "next_cursor": NaN}'),
    "latin-1": Body('{"items": ["Zoë"]}'.encode("latin-1")),
    "null": Body(b"null"),
    "a list": Body(b"[]"),
    "huge": Huge(),
}


@pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_p8_an_answer_that_cannot_be_read_is_never_taken_for_nothing_found(
    seat: Seat, portal: Portal, fault: Fault
) -> None:
    portal.faults.plan(fault, method="GET", path=FIND, times=None)
    answer = seat.portal_section("TC-1004")
    assert (answer.status, told(answer)) == (200, NOT_DONE)
    assert "gave no proper answer" in answer.text
    assert "No CPSE Portal provider matches" not in answer.text


@pytest.mark.parametrize("change", [LINK, INVITE], ids=str)
@pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_p8_a_change_whose_answer_cannot_be_read_is_looked_into(
    seat: Seat, cpse: Parts, portal: Portal, change: Change, fault: Fault
) -> None:
    form = change.form(seat)
    portal.faults.plan(fault, method=change.method, path=change.path)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (502, NOT_KNOWN)
    assert told(seat.check_now(change.number)) == DONE
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


def test_p8_a_byte_order_mark_does_no_harm(seat: Seat, portal: Portal) -> None:
    page = json.dumps({"items": [provider()], "next_cursor": None})
    portal.faults.plan(Body(b"\xef\xbb\xbf" + page.encode()), method="GET", path=FIND)
    assert "One CPSE Portal provider matches" in seat.portal_section("TC-1004").text


def test_p8_an_answer_of_400_megabytes_takes_no_room(seat: Seat, portal: Portal) -> None:
    seat.portal_section("TC-1004")
    portal.faults.plan(Huge(400), method="GET", path=FIND)
    tracemalloc.start()
    try:
        answer = seat.portal_section("TC-1004")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert told(answer) == NOT_DONE
    assert most < 20_000_000


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None), max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
SOME = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def spoiled(sample: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The sample with one or more members replaced by anything, or left out."""

    def spoil(wrong: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**sample, **wrong}.items() if value is not ...}

    return st.dictionaries(st.sampled_from(sorted(sample)), JSON | st.just(...), min_size=1).map(spoil)


@SOME
@given(odd=spoiled(provider(id="prv_odd")))
def test_p9_matches_with_one_odd_row_still_show_the_good_ones(seat: Seat, portal: Portal, odd: dict[str, Any]) -> None:
    good = provider(id="prv_good", name="The good one")
    body = json.dumps({"items": [odd, good, good], "next_cursor": None}).encode()
    portal.faults.plan(Body(body), method="GET", path=FIND)
    answer = seat.portal_section("TC-1004")
    assert answer.status == 200
    assert answer.texts("[data-label=Name]").count("The good one") == 1
    portal.faults.clear()


@SOME
@given(odd_admin=spoiled(admin_user(id="adm_odd")), odd_invitation=spoiled(invitation(id="inv_odd")))
def test_p9_admin_users_with_one_odd_row_still_show_the_good_ones(
    seat: Seat, portal: Portal, odd_admin: dict[str, Any], odd_invitation: dict[str, Any]
) -> None:
    admins = [odd_admin, admin_user(id="adm_good", first_name="Gita", last_name="Good")]
    invitations = [odd_invitation, invitation(id="inv_good", first_name="Ira", last_name="Invited")]
    portal.faults.plan(Body(json.dumps({"items": admins}).encode()), method="GET", path="/admin-users$")
    portal.faults.plan(Body(json.dumps({"items": invitations}).encode()), method="GET", path="/invitations$")
    answer = seat.admin_users("TC-1015")
    assert answer.status == 200
    assert "Gita Good" in answer.text
    assert "Ira Invited" in answer.text
    portal.faults.clear()


@SOME
@given(odd=spoiled(provider(id="P-20632")))
def test_p9_details_that_are_odd_are_shown_as_far_as_they_can_be_or_not_at_all(
    seat: Seat, portal: Portal, odd: dict[str, Any]
) -> None:
    portal.faults.plan(Body(json.dumps(odd).encode()), method="GET", path="/P-20632$")
    answer = seat.portal_section("TC-1015")
    assert answer.status == 200
    assert told(answer) == NOT_DONE or "CPSE Portal number P-20632" in answer.text
    portal.faults.clear()


def test_p9_what_cannot_be_used_is_in_the_log_with_the_name_of_the_exchange(
    seat: Seat, portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cpse_plugin.portal")
    portal.faults.plan(Body(b'{"items": [{"id": null}], "next_cursor": null}'), method="GET", path=FIND)
    seat.portal_section("TC-1004")
    sent = portal.faults.received("GET", FIND)[0].headers["x-request-id"]
    warned = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.WARNING]
    assert any("cannot be used" in line and sent in line for line in warned)


def test_p14_a_match_that_is_gone_when_it_is_confirmed_is_told_and_nothing_linked(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    form = LINK.form(seat)
    with portal.store.transaction() as db:
        db.execute("DELETE FROM provider WHERE id = 'P-20188'")
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (409, NOT_DONE)
    assert "The CPSE Portal does not have this provider any more" in answer.text
    assert LINK.sent(portal) == []
    assert by_number(cpse, "TC-1004").link is None
    assert "No CPSE Portal provider matches" in seat.portal_section("TC-1004").text
    assert "Add New CPSE Portal Provider" in seat.portal_section("TC-1004").text


def test_p14_a_match_that_goes_while_it_is_linked_is_told_and_nothing_linked(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    form = LINK.form(seat)
    portal.faults.plan(Status(404, type="about:blank"), method=LINK.method, path=LINK.path)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (409, NOT_DONE)
    assert "The CPSE Portal does not have this provider" in answer.text
    assert (by_number(cpse, "TC-1004").link, cpse.operations.open_for()) == (None, [])


def test_p14_a_portal_provider_that_a_colleague_has_linked_is_told_with_who_has_it(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    """Two providers of the county have the NPI of one on the Portal: TC-1010 and TC-1011 have P-20410."""
    wanted = cpse.associations.find_matches(by_number(cpse, "TC-1010"), INVITER)[0].portal.id
    form = seat.link_form("TC-1010", wanted)
    link(cpse, "TC-1011", wanted)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (409, NOT_DONE)
    assert by_number(cpse, "TC-1010").link is None
    shown = seat.portal_section("TC-1010")
    assert "With Hudson Meadow Children's Center (2026)" in shown.text


def test_p14_an_association_that_only_the_portal_knows_is_told_by_its_number(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    form = LINK.form(seat)
    with portal.store.transaction() as db:
        db.execute("INSERT INTO association VALUES ('P-20188', 'tamarack', 'TC-9999', '2026-01-02T03:04:05Z')")
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (409, NOT_DONE)
    assert by_number(cpse, "TC-1004").link is None
    assert "TC-9999" in seat.portal_section("TC-1004").text


def test_p14_a_linked_provider_that_is_gone_from_the_portal_is_shown_so_with_a_way_on(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    with portal.store.transaction() as db:
        db.execute("DELETE FROM association WHERE provider_id = 'P-20632'")
        db.execute("DELETE FROM provider WHERE id = 'P-20632'")
    shown = seat.portal_section("TC-1015")
    assert "The CPSE Portal does not have this provider any more" in shown.text
    assert told(seat.send(seat.unlink_form("TC-1015"))) == DONE
    assert by_number(cpse, "TC-1015").link is None


def test_p15_pages_that_lead_to_themselves_are_left(
    seat: Seat, portal: Portal, caplog: pytest.LogCaptureFixture
) -> None:
    body = json.dumps({"items": [provider()], "next_cursor": "again"}).encode()
    portal.faults.plan(Body(body), method="GET", path=FIND, times=None)
    answer = seat.portal_section("TC-1004")
    assert "One CPSE Portal provider matches" in answer.text
    assert len(portal.faults.received("GET", FIND)) == 2
    assert "do not end" in caplog.text


def test_p15_empty_pages_without_end_are_not_told_as_no_match(seat: Seat, portal: Portal) -> None:
    body = json.dumps({"items": [], "next_cursor": "again"}).encode()
    portal.faults.plan(Body(body), method="GET", path=FIND, times=None)
    answer = seat.portal_section("TC-1004")
    assert told(answer) == NOT_DONE
    assert "The CPSE Portal gave no proper answer" in answer.text
    assert "No CPSE Portal provider matches" not in answer.text
    assert "Add New CPSE Portal Provider" not in answer.text


@pytest.mark.parametrize(
    "fault",
    [Status(500), Status(403), DropBefore(), Body(b"<html>"), Body(b'{"items": 1}')],
    ids=lambda fault: fault.name,
)
def test_a_read_that_failed_has_one_line_in_the_log(
    seat: Seat, portal: Portal, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    seat.provider("TC-1004")
    for path in ("/matches", "/association/confirm?portal_id=P-20188"):
        portal.faults.plan(fault, method="GET", path="/v1/providers", times=None)
        caplog.clear()
        seat.follow("TC-1004", path)
        lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(lines) == 1, lines
        portal.faults.clear()


def test_p15_of_ten_thousand_matches_the_first_are_shown_and_the_person_is_told(seat: Seat, portal: Portal) -> None:
    for number in range(20):
        rows = [provider(id=f"prv_{number * 50 + row}") for row in range(50)]
        body = json.dumps({"items": rows, "next_cursor": f"page-{number + 1}"}).encode()
        portal.faults.plan(Body(body), method="GET", path=FIND)
    answer = seat.portal_section("TC-1004")
    assert len(portal.faults.received("GET", FIND)) == 10
    assert len(answer.soup.select("tbody tr")) == 100
    assert "only the first 100 are shown" in answer.text
