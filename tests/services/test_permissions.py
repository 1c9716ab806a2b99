"""Every use case that changes something asks for the permission itself, whoever calls it."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from cpse_plugin.domain.access import Action, NotAllowed, Staff
from cpse_plugin.domain.portal_records import NewInvitation
from cpse_plugin.domain.providers import Profile
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.world import EDITOR, READER, associations_on, by_number

NEW = NewInvitation("Nia", "New", "nia@new.example")
NOTHING = Profile(None, None, None, uses_portal=False)


def apply(cpse: Parts, staff: Staff) -> object:
    provider = by_number(cpse, "TC-1004")
    return cpse.providers.apply(provider.id, NOTHING, version=provider.version, staff=staff)


def link(cpse: Parts, staff: Staff) -> object:
    provider = by_number(cpse, "TC-1004")
    seen = cpse.associations.compare(provider, "P-20188", staff).fingerprint
    return cpse.associations.link(provider.id, "P-20188", operation_id=uuid4(), seen=seen, staff=staff)


def unlink(cpse: Parts, staff: Staff) -> object:
    provider = by_number(cpse, "TC-1013")
    return cpse.associations.unlink(provider.id, reason="No.", operation_id=uuid4(), staff=staff)


def add(cpse: Parts, staff: Staff) -> object:
    return cpse.associations.add(by_number(cpse, "TC-1021").id, operation_id=uuid4(), staff=staff)


def invite(cpse: Parts, staff: Staff) -> object:
    return cpse.admin_users.invite(by_number(cpse, "TC-1014").id, NEW, operation_id=uuid4(), staff=staff)


def send_again(cpse: Parts, staff: Staff) -> object:
    provider = by_number(cpse, "TC-1014")
    return cpse.admin_users.send_again(provider.id, "I-50018", operation_id=uuid4(), staff=staff)


def revoke(cpse: Parts, staff: Staff) -> object:
    provider = by_number(cpse, "TC-1014")
    return cpse.admin_users.revoke(provider.id, "I-50018", operation_id=uuid4(), staff=staff)


@pytest.mark.parametrize(
    ("change", "staff", "action"),
    [
        (apply, READER, Action.EDIT_PROFILE),
        (link, READER, Action.LINK),
        (unlink, READER, Action.LINK),
        (add, READER, Action.ADD_PROVIDER),
        (invite, READER, Action.INVITE),
        (invite, EDITOR, Action.INVITE),
        (send_again, EDITOR, Action.INVITE),
        (revoke, EDITOR, Action.INVITE),
    ],
)
def test_a_role_that_does_not_reach_changes_nothing(
    cpse: Parts, portal: Portal, change: Callable[[Parts, Staff], object], staff: Staff, action: Action
) -> None:
    before = by_number(cpse, "TC-1004"), by_number(cpse, "TC-1013"), associations_on(portal)
    with pytest.raises(NotAllowed) as refused:
        change(cpse, staff)
    assert refused.value.action is action
    assert (by_number(cpse, "TC-1004"), by_number(cpse, "TC-1013"), associations_on(portal)) == before
    assert [call for call in portal.faults.received() if call.method != "GET" and "token" not in call.path] == []
    assert cpse.operations.open_for() == []
