"""The matches on the CPSE Portal, Confirm the match, and the link."""

import pytest
from playwright.sync_api import Locator, expect

from cpse_plugin.sandbox.faults import Slow, SlowWork, Status

from .conftest import NARROW
from .desk import Desk, OpenDesk

LINK = "Link to Selected Existing CPSE Portal Provider"
PROVIDERS = r"^/v1/providers$"
ASSOCIATION = r"/association$"


def matches(desk: Desk) -> Locator:
    """The rows of the matches."""
    return desk.page.locator("#cpse-portal tbody tr")


def comparison(desk: Desk) -> Locator:
    """The rows in which the two records are side by side, in the dialog or on the page."""
    return desk.page.locator("dialog tbody tr" if desk.scripted else "main tbody tr")


def test_the_page_does_not_wait_for_the_portal(desk: Desk) -> None:
    desk.sign_in()
    desk.sandbox.portal.faults.plan(Slow(1.5), method="GET", path=PROVIDERS)
    desk.go("/cpse/providers?q=granite")
    desk.link("Granite Hills Therapies").click()
    expect(desk.button("Apply")).to_be_enabled()
    expect(desk.text("Asking the CPSE Portal…")).to_be_visible()
    expect(matches(desk)).to_have_count(1)
    desk.check()


def test_apply_checks_for_matches_at_once(any_desk: Desk) -> None:
    any_desk.sign_in().open_provider("Bright Harbor Preschool Services")
    expect(any_desk.text("This provider does not use the CPSE Portal")).to_be_visible()
    any_desk.check()
    any_desk.field("Provider Type").select_option("Agency")
    any_desk.field("NPI").fill("1999101011")
    any_desk.field("Provider Uses CPSE Portal").check()
    any_desk.button("Apply").click()
    expect(any_desk.text("The profile was saved.")).to_be_visible()
    expect(matches(any_desk)).to_have_count(1)
    expect(matches(any_desk)).to_contain_text("NPI and SED code")
    any_desk.check()
    # And again: with another NPI nothing but the SED code fits any more.
    any_desk.field("NPI").fill("1999101029")
    any_desk.button("Apply").click()
    expect(matches(any_desk).get_by_text("NPI and SED code")).to_have_count(0)
    expect(matches(any_desk).get_by_role("cell", name="SED code", exact=True)).to_be_visible()


def test_each_match_says_why_it_matched_and_whether_it_is_associated(desk: Desk) -> None:
    desk.sign_in()
    for name, rule, association in [
        ("Stepping Stones of Tamarack", "NPI", "Not associated"),
        ("North Fork Special Education Program", "SED code", "Not associated"),
        ("Oak Hollow Therapy Associates", "NPI and SED code", "With this provider, on the CPSE Portal only"),
        ("Pinewood Learning Collaborative (Evaluations)", "NPI", "With Pinewood Learning Collaborative"),
        ("Two Rivers Therapy Network", "NPI and SED code", "Not associated"),
    ]:
        desk.open_provider(name)
        expect(matches(desk).get_by_role("cell", name=rule, exact=True)).to_be_visible()
        expect(matches(desk).get_by_role("cell", name=association, exact=True)).to_be_visible()
    desk.open_provider("Former Mill Preschool")
    expect(matches(desk).get_by_text("Inactive")).to_be_visible()
    desk.check()


def test_a_portal_provider_that_belongs_to_another_one_cannot_be_chosen(any_desk: Desk) -> None:
    any_desk.sign_in().open_provider("Pinewood Learning Collaborative (Evaluations)")
    expect(any_desk.page.get_by_role("radio")).to_be_disabled()
    any_desk.check()


