"""Members of staff beside each other: what a role allows, and two who work on the same provider."""

from playwright.sync_api import expect

from .desk import Desk, OpenDesk

LINK = "Link to Selected Existing CPSE Portal Provider"
GRANITE = "Granite Hills Therapies"


def test_a_reader_looks_at_everything_and_changes_nothing(any_desk: Desk) -> None:
    any_desk.sign_in("Rosa Lindqvist").open_provider(GRANITE)
    expect(any_desk.text("Granite Hill Therapy Services LLC")).to_be_visible()
    expect(any_desk.button("Apply")).to_have_count(0)
    expect(any_desk.button(LINK)).to_have_count(0)
    expect(any_desk.page.get_by_role("radio")).to_have_count(0)
    expect(any_desk.field("NPI")).to_be_disabled()
    any_desk.check()
    any_desk.open_provider("Harvest Moon Early Intervention")
    expect(any_desk.text("No CPSE Portal provider matches")).to_be_visible()
    expect(any_desk.link("Add New CPSE Portal Provider")).to_have_count(0)
    any_desk.open_provider("Beacon Point School")
    expect(any_desk.page.locator("#cpse-portal").get_by_role("link")).to_have_count(0)
    any_desk.link("Provider Admin Users").click()
    any_desk.link("Retrieve Admin Users").click()
    expect(any_desk.page.get_by_role("cell", name="kyle.brennan", exact=True)).to_be_visible()
    expect(any_desk.link("Invite New Admin User")).to_have_count(0)
    any_desk.check()


def test_an_editor_links_and_does_not_invite(desk: Desk) -> None:
    desk.sign_in("Elliot Marsh").open_provider(GRANITE)
    expect(desk.button(LINK)).to_be_visible()
    desk.open_provider("Beacon Point School")
    desk.link("Provider Admin Users").click()
    desk.link("Retrieve Admin Users").click()
    expect(desk.page.get_by_role("cell", name="kyle.brennan", exact=True)).to_be_visible()
    expect(desk.link("Invite New Admin User")).to_have_count(0)


def test_somebody_without_a_role_is_told_whom_to_ask(any_desk: Desk) -> None:
    any_desk.watch.expected += ("403",)
    any_desk.go("/")
    any_desk.page.get_by_role("button", name="Vernon Pike").click()
    expect(any_desk.heading("Your account gives no access")).to_be_visible()
    any_desk.check()


def test_signing_out_ends_it_here_and_at_the_identity_provider(any_desk: Desk) -> None:
    any_desk.sign_in()
    any_desk.button("Sign out").click()
    expect(any_desk.heading("Signed out")).to_be_visible()
    any_desk.check()
    any_desk.go("/cpse/providers")
    expect(any_desk.heading("Who are you today?")).to_be_visible()


def test_a_stale_form_shows_theirs_beside_yours_and_loses_nothing(open_desk: OpenDesk) -> None:
    for scripted in (True, False):
        mine = open_desk(scripted=scripted, expected=("409",))
        theirs = open_desk()
        mine.sign_in("Ines Novak").open_provider(GRANITE)
        theirs.sign_in("Elliot Marsh").open_provider(GRANITE)
        their_code = "499931880110" if scripted else "499931880111"
        theirs.field("SED Code").fill(their_code)
        theirs.button("Apply").click()
        expect(theirs.text("The profile was saved.")).to_be_visible()

        mine.field("NPI").fill("1999101045")
        mine.button("Apply").click()
        expect(mine.text("This profile was saved in the meantime")).to_be_visible()
        expect(mine.text("elliot.marsh@tamarack.example saved it")).to_be_visible()
        expect(mine.page.locator(".cpse-conflict tr", has_text="SED Code")).to_contain_text(their_code)
        expect(mine.page.locator(".cpse-conflict tr", has_text="NPI")).to_contain_text("Different")
        expect(mine.field("NPI")).to_have_value("1999101045")
        mine.check()
        mine.link("keep theirs").click()
        expect(mine.field("SED Code")).to_have_value(their_code)
        expect(mine.field("NPI")).to_have_value("1999101094")


def test_what_a_colleague_linked_meanwhile_is_told(open_desk: OpenDesk) -> None:
    mine = open_desk(expected=("409",))
    theirs = open_desk()
    mine.sign_in("Ines Novak").open_provider(GRANITE)
    mine.button(LINK).click()
    expect(mine.button("Continue Association")).to_be_visible()
    theirs.sign_in("Elliot Marsh").open_provider(GRANITE)
    theirs.button(LINK).click()
    theirs.button("Continue Association").click()
    expect(theirs.page.get_by_role("dialog", name="The link was completed")).to_be_visible()
    mine.button("Continue Association").click()
    expect(mine.text("elliot.marsh@tamarack.example linked it")).to_be_visible()
    mine.check()
