"""The tab Provider Admin Users: retrieve, invite, send again, revoke; and the tab History."""

import threading
from uuid import uuid4

import pytest
from flask import Flask

from cpse_plugin.domain.portal_records import NewInvitation, Therapist
from cpse_plugin.operations.resend import Resend
from cpse_plugin.operations.revoke import Revoke
from cpse_plugin.sandbox.mailbox import Mailbox
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services.history import HistoryAction
from cpse_plugin.web.parts import Parts
from tests.world import EDITOR, INVITER, OTHER_INVITER, READER, Gate, Who, by_number, link

from .client import DIALOG, TAB, Answer, PageClient
from .conftest import Address, BothDatabases

FORM = "form#cpse-invitation"
CHANGE = 'form[action*="/invitations/I-"]'
PERSON = {
    "first_name": "Nia",
    "last_name": "O'New",
    "email": "nia@pages.example",
    "email_again": "Nia@Pages.example",
}


def retrieve(page: PageClient, address: Address, number: str) -> Answer:
    return page.get(page.get(address(number, "admin-users")).link("Retrieve Admin Users"))


def rows(answer: Answer, table: int) -> list[str]:
    found = answer.soup.select("table")[table].select("tbody tr")
    return [" ".join(row.get_text(" ").split()) for row in found]