def test_one_of_two_is_chosen_by_the_person_and_never_for_them(any_desk: Desk) -> None:
    any_desk.watch.expected += ("422",)
    any_desk.sign_in().open_provider("Cobblestone Kids, Inc.")
    expect(matches(any_desk)).to_have_count(2)
    expect(any_desk.page.get_by_role("radio", checked=True)).to_have_count(0)
    any_desk.button(LINK).click()
    expect(any_desk.text("Choose one of the matches first.")).to_be_visible()
    any_desk.check()
    matches(any_desk).filter(has_text="049931881112").get_by_role("radio").check()
    any_desk.button(LINK).click()
    expect(any_desk.heading("Confirm the match")).to_be_visible()
    expect(comparison(any_desk).filter(has_text="SED Code")).to_contain_text("049931881112")
    expect(comparison(any_desk).filter(has_text="SED Code")).to_contain_text("Missing in the county's record")
    any_desk.check()


@pytest.mark.parametrize(("scripted", "width"), [(True, NARROW), (False, NARROW), (True, 1280)])
def test_differences_are_highlighted_and_said_in_words(open_desk: OpenDesk, scripted: bool, width: int) -> None:
    desk = open_desk(scripted=scripted, width=width)
    desk.sign_in().open_provider("Granite Hills Therapies")
    desk.check()
    desk.button(LINK).click()
    expect(desk.text("3 fields are not the same on both sides.")).to_be_visible()
    for label, outcome in [("Name", "Different"), ("Address", "Different"), ("Phone", "Different"), ("NPI", "Same")]:
        row = comparison(desk).filter(has=desk.page.get_by_role("rowheader", name=label, exact=True))
        expect(row).to_contain_text(outcome)
    ground = [row.locator("th").first.evaluate(_GROUND) for row in comparison(desk).all()]
    # Name, Provider Type, NPI, SED Code, Address, Phone
    assert ground[0] == ground[4] == ground[5]
    assert ground[0] not in ground[1:4]
    desk.check()


def test_the_part_that_differs_is_seen_without_colours_and_heard(desk: Desk) -> None:
    desk.sign_in().open_provider("Granite Hills Therapies")
    desk.button(LINK).click()
    parts = comparison(desk).locator("mark")
    expect(parts.first).to_be_visible()
    desk.page.emulate_media(forced_colors="active")
    assert {part.evaluate("part => getComputedStyle(part).textDecorationLine") for part in parts.all()} == {"underline"}
    row = comparison(desk).filter(has=desk.page.get_by_role("rowheader", name="Phone", exact=True))
    expect(row).to_match_aria_snapshot(r"""- row /Phone .*\[differs:.*\].*\[differs:.*\].* Different/""")
    desk.check()


_GROUND = """(cell) => {
  const own = getComputedStyle(cell).backgroundColor;
  return own === 'rgba(0, 0, 0, 0)' ? getComputedStyle(cell.parentElement).backgroundColor : own;
}"""


def test_missing_on_one_side_is_told_apart_from_different(desk: Desk) -> None:
    desk.sign_in()
    for name, field, outcome in [
        ("Bluebird Lane Preschool", "Address", "Missing in the county's record"),
        ("Copper Kettle Children's Program", "Address", "Missing on the CPSE Portal"),
        ("Little Fern Children's Center", "NPI", "Different"),
    ]:
        desk.open_provider(name)
        desk.button(LINK).click()
        expect(comparison(desk).filter(has_text=field)).to_contain_text(outcome)
        desk.page.keyboard.press("Escape")


def test_where_all_is_equal_nothing_is_highlighted_and_it_says_so(any_desk: Desk) -> None:
    any_desk.sign_in()
    # The second one is written another way on the Portal, and yet nothing differs.
    for name in ("Willow Bend Therapy Group PLLC", "CEDAR GLEN TEACHING SERVICES, L.L.C."):
        any_desk.open_provider(name)
        any_desk.button(LINK).click()
        expect(any_desk.text("All values match")).to_be_visible()
        expect(any_desk.page.get_by_text("Different")).to_have_count(0)
        assert len({row.get_attribute("class") for row in comparison(any_desk).all()}) == 1
    any_desk.check()


