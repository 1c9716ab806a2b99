"""The whole way to a link by keys alone."""

from playwright.sync_api import Locator, expect

from .desk import Desk

_MOST_STOPS = 40


def tab_to(desk: Desk, target: Locator) -> None:
    """Press Tab until the target has the focus, and see at each stop where the focus is."""
    for _ in range(_MOST_STOPS):
        desk.page.keyboard.press("Tab")
        if target.evaluate("(element) => element === document.activeElement"):
            outline = target.evaluate("(element) => getComputedStyle(element).outlineStyle")
            assert outline != "none", f"{target} does not show that it has the focus"
            return
    raise AssertionError(f"Tab does not lead to {target}")


def press(desk: Desk, key: str) -> None:
    desk.page.keyboard.press(key)


def test_a_provider_is_linked_by_keys_alone(desk: Desk) -> None:
    desk.go("/")
    tab_to(desk, desk.page.get_by_role("button", name="Ines Novak"))
    press(desk, "Enter")
    expect(desk.heading("CPSE Portal User Management")).to_be_visible()
    tab_to(desk, desk.link("Skip to the content"))
    press(desk, "Enter")
    tab_to(desk, desk.field("Search"))
    desk.page.keyboard.type("cobble")
    expect(desk.page.locator("tbody tr")).to_have_count(1)
    tab_to(desk, desk.link("Cobblestone Kids, Inc."))
    press(desk, "Enter")
    expect(desk.page.get_by_role("radio")).to_have_count(2)

    tab_to(desk, desk.page.get_by_role("radio").first)
    press(desk, "ArrowDown")
    expect(desk.page.get_by_role("radio").nth(1)).to_be_checked()
    tab_to(desk, desk.button("Link to Selected Existing CPSE Portal Provider"))
    press(desk, "Enter")
    dialog = desk.page.get_by_role("dialog", name="Confirm the match")
    expect(dialog.get_by_role("heading")).to_be_focused()
    # The page behind the dialog cannot be reached.
    for _ in range(6):
        press(desk, "Tab")
        inside = desk.page.evaluate("() => !document.activeElement.closest('#cpse-main, .cpse-header')")
        assert inside
    press(desk, "Escape")
    expect(desk.button("Link to Selected Existing CPSE Portal Provider")).to_be_focused()
    press(desk, "Enter")
    expect(dialog).to_be_visible()
    tab_to(desk, desk.button("Continue Association"))
    press(desk, "Enter")
    expect(desk.page.get_by_role("dialog", name="The link was completed")).to_be_visible()
    tab_to(desk, desk.link("OK"))
    press(desk, "Enter")
    expect(desk.page.get_by_role("dialog")).to_have_count(0)
    expect(desk.has_focus).to_have_count(1)
    desk.check()

    tab = desk.page.get_by_role("navigation", name="Provider Details").get_by_role("link", name="Provider Admin Users")
    for _ in range(_MOST_STOPS):
        press(desk, "Shift+Tab")
        if tab.evaluate("(element) => element === document.activeElement"):
            break
    press(desk, "Enter")
    tab_to(desk, desk.link("Retrieve Admin Users"))
    press(desk, "Enter")
    expect(desk.text("Nobody administers this provider yet")).to_be_visible()
    expect(desk.link("Retrieve Admin Users")).to_be_focused()
    tab_to(desk, desk.link("Invite New Admin User"))
    press(desk, "Enter")
    expect(desk.heading("Invite New Admin User")).to_be_focused()
    desk.check()
