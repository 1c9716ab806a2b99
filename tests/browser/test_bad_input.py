"""What nobody should type or ask for, and somebody does: a clear message, and nothing lost."""

from playwright.sync_api import expect

from .conftest import NARROW
from .desk import Desk, OpenDesk


def test_each_mistake_in_the_profile_is_said_beside_its_field(any_desk: Desk) -> None:
    any_desk.watch.expected += ("422",)
    any_desk.sign_in().open_provider("Granite Hills Therapies")
    for label, typed, words in [
        ("NPI", "19991O1094", "An NPI has digits only."),
        ("NPI", "1999101095", "The check digit is wrong"),
        (
            "SED Code",
            "49931880109",
            "An SED code has 12 digits; this one has 11. A leading zero may be lost. Did you mean 049931880109?",
        ),
        ("SED Code", "49993188010X", "An SED code has digits only."),
    ]:
        any_desk.field(label).fill(typed)
        any_desk.button("Apply").click()
        expect(any_desk.page.locator(".cpse-error").filter(has_text=words)).to_be_visible()
        expect(any_desk.field(label)).to_have_value(typed)
        expect(any_desk.field(label)).to_have_attribute("aria-invalid", "true")
    any_desk.check()


def test_a_megabyte_in_a_field_is_refused_in_words(any_desk: Desk) -> None:
    any_desk.watch.expected += ("413",)
    any_desk.sign_in().open_provider("Granite Hills Therapies")
    # The field itself takes no more than 40 characters; not every browser or program holds to that.
    any_desk.field("SED Code").evaluate("(field) => field.removeAttribute('maxlength')")
    any_desk.field("SED Code").fill("9" * 1_000_000)
    any_desk.button("Apply").click()
    expect(any_desk.text("That is more than this form takes.")).to_be_visible()
    if any_desk.scripted:
        expect(any_desk.field("SED Code")).to_have_value("9" * 1_000_000)


def test_an_unknown_provider_is_not_found(any_desk: Desk) -> None:
    any_desk.watch.expected += ("404",)
    any_desk.sign_in()
    for address in ("/cpse/providers/999", "/cpse/providers/999/admin-users"):
        any_desk.go(address)
        expect(any_desk.heading("Not found")).to_be_visible()
        any_desk.check()


def spoil_tokens(desk: Desk) -> None:
    """Let the page's forms be of another session, as after a sign-in in another tab."""
    desk.page.evaluate("() => { for (const field of document.getElementsByName('csrf_token')) field.value = 'x'; }")


def test_what_is_refused_behind_a_dialog_is_said_in_the_dialog(open_desk: OpenDesk) -> None:
    desk = open_desk(expected=("400",))
    desk.sign_in().open_provider("Beacon Point School")
    desk.link("Unlink").click()
    dialog = desk.page.get_by_role("dialog", name="Unlink")
    dialog.get_by_label("Reason").fill("The wrong one.")
    spoil_tokens(desk)
    dialog.get_by_role("button", name="Unlink").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This page is too old")
    desk.check()


def test_what_is_refused_far_down_the_page_is_brought_into_view(open_desk: OpenDesk) -> None:
    desk = open_desk(expected=("400",), width=NARROW)
    desk.sign_in().open_provider("Bright Harbor Preschool Services")
    desk.page.set_viewport_size({"width": NARROW, "height": 320})
    desk.button("Apply").scroll_into_view_if_needed()
    spoil_tokens(desk)
    desk.button("Apply").click()
    expect(desk.text("This page is too old")).to_be_in_viewport()
