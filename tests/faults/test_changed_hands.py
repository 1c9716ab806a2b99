"""What an operation is about has changed hands, or the two sides do not agree: rows O3 and O4."""

from uuid import uuid4

import pytest
from sqlalchemy import update

from cpse_plugin.domain.access import NotAllowed
from cpse_plugin.domain.portal_records import NewInvitation
from cpse_plugin.models import LinkRow, OperationRow, ProviderRow
from cpse_plugin.operations.add import Add
from cpse_plugin.operations.settle import Settle
from cpse_plugin.portal.gateway import InvitationClosed, PortalError, PortalOutcomeUnknown
from cpse_plugin.sandbox.faults import DropAfter, DropBefore, IgnoreIdempotencyKeys, Status
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.sandbox.world import COUNTY_ID
from cpse_plugin.services.database import now
from cpse_plugin.services.errors import BelongsToAnother, ServiceError
from cpse_plugin.services.history import HistoryEntry
from cpse_plugin.services.records import refresh_derived
from cpse_plugin.web.parts import Parts
from tests.world import EDITOR, INVITER, READER, associations_on, by_number

from .changes import ADD, INVITE, LINK, REVOKE, SEND_AGAIN, UNLINK, Change
from .leases import end_leases
from .ledger import Ledger
from .seat import DONE, NOT_DONE, NOT_KNOWN, Form, Seat, told

SOMEBODY = "TC-1004"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def give(portal: Portal, portal_id: str, number: str | None) -> None:
    """Let the Portal have the provider associated with another one of the county, or with none."""
    with portal.store.transaction() as db:
        db.execute("DELETE FROM association WHERE provider_id = ? AND county_id = ?", (portal_id, COUNTY_ID))
        if number is not None:
            db.execute(
                "INSERT INTO association VALUES (?, ?, ?, ?)", (portal_id, COUNTY_ID, number, "2026-01-03T15:04:05Z")
            )


def entries(cpse: Parts, number: str) -> list[HistoryEntry]:
    return cpse.history.of_provider(by_number(cpse, number).id, READER)


