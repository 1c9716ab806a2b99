"""What becomes of a call to the Portal when it is repeated, disturbed, or cut off; on real HTTP."""

import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from cpse_plugin.domain.portal_records import NewInvitation
from cpse_plugin.operations.invite import Invite
from cpse_plugin.operations.kind import OperationState
from cpse_plugin.portal.gateway import InvitationPending, PortalNotAsked, PortalRefused
from cpse_plugin.sandbox.faults import Status
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services.database import now
from cpse_plugin.services.errors import OperationInProgress, OperationMismatch
from cpse_plugin.web.parts import Parts
from tests.world import INVITER, OTHER_INVITER, Gate, by_number

from .inviting import INVITATIONS, NIA, in_thread, invite, invited, keys, told


def test_one_form_sent_twice_is_one_call(cpse: Parts, portal: Portal) -> None:
    operation_id = uuid4()
    results = [invite(cpse, operation_id) for _ in range(2)]
    assert results[0] == results[1]
    assert keys(portal) == [str(operation_id)]
    assert told(cpse, "TC-1015") == [Invite.history]


def test_one_form_with_other_content_is_refused(cpse: Parts, portal: Portal) -> None:
    operation_id = uuid4()
    invite(cpse, operation_id)
    with pytest.raises(OperationMismatch):
        invite(cpse, operation_id, person=NewInvitation("Nia", "Newer", NIA.email))
    assert len(keys(portal)) == 1


def test_after_a_refusal_the_same_form_may_be_corrected_and_sent_again(cpse: Parts, portal: Portal) -> None:
    operation_id = uuid4()
    provider = by_number(cpse, "TC-1014")
    pending = NewInvitation("Rosalind", "Kemp", "rosalind.kemp@sunrisesteps.example")
    with pytest.raises(InvitationPending):
        cpse.admin_users.invite(provider.id, pending, operation_id=operation_id, staff=INVITER)
    kept = cpse.admin_users.invite(provider.id, NIA, operation_id=operation_id, staff=INVITER)
    assert kept["email"] == NIA.email
    # The Portal keeps its refusal under the first key.
    assert len(set(keys(portal))) == 2


def test_a_form_whose_first_sending_was_refused_is_done_once_however_often_it_is_sent(
    cpse: Parts, portal: Portal
) -> None:
    form = uuid4()
    portal.faults.plan(Status(429), method="POST", path=INVITATIONS)
    with pytest.raises(PortalNotAsked):
        invite(cpse, form)
    results = [invite(cpse, form) for _ in range(3)]
    assert [result["id"] for result in results] == [results[0]["id"]] * 3
    assert (invited(portal), told(cpse, "TC-1015")) == (1, [Invite.history])
    standing = cpse.operations.standing(form)
    assert standing is not None
    assert (standing.is_done, standing.form, str(standing.id)) == (True, form, keys(portal)[-1])
    assert standing.id != form


def test_a_form_that_was_done_does_not_invite_anew_whom_somebody_has_revoked_since(cpse: Parts, portal: Portal) -> None:
    form = uuid4()
    for refusal in (Status(429), Status(409, type="urn:cpse:problem:admin-exists")):
        portal.faults.plan(refusal, method="POST", path=INVITATIONS)
        with pytest.raises((PortalNotAsked, PortalRefused)):
            invite(cpse, form)
    made = invite(cpse, form)
    provider = by_number(cpse, "TC-1015")
    cpse.admin_users.revoke(provider.id, made["id"], operation_id=uuid4(), staff=INVITER)
    assert invite(cpse, form)["id"] == made["id"]
    assert invited(portal) == 1
    assert invite(cpse)["id"] != made["id"]


def test_how_a_form_stands_is_its_latest_attempt(cpse: Parts, portal: Portal) -> None:
    form = uuid4()
    assert cpse.operations.standing(form) is None
    for status, words in ((429, "429"), (403, "403")):
        portal.faults.plan(Status(status), method="POST", path=INVITATIONS)
        with pytest.raises(PortalNotAsked):
            invite(cpse, form)
        standing = cpse.operations.standing(form)
        assert standing is not None
        assert (standing.state, words in standing.failure) == (OperationState.FAILED, True)


def test_the_form_of_one_provider_is_not_taken_for_another(cpse: Parts, portal: Portal) -> None:
    form = uuid4()
    portal.faults.plan(Status(429), method="POST", path=INVITATIONS)
    with pytest.raises(PortalNotAsked):
        invite(cpse, form)
    with pytest.raises(OperationMismatch):
        cpse.admin_users.invite(by_number(cpse, "TC-1014").id, NIA, operation_id=form, staff=INVITER)
    assert len(keys(portal)) == 1


def test_a_second_person_is_told_by_whom_and_since_when_it_is_being_done(cpse: Parts, portal: Portal) -> None:
    gate, began = Gate(), now()
    portal.faults.plan(gate, method="POST", path=INVITATIONS)
    first = in_thread(lambda: invite(cpse))
    assert gate.entered.wait(30)
    with pytest.raises(OperationInProgress) as refused:
        invite(cpse, staff=OTHER_INVITER)
    gate.leave.set()
    first.join(30)
    assert refused.value.actor == INVITER.acting_user
    assert timedelta() <= refused.value.since - began < timedelta(seconds=30)
    assert (len(keys(portal)), invited(portal)) == (1, 1)


def test_another_address_may_be_invited_at_the_same_time(cpse: Parts, portal: Portal) -> None:
    gate = Gate()
    portal.faults.plan(gate, method="POST", path=INVITATIONS)
    first = in_thread(lambda: invite(cpse))
    assert gate.entered.wait(30)
    assert invite(cpse, person=NewInvitation("Olu", "Other", "olu@new.example"))["email"] == "olu@new.example"
    gate.leave.set()
    first.join(30)
    assert told(cpse, "TC-1015") == [Invite.history] * 2


def test_the_same_form_from_many_at_once_is_one_call(cpse: Parts, portal: Portal) -> None:
    operation_id, start = uuid4(), threading.Barrier(8)
    outcomes: list[str] = []

    def send() -> None:
        start.wait(30)
        try:
            outcomes.append(invite(cpse, operation_id)["email"])
        except OperationInProgress as refused:
            outcomes.append(refused.actor)

    threads = [in_thread(send) for _ in range(8)]
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == 8
    assert set(outcomes) <= {NIA.email, INVITER.acting_user}
    assert NIA.email in outcomes
    assert (len(keys(portal)), invited(portal)) == (1, 1)


def test_many_who_invite_the_same_address_at_once_make_one_invitation(cpse: Parts, portal: Portal) -> None:
    start = threading.Barrier(8)
    outcomes: list[type[Any]] = []

    def send() -> None:
        start.wait(30)
        try:
            outcomes.append(type(invite(cpse)))
        except (OperationInProgress, InvitationPending) as refused:
            outcomes.append(type(refused))

    threads = [in_thread(send) for _ in range(8)]
    for thread in threads:
        thread.join(60)
    assert outcomes.count(dict) == 1
    assert len(outcomes) == 8
    assert invited(portal) == 1
