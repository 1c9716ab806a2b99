"""Matches, Confirm the match, Continue Association, Add New CPSE Portal Provider, Unlink; as pages and as fragments."""

import pytest
from sqlalchemy import delete

from cpse_plugin.models import LinkRow
from cpse_plugin.operations.unlink import Unlink
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.world import EDITOR, OTHER_EDITOR, READER, Who, associations_on, by_number, link

from .client import DIALOG, PORTAL, Answer, PageClient
from .conftest import Address, BothDatabases

CHOOSE = "#cpse-portal form"
CONFIRM = 'form[action$="/association"]'
ADD = 'form[action$="/portal-provider"]'
UNLINK = 'form[action$="/association/end"]'


def rows(answer: Answer) -> list[str]:
    return answer.texts("#cpse-portal tbody tr")


def test_matches_tell_why_they_match_and_what_they_are(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1012", "matches"))
    assert rows(answer) == [
        "Choose Cobblestone Kids Inc Cobblestone Kids Inc NPI 1999101128 049931880112 Larkspur Active Not associated",
        "Choose Cobblestone Kids Inc Cobblestone Kids Inc NPI 1999101128 049931881112 Larkspur Active Not associated",
    ]
    # Of two candidates none is chosen silently.
    assert not answer.has("input[type=radio][checked]")
    assert answer.texts(f"{CHOOSE} button") == ["Link to Selected Existing CPSE Portal Provider"]


def test_a_single_match_is_chosen_already(page: PageClient, address: Address) -> None:
    assert page.get(address("TC-1004", "matches")).one("input[type=radio][checked]")["value"] == "P-20188"


def test_a_match_that_is_taken_names_who_has_it_and_cannot_be_chosen(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1018", "matches"))
    assert answer.one("input[type=radio]").has_attr("disabled")
    assert page.get(answer.link("Pinewood Learning Collaborative")).path == address("TC-1013")


def test_an_inactive_match_says_so(page: PageClient, address: Address) -> None:
    assert "Inactive" in rows(page.get(address("TC-1020", "matches")))[0]


def test_what_only_the_portal_has_on_record_is_said(page: PageClient, address: Address) -> None:
    assert "With this provider, on the CPSE Portal only" in page.get(address("TC-1019", "matches")).text


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("TC-1021", "The CPSE Portal has no provider with this NPI or SED code."),
        ("TC-1029", "Without an NPI or an SED code there is nothing to look for."),
        ("TC-1001", "This provider does not use the CPSE Portal"),
    ],
)
def test_where_there_is_no_match_the_next_step_is_said(
    page: PageClient, address: Address, number: str, words: str
) -> None:
    assert words in page.get(address(number, "matches")).text


