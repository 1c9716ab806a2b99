"""Identifiers as they are typed: the script says what the server says, and an offer is one press away."""

from playwright.sync_api import expect

from cpse_plugin.domain.identifiers import Npi
from tests.written_values import IDENTIFIERS

from .conftest import NARROW
from .desk import Desk, OpenDesk

NPIS = [written for written in IDENTIFIERS if written.field == "npi"]


def test_the_script_says_what_the_server_says_of_all_in_the_table(desk: Desk) -> None:
    desk.sign_in().open_provider("Granite Hills Therapies")
    field, said = desk.field("NPI"), desk.page.locator("#cpse-npi-name")
    for written in NPIS:
        field.fill(written.text)
        if written.value:
            expect(said).to_contain_text("BRIGHT HARBOR")
            expect(said.get_by_role("link")).to_have_count(0)
        elif written.offer:
            expect(said).to_have_text(f"{Npi.parse(written.text)} Use {written.offer}")
        else:
            expect(said).to_have_text(str(Npi.parse(written.text)))
            expect(said.get_by_role("link")).to_have_count(0)
    desk.check()


def test_an_offer_is_taken_as_soon_as_it_is_typed(desk: Desk) -> None:
    desk.sign_in().open_provider("Bright Harbor Preschool Services")
    field, said = desk.field("NPI"), desk.page.locator("#cpse-npi-name")
    field.fill("1,999,101,011")
    expect(said).to_contain_text("Did you mean 1999101011?")
    desk.check()
    desk.link("Use 1999101011").click()
    expect(field).to_have_value("1999101011")
    expect(field).to_be_focused()
    expect(said).to_contain_text("BRIGHT HARBOR")
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


def test_an_offer_fits_into_a_narrow_window(open_desk: OpenDesk) -> None:
    desk = open_desk(width=NARROW, expected=("422",))
    desk.sign_in().open_provider("Granite Hills Therapies")
    desk.field("SED Code").fill("10,100,010,000")
    desk.field("NPI").fill("1999101011.0")
    expect(desk.link("Use 1999101011")).to_be_visible()
    desk.check()
    desk.button("Apply").click()
    expect(desk.page.locator("#cpse-npi-error")).to_be_visible()
    desk.check()
