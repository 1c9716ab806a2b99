"""One mailbox has one invitation, however its address is written."""

from uuid import uuid4

import pytest

from cpse_plugin.domain.portal_records import NewInvitation
from cpse_plugin.web.parts import Parts
from tests.world import INVITER, by_number

from .client import Answer, PageClient
from .conftest import Address

FORM = "form#cpse-invitation"
ASCII = "ana@xn--exmple-cua.org"


def invite(page: PageClient, address: Address, email: str, again: str | None = None) -> Answer:
    form = page.get(address("TC-1015", "invitations", "new"))
    person = {"first_name": "Ana", "last_name": "Ortiz", "email": email, "email_again": again or email}
    return page.submit(form, FORM, **person)


def invited(cpse: Parts) -> list[str]:
    """The addresses of the open invitations as the Portal has them."""
    found = cpse.admin_users.retrieve(by_number(cpse, "TC-1015"), INVITER)
    return [invitation.email for invitation in found.open_invitations]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ana@exämple.org", ASCII),
        (ASCII, "ana@exämple.org"),
        ("ana@exämple.org", "Ana@EXÄMPLE.org"),
        ("ana@clinic.org", "Ana@Clinic.ORG"),
        ("ana@clinic.org", "ana\u200b@clinic.org\ufeff"),
    ],
)
def test_a_second_invitation_of_a_mailbox_is_refused(
    page: PageClient, address: Address, cpse: Parts, first: str, second: str
) -> None:
    assert "The invitation was sent" in invite(page, address, first).text
    assert len(invited(cpse)) == 1
    refused = invite(page, address, second)
    assert refused.error_of("email").startswith("This address has an open invitation for this provider already")
    assert len(invited(cpse)) == 1


def test_an_open_invitation_under_another_writing_counts_too(page: PageClient, address: Address, cpse: Parts) -> None:
    """The Portal was told the address as it is spelt, and takes the two writings for two mailboxes."""
    theirs = NewInvitation("Ana", "Ortiz", "ana@exämple.org")
    cpse.admin_users.invite(by_number(cpse, "TC-1015").id, theirs, operation_id=uuid4(), staff=INVITER)
    refused = invite(page, address, ASCII)
    assert refused.error_of("email").startswith("This address has an open invitation for this provider already, sent")
    assert invited(cpse) == ["ana@exämple.org"]


def test_the_portal_gets_the_writing_that_every_mail_system_takes(
    page: PageClient, address: Address, cpse: Parts
) -> None:
    invite(page, address, "ana@exämple.org")
    assert invited(cpse) == [ASCII]


def test_the_second_typing_may_be_the_other_writing(page: PageClient, address: Address, cpse: Parts) -> None:
    answer = invite(page, address, "ana@exämple.org", ASCII)
    assert (answer.status, invited(cpse)) == (200, [ASCII])
    answer = invite(page, address, "ana@exämple.org", "ana@example.org")
    assert answer.error_of("email_again") == "The two e-mail addresses differ."
