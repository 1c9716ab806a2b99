"""Identifiers as they are typed: the script says what the server says, and an offer is one press away."""

from playwright.sync_api import expect

from cpse_plugin.domain.identifiers import Npi, SedCode
from tests.written_values import IDENTIFIERS

from .conftest import NARROW
from .desk import Desk, OpenDesk

REGIONS = {"npi": "#cpse-npi-name", "sed_code": "#cpse-sed_code-said"}
LABELS = {"npi": "NPI", "sed_code": "SED Code"}
READ = {"npi": Npi.parse, "sed_code": SedCode.parse}


def test_the_script_says_what_the_server_says_of_all_in_the_table(desk: Desk) -> None:
    desk.sign_in().open_provider("Granite Hills Therapies")
    for written in IDENTIFIERS:
        field, said = desk.field(LABELS[written.field]), desk.page.locator(REGIONS[written.field])
        field.fill(written.text)
        field.blur()
        if written.value:
            expect(said.locator("button")).to_have_count(0)
            if written.field == "npi":
                expect(said).to_contain_text("BRIGHT HARBOR")
            else:
                expect(said).to_be_empty()
            continue
        refusal = READ[written.field](written.text)
        if not written.offer:
            expect(said).to_have_text(str(refusal))
            continue
        expect(said).to_have_text(f"{refusal} Use {written.offer}")
        said.get_by_role("button", name=f"Use {written.offer}").click()
        expect(field).to_have_value(written.offer)
        expect(field).to_be_focused()
        expect(said.locator("button")).to_have_count(0)
    desk.check()


def test_an_offer_of_the_server_is_taken_with_and_without_a_script(any_desk: Desk) -> None:
    any_desk.watch.expected += ("422",)
    any_desk.sign_in().open_provider("Granite Hills Therapies")
    any_desk.field("SED Code").fill("49931880109.0")
    any_desk.button("Apply").click()
    error = any_desk.page.locator("#cpse-sed_code-error")
    expect(error).to_contain_text("Did you mean 049931880109?")
    any_desk.check()
    any_desk.page.locator("form#cpse-profile button[name=use_offer]").click()
    expect(any_desk.field("SED Code")).to_have_value("049931880109")
    expect(any_desk.field("SED Code")).to_be_focused()
    expect(error).to_have_count(0)
    any_desk.check()
    any_desk.button("Apply").click()
    expect(any_desk.text("The profile was saved.")).to_be_visible()


def test_an_sed_code_is_read_when_the_field_is_left_and_as_it_is_corrected(desk: Desk) -> None:
    desk.sign_in().open_provider("Granite Hills Therapies")
    field, said = desk.field("SED Code"), desk.page.locator(REGIONS["sed_code"])
    field.fill("")
    field.press_sequentially("0499318801")
    expect(said).to_be_empty()
    field.press("Tab")
    expect(said).to_have_text("An SED code has 12 digits; this one has 10.")
    field.focus()
    field.press("End")
    field.press_sequentially("09")
    expect(said).to_be_empty()


def test_an_offer_fits_into_a_narrow_window(open_desk: OpenDesk) -> None:
    desk = open_desk(width=NARROW, expected=("422",))
    desk.sign_in().open_provider("Granite Hills Therapies")
    desk.field("SED Code").fill("10,100,010,000")
    desk.field("SED Code").blur()
    expect(desk.button("Use 010100010000")).to_be_in_viewport()
    desk.check()
    desk.field("NPI").fill("1999101011.0")
    desk.button("Apply").click()
    expect(desk.page.locator("#cpse-npi-error")).to_be_visible()
    desk.check()
