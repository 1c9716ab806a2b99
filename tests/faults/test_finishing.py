"""What is taken for an operation's own doing when it is finished after its worker died."""

from uuid import uuid4

import pytest

from cpse_plugin.domain.portal_records import NewInvitation
from cpse_plugin.operations.invite import Invite
from cpse_plugin.sandbox.faults import Body, IgnoreIdempotencyKeys
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.world import INVITER, by_number, parts_of

from .leases import end_leases
from .ledger import Ledger
from .model import Killed, MortalGateway

_AMY = NewInvitation("Amy", "Lowe", "amy.lowe@therapy.example")


@pytest.fixture
def cpse(make_intranet: MakeIntranet, database_url: str) -> Parts:
    return parts_of(make_intranet(database_url, CPSE_PORTAL_GATEWAY=f"{MortalGateway.__module__}:MortalGateway"))


@pytest.fixture
def mortal(cpse: Parts) -> MortalGateway:
    assert isinstance(cpse.portal, MortalGateway)
    return cpse.portal


@pytest.fixture
def ledger(cpse: Parts, portal: Portal) -> Ledger:
    return Ledger(cpse.database, portal)


@pytest.fixture
def provider_id(cpse: Parts) -> int:
    return by_number(cpse, "TC-1015").id


def _invite(cpse: Parts, provider_id: int) -> str:
    return str(cpse.admin_users.invite(provider_id, _AMY, operation_id=uuid4(), staff=INVITER)["id"])


def test_an_invitation_that_was_made_before_is_not_taken_for_the_one_that_was_left_open(
    cpse: Parts, mortal: MortalGateway, ledger: Ledger, provider_id: int
) -> None:
    first = _invite(cpse, provider_id)
    cpse.admin_users.revoke(provider_id, first, operation_id=uuid4(), staff=INVITER)
    mortal.dies = "dies before"
    with pytest.raises(Killed):
        _invite(cpse, provider_id)
    end_leases(cpse)
    [finished] = cpse.operations.resume(provider_id)
    assert finished.is_done
    assert finished.result["id"] != first
    assert ledger.account().is_clean


def test_an_invitation_that_was_sent_again_before_is_sent_again_once_more(
    cpse: Parts, portal: Portal, mortal: MortalGateway, ledger: Ledger, provider_id: int
) -> None:
    invitation = _invite(cpse, provider_id)
    mortal.dies = "dies before"
    with pytest.raises(Killed):
        cpse.admin_users.send_again(provider_id, invitation, operation_id=uuid4(), staff=INVITER)
    end_leases(cpse)
    [finished] = cpse.operations.resume(provider_id)
    assert finished.is_done
    assert len(portal.faults.received("POST", f"/{invitation}/resend$")) == 1
    assert ledger.account().is_clean


def test_what_arrives_between_the_look_and_the_repeated_call_is_done_and_not_refused(
    cpse: Parts, portal: Portal, mortal: MortalGateway, ledger: Ledger, provider_id: int
) -> None:
    portal.faults.plan(IgnoreIdempotencyKeys(), method="POST", times=None)
    mortal.dies = "dies after"
    with pytest.raises(Killed):
        _invite(cpse, provider_id)
    # The first call's effect is not to be seen yet when the Portal is read.
    portal.faults.plan(Body(b'{"items": []}'), method="GET", path="/invitations$")
    end_leases(cpse)
    [finished] = cpse.operations.resume(provider_id)
    assert finished.is_done
    assert len(portal.faults.received("POST", "/invitations$")) == 2
    told = [entry.action for entry in cpse.history.of_provider(provider_id, INVITER)]
    assert told == [Invite.history]
    assert ledger.account().is_clean
