"""A provider set up from start to finish, as a member of staff does it: with and without scripts, wide and narrow."""

import pytest
from playwright.sync_api import expect

from .conftest import NARROW, WIDE
from .desk import Desk, OpenDesk

BRIGHT_HARBOR = "Bright Harbor Preschool Services"


@pytest.mark.parametrize(
    ("scripted", "width"),
    [(True, WIDE), (True, NARROW), (False, WIDE), (False, NARROW)],
    ids=["script-wide", "script-narrow", "no-script-wide", "no-script-narrow"],
)
def test_a_provider_is_set_up_from_start_to_finish(open_desk: OpenDesk, scripted: bool, width: int) -> None:
    desk = open_desk(scripted=scripted, width=width)
    desk.go("/")
    desk.check()
    desk.sign_in()
    desk.check()
    desk.open_provider(BRIGHT_HARBOR)
    desk.check()
    _fill_in_the_profile(desk)
    _link(desk)
    _invite_an_admin(desk)
    _accept_the_invitation(desk)
    desk.go("/cpse/providers/1/admin-users")
    desk.check()
    desk.link("Retrieve Admin Users").click()
    expect(desk.page.get_by_role("table", name="Provider Admin Users")).to_contain_text("ruth.adeyemi")
    desk.check()
    desk.go("/cpse/providers?q=bright")
    expect(desk.page.locator("tbody tr")).to_contain_text("Set up")
    _read_the_history(desk)


def _fill_in_the_profile(desk: Desk) -> None:
    desk.field("Provider Type").select_option("Agency")
    desk.field("NPI").press_sequentially("1999101011")
    if desk.scripted:
        expect(desk.page.locator("#cpse-npi-name")).to_contain_text("BRIGHT HARBOR PRESCHOOL SERVICES")
    desk.field("Provider Uses CPSE Portal").check()
    desk.check()
    desk.button("Apply").click()
    expect(desk.text("The profile was saved.")).to_be_visible()
    expect(desk.page.locator("#cpse-npi-name")).to_contain_text("BRIGHT HARBOR PRESCHOOL SERVICES")
    expect(desk.page.locator("#cpse-portal tbody tr")).to_contain_text("NPI and SED code")
    desk.check()


def _link(desk: Desk) -> None:
    desk.button("Link to Selected Existing CPSE Portal Provider").click()
    expect(desk.heading("Confirm the match")).to_be_visible()
    expect(desk.text("All values match")).to_be_visible()
    desk.check()
    desk.button("Continue Association").click()
    expect(desk.text("The link was completed")).to_be_visible()
    desk.check()
    if desk.scripted:
        desk.link("OK").click()
    expect(desk.heading("CPSE Portal Details")).to_be_visible()
    desk.check()


def _invite_an_admin(desk: Desk) -> None:
    desk.page.get_by_role("navigation", name="Provider Details").get_by_role(
        "link", name="Provider Admin Users"
    ).click()
    desk.check()
    desk.link("Retrieve Admin Users").click()
    expect(desk.text("Nobody administers this provider yet")).to_be_visible()
    desk.check()
    desk.link("Invite New Admin User").click()
    expect(desk.heading("Invite New Admin User")).to_be_visible()
    desk.check()
    desk.field("First name").fill("Ruth")
    desk.field("Last name").fill("Adeyemi")
    desk.field("E-mail address").fill("ruth.adeyemi@brightharbor.example")
    desk.field("E-mail address again").fill("ruth.adeyemi@brightharbor.example")
    desk.button("Invite as Admin").click()
    expect(desk.text("The invitation was sent to")).to_be_visible()
    desk.check()


def _accept_the_invitation(desk: Desk) -> None:
    desk.go(desk.sandbox.mailbox_url)
    desk.check()
    desk.page.get_by_role("link", name=BRIGHT_HARBOR).click()
    desk.check()
    desk.page.locator(".letter a").click()
    desk.check()
    desk.field("Username").fill("ruth.adeyemi")
    desk.field("Password").fill("seven oaks on a hill")
    desk.field("Password again").fill("seven oaks on a hill")
    desk.button("Create my account").click()
    expect(desk.heading("Your account is ready")).to_be_visible()
    desk.check()


def _read_the_history(desk: Desk) -> None:
    desk.link(BRIGHT_HARBOR).click()
    desk.link("History").click()
    expect(desk.page.get_by_role("table")).to_contain_text("ruth.adeyemi@brightharbor.example")
    desk.check()
