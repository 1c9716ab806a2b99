"""Admin users and invitations; against the sandbox's Portal and its e-mail."""

from typing import Any
from uuid import uuid4

import pytest

from cpse_plugin.domain.portal_records import AdminStatus, InvitationStatus, NewInvitation, Therapist
from cpse_plugin.domain.providers import SetUpStatus
from cpse_plugin.portal.gateway import (
    AdminExists,
    CredentialConflict,
    InvalidContent,
    InvitationClosed,
    InvitationPending,
)
from cpse_plugin.sandbox.mailbox import Mailbox
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services.errors import NotFound, NotLinked
from cpse_plugin.web.parts import Parts
from tests.world import INVITER, READER, by_number


def retrieve(cpse: Parts, number: str) -> Any:
    return cpse.admin_users.retrieve(by_number(cpse, number), READER)


def invite(cpse: Parts, number: str, invitation: NewInvitation) -> dict[str, Any]:
    return cpse.admin_users.invite(by_number(cpse, number).id, invitation, operation_id=uuid4(), staff=INVITER)


def person(**more: Any) -> NewInvitation:
    """Somebody whom no e-mail of an earlier test was for."""
    return NewInvitation(**{"first_name": "Nia", "last_name": "New", "email": f"{uuid4().hex}@new.example", **more})


def mails(mailbox: Mailbox, email: str) -> int:
    return sum(email in message.to for message in mailbox.messages)


def test_admin_users_are_retrieved_with_their_status(cpse: Parts) -> None:
    found = retrieve(cpse, "TC-1017")
    assert [(admin.username != "", admin.status) for admin in found.admins].count((True, AdminStatus.ACTIVE)) == 2
    assert {admin.status for admin in found.admins} == set(AdminStatus)
    assert any(admin.last_signed_in_at is None for admin in found.admins)
    assert [invitation.status for invitation in found.invitations] == [InvitationStatus.ACCEPTED]


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("TC-1013", SetUpStatus.READY),
        ("TC-1014", SetUpStatus.INVITED),
        ("TC-1015", SetUpStatus.LINKED),
        ("TC-1016", SetUpStatus.LINKED),
    ],
)
def test_retrieving_brings_the_list_up_to_date(cpse: Parts, number: str, status: SetUpStatus) -> None:
    version = by_number(cpse, number).version
    retrieve(cpse, number)
    provider = by_number(cpse, number)
    assert provider.status is status
    # A colleague's open form stays good: nobody has edited the profile.
    assert provider.version == version


def test_a_provider_without_a_link_has_no_admin_users(cpse: Parts, portal: Portal) -> None:
    for call in (lambda: retrieve(cpse, "TC-1004"), lambda: invite(cpse, "TC-1004", person())):
        with pytest.raises(NotLinked):
            call()
    assert portal.faults.received() == []


def test_an_invitation_is_mailed_and_stands_on_both_sides(cpse: Parts, mailbox: Mailbox) -> None:
    new = person()
    kept = invite(cpse, "TC-1015", new)
    assert kept["email"] == new.email
    assert mails(mailbox, new.email) == 1
    assert by_number(cpse, "TC-1015").status is SetUpStatus.INVITED
    (open_one,) = retrieve(cpse, "TC-1015").open_invitations
    assert (open_one.id, open_one.email, open_one.invited_by) == (kept["id"], new.email, INVITER.acting_user)


def test_the_portal_s_notices_are_handed_on(cpse: Parts) -> None:
    kept = invite(cpse, "TC-1015", person(therapist=Therapist(npi="1999104049")))
    assert ["weekly copy" in notice for notice in kept["notices"]] == [True]


@pytest.mark.parametrize(
    ("number", "new", "refusal", "pointers"),
    [
        ("TC-1014", person(email="Rosalind.Kemp@sunrisesteps.example"), InvitationPending, ()),
        ("TC-1017", person(email="ada.forsythe@beaconpoint.example"), AdminExists, ()),
        (
            "TC-1015",
            person(email="grace.liu@therapy.example", therapist=Therapist("1999104049", "OT", "023249-1")),
            CredentialConflict,
            ("/therapist/npi", "/therapist/profession"),
        ),
        ("TC-1015", person(therapist=Therapist(profession="WITCH")), InvalidContent, ("/therapist/profession",)),
    ],
    ids=["pending", "admin already", "other credentials", "unknown profession"],
)
def test_the_portal_s_refusals_keep_their_meaning(
    cpse: Parts, mailbox: Mailbox, number: str, new: NewInvitation, refusal: type[Any], pointers: tuple[str, ...]
) -> None:
    before = retrieve(cpse, number).invitations
    with pytest.raises(refusal) as refused:
        invite(cpse, number, new)
    assert tuple(error.pointer for error in refused.value.errors) == pointers
    assert retrieve(cpse, number).invitations == before
    assert mails(mailbox, new.email) == 0


def change(cpse: Parts, what: str, number: str, invitation_id: str) -> dict[str, Any]:
    call = getattr(cpse.admin_users, what)
    result: dict[str, Any] = call(by_number(cpse, number).id, invitation_id, operation_id=uuid4(), staff=INVITER)
    return result


@pytest.mark.parametrize(
    ("number", "invitation_id", "email"),
    [
        ("TC-1014", "I-50018", "rosalind.kemp@sunrisesteps.example"),
        ("TC-1016", "I-50040", "garrett.oakes@rollingbrook.example"),
    ],
    ids=["open", "expired"],
)
def test_an_invitation_is_sent_again(
    cpse: Parts, mailbox: Mailbox, number: str, invitation_id: str, email: str
) -> None:
    before = mails(mailbox, email)
    assert change(cpse, "send_again", number, invitation_id)["email"] == email
    assert mails(mailbox, email) == before + 1
    assert [item.id for item in retrieve(cpse, number).open_invitations] == [invitation_id]
    assert by_number(cpse, number).status is SetUpStatus.INVITED


def test_an_invitation_is_revoked_and_the_address_is_free_again(cpse: Parts) -> None:
    change(cpse, "revoke", "TC-1014", "I-50018")
    provider = by_number(cpse, "TC-1014")
    assert provider.status is SetUpStatus.LINKED
    assert cpse.admin_users.invitation(provider, "I-50018", READER).status is InvitationStatus.REVOKED
    invite(cpse, "TC-1014", person(email="rosalind.kemp@sunrisesteps.example"))


@pytest.mark.parametrize(
    ("what", "number", "invitation_id"),
    [
        ("send_again", "TC-1013", "I-50007"),
        ("send_again", "TC-1016", "I-50029"),
        ("revoke", "TC-1013", "I-50007"),
    ],
    ids=["accepted, send again", "revoked, send again", "accepted, revoke"],
)
def test_a_closed_invitation_cannot_be_changed(cpse: Parts, what: str, number: str, invitation_id: str) -> None:
    with pytest.raises(InvitationClosed):
        change(cpse, what, number, invitation_id)


@pytest.mark.parametrize("what", ["send_again", "revoke"])
@pytest.mark.parametrize("invitation_id", ["I-0", "I-50007"], ids=["unknown", "of another provider"])
def test_an_invitation_that_is_not_this_provider_s_is_not_found(cpse: Parts, what: str, invitation_id: str) -> None:
    with pytest.raises(NotFound):
        change(cpse, what, "TC-1014", invitation_id)


def test_professions_come_in_the_portal_s_order(cpse: Parts) -> None:
    professions = cpse.admin_users.professions(READER)
    assert (len(professions), professions[0].code) == (24, "AIDE")
