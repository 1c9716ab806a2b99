"""How a page looks where that matters to somebody who reads it: what lines up, what covers what, what is in one row."""

import pytest
from playwright.sync_api import FloatRect, Locator, expect

from .conftest import NARROW, WIDE
from .desk import Desk, OpenDesk

LINK = "Link to Selected Existing CPSE Portal Provider"
OF_ANOTHER_DAY = "(input) => { input.value = 'of another day'; }"
# What is drawn as a bar: with a line on its left side that can be seen.
BARS = """(region) => [region, ...region.querySelectorAll('*')]
    .filter((element) => parseFloat(getComputedStyle(element).borderInlineStartWidth) > 0).length"""


def value(element: Locator, name: str) -> str:
    """One computed value."""
    return str(element.evaluate("(element, name) => getComputedStyle(element).getPropertyValue(name)", name))


def box(element: Locator) -> FloatRect:
    """Where it stands in the window."""
    found = element.bounding_box()
    assert found is not None, f"{element} is not to be seen"
    return found


def touch(one: FloatRect, other: FloatRect) -> bool:
    """Whether two boxes have a place in common."""
    beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
    above = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
    return not (beside or above)


def row_of(desk: Desk, name: str, table: str) -> Locator:
    """The row of a table that begins with this name."""
    return desk.page.locator(f"{table} tr").filter(has=desk.page.get_by_role("rowheader", name=name, exact=True))


def test_numbers_are_compared_digit_by_digit(desk: Desk) -> None:
    desk.sign_in().open_provider("Granite Hills Therapies")
    typed, words = value(desk.field("NPI"), "font-family"), value(desk.button("Apply"), "font-family")
    desk.button(LINK).click()
    for name in ("NPI", "SED Code", "Phone"):
        for side in row_of(desk, name, "dialog").locator("td").all()[:2]:
            assert value(side, "font-family") == typed != words
    assert value(row_of(desk, "Name", "dialog").locator("td").first, "font-family") == words


def test_a_conflict_shows_its_numbers_digit_by_digit(open_desk: OpenDesk) -> None:
    mine, theirs = open_desk(expected=("409",)), open_desk()
    for desk in (mine, theirs):
        desk.sign_in().open_provider("Bright Harbor Preschool Services")
        desk.field("Provider Type").select_option("Agency")
    theirs.button("Apply").click()
    expect(theirs.text("The profile was saved.")).to_be_visible()
    mine.field("NPI").fill("1999101011")
    mine.button("Apply").click()
    expect(mine.text("This profile was saved in the meantime")).to_be_visible()
    mine.settle()
    row = row_of(mine, "NPI", ".cpse-conflict")
    number, words = value(mine.field("NPI"), "font-family"), value(mine.button("Apply"), "font-family")
    assert [value(cell, "font-family") for cell in row.locator("td").all()] == [words, number, words]
    expect(row).to_contain_text("Not given")


def test_what_is_missing_looks_alike_in_every_column(desk: Desk) -> None:
    desk.sign_in()
    row = desk.page.get_by_role("row", name="Alder Creek Early Learning Center")
    dashes = row.get_by_role("cell", name="–", exact=True)
    expect(dashes).to_have_count(3)
    assert len({(value(dash, "font-family"), value(dash, "color")) for dash in dashes.all()}) == 1


def test_what_the_server_refuses_is_one_bar_that_is_read_out_once(open_desk: OpenDesk) -> None:
    desk = open_desk(expected=("400",))
    desk.sign_in().open_provider("Granite Hills Therapies")
    desk.page.locator("#cpse-profile [name=csrf_token]").evaluate(OF_ANOTHER_DAY)
    desk.button("Apply").click()
    expect(desk.text("This page is too old")).to_be_visible()
    alert = desk.page.get_by_role("alert").filter(has_text="This page is too old")
    expect(alert).to_have_count(1)
    assert alert.evaluate(BARS) == 1
    assert int(value(alert.get_by_text("Nothing was saved."), "font-weight")) == 400
    desk.check()


@pytest.mark.parametrize("width", [WIDE, NARROW], ids=["wide", "narrow"])
def test_what_was_done_is_said_and_covers_nothing_that_comes_next(open_desk: OpenDesk, width: int) -> None:
    desk = open_desk(width=width)
    desk.sign_in().open_provider("Bright Harbor Preschool Services")
    desk.field("Provider Type").select_option("Agency")
    desk.field("NPI").fill("1999101011")
    desk.field("Provider Uses CPSE Portal").check()
    desk.button("Apply").click()
    toast = desk.text("The profile was saved.")
    expect(toast).to_be_in_viewport(ratio=1)
    expect(desk.text("One CPSE Portal provider matches.")).to_be_visible()
    desk.settle()
    next_ones = [
        desk.page.locator("#cpse-npi-name"),
        desk.button("Apply"),
        desk.heading("Matches on the CPSE Portal"),
        desk.text("One CPSE Portal provider matches."),
        desk.page.locator("#cpse-portal .cpse-table-wrap"),
    ]
    assert [str(one) for one in next_ones if touch(box(toast), box(one))] == []


def test_the_tabs_stand_in_one_row_in_a_narrow_window(open_desk: OpenDesk) -> None:
    desk = open_desk(width=NARROW)
    desk.sign_in().open_provider("Granite Hills Therapies")
    tabs = desk.page.get_by_role("navigation", name="Provider Details").get_by_role("link")
    expect(tabs).to_have_count(3)
    assert len({round(box(tab)["y"] + box(tab)["height"]) for tab in tabs.all()}) == 1


def test_where_the_breadcrumb_needs_two_lines_both_begin_with_words(open_desk: OpenDesk) -> None:
    desk = open_desk(width=NARROW)
    desk.sign_in().open_provider("Bright Harbor Preschool Services")
    breadcrumb = desk.page.get_by_role("navigation", name="Breadcrumb")
    first, last = box(breadcrumb.get_by_role("link")), box(breadcrumb.locator("[aria-current]"))
    assert last["y"] >= first["y"] + first["height"]
    assert last["x"] == first["x"]


@pytest.mark.parametrize("width", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_skip_link_covers_nothing(open_desk: OpenDesk, width: int) -> None:
    desk = open_desk(width=width)
    desk.sign_in()
    skip = desk.link("Skip to the content")
    skip.focus()
    expect(skip).to_be_in_viewport(ratio=1)
    assert not touch(box(skip), box(desk.page.get_by_role("banner")))
    assert not touch(box(skip), box(desk.page.get_by_role("main")))


@pytest.mark.parametrize("label", ["Search", "Status"])
def test_a_field_under_the_pointer_does_not_look_refused(desk: Desk, label: str) -> None:
    desk.sign_in()
    # The accent of a county can be red.
    desk.page.locator("cpse-root").evaluate("(root) => root.style.setProperty('--cpse-accent', 'rgb(122, 31, 61)')")
    field = desk.field(label)
    before = value(field, "border-top-color")
    field.hover()
    assert value(field, "border-top-color") not in (before, "rgb(122, 31, 61)")
    assert value(field, "border-top-color") == value(desk.heading("CPSE Portal User Management"), "color")
