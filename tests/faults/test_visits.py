"""What a visit does with what was left open, and by which clock: rows O5 to O7."""

from datetime import timedelta
from uuid import uuid4

import pytest

from cpse_plugin.domain.portal_records import NewInvitation
from cpse_plugin.operations import base
from cpse_plugin.operations.base import LEASE
from cpse_plugin.portal.gateway import PortalError, PortalOutcomeUnknown
from cpse_plugin.sandbox.faults import DropAfter, DropBefore, Slow
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services import database as clock
from cpse_plugin.web.parts import Parts
from tests.world import EDITOR, INVITER, READER, Who, by_number

from .changes import ALL, INVITE, SEND_AGAIN, Change
from .ledger import Ledger
from .model import Killed
from .seat import DONE, NOT_KNOWN, Seat, told

VIEWS = ("provider", "portal_section", "admin_users", "history")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("staff", [READER, EDITOR, INVITER], ids=lambda staff: staff.role.name)
@pytest.mark.parametrize("change", ALL, ids=str)
def test_o5_no_visit_sends_anything_that_changes_the_portal(
    seat: Seat, portal: Portal, who: Who, change: Change, staff: object
) -> None:
    portal.faults.plan(DropBefore(), method=change.method, path=change.path)
    assert told(seat.send(change.form(seat))) == NOT_KNOWN
    who.staff = staff  # type: ignore[assignment]
    for view in VIEWS:
        assert getattr(seat, view)(change.number).status == 200
    assert "Check now" in seat.portal_section(change.number).text or staff is READER
    changing = [request for request in portal.faults.requests if request.method in ("POST", "PUT", "DELETE")]
    assert [request for request in changing if "/v1/providers" in request.path] == change.sent(portal)
    assert (len(change.sent(portal)), change.effects(portal)) == (1, 0)


@pytest.mark.parametrize("change", ALL, ids=str)
def test_o5_a_visit_of_a_reader_completes_the_record_of_what_was_done(
    seat: Seat, cpse: Parts, portal: Portal, who: Who, change: Change
) -> None:
    portal.faults.plan(DropAfter(), method=change.method, path=change.path)
    assert told(seat.send(change.form(seat))) == NOT_KNOWN
    who.staff = READER
    assert told(seat.portal_section(change.number)) == DONE
    assert (change.effects(portal), change.on_record(cpse), len(change.sent(portal))) == (1, 1, 1)


def test_o5_check_now_calls_again_only_what_the_person_may_do(
    seat: Seat, cpse: Parts, portal: Portal, who: Who
) -> None:
    portal.faults.plan(DropBefore(), method=INVITE.method, path=INVITE.path)
    assert told(seat.send(INVITE.form(seat))) == NOT_KNOWN
    who.staff = EDITOR
    assert told(seat.check_now(INVITE.number)) == NOT_KNOWN
    assert (len(INVITE.sent(portal)), INVITE.effects(portal)) == (1, 0)
    who.staff = INVITER
    assert told(seat.check_now(INVITE.number)) == DONE
    assert (INVITE.effects(portal), INVITE.on_record(cpse)) == (1, 1)


def leave_open(cpse: Parts, portal: Portal, how_many: int) -> None:
    """Invitations of one provider of which nobody knows what became of them."""
    for number in range(how_many):
        portal.faults.plan(DropBefore(), method=INVITE.method, path=INVITE.path)
        person = NewInvitation("Amy", "Lowe", f"amy.{number}@therapy.example")
        with pytest.raises(PortalOutcomeUnknown):
            cpse.admin_users.invite(by_number(cpse, INVITE.number).id, person, operation_id=uuid4(), staff=INVITER)