def test_o3_unlink_sends_nothing_about_what_is_somebody_elses_and_offers_the_way_out(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    form = seat.unlink_form("TC-1015", "It was never theirs.")
    give(portal, "P-20632", SOMEBODY)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (409, NOT_DONE)
    assert f"There it belongs to {by_number(cpse, SOMEBODY).name} (number {SOMEBODY} of the county)" in answer.text
    assert UNLINK.sent(portal) == []
    # The same answer offers to end the link in the county's record alone.
    way_out = Form(f"{form.action.removesuffix('/end')}/decision", answer.fields("form[action$='/decision']"))
    assert way_out.fields["reason"] == "It was never theirs."
    assert told(seat.send(way_out)) == DONE
    assert by_number(cpse, "TC-1015").link is None
    assert associations_on(portal)["P-20632"] == SOMEBODY
    assert UNLINK.sent(portal) == []
    (entry,) = entries(cpse, "TC-1015")
    assert (entry.action, entry.actor) == (Settle.history, INVITER.acting_user)
    assert (entry.details["recorded"], entry.details["reason"]) == ("P-20632", "It was never theirs.")
    assert "Ended in the county's record: number P-20632" in seat.history("TC-1015").text


def test_o3_an_end_that_was_left_open_takes_nothing_from_somebody_else(seat: Seat, cpse: Parts, portal: Portal) -> None:
    portal.faults.plan(DropBefore(), method=UNLINK.method, path=UNLINK.path)
    assert told(seat.send(UNLINK.form(seat))) == NOT_KNOWN
    give(portal, "P-20632", SOMEBODY)
    sent = len(UNLINK.sent(portal))
    (finished,) = cpse.operations.resume()
    assert finished.is_done
    assert (len(UNLINK.sent(portal)), associations_on(portal)["P-20632"]) == (sent, SOMEBODY)
    assert by_number(cpse, "TC-1015").link is None
    assert f"associated with number {SOMEBODY} of the county" in seat.history("TC-1015").text


def test_o3_every_end_names_whose_it_is(seat: Seat, portal: Portal) -> None:
    assert told(seat.send(UNLINK.form(seat))) == DONE
    (sent,) = UNLINK.sent(portal)
    assert sent.query == "county_provider_id=TC-1015"


@pytest.mark.parametrize("number", [SOMEBODY, None], ids=["somebody else's", "nobody's"])
@pytest.mark.parametrize("change", [INVITE, SEND_AGAIN, REVOKE], ids=str)
def test_o3_nothing_is_sent_about_invitations_of_a_provider_that_changed_hands(
    seat: Seat, cpse: Parts, portal: Portal, change: Change, number: str | None
) -> None:
    form = change.form(seat)
    link = by_number(cpse, change.number).link
    assert link is not None
    give(portal, link.portal_id, number)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (409, NOT_DONE)
    words = "associated with another provider of the county" if number else "has ended the association"
    assert words in answer.text
    assert (change.sent(portal), cpse.operations.open_for()) == ([], [])


@pytest.mark.parametrize("change", [INVITE, SEND_AGAIN, REVOKE], ids=str)
def test_o3_what_was_left_open_of_an_invitation_is_not_sent_to_somebody_elses_provider(
    seat: Seat, cpse: Parts, portal: Portal, change: Change
) -> None:
    portal.faults.plan(DropBefore(), method=change.method, path=change.path)
    assert told(seat.send(change.form(seat))) == NOT_KNOWN
    link = by_number(cpse, change.number).link
    assert link is not None
    give(portal, link.portal_id, SOMEBODY)
    assert told(seat.check_now(change.number)) == NOT_DONE
    assert (len(change.sent(portal)), change.effects(portal)) == (1, 0)
    assert cpse.operations.open_for() == []


def test_o3_an_invitation_is_not_made_where_the_link_has_changed_since_it_was_read(
    cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = by_number(cpse, "TC-1015")
    listed = type(cpse.portal).list_invitations

    def unlinked_meanwhile(*arguments: object, **named: object) -> object:
        found = listed(*arguments, **named)  # type: ignore[arg-type]
        with cpse.database.write() as session:
            session.get_one(ProviderRow, provider.id).link = None
        return found

    monkeypatch.setattr(type(cpse.portal), "list_invitations", unlinked_meanwhile)
    with pytest.raises(ServiceError):
        cpse.admin_users.invite(
            provider.id, NewInvitation("Amy", "Lowe", "amy@x.example"), operation_id=uuid4(), staff=INVITER
        )
    assert INVITE.sent(portal) == []


def test_o3_a_match_that_becomes_somebody_elses_between_the_look_and_the_call_is_not_linked(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    portal.faults.plan(DropBefore(), method=LINK.method, path=LINK.path)
    assert told(seat.send(LINK.form(seat))) == NOT_KNOWN
    give(portal, "P-20188", "TC-1009")
    after = seat.portal_section(LINK.number)
    assert told(after) == NOT_DONE
    assert "associated with number TC-1009 of the county" in after.text
    assert by_number(cpse, LINK.number).link is None
    assert (associations_on(portal)["P-20188"], cpse.operations.open_for()) == ("TC-1009", [])


def test_o3_what_was_added_and_given_to_somebody_else_since_is_not_linked(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    portal.faults.plan(DropAfter(), method=ADD.method, path=ADD.path)
    assert told(seat.send(ADD.form(seat))) == NOT_KNOWN
    (portal_id,) = (held for held, number in associations_on(portal).items() if number == ADD.number)
    give(portal, portal_id, SOMEBODY)
    assert told(seat.portal_section(ADD.number)) == NOT_KNOWN
    assert told(seat.check_now(ADD.number)) == DONE
    assert by_number(cpse, ADD.number).link is None
    (entry,) = entries(cpse, ADD.number)
    assert (entry.action, entry.details["belongs_to"]) == (Add.history, SOMEBODY)
    assert ADD.effects(portal) == 1


@pytest.mark.parametrize("change", [SEND_AGAIN, REVOKE], ids=str)
@pytest.mark.parametrize("status", ["accepted", "revoked"])
def test_o3_an_open_operation_on_an_invitation_that_is_closed_meanwhile_comes_to_an_end(
    seat: Seat, cpse: Parts, portal: Portal, change: Change, status: str
) -> None:
    portal.faults.plan(DropBefore(), method=change.method, path=change.path)
    assert told(seat.send(change.form(seat))) == NOT_KNOWN
    with portal.store.transaction() as db:
        db.execute("UPDATE invitation SET status = ? WHERE id = 'I-50018'", (status,))
    # That somebody revoked it is what a revocation was to bring about.
    expected = DONE if (change, status) == (REVOKE, "revoked") else NOT_DONE
    assert told(seat.portal_section(change.number)) == expected
    assert (len(change.sent(portal)), cpse.operations.open_for()) == (1, [])


def record_link(cpse: Parts, number: str, portal_id: str) -> None:
    """Put a link on record of which the Portal knows nothing."""
    with cpse.database.write() as session:
        row = session.get_one(ProviderRow, by_number(cpse, number).id)
        row.link = LinkRow(portal_id=portal_id, linked_at=now(), linked_by="import")
        refresh_derived(row)


def left_open(seat: Seat, cpse: Parts, portal: Portal) -> tuple[str, str]:
    """What earlier versions could leave behind: a link that the Portal has made, and another one on record."""
    provider = by_number(cpse, "TC-1012")
    one, other = sorted(match.portal.id for match in cpse.associations.find_matches(provider, EDITOR))
    portal.faults.plan(DropAfter(), method="PUT", path=f"/{other}/association$")
    assert told(seat.send(seat.link_form("TC-1012", other))) == NOT_KNOWN
    record_link(cpse, "TC-1012", one)
    give(portal, one, "TC-1012")
    return one, other


@pytest.mark.parametrize("kept", ["recorded", "other", "none"])
def test_o4_where_both_sides_disagree_the_page_shows_both_and_a_person_decides(
    seat: Seat, cpse: Parts, portal: Portal, kept: str
) -> None:
    one, other = left_open(seat, cpse, portal)
    keep = {"recorded": one, "other": other, "none": ""}[kept]
    page = seat.portal_section("TC-1012")
    assert "The CPSE Portal and the county's record do not agree" in page.text
    assert {one, other} <= set(page.text.split())
    assert "not known" in told(page)
    form = seat.decision_form("TC-1012", keep)
    assert told(seat.send(form)) == DONE
    link = by_number(cpse, "TC-1012").link
    assert (link.portal_id if link else "") == keep
    held = {portal_id for portal_id, number in associations_on(portal).items() if number == "TC-1012"}
    assert held == ({keep} if keep else set())
    assert cpse.operations.open_for() == []
    decided = entries(cpse, "TC-1012")[0]
    assert (decided.action, decided.details["kept"]) == (Settle.history, keep)
    assert decided.details["reason"] == "The other one is from before the move."
    assert "do not agree" not in seat.portal_section("TC-1012").text
    # Sent once more, the form leads to what was done.
    assert told(seat.send(form)) == DONE
    assert len([entry for entry in entries(cpse, "TC-1012") if entry.action is Settle.history]) == 1


def test_o4_check_now_and_reconcile_lead_to_the_decision(seat: Seat, cpse: Parts, portal: Portal) -> None:
    left_open(seat, cpse, portal)
    assert "do not agree" in seat.check_now("TC-1012").text
    (left,) = cpse.operations.resume()
    assert left.is_open
    assert "the county's record has number TC-1012 linked" in left.failure
    assert "do not agree" in seat.portal_section("TC-1012").text


def test_o4_a_decision_that_is_cut_off_is_finished(seat: Seat, cpse: Parts, portal: Portal) -> None:
    one, other = left_open(seat, cpse, portal)
    seat.portal_section("TC-1012")
    form = seat.decision_form("TC-1012", other)
    portal.faults.plan(Status(429), method="DELETE", path=f"/{one}/association$")
    # One of its two calls was carried out, so that it is neither done nor not done.
    assert told(seat.send(form)) == NOT_KNOWN
    assert told(seat.check_now("TC-1012")) == DONE
    link = by_number(cpse, "TC-1012").link
    assert link is not None
    assert link.portal_id == other
    assert associations_on(portal).get(one) is None
    assert [entry.action for entry in entries(cpse, "TC-1012")] == [Settle.history]


def test_o4_a_decision_is_made_of_what_was_seen(seat: Seat, cpse: Parts, portal: Portal) -> None:
    one, other = left_open(seat, cpse, portal)
    seat.portal_section("TC-1012")
    form = seat.decision_form("TC-1012", one)
    give(portal, other, SOMEBODY)
    answer = seat.send(form)
    assert (answer.status, told(answer)) == (409, NOT_DONE)
    assert associations_on(portal)[other] == SOMEBODY


def test_o4_two_of_the_county_who_claim_one_portal_provider_each_find_their_way_out(
    seat: Seat, cpse: Parts, portal: Portal
) -> None:
    """The Portal has associated it with the one, and the county's record has linked it to the other."""
    ledger = Ledger(cpse.database, portal)
    portal.faults.plan(DropAfter(), method=LINK.method, path=LINK.path)
    assert told(seat.send(LINK.form(seat))) == NOT_KNOWN
    record_link(cpse, "TC-1009", "P-20188")
    mine = seat.portal_section(LINK.number)
    assert "do not agree" in mine.text
    assert f"Belongs to {by_number(cpse, 'TC-1009').name}" in mine.text
    assert not mine.has("a[href*='keep=P-20188']")
    theirs = seat.portal_section("TC-1009")
    assert "associated with another one of the county" in theirs.text
    assert told(seat.send(seat.decision_form("TC-1009", ""))) == DONE
    assert told(seat.portal_section(LINK.number)) == DONE
    assert ledger.account().is_clean


def test_o4_whoever_may_not_link_may_not_decide(seat: Seat, cpse: Parts, portal: Portal) -> None:
    left_open(seat, cpse, portal)
    said = {"keep": "", "reason": "x", "seen": ""}
    with pytest.raises(NotAllowed):
        cpse.operations.carry_out(Settle.name, by_number(cpse, "TC-1012").id, said, form=uuid4(), staff=READER)
    assert len(cpse.operations.open_for()) == 1


def send_counts(cpse: Parts, number: str) -> tuple[int, int]:
    with cpse.database.read() as session:
        row = session.get_one(ProviderRow, by_number(cpse, number).id)
        return row.active_admins, row.open_invitations


def test_the_counts_after_a_change_are_those_of_the_portal(cpse: Parts, portal: Portal) -> None:
    provider = by_number(cpse, "TC-1014")
    with portal.store.transaction() as db:
        db.execute("UPDATE invitation SET expires_at = '2020-01-01T00:00:00Z' WHERE id = 'I-50018'")
    cpse.admin_users.retrieve(provider, INVITER)
    assert send_counts(cpse, "TC-1014")[1] == 0
    # A revocation of what has expired takes nothing away; sending it again makes it one that can be followed.
    cpse.admin_users.send_again(provider.id, "I-50018", operation_id=uuid4(), staff=INVITER)
    assert send_counts(cpse, "TC-1014")[1] == 1
    with portal.store.transaction() as db:
        db.execute("UPDATE invitation SET expires_at = '2020-01-01T00:00:00Z' WHERE id = 'I-50018'")
    cpse.admin_users.revoke(provider.id, "I-50018", operation_id=uuid4(), staff=INVITER)
    assert send_counts(cpse, "TC-1014")[1] == 0


@pytest.mark.parametrize("change", ["send_again", "revoke"])
def test_an_invitation_that_was_accepted_meanwhile_is_counted_so(cpse: Parts, portal: Portal, change: str) -> None:
    provider = by_number(cpse, "TC-1014")
    cpse.admin_users.retrieve(provider, INVITER)
    before = send_counts(cpse, "TC-1014")
    with portal.store.transaction() as db:
        db.execute(
            "INSERT INTO admin_user SELECT 'A-new', provider_id, 'rkemp', 'x', first_name, last_name, email, therapist,"
            " 'active', NULL FROM invitation WHERE id = 'I-50018'"
        )
        db.execute("UPDATE invitation SET status = 'accepted' WHERE id = 'I-50018'")
    with pytest.raises(InvitationClosed):
        getattr(cpse.admin_users, change)(provider.id, "I-50018", operation_id=uuid4(), staff=INVITER)
    assert send_counts(cpse, "TC-1014") == (before[0] + 1, before[1] - 1)


def test_what_an_earlier_version_left_open_is_finished(cpse: Parts, portal: Portal) -> None:
    """Its rows say less: neither the form, nor whose association it is, nor what was there before."""
    portal.faults.plan(DropBefore(), method="DELETE", path="/association$")
    with pytest.raises(PortalOutcomeUnknown):
        cpse.associations.unlink(by_number(cpse, "TC-1015").id, reason="Wrong one.", operation_id=uuid4(), staff=EDITOR)
    with cpse.database.write() as session:
        content = {"portal_id": "P-20632", "reason": "Wrong one."}
        session.execute(update(OperationRow).values(content=content, intention_id=None))
    end_leases(cpse)
    (finished,) = cpse.operations.resume()
    assert finished.is_done
    assert "P-20632" not in associations_on(portal)


def test_a_portal_of_an_earlier_version_that_keeps_no_keys_is_no_obstacle(cpse: Parts, portal: Portal) -> None:
    portal.faults.plan(DropAfter(), method="POST", path="/invitations$")
    portal.faults.plan(IgnoreIdempotencyKeys(), method="POST", times=None)
    provider = by_number(cpse, "TC-1015")
    with pytest.raises(PortalError):
        cpse.admin_users.invite(
            provider.id, NewInvitation("Amy", "Lowe", "amy@x.example"), operation_id=uuid4(), staff=INVITER
        )
    (finished,) = cpse.operations.resume()
    assert finished.is_done
    assert send_counts(cpse, "TC-1015")[1] == 1


def test_an_unlink_that_is_refused_says_whose_it_is(cpse: Parts, portal: Portal) -> None:
    give(portal, "P-20632", "TC-9999")
    with pytest.raises(BelongsToAnother) as refused:
        cpse.associations.unlink(by_number(cpse, "TC-1015").id, reason="Wrong one.", operation_id=uuid4(), staff=EDITOR)
    assert (refused.value.number, refused.value.holder) == ("TC-9999", None)
