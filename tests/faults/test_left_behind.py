"""What a form, an operation or a decision leaves behind where something else has happened since: rows O2 to O4."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from cpse_plugin.domain.providers import Profile, ProviderType
from cpse_plugin.models import OperationRow
from cpse_plugin.sandbox.faults import DropAfter, DropBefore, Status
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.world import EDITOR, READER, Who, associations_on, by_number

from .changes import ALL, LINK, Change
from .leases import end_leases
from .seat import DONE, NOT_DONE, NOT_KNOWN, Seat, told
from .test_changed_hands import give, left_open

# What the first versions wrote down of each change.
_FIRST = {
    "link": ("portal_id", "county_provider_id"),
    "unlink": ("portal_id", "reason"),
    "invite": ("portal_id", "invitation"),
    "send again": ("portal_id", "invitation_id", "email"),
    "revoke": ("portal_id", "invitation_id", "email"),
}


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fragments() -> bool:
    return False


@pytest.mark.parametrize("fault", [DropBefore, DropAfter])
@pytest.mark.parametrize("change", ALL, ids=str)
def test_what_the_first_versions_left_open_is_finished(
    seat: Seat, cpse: Parts, portal: Portal, who: Who, change: Change, fault: Callable[[], Any]
) -> None:
    portal.faults.plan(fault(), method=change.method, path=change.path)
    assert told(seat.send(change.form(seat))) == NOT_KNOWN
    with cpse.database.write() as session:
        (row,) = session.scalars(select(OperationRow))
        row.content = {name: row.content[name] for name in _FIRST.get(change.name, row.content)}
        row.intention_id = None
    end_leases(cpse)
    sent = len(change.sent(portal))
    inviter, who.staff = who.staff, READER
    assert told(seat.portal_section(change.number)) == (DONE if fault is DropAfter else NOT_KNOWN)
    assert len(change.sent(portal)) == sent
    who.staff = inviter
    seat.check_now(change.number)
    assert cpse.operations.open_for() == []
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)
    assert seat.history(change.number).status == 200


def test_o3_a_record_that_is_changed_while_the_portal_is_asked_is_not_linked_unseen(
    seat: Seat, cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = by_number(cpse, LINK.number)
    form = LINK.form(seat)
    asked = type(cpse.portal).get_provider

    def changed_meanwhile(*arguments: Any, **named: Any) -> Any:
        found = asked(*arguments, **named)
        monkeypatch.undo()
        other = Profile(ProviderType.AGENCY, "1234567893", None, uses_portal=True)
        cpse.providers.apply(provider.id, other, version=provider.version, staff=EDITOR)
        return found

    monkeypatch.setattr(type(cpse.portal), "get_provider", changed_meanwhile)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (409, NOT_DONE)
    assert "One of the records has changed" in answer.text
    # The comparison that is shown in its place is the one to accept.
    assert "2 fields are not the same on both sides" in answer.text
    assert LINK.sent(portal) == []


def test_o2_a_form_does_not_do_again_what_a_decision_has_ended(seat: Seat, cpse: Parts, portal: Portal) -> None:
    provider = by_number(cpse, "TC-1012")
    one, other = sorted(match.portal.id for match in cpse.associations.find_matches(provider, EDITOR))
    form = seat.link_form("TC-1012", other)
    portal.faults.plan(DropAfter(), method="PUT", path=f"/{other}/association$")
    assert told(seat.send(form)) == NOT_KNOWN
    give(portal, one, "TC-1012")
    with cpse.database.write() as session:
        # As where the visit that would have put it on record has not come yet.
        (row,) = session.scalars(select(OperationRow))
        row.leased_until = row.created_at
    assert told(seat.send(seat.decision_form("TC-1012", ""))) == DONE
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (409, NOT_DONE)
    assert associations_on(portal).get(other) is None
    assert by_number(cpse, "TC-1012").link is None


def test_o4_check_now_makes_no_link_beside_the_one_on_record(seat: Seat, cpse: Parts, portal: Portal) -> None:
    one, other = left_open(seat, cpse, portal)
    give(portal, other, None)
    answer = seat.check_now("TC-1012")
    assert told(answer) == NOT_DONE
    assert f"The county's record has it linked to number {one} of the CPSE Portal." in answer.text
    assert (associations_on(portal).get(other), cpse.operations.open_for()) == (None, [])


def test_o4_a_decision_that_was_refused_leaves_both_sides_on_the_page(seat: Seat, cpse: Parts, portal: Portal) -> None:
    _, other = left_open(seat, cpse, portal)
    seat.portal_section("TC-1012")
    provider = by_number(cpse, "TC-1012")
    # By its numbers nobody finds the other one any more.
    empty = Profile(ProviderType.AGENCY, None, None, uses_portal=True)
    cpse.providers.apply(provider.id, empty, version=provider.version, staff=EDITOR)
    portal.faults.plan(Status(429), method="PUT", path=f"/{other}/association$")
    assert told(seat.send(seat.decision_form("TC-1012", other))) == NOT_DONE
    assert "do not agree" in seat.portal_section("TC-1012").text
    assert told(seat.send(seat.decision_form("TC-1012", other))) == DONE
    assert "do not agree" not in seat.portal_section("TC-1012").text


def test_o4_a_decision_that_came_half_way_does_not_say_that_nothing_was_changed(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    one, other = left_open(seat, cpse, portal)
    portal.faults.plan(DropAfter(), method="DELETE", path=f"/{one}/association")
    assert told(seat.send(seat.decision_form("TC-1012", other))) == NOT_KNOWN
    assert associations_on(portal).get(one) is None
    give(portal, other, "TC-1004")
    answer = seat.check_now("TC-1012")
    assert "Not done: Deciding which link holds" in answer.text
    assert "Nothing was changed" not in answer.text
    assert "Some of the links may have ended." in answer.text
    assert cpse.operations.open_for() == []
