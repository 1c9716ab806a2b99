"""CPSE Portal User Management: the list of the county's providers."""

from playwright.sync_api import Locator, expect

from .conftest import NARROW
from .desk import Desk, OpenDesk


def names(desk: Desk) -> Locator:
    """The names in the list, which are its links."""
    return desk.page.locator("tbody a")


def test_the_list_narrows_as_one_types_a_name_an_npi_or_an_sed_code(desk: Desk) -> None:
    desk.sign_in()
    desk.page.evaluate("() => { window.stillHere = true; }")
    for words in ("granite", "1999101094", "499931880109"):
        desk.field("Search").clear()
        expect(names(desk)).to_have_count(25)
        desk.field("Search").press_sequentially(words)
        expect(names(desk)).to_have_text(["Granite Hills Therapies"])
        expect(desk.page).to_have_url(f"{desk.sandbox.intranet_url}/cpse/providers?q={words}&status=")
        expect(desk.field("Search")).to_be_focused()
    assert desk.page.evaluate("() => window.stillHere")
    desk.check()


def test_a_search_that_finds_nothing_says_so(any_desk: Desk) -> None:
    any_desk.sign_in()
    any_desk.field("Search").fill("nobody of this name")
    any_desk.field("Search").press("Enter")
    expect(any_desk.text("No provider found")).to_be_visible()
    any_desk.check()
    any_desk.link("show all providers").click()
    expect(any_desk.text("42 providers")).to_be_visible()


def test_the_address_keeps_search_filter_and_order(any_desk: Desk) -> None:
    any_desk.sign_in()
    any_desk.check()
    any_desk.link("NPI").click()
    expect(any_desk.page.get_by_role("columnheader", name="NPI")).to_have_attribute("aria-sort", "ascending")
    any_desk.link("NPI").click()
    expect(any_desk.page.get_by_role("columnheader", name="NPI")).to_have_attribute("aria-sort", "descending")
    any_desk.field("Search").fill("preschool")
    if not any_desk.scripted:
        any_desk.button("Search").click()
    expect(any_desk.text("7 providers")).to_be_visible()
    any_desk.field("Status").select_option("Not linked")
    if not any_desk.scripted:
        any_desk.button("Search").click()
    expect(any_desk.text("5 providers")).to_be_visible()
    found = names(any_desk).all_inner_texts()
    # By NPI, the greatest first; the last has none.
    assert found[0] == "Bluebird Lane Preschool"
    assert found[-1] == "Clover Hill Preschool"
    any_desk.check()

    any_desk.page.reload()
    expect(names(any_desk)).to_have_text(found)
    expect(any_desk.field("Search")).to_have_value("preschool")
    names(any_desk).first.click()
    expect(any_desk.heading("Provider Details")).to_be_visible()
    any_desk.page.go_back()
    expect(names(any_desk)).to_have_text(found)
    expect(any_desk.field("Status")).to_have_value("not-linked")


def test_back_undoes_an_order(any_desk: Desk) -> None:
    any_desk.sign_in()
    first = names(any_desk).first.inner_text()
    any_desk.link("SED Code").click()
    expect(names(any_desk).first).not_to_have_text(first)
    any_desk.page.go_back()
    expect(names(any_desk).first).to_have_text(first)


def test_pages_follow_each_other(any_desk: Desk) -> None:
    any_desk.sign_in()
    expect(names(any_desk)).to_have_count(25)
    first = names(any_desk).all_inner_texts()
    any_desk.link("Next page").click()
    expect(names(any_desk)).to_have_count(17)
    second = names(any_desk).all_inner_texts()
    assert not set(first) & set(second)
    any_desk.check()
    any_desk.page.reload()
    expect(names(any_desk)).to_have_text(second)
    any_desk.link("Previous page").click()
    expect(names(any_desk)).to_have_text(first)


def test_a_row_opens_by_a_double_click_anywhere_on_it(desk: Desk) -> None:
    desk.sign_in()
    row = desk.page.locator("tbody tr", has_text="Beacon Point School")
    row.locator("td").nth(2).click()
    expect(desk.heading("CPSE Portal User Management")).to_be_visible()
    row.locator("td").nth(2).dblclick()
    expect(desk.heading("Provider Details")).to_be_visible()
    expect(desk.text("Beacon Point School").last).to_be_visible()


def test_a_row_opens_by_enter_after_the_arrow_keys(desk: Desk) -> None:
    desk.sign_in()
    names(desk).first.focus()
    desk.page.keyboard.press("ArrowDown")
    expect(desk.has_focus).to_have_text("Alder Creek Early Learning Center")
    desk.page.keyboard.press("Enter")
    expect(desk.heading("Provider Details")).to_be_visible()
    desk.check()


def test_the_list_can_be_read_and_ordered_in_a_narrow_window(open_desk: OpenDesk) -> None:
    desk = open_desk(width=NARROW)
    desk.sign_in()
    desk.check()
    desk.link("Status").click()
    expect(desk.page.get_by_role("columnheader", name="Status")).to_have_attribute("aria-sort", "ascending")
    desk.check()