def test_o6_a_visit_does_not_ask_about_the_others_where_the_portal_has_not_answered_about_one(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    leave_open(cpse, portal, 6)
    portal.faults.plan(DropBefore(), method="GET", path="/invitations$", times=None)
    before = len(portal.faults.received("GET", "/invitations$"))
    page = seat.portal_section(INVITE.number)
    assert page.text.count("Not known yet: Inviting an admin user") == 6
    # A question that fails is asked three times at the most.
    assert len(portal.faults.received("GET", "/invitations$")) - before <= 3


def test_o6_a_visit_gives_a_share_of_its_time_and_says_what_is_still_open(
    seat: Seat, cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_open(cpse, portal, 6)
    monkeypatch.setattr(base, "SHARE_OF_A_VISIT", 0.4)
    portal.faults.plan(Slow(0.3), method="GET", path="/invitations$", times=None)
    before = len(portal.faults.received("GET", "/invitations$"))
    page = seat.portal_section(INVITE.number)
    assert page.text.count("Not known yet: Inviting an admin user") == 6
    assert len(portal.faults.received("GET", "/invitations$")) - before <= 2
    # What the visit had no time for is nobody's: whoever comes next may take it up.
    portal.faults.clear()
    monkeypatch.setattr(base, "SHARE_OF_A_VISIT", 30.0)
    assert told(seat.check_now(INVITE.number)) == DONE
    assert cpse.operations.open_for() == []


@pytest.mark.parametrize("hours", [-1, -48, 1])
def test_o7_a_clock_that_is_set_does_not_keep_an_operation_from_being_finished(
    cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    person = NewInvitation("Amy", "Lowe", "amy.lowe@therapy.example")
    provider_id = by_number(cpse, INVITE.number).id
    with monkeypatch.context() as death:
        death.setattr(type(cpse.portal), "invite_admin_user", _die)
        with pytest.raises(Killed):
            cpse.admin_users.invite(provider_id, person, operation_id=uuid4(), staff=INVITER)
    assert cpse.operations.resume() == []
    real = clock.now
    # The worker was killed, and then the machine's clock was put right.
    moved = timedelta(hours=hours) if hours < 0 else LEASE + timedelta(hours=hours)
    monkeypatch.setattr("cpse_plugin.operations.log.now", lambda: real() + moved)
    (finished,) = cpse.operations.resume()
    assert finished.is_done
    assert (INVITE.effects(portal), INVITE.on_record(cpse)) == (1, 1)


def _die(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize("minutes", [-90, -5, 5, 90])
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize("change", [INVITE, SEND_AGAIN], ids=str)
def test_o7_what_was_done_is_told_from_what_was_there_before_and_not_by_clocks(
    seat: Seat, cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch, change: Change, done: bool, minutes: int
) -> None:
    """Our clock differs from the Portal's by as much."""
    real = clock.now
    monkeypatch.setattr("cpse_plugin.operations.log.now", lambda: real() + timedelta(minutes=minutes))
    ledger = Ledger(cpse.database, portal)
    portal.faults.plan(DropAfter() if done else DropBefore(), method=change.method, path=change.path)
    assert told(seat.send(change.form(seat))) == NOT_KNOWN
    assert told(seat.portal_section(change.number)) == (DONE if done else NOT_KNOWN)
    if not done:
        assert told(seat.check_now(change.number)) == DONE
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)
    assert ledger.account().is_clean


def test_o7_an_old_invitation_of_the_same_address_is_not_taken_for_a_new_one(cpse: Parts, portal: Portal) -> None:
    """It was made on the Portal itself, moments before, and has expired."""
    person = NewInvitation("Amy", "Lowe", "amy.lowe@therapy.example")
    provider_id = by_number(cpse, INVITE.number).id
    with portal.store.transaction() as db:
        db.execute(
            "INSERT INTO invitation (id, provider_id, county_id, first_name, last_name, email, notices, status,"
            " created_at, sent_at, expires_at) SELECT 'I-old', 'P-20632', county_id, first_name, last_name, ?,"
            " notices, status, ?, ?, '2020-01-01T00:00:00Z' FROM invitation WHERE id = 'I-50018'",
            (person.email, portal.store.now, portal.store.now),
        )
    portal.faults.plan(DropBefore(), method=INVITE.method, path=INVITE.path)
    with pytest.raises(PortalError):
        cpse.admin_users.invite(provider_id, person, operation_id=uuid4(), staff=INVITER)
    (finished,) = cpse.operations.resume()
    assert finished.is_done
    assert finished.result["id"] != "I-old"
