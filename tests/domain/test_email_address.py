"""E-mail addresses, and when two of them are one mailbox."""

import pytest

from cpse_plugin.domain.email_address import EmailAddress, mailbox_of
from cpse_plugin.domain.refusals import Refusal


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("Ana.Ortiz@Clinic.example.org", "Ana.Ortiz@Clinic.example.org"),
        (" ana\u200b@clinic.\u00adorg\ufeff ", "ana@clinic.org"),
        ("ana@exämple.org", "ana@xn--exmple-cua.org"),
        ("ana@EXA\u0308MPLE.org", "ana@xn--exmple-cua.org"),
        ("ana@xn--exmple-cua.org", "ana@xn--exmple-cua.org"),
    ],
)
def test_an_address_goes_out_in_the_one_writing_that_every_mail_system_takes(typed: str, address: str) -> None:
    assert str(EmailAddress.parse(typed)) == address


@pytest.mark.parametrize("typed", ["ana", "ana@", "ana@clinic", "a na@clinic.org", "ana@cli nic.org", "@clinic.org"])
def test_what_is_no_address_is_refused_in_words(typed: str) -> None:
    read = EmailAddress.parse(typed)
    assert isinstance(read, Refusal)
    assert read.words.startswith("This is no e-mail address. ")


def test_an_address_is_no_longer_than_the_portal_takes_in_its_longest_writing() -> None:
    domain = f"{'ä' * 50}.{'ö' * 50}.{'ü' * 50}.org"
    assert isinstance(EmailAddress.parse(f"{'a' * 60}@{domain}"), Refusal)


def test_nothing_typed_is_no_address_and_no_refusal() -> None:
    assert EmailAddress.parse(" \u200b") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ana@Clinic.org", "ana@clinic.ORG"),
        ("ana@exämple.org", "ana@xn--exmple-cua.org"),
        ("ana@exämple.org", "Ana@EXÄMPLE.org"),
        ("ana@exämple.org", "ana@XN--EXMPLE-CUA.org"),
        ("ana@clinic.org", "ana\u200b@clinic.org"),
        ("not an address", "Not  an address"),
    ],
)
def test_one_mailbox(one: str, other: str) -> None:
    assert mailbox_of(one) == mailbox_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ana@clinic.org", "anna@clinic.org"),
        ("ana@exämple.org", "ana@example.org"),
        ("a.na@clinic.org", "ana@clinic.org"),
    ],
)
def test_two_mailboxes(one: str, other: str) -> None:
    assert mailbox_of(one) != mailbox_of(other)
