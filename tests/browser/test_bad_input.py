"""What nobody should type or ask for, and somebody does: a clear message, and nothing lost."""

from playwright.sync_api import expect

from .desk import Desk


def test_each_mistake_in_the_profile_is_said_beside_its_field(any_desk: Desk) -> None:
    any_desk.watch.expected += ("422",)
    any_desk.sign_in().open_provider("Granite Hills Therapies")
    for label, typed, words in [
        ("NPI", "19991O1094", "An NPI has digits only."),
        ("NPI", "1999101095", "The check digit is wrong"),
        ("SED Code", "49931880109", "An SED code has 12 digits; this one has 11. Was a leading zero lost?"),
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