def test_nothing_chosen_is_told(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1012", "matches"))
    plain = page.submit(answer, CHOOSE)
    assert (plain.status, "Choose one of the matches first." in plain.text) == (422, True)
    with_htmx = page.htmx_get(address("TC-1012", "association", "confirm"), DIALOG)
    assert (with_htmx.status, with_htmx.headers["HX-Retarget"]) == (422, "#cpse-portal")
    assert len(rows(with_htmx)) == 2


def confirm(page: PageClient, address: Address, number: str, portal_id: str) -> Answer:
    return page.submit(page.get(address(number, "matches")), CHOOSE, portal_id=portal_id)


def test_equal_records_show_nothing_highlighted(page: PageClient, address: Address) -> None:
    answer = confirm(page, address, "TC-1004", "P-20188")
    assert answer.one("h1").get_text(strip=True) == "Confirm the match"
    assert "All values match" in answer.text
    assert not answer.has(".cpse-differs")
    assert answer.texts("th[scope=row]") == ["Name", "Provider Type", "NPI", "SED Code", "Address", "Phone"]


def test_each_difference_is_highlighted_and_said_in_words(page: PageClient, address: Address) -> None:
    answer = confirm(page, address, "TC-1006", "P-20262")
    assert answer.texts("tr.cpse-differs") == ["SED Code 049931880106 – Missing on the CPSE Portal"]
    other = confirm(page, address, "TC-1009", "P-20373")
    assert [row.split()[0] for row in other.texts("tr.cpse-differs")] == ["Name", "Address", "Phone"]
    assert all(row.endswith("Different") for row in other.texts("tr.cpse-differs"))
    assert "3 fields are not the same on both sides." in other.text


def test_the_part_that_differs_is_marked_and_the_value_reads_as_it_is(
    page: PageClient, address: Address, portal: Portal
) -> None:
    on_portal(portal, "P-20188", phone="518-555-9104")
    answer = confirm(page, address, "TC-1004", "P-20188")
    assert answer.texts("tr.cpse-differs th") == ["Phone"]
    county, portals, _ = answer.soup.select("tr.cpse-differs td")
    assert (county.get_text(strip=True), portals.get_text(strip=True)) == ("518-555-0104", "518-555-9104")
    assert answer.texts("tr.cpse-differs mark") == ["0", "9"]


def test_what_is_only_written_differently_is_no_alarm_and_no_silence(
    page: PageClient, address: Address, portal: Portal, cpse: Parts
) -> None:
    on_portal(portal, "P-20188", name="Willow Bend Therapy Grp. Professional Limited Liability Company")
    answer = confirm(page, address, "TC-1004", "P-20188")
    assert "Nothing is different." in answer.text
    assert "All values match" not in answer.text
    assert not answer.has(".cpse-differs, mark")
    assert [row.split()[0] for row in answer.texts("tr.cpse-written")] == ["Name"]
    assert answer.texts("tr.cpse-written .cpse-outcome") == ["Written differently"]
    page.submit(answer, CONFIRM)
    assert "Written differently from the county's record" in page.get(address("TC-1004", "matches")).text
    (entry, *_) = cpse.history.of_provider(by_number(cpse, "TC-1004").id, READER)
    assert [(field["field"], field["outcome"]) for field in entry.details["differences"]] == [
        ("Name", "Written differently")
    ]


def on_portal(portal: Portal, portal_id: str, **columns: str) -> None:
    """Change a provider on the Portal, as its own staff would."""
    with portal.store.transaction() as db:
        for column, value in columns.items():
            db.execute(f"UPDATE provider SET {column} = ? WHERE id = ?", (value, portal_id))


def test_a_provider_that_the_portal_does_not_have_is_told(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1004", "association", "confirm?portal_id=P-0"))
    assert answer.status == 409
    assert "The CPSE Portal does not have this provider any more" in answer.text


@BothDatabases
def test_continue_association_links_and_a_box_confirms_it(
    page: PageClient, address: Address, portal: Portal, who: Who
) -> None:
    who.staff = EDITOR
    page.get(address("TC-1004", "matches"))
    dialog = page.htmx_get(address("TC-1004", "association", "confirm?portal_id=P-20188"), DIALOG)
    assert dialog.one("dialog h2").get_text(strip=True) == "Confirm the match"
    done = page.htmx_submit(dialog, CONFIRM)
    assert done.status == 200
    assert done.texts("hx-partial dialog h2") == ["The link was completed"]
    assert associations_on(portal)["P-20188"] == "TC-1004"
    details = page.htmx_get(str(done.one(PORTAL)["hx-get"]), PORTAL)
    assert details.texts("h2") == ["CPSE Portal Details"]
    assert "P-20188" in details.text


@BothDatabases
def test_the_same_without_a_script(page: PageClient, address: Address, portal: Portal) -> None:
    done = page.submit(confirm(page, address, "TC-1004", "P-20188"), CONFIRM)
    assert done.path == address("TC-1004", "matches?done=linked")
    assert "The link was completed." in done.text
    assert "CPSE Portal Details" in done.texts("#cpse-portal h2")
    assert associations_on(portal)["P-20188"] == "TC-1004"


def test_sent_twice_it_is_done_once_and_said_to_be_done_twice(
    page: PageClient, address: Address, portal: Portal
) -> None:
    answer = confirm(page, address, "TC-1004", "P-20188")
    for _ in range(2):
        assert "The link was completed." in page.submit(answer, CONFIRM).text
    assert len(portal.faults.received("PUT")) == 1


def test_a_colleague_was_faster(page: PageClient, address: Address, cpse: Parts) -> None:
    answer = confirm(page, address, "TC-1004", "P-20188")
    link(cpse, "TC-1004", "P-20188", staff=OTHER_EDITOR)
    late = page.submit(answer, CONFIRM)
    assert late.status == 409
    assert "This provider is linked already" in late.text
    assert OTHER_EDITOR.acting_user in late.text


def test_what_changed_since_it_was_compared_is_not_linked(page: PageClient, address: Address, portal: Portal) -> None:
    answer = confirm(page, address, "TC-1004", "P-20188")
    with portal.store.transaction() as db:
        db.execute("UPDATE provider SET name = 'Another Name' WHERE id = 'P-20188'")
    late = page.submit(answer, CONFIRM)
    assert late.status == 409
    assert "One of the records has changed" in late.text
    assert "Another Name" in late.text
    assert "P-20188" not in associations_on(portal)
    assert "The link was completed." in page.submit(late, CONFIRM).text


def test_a_portal_provider_that_was_taken_in_between_names_who_has_it(
    page: PageClient, address: Address, cpse: Parts
) -> None:
    page.get(address("TC-1010", "matches"))
    dialog = page.htmx_get(address("TC-1010", "association", "confirm?portal_id=P-20447"), DIALOG)
    link(cpse, "TC-1011", "P-20447", staff=OTHER_EDITOR)
    late = page.htmx_submit(dialog, CONFIRM)
    assert (late.status, late.headers["HX-Retarget"]) == (409, "#cpse-dialog")
    assert "Hudson Meadow Children's Center (2026)" in late.text


@pytest.mark.parametrize("field", ["portal_id", "operation_id"])
def test_a_damaged_form_is_refused_in_words(page: PageClient, address: Address, portal: Portal, field: str) -> None:
    answer = confirm(page, address, "TC-1004", "P-20188")
    refused = page.submit(answer, CONFIRM, **{field: ""})
    assert refused.status == 400
    assert "Nothing was changed." in refused.text
    assert "P-20188" not in associations_on(portal)


@BothDatabases
@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_adding_shows_first_what_will_be_sent(
    page: PageClient, address: Address, cpse: Parts, portal: Portal, htmx: bool
) -> None:
    answer = page.get(address("TC-1022", "matches"))
    new = answer.link("Add New CPSE Portal Provider")
    look = page.htmx_get(new, DIALOG) if htmx else page.get(new)
    assert look.texts("dd") == [
        "Theodore Brandt, PT",
        "Individual",
        "1999101227",
        "Not given",
        "19 Elm St, Larkspur, NY 12895",
        "518-555-0122",
    ]
    done = page.htmx_submit(look, ADD) if htmx else page.submit(look, ADD)
    assert done.status == 200
    assert "added to the CPSE Portal" in done.text
    added = by_number(cpse, "TC-1022").link
    assert added is not None
    assert associations_on(portal)[added.portal_id] == "TC-1022"


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_what_the_portal_has_after_all_is_shown_as_matches(
    page: PageClient, address: Address, portal: Portal, htmx: bool
) -> None:
    new = page.get(address("TC-1021", "matches")).link("Add New CPSE Portal Provider")
    look = page.htmx_get(new, DIALOG) if htmx else page.get(new)
    with portal.store.transaction() as db:
        db.execute("UPDATE provider SET npi = '1999101219' WHERE id = 'P-20114'")
    refused = page.htmx_submit(look, ADD) if htmx else page.submit(look, ADD)
    assert refused.status == 409
    assert "The CPSE Portal has this provider already, so it was not added." in refused.text
    assert refused.one("#cpse-portal input[type=radio]")["value"] == "P-20114"


def test_an_incomplete_profile_cannot_be_added_and_the_reason_is_said(
    page: PageClient, address: Address, portal: Portal
) -> None:
    with portal.store.transaction() as db:
        db.execute("DELETE FROM provider WHERE id = 'P-20891'")
    new = page.get(address("TC-1028", "matches")).link("Add New CPSE Portal Provider")
    answer = page.get(new)
    assert (answer.status, "Choose the Provider Type" in answer.text) == (422, True)
    assert not answer.has(ADD)


@BothDatabases
@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_unlinking_takes_a_reason_and_linking_again_works(
    page: PageClient, address: Address, cpse: Parts, portal: Portal, htmx: bool
) -> None:
    where = page.get(address("TC-1013", "matches")).link("Unlink")
    asked = page.htmx_get(where, DIALOG) if htmx else page.get(where)
    submit = page.htmx_submit if htmx else page.submit
    missing = submit(asked, UNLINK)
    assert missing.status == 422
    assert missing.error_of("reason") == "Say why the link is to end; the history keeps it."
    assert "P-20558" in associations_on(portal)
    done = submit(missing, UNLINK, reason="It was the wrong one.")
    assert done.status == 200
    assert "P-20558" not in associations_on(portal)
    (entry, *_) = cpse.history.of_provider(by_number(cpse, "TC-1013").id, READER)
    assert (entry.action, entry.details["reason"]) == (Unlink.history, "It was the wrong one.")
    again = page.submit(confirm(page, address, "TC-1013", "P-20558"), CONFIRM)
    assert "The link was completed." in again.text


def test_drift_is_shown_field_by_field(page: PageClient, address: Address, portal: Portal) -> None:
    assert not page.get(address("TC-1013", "matches")).has(".cpse-differs")
    on_portal(portal, "P-20558", name="Pinewood Learning, Renamed")
    answer = page.get(address("TC-1013", "matches"))
    assert answer.texts("tr.cpse-differs") == [
        "Name Pinewood Learning Collaborative Pinewood Learning, Renamed Different"
    ]


def test_an_association_that_the_portal_has_ended_can_be_made_again(
    page: PageClient, address: Address, portal: Portal
) -> None:
    with portal.store.transaction() as db:
        db.execute("DELETE FROM association WHERE provider_id = 'P-20558'")
    answer = page.get(address("TC-1013", "matches"))
    assert "The CPSE Portal has ended the association" in answer.text
    done = page.submit(page.get(answer.link("Associate again")), CONFIRM)
    assert "The link was completed." in done.text
    assert associations_on(portal)["P-20558"] == "TC-1013"


def test_a_portal_provider_that_is_gone_can_be_unlinked(page: PageClient, address: Address, portal: Portal) -> None:
    with portal.store.transaction() as db:
        db.execute("DELETE FROM association WHERE provider_id = 'P-20632'")
        db.execute("DELETE FROM provider WHERE id = 'P-20632'")
    answer = page.get(address("TC-1015", "matches"))
    assert "The CPSE Portal does not have this provider any more" in answer.text
    done = page.submit(page.get(answer.link("Unlink")), UNLINK, reason="It is gone.")
    assert "The link was ended." in done.text


def test_the_address_cannot_make_the_page_claim_a_link(page: PageClient, address: Address, cpse: Parts) -> None:
    with cpse.database.write() as session:
        session.execute(delete(LinkRow))
    for done in ("linked", "added"):
        assert "The link was completed." not in page.get(address("TC-1013", f"matches?done={done}")).text


def test_a_reader_sees_matches_and_no_way_to_link(page: PageClient, address: Address, who: Who) -> None:
    who.staff = READER
    answer = page.get(address("TC-1004", "matches"))
    assert len(rows(answer)) == 1
    assert not answer.has("input[type=radio], #cpse-link-selected, #cpse-add-new, #cpse-unlink")
    assert not page.get(address("TC-1013", "matches")).has("#cpse-unlink")
    assert page.htmx_get(address("TC-1004", "association", "confirm?portal_id=P-20188"), DIALOG).status == 403
