"""The checks themselves: each finds what is planted for it."""

import hashlib

import pytest
from playwright.sync_api import Locator, Page

from .checks import AXE, assert_accessible, assert_fits, contrast_of
from .desk import Desk, OpenDesk

RELEASED_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


def plant(page: Page, html: str) -> None:
    """Put markup on the page."""
    page.evaluate("(html) => document.querySelector('main').insertAdjacentHTML('beforeend', html)", html)


def dress(element: Locator, **style: str) -> None:
    """Give an element a style that counts above the plugin's important rules."""
    for name, value in style.items():
        rule = [name.replace("_", "-"), value]
        element.evaluate("(element, [name, value]) => element.style.setProperty(name, value, 'important')", rule)


def test_axe_core_is_byte_for_byte_the_released_file() -> None:
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == RELEASED_SHA256
    assert AXE.with_name(AXE.name + ".sha256").read_text() == f"{RELEASED_SHA256}  {AXE.name}\n"
    assert "Mozilla Public License" in AXE.with_name("axe-4.14.1.LICENSE").read_text()


@pytest.mark.parametrize("scripted", [True, False])
def test_a_barrier_is_found(open_desk: OpenDesk, scripted: bool) -> None:
    desk = open_desk(scripted=scripted)
    desk.sign_in()
    desk.check()
    plant(desk.page, "<input type='text' class='cpse-input'>")
    with pytest.raises(AssertionError, match="label"):
        desk.check()


def test_a_rule_of_good_practice_counts_too(desk: Desk) -> None:
    desk.sign_in()
    plant(desk.page, "<h5>Three levels below the one before it</h5>")
    with pytest.raises(AssertionError, match="heading-order"):
        assert_accessible(desk.page)


def test_what_is_too_wide_is_found(desk: Desk) -> None:
    desk.sign_in()
    plant(desk.page, "<p id='wide'>Wide</p>")
    dress(desk.page.locator("#wide"), width="3000px")
    with pytest.raises(AssertionError, match="in a window of 1280 px"):
        assert_fits(desk.page)


def test_what_is_clipped_in_its_box_is_found(desk: Desk) -> None:
    desk.sign_in()
    plant(desk.page, "<div class='cpse-table-wrap'><p id='wide'>Wide</p></div>")
    dress(desk.page.locator("#wide"), width="3000px")
    with pytest.raises(AssertionError, match="cpse-table-wrap"):
        assert_fits(desk.page)


def test_the_contrast_is_measured(desk: Desk) -> None:
    desk.sign_in()
    plant(desk.page, "<p id='faint'>Faint</p>")
    faint = desk.page.locator("#faint")
    dress(faint, color="rgb(119, 119, 119)", background_color="rgb(255, 255, 255)")
    assert contrast_of(faint) == pytest.approx(4.48, abs=0.01)


def test_faults_behind_the_page_are_found(open_desk: OpenDesk) -> None:
    desk = open_desk()
    desk.sign_in()
    page = desk.page
    page.evaluate("() => { setTimeout(() => { throw new Error('planted'); }); }")
    page.evaluate("() => console.error('planted too')")
    plant(page, "<img src='https://elsewhere.example/picture.png' alt=''>")
    plant(page, "<p style='color: red'>Inline</p>")
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 50))")
    found = "\n".join(desk.watch.faults)
    desk.watch.faults.clear()
    for words in ("uncaught: planted", "console: planted too", "Content Security Policy"):
        assert words in found


def test_a_lost_focus_is_found(desk: Desk) -> None:
    desk.sign_in().open_provider("Granite Hills Therapies")
    desk.page.evaluate("() => { HTMLElement.prototype.focus = () => {}; }")
    desk.button("Apply").click()
    desk.settle()
    with pytest.raises(AssertionError):
        desk.check()