def test_a_provider_without_a_link_is_told_the_first_step(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1004", "admin-users"))
    assert "This provider is not linked to the CPSE Portal" in answer.text
    refused = page.get(address("TC-1004", "invitations", "new"))
    assert (refused.status, "Link it first." in refused.text) == (409, True)


def test_the_tab_has_an_address_of_its_own_and_swaps_in(page: PageClient, address: Address) -> None:
    page.get(address("TC-1017"))
    answer = page.htmx_get(address("TC-1017", "admin-users"), TAB)
    assert answer.texts("nav a[aria-current=page]") == ["Provider Admin Users"]
    assert "Not retrieved yet" in answer.text


def test_retrieve_shows_who_administers_the_provider(page: PageClient, address: Address) -> None:
    answer = retrieve(page, address, "TC-1017")
    assert answer.texts("table:first-of-type thead th")[:5] == [
        "Name",
        "Username",
        "E-mail address",
        "Status",
        "Last sign-in",
    ]
    people = rows(answer, 0)
    assert len(people) == 4
    assert sum("Locked" in row for row in people) == 1
    assert sum("Disabled" in row for row in people) == 1
    assert sum(row.endswith("Never") for row in people) == 1


def test_invitations_stand_beside_with_their_status(page: PageClient, address: Address) -> None:
    answer = retrieve(page, address, "TC-1016")
    assert "Nobody administers this provider yet" in answer.text
    found = rows(answer, 0)
    assert [status for row in found for status in ("Pending", "Expired", "Revoked", "Accepted") if status in row] == [
        "Expired",
        "Revoked",
    ]
    assert "Pending" in rows(retrieve(page, address, "TC-1014"), 0)[0]


@BothDatabases
@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_an_invitation_goes_out_and_is_shown_large(
    page: PageClient, address: Address, mailbox: Mailbox, htmx: bool
) -> None:
    email = f"nia.{htmx}@pages.example".casefold()
    form = page.get(address("TC-1015", "invitations", "new"))
    submit = page.htmx_submit if htmx else page.submit
    before = sum(email in message.to for message in mailbox.messages)
    done = submit(form, FORM, **{**PERSON, "email": email, "email_again": email})
    assert done.status == 200
    assert done.texts(".cpse-large") == [email]
    assert sum(email in message.to for message in mailbox.messages) == before + 1
    assert f"Nia O'New {email} Pending" in rows(done, 0)[0]


def test_a_notice_of_the_portal_is_shown_as_a_notice(page: PageClient, address: Address) -> None:
    form = page.get(address("TC-1015", "invitations", "new"))
    done = page.submit(form, FORM, **PERSON, is_therapist="y", npi="1999104049")
    assert done.status == 200
    assert "not in the Portal's weekly copy" in done.one(".cpse-say-info").get_text()


BAD_INPUT = [
    ({"first_name": ""}, "first_name", "Enter the first name."),
    ({"last_name": "  "}, "last_name", "Enter the last name."),
    ({"email": ""}, "email", "Enter the e-mail address."),
    ({"email": "nia", "email_again": "nia"}, "email", "This is no e-mail address."),
    ({"email": "nia@", "email_again": "nia@"}, "email", "This is no e-mail address."),
    ({"email_again": "nia@page.example"}, "email_again", "The two e-mail addresses differ."),
    ({"first_name": "N" * 101}, "first_name", "It is too long; at most 100 characters."),
    ({"is_therapist": "y", "npi": "1999104050"}, "npi", "The check digit is wrong"),
    ({"is_therapist": "y", "npi": "abc"}, "npi", "An NPI has digits only."),
    ({"is_therapist": "y", "license_number": "1" * 21}, "license_number", "at most 20 characters"),
]


@pytest.mark.parametrize(("typed", "field", "message"), BAD_INPUT)
def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(
    page: PageClient, address: Address, portal: Portal, typed: dict[str, str], field: str, message: str
) -> None:
    form = page.get(address("TC-1015", "invitations", "new"))
    sent = {**PERSON, **typed}
    refused = page.htmx_submit(form, FORM, **sent)
    assert refused.status == 422
    assert message in refused.error_of(field)
    kept = refused.fields(FORM)
    assert {name: kept[name] for name in sent} == {name: value.strip() for name, value in sent.items()}
    assert portal.faults.received("POST", "/invitations$") == []


def test_hidden_fields_of_somebody_who_is_no_therapist_do_not_count(page: PageClient, address: Address) -> None:
    form = page.get(address("TC-1015", "invitations", "new"))
    assert page.submit(form, FORM, **PERSON, npi="abc", license_number="1" * 30).status == 200


REFUSALS = [
    (
        "TC-1014",
        {"email": "rosalind.kemp@sunrisesteps.example"},
        "email",
        "This address has an open invitation for this provider already",
        "Send the open invitation again",
    ),
    (
        "TC-1017",
        {"email": "ada.forsythe@beaconpoint.example"},
        "email",
        "This address belongs to an admin user of this provider already.",
        "See the admin users",
    ),
    (
        "TC-1015",
        {"email": "grace.liu@therapy.example", "is_therapist": "y", "npi": "1999104049", "profession": "PT"},
        "npi",
        "differs from what the Portal has for this person",
        None,
    ),
    (
        "TC-1015",
        {"email": "grace.liu@therapy.example", "is_therapist": "y", "license_number": "023250"},
        "license_number",
        "differs from what the Portal has for this person",
        None,
    ),
    ("TC-1015", {"is_therapist": "y", "profession": "WITCH"}, "profession", "", None),
]


@pytest.mark.parametrize(("number", "typed", "field", "message", "way_on"), REFUSALS)
def test_the_portal_s_refusal_lands_beside_its_field_with_the_way_on(
    page: PageClient,
    address: Address,
    number: str,
    typed: dict[str, str],
    field: str,
    message: str,
    way_on: str | None,
) -> None:
    sent = {**PERSON, **typed, "email_again": typed.get("email", PERSON["email"])}
    form = page.get(address(number, "invitations", "new"))
    refused = page.submit(form, FORM, **sent)
    assert refused.status in (409, 422)
    assert message in refused.error_of(field) != ""
    assert [name for name in ("email", "npi", "profession", "license_number") if refused.error_of(name)] == [field]
    kept = refused.fields(FORM)
    assert {name: kept[name] for name in sent} == sent
    if way_on:
        assert page.get(refused.link(way_on)).status == 200


def test_a_refused_form_can_be_corrected_and_sent(page: PageClient, address: Address) -> None:
    form = page.get(address("TC-1014", "invitations", "new"))
    taken = {**PERSON, "email": "rosalind.kemp@sunrisesteps.example"}
    refused = page.htmx_submit(form, FORM, **{**taken, "email_again": taken["email"]})
    done = page.htmx_submit(refused, FORM, email="rk@pages.example", email_again="rk@pages.example")
    assert (done.status, done.texts(".cpse-large")) == (200, ["rk@pages.example"])


def test_sent_twice_it_goes_out_once(page: PageClient, address: Address, portal: Portal) -> None:
    form = page.get(address("TC-1015", "invitations", "new"))
    answers = [page.submit(form, FORM, **PERSON) for _ in range(2)]
    assert [answer.texts(".cpse-large") for answer in answers] == [[PERSON["email"]]] * 2
    assert len(portal.faults.received("POST", "/invitations$")) == 1


def test_what_a_colleague_is_doing_at_this_moment_is_told_with_the_name(
    page: PageClient, intranet: Flask, address: Address, portal: Portal, who: Who
) -> None:
    form = page.get(address("TC-1015", "invitations", "new"))
    gate = Gate()
    portal.faults.plan(gate, method="POST", path="/invitations$")
    first = threading.Thread(target=lambda: page.submit(form, FORM, **PERSON))
    first.start()
    assert gate.entered.wait(30)
    who.staff = OTHER_INVITER
    colleague = PageClient(intranet.test_client())
    theirs = colleague.get(address("TC-1015", "invitations", "new"))
    refused = colleague.submit(theirs, FORM, **PERSON)
    gate.leave.set()
    first.join(30)
    assert refused.status == 409
    assert "This is being done already" in refused.text
    assert f"{INVITER.acting_user} began it on" in refused.text
    assert refused.fields(FORM)["email"] == PERSON["email"]
    assert len(portal.faults.received("POST", "/invitations$")) == 1


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
@pytest.mark.parametrize(
    ("what", "status", "action"),
    [("send-again", "Pending", Resend.history), ("revoke", "Revoked", Revoke.history)],
    ids=["send-again-Pending-sent-again", "revoke-Revoked-revoked"],
)
def test_send_again_and_revoke_ask_first(
    page: PageClient, address: Address, cpse: Parts, what: str, status: str, action: HistoryAction, htmx: bool
) -> None:
    listed = retrieve(page, address, "TC-1014")
    where = str(listed.one(f"#cpse-{what}-I-50018")["href"])
    asked = page.htmx_get(where, DIALOG) if htmx else page.get(where)
    assert asked.texts(".cpse-large") == ["rosalind.kemp@sunrisesteps.example"]
    done = page.htmx_submit(asked, CHANGE) if htmx else page.submit(asked, CHANGE)
    assert done.status == 200
    assert status in rows(done, 0)[0]
    entries = cpse.history.of_provider(by_number(cpse, "TC-1014").id, READER)
    assert [entry.action for entry in entries] == [action]


@pytest.mark.parametrize("what", ["send-again", "revoke"])
def test_an_invitation_that_was_accepted_meanwhile_cannot_be_changed(
    page: PageClient, address: Address, portal: Portal, what: str
) -> None:
    asked = page.get(address("TC-1014", "invitations", "I-50018", what))
    with portal.store.transaction() as db:
        db.execute("UPDATE invitation SET status = 'accepted' WHERE id = 'I-50018'")
    refused = page.submit(asked, CHANGE)
    assert refused.status in (409, 422)
    assert "Nothing was changed" in refused.text


def test_an_editor_sees_admin_users_and_cannot_invite(page: PageClient, address: Address, who: Who) -> None:
    who.staff = EDITOR
    answer = retrieve(page, address, "TC-1014")
    assert not answer.has("#cpse-invite-new, [id^=cpse-send-again], [id^=cpse-revoke]")
    assert "rosalind.kemp@sunrisesteps.example" in answer.text
    assert page.get(address("TC-1014", "invitations", "new")).status == 403
    assert page.get(address("TC-1014", "invitations", "I-50018", "revoke")).status == 403


@BothDatabases
def test_the_history_tells_who_did_what(page: PageClient, address: Address, cpse: Parts) -> None:
    assert "Nothing was done with this provider yet" in page.get(address("TC-1008", "history")).text
    link(cpse, "TC-1008", "P-20336")
    form = page.get(address("TC-1008", "invitations", "new"))
    page.submit(form, FORM, **PERSON)
    answer = page.htmx_get(address("TC-1008", "history"), TAB)
    invited, linked = rows(answer, 0)
    assert f"{INVITER.acting_user} Admin user invited Nia O'New, {PERSON['email']}" in invited
    assert f"{EDITOR.acting_user} Linked to a CPSE Portal provider" in linked
    assert "Matched by SED code" in linked
    assert "1999101086" in linked
    assert "1999102084" in linked


def test_the_history_says_who_was_invited_as_what(page: PageClient, address: Address, cpse: Parts) -> None:
    provider = by_number(cpse, "TC-1014")
    therapist = NewInvitation("Nia", "New", "nia@history.example", Therapist(npi=None))
    cpse.admin_users.invite(provider.id, therapist, operation_id=uuid4(), staff=INVITER)
    told = page.get(address("TC-1014", "history")).texts(".cpse-facts li")
    assert "Nia New (therapist / service provider), nia@history.example" in told