def test_the_dialog_takes_the_focus_and_gives_it_back(desk: Desk) -> None:
    desk.sign_in().open_provider("Granite Hills Therapies")
    for close in ("Escape", "Cancel"):
        desk.button(LINK).click()
        dialog = desk.page.get_by_role("dialog", name="Confirm the match")
        expect(dialog).to_be_visible()
        assert dialog.evaluate("(dialog) => dialog.contains(document.activeElement)")
        assert dialog.evaluate("(dialog) => dialog.matches(':modal')")
        if close == "Escape":
            desk.page.keyboard.press("Escape")
        else:
            desk.link("Cancel").click()
        expect(dialog).to_have_count(0)
        expect(desk.button(LINK)).to_be_focused()
    assert desk.address == "/cpse/providers/9"
    assert desk.sandbox.portal.faults.received("PUT") == []


def test_continue_association_links_and_a_box_confirms_it(any_desk: Desk) -> None:
    any_desk.sign_in().open_provider("Granite Hills Therapies")
    any_desk.button(LINK).click()
    any_desk.button("Continue Association").click()
    if any_desk.scripted:
        expect(any_desk.page.get_by_role("dialog", name="The link was completed")).to_be_visible()
        any_desk.check()
        any_desk.link("OK").click()
        expect(any_desk.page.get_by_role("dialog")).to_have_count(0)
        expect(any_desk.has_focus).to_have_count(1)
    else:
        expect(any_desk.text("The link was completed.")).to_be_visible()
    expect(any_desk.heading("CPSE Portal Details")).to_be_visible()
    expect(any_desk.page.locator("#cpse-portal dd", has_text="P-20373")).to_be_visible()
    any_desk.check()
    any_desk.go("/cpse/providers?q=granite")
    expect(any_desk.page.locator("tbody tr")).to_contain_text("Linked, no admin user")


def test_a_double_click_on_continue_association_links_once(any_desk: Desk) -> None:
    any_desk.watch.expected += ("409",)
    any_desk.sign_in().open_provider("Granite Hills Therapies")
    any_desk.button(LINK).click()
    any_desk.sandbox.portal.faults.plan(SlowWork(0.5), method="PUT", path=ASSOCIATION)
    any_desk.button("Continue Association").dblclick()
    # Without scripts the browser may send the form twice, and then shows the answer to the second.
    expect(any_desk.text("The link was completed").or_(any_desk.text("This is being done already"))).to_be_visible()
    any_desk.check()
    any_desk.wait_for_status("Granite Hills Therapies", "Linked, no admin user")
    assert len(any_desk.sandbox.portal.faults.received("PUT", ASSOCIATION)) == 1


def test_a_portal_that_is_down_can_be_asked_again(any_desk: Desk) -> None:
    any_desk.sign_in()
    any_desk.sandbox.portal.faults.plan(Status(500), method="GET", path=PROVIDERS, times=None)
    any_desk.open_provider("Granite Hills Therapies")
    portal = any_desk.page.locator("#cpse-portal")
    expect(portal.get_by_role("alert")).to_be_visible()
    expect(any_desk.button("Apply")).to_be_enabled()
    any_desk.check()
    any_desk.sandbox.portal.faults.clear()
    any_desk.link("Try again").click()
    expect(matches(any_desk)).to_have_count(1)
    any_desk.check()


def test_a_link_that_the_portal_refuses_is_explained_in_the_dialog(any_desk: Desk) -> None:
    any_desk.watch.expected += ("503",)
    any_desk.sign_in().open_provider("Granite Hills Therapies")
    any_desk.button(LINK).click()
    any_desk.sandbox.portal.faults.plan(Status(429, {"Retry-After": "5"}), method="PUT", path=ASSOCIATION, times=None)
    any_desk.button("Continue Association").click()
    expect(any_desk.heading("Confirm the match")).to_be_visible()
    expect(any_desk.text("The CPSE Portal is busy")).to_be_visible()
    any_desk.check()
    any_desk.sandbox.portal.faults.clear()
    any_desk.button("Continue Association").click()
    expect(any_desk.heading("CPSE Portal Details")).to_be_visible()
