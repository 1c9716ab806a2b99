"""What an operation leaves open, and how it is finished; on real HTTP."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from cpse_plugin.domain.providers import CountyProvider
from cpse_plugin.models import OperationRow
from cpse_plugin.operations.add import Add
from cpse_plugin.operations.invite import Invite
from cpse_plugin.operations.kind import OperationState
from cpse_plugin.operations.link import Link
from cpse_plugin.operations.unlink import Unlink
from cpse_plugin.portal.gateway import InvitationPending, PortalNotAsked, PortalOutcomeUnknown
from cpse_plugin.sandbox.faults import DropAfter, DropBefore, IgnoreIdempotencyKeys, Status
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services.association import Comparison
from cpse_plugin.services.database import now
from cpse_plugin.services.errors import OperationInProgress, OperationMismatch
from cpse_plugin.services.history import NOT_DONE
from cpse_plugin.web.parts import Parts
from tests.world import EDITOR, INVITER, OTHER_INVITER, Gate, associations_on, by_number, link

from .inviting import INVITATIONS, NIA, in_thread, invite, invited, keys, open_operations, told


@pytest.mark.parametrize("portal_keeps_keys", [True, False], ids=["with keys", "without keys"])
def test_what_was_done_unseen_is_found_and_not_repeated(cpse: Parts, portal: Portal, portal_keeps_keys: bool) -> None:
    portal.faults.plan(DropAfter(), method="POST", path=INVITATIONS)
    if not portal_keeps_keys:
        portal.faults.plan(IgnoreIdempotencyKeys(), times=None)
    with pytest.raises(PortalOutcomeUnknown):
        invite(cpse)
    assert open_operations(cpse) == [("invite", OperationState.UNKNOWN)]
    assert told(cpse, "TC-1015") == []
    (finished,) = cpse.operations.resume()
    assert (finished.is_done, finished.result["email"]) == (True, NIA.email)
    assert open_operations(cpse) == []
    assert (invited(portal), told(cpse, "TC-1015")) == (1, [Invite.history])


def test_what_was_not_done_is_done_once_with_the_same_key(cpse: Parts, portal: Portal) -> None:
    operation_id = uuid4()
    portal.faults.plan(DropBefore(), method="POST", path=INVITATIONS)
    with pytest.raises(PortalOutcomeUnknown):
        invite(cpse, operation_id)
    assert invited(portal) == 0
    (finished,) = cpse.operations.resume(by_number(cpse, "TC-1015").id)
    assert finished.is_done
    assert keys(portal) == [str(operation_id)] * 2
    assert (invited(portal), told(cpse, "TC-1015")) == (1, [Invite.history])


def test_opening_a_provider_leaves_the_open_operations_of_others_alone(cpse: Parts, portal: Portal) -> None:
    portal.faults.plan(DropBefore(), method="POST", path=INVITATIONS)
    with pytest.raises(PortalOutcomeUnknown):
        invite(cpse)
    assert cpse.operations.resume(by_number(cpse, "TC-1014").id) == []
    assert len(keys(portal)) == 1


def test_the_next_try_finishes_what_was_left_open_first(cpse: Parts, portal: Portal) -> None:
    portal.faults.plan(DropAfter(), method="POST", path=INVITATIONS)
    with pytest.raises(PortalOutcomeUnknown):
        invite(cpse)
    with pytest.raises(InvitationPending):
        invite(cpse, staff=OTHER_INVITER)
    assert (invited(portal), open_operations(cpse)) == (1, [])


def test_a_form_sent_again_after_an_unknown_outcome_learns_that_it_was_done(cpse: Parts, portal: Portal) -> None:
    operation_id = uuid4()
    portal.faults.plan(DropAfter(), method="POST", path=INVITATIONS)
    with pytest.raises(PortalOutcomeUnknown):
        invite(cpse, operation_id)
    assert invite(cpse, operation_id)["email"] == NIA.email
    assert invited(portal) == 1


def test_a_refusal_at_the_second_attempt_ends_the_operation_and_is_on_record(cpse: Parts, portal: Portal) -> None:
    portal.faults.plan(DropBefore(), method="POST", path=INVITATIONS)
    with pytest.raises(PortalOutcomeUnknown):
        invite(cpse)
    problem = Status(409, type="urn:cpse:problem:admin-exists", detail="An admin user already.")
    portal.faults.plan(problem, method="POST", path=INVITATIONS)
    (finished,) = cpse.operations.resume()
    assert finished.state is OperationState.FAILED
    assert told(cpse, "TC-1015") == [NOT_DONE]


def test_a_portal_that_stays_away_leaves_the_operation_open(cpse: Parts, portal: Portal) -> None:
    portal.faults.plan(DropBefore(), method="POST", path=INVITATIONS)
    with pytest.raises(PortalOutcomeUnknown):
        invite(cpse)
    portal.faults.plan(DropBefore(), times=None, path="/providers/")
    for _ in range(2):
        (left,) = cpse.operations.resume()
        assert left.state is OperationState.UNKNOWN
    portal.faults.clear()
    (finished,) = cpse.operations.resume()
    assert (finished.is_done, finished.attempts, invited(portal)) == (True, 4, 1)


def test_a_call_that_never_went_out_is_not_done_and_may_be_repeated(cpse: Parts, portal: Portal) -> None:
    portal.faults.plan(Status(429, {"Retry-After": "1"}), method="POST", path=INVITATIONS)
    with pytest.raises(PortalNotAsked):
        invite(cpse)
    assert (open_operations(cpse), invited(portal), told(cpse, "TC-1015")) == ([], 0, [])
    invite(cpse)
    assert invited(portal) == 1


def test_two_who_finish_at_once_do_it_once(cpse: Parts, portal: Portal) -> None:
    portal.faults.plan(DropBefore(), method="POST", path=INVITATIONS)
    with pytest.raises(PortalOutcomeUnknown):
        invite(cpse)
    gate = Gate()
    portal.faults.plan(gate, method="POST", path=INVITATIONS)
    finished: list[Any] = []
    first = in_thread(lambda: finished.extend(cpse.operations.resume()))
    assert gate.entered.wait(30)
    assert cpse.operations.resume() == []
    gate.leave.set()
    first.join(30)
    assert [operation.is_done for operation in finished] == [True]
    assert len(keys(portal)) == 2
    assert (invited(portal), told(cpse, "TC-1015")) == (1, [Invite.history])


def test_many_who_finish_many_at_once_do_each_once(cpse: Parts, portal: Portal) -> None:
    portal.faults.plan(DropBefore(), method="POST", path=INVITATIONS, times=5)
    for number in ("TC-1013", "TC-1014", "TC-1015", "TC-1016", "TC-1017"):
        with pytest.raises(PortalOutcomeUnknown):
            cpse.admin_users.invite(by_number(cpse, number).id, NIA, operation_id=uuid4(), staff=INVITER)
    portal.faults.clear()
    start, finished = threading.Barrier(4), list[Any]()

    def finish() -> None:
        start.wait(30)
        finished.extend(cpse.operations.resume())

    threads = [in_thread(finish) for _ in range(4)]
    for thread in threads:
        thread.join(60)
    assert sorted(str(operation.id) for operation in finished) == sorted(set(keys(portal)))
    assert (len(keys(portal)), invited(portal)) == (5, 5)
    assert open_operations(cpse) == []


def test_a_worker_that_dies_leaves_a_row_that_is_finished_after_its_lease(
    cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = type(cpse.portal).invite_admin_user

    def die_after_the_call(*arguments: Any, **more: Any) -> Any:
        call(*arguments, **more)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(cpse.portal), "invite_admin_user", die_after_the_call)
        with pytest.raises(KeyboardInterrupt):
            invite(cpse)
    assert open_operations(cpse) == [("invite", OperationState.INTENT)]
    # As far as anybody can know, the worker is still at it.
    assert cpse.operations.resume() == []
    with pytest.raises(OperationInProgress):
        invite(cpse, staff=OTHER_INVITER)
    with cpse.database.write() as session:
        session.execute(update(OperationRow).values(leased_until=now() - timedelta(seconds=1)))
    (finished,) = cpse.operations.resume()
    assert finished.is_done
    assert (invited(portal), told(cpse, "TC-1015")) == (1, [Invite.history])


@pytest.mark.parametrize("fault", [DropBefore(), DropAfter()], ids=["not done", "done unseen"])
def test_a_link_a_new_provider_and_an_unlink_are_finished_too(
    cpse: Parts, portal: Portal, fault: DropBefore | DropAfter
) -> None:
    linked = by_number(cpse, "TC-1013")
    changes: list[tuple[str, str, Callable[[], object]]] = [
        ("PUT", "/association$", lambda: link(cpse, "TC-1004", "P-20188")),
        ("POST", "/providers$", lambda: add(cpse, "TC-1021")),
        ("DELETE", "/association$", lambda: unlink(cpse, linked.id)),
    ]
    for method, path, make in changes:
        portal.faults.plan(fault, method=method, path=path)
        with pytest.raises(PortalOutcomeUnknown):
            make()
    finished = cpse.operations.resume()
    assert [operation.is_done for operation in finished] == [True] * 3
    stand = associations_on(portal)
    assert stand["P-20188"] == "TC-1004"
    assert list(stand.values()).count("TC-1021") == 1
    assert "P-20558" not in stand
    links = {number: by_number(cpse, number).link for number in ("TC-1004", "TC-1013", "TC-1021")}
    assert {number: link.portal_id for number, link in links.items() if link} == {
        county_number: portal_id for portal_id, county_number in stand.items() if county_number in links
    }
    assert [told(cpse, number) for number in links] == [
        [Link.history],
        [Unlink.history],
        [Add.history],
    ]


def add(cpse: Parts, number: str) -> object:
    return cpse.associations.add(by_number(cpse, number).id, operation_id=uuid4(), staff=EDITOR)


def unlink(cpse: Parts, provider_id: int) -> object:
    return cpse.associations.unlink(provider_id, reason="Wrong one.", operation_id=uuid4(), staff=EDITOR)


def test_a_form_of_something_that_was_done_says_nothing_of_something_else(cpse: Parts, portal: Portal) -> None:
    provider = by_number(cpse, "TC-1012")
    seen = {match.portal.id: match for match in cpse.associations.find_matches(provider, EDITOR)}
    one, other = (cpse.associations.compare(provider, portal_id, EDITOR) for portal_id in seen)
    operation_id = uuid4()

    def link_to(comparison: Comparison) -> CountyProvider:
        portal_id = comparison.match.portal.id
        return cpse.associations.link(
            provider.id, portal_id, operation_id=operation_id, seen=comparison.fingerprint, staff=EDITOR
        )

    assert link_to(one).link is not None
    with pytest.raises(OperationMismatch):
        link_to(other)
    assert len(portal.faults.received("PUT", "/association$")) == 1
