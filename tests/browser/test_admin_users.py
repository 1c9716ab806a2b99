"""The tab Provider Admin Users and Invite New Admin User, up to the e-mail and the account."""

from playwright.sync_api import Locator, expect

from cpse_plugin.sandbox.faults import SlowWork, Status

from .checks import colors_of
from .conftest import NARROW
from .desk import Desk, OpenDesk

TAB = "Provider Admin Users"
MAPLE_LANE = "Maple Lane Related Services"
INVITATIONS = r"/invitations$"


def open_tab(desk: Desk, name: str) -> None:
    """Sign in and open the tab of a provider."""
    desk.sign_in().open_provider(name)
    desk.page.get_by_role("navigation", name="Provider Details").get_by_role("link", name=TAB).click()
    expect(desk.link("Retrieve Admin Users")).to_be_visible()


def open_form(desk: Desk, name: str = MAPLE_LANE) -> None:
    """Come to the empty form."""
    open_tab(desk, name)
    desk.link("Invite New Admin User").click()
    expect(desk.heading("Invite New Admin User")).to_be_visible()


def fill_in(desk: Desk, email: str = "noor.haddad@maplelane.example") -> None:
    """Fill in what every invitation needs."""
    desk.field("First name").fill("Noor")
    desk.field("Last name").fill("Haddad")
    desk.field("E-mail address").fill(email)
    desk.field("E-mail address again").fill(email)


def error_beside(desk: Desk, label: str) -> Locator:
    """The message that a control names as the description of what is wrong with it."""
    control = desk.field(label)
    expect(control).to_have_attribute("aria-invalid", "true")
    name = control.get_attribute("id")
    assert f"{name}-error" in (control.get_attribute("aria-describedby") or "")
    return desk.page.locator(f"#{name}-error")


def test_the_tab_comes_without_a_reload_and_has_an_address_of_its_own(desk: Desk) -> None:
    desk.sign_in().open_provider("Beacon Point School")
    desk.page.evaluate("() => { window.stillHere = true; }")
    desk.page.get_by_role("navigation", name="Provider Details").get_by_role("link", name=TAB).click()
    expect(desk.link("Retrieve Admin Users")).to_be_visible()
    assert desk.page.evaluate("() => window.stillHere")
    assert desk.address == "/cpse/providers/17/admin-users"
    expect(desk.has_focus).to_have_text(TAB)
    desk.check()
    desk.page.reload()
    expect(desk.link("Retrieve Admin Users")).to_be_visible()
    desk.page.go_back()
    expect(desk.button("Apply")).to_be_visible()
    assert desk.address == "/cpse/providers/17"
    desk.page.go_forward()
    expect(desk.link("Retrieve Admin Users")).to_be_visible()


def test_retrieve_lists_the_admin_users(any_desk: Desk) -> None:
    open_tab(any_desk, "Beacon Point School")
    expect(any_desk.text("Not retrieved yet")).to_be_visible()
    any_desk.check()
    any_desk.link("Retrieve Admin Users").click()
    table = any_desk.page.get_by_role("table", name=TAB)
    for values in [
        ("Kyle Brennan", "kyle.brennan", "kyle.brennan@beaconpoint.example", "Locked"),
        ("Judith Feldman", "jfeldman", "judith.feldman@beaconpoint.example", "Disabled"),
        ("Mai Nguyễn", "mnguyen", "mai.nguyen@beaconpoint.example", "Active", "Never"),
    ]:
        row = table.get_by_role("row", name=values[0])
        for value in values:
            expect(row).to_contain_text(value)
    any_desk.check()
    any_desk.page.reload()
    expect(table).to_contain_text("Kyle Brennan")


def test_invitations_stand_beside_the_admin_users(any_desk: Desk) -> None:
    open_tab(any_desk, "Sunrise Steps Preschool")
    any_desk.link("Retrieve Admin Users").click()
    expect(any_desk.text("Nobody administers this provider yet")).to_be_visible()
    expect(any_desk.text("The people below have been invited")).to_be_visible()
    expect(any_desk.page.get_by_role("row", name="rosalind.kemp@sunrisesteps.example")).to_be_visible()
    any_desk.check()


def test_where_there_is_nobody_a_sentence_says_what_to_do(any_desk: Desk) -> None:
    open_tab(any_desk, MAPLE_LANE)
    any_desk.link("Retrieve Admin Users").click()
    expect(any_desk.text("Nobody administers this provider yet")).to_be_visible()
    expect(any_desk.text("to invite the first one. The CPSE Portal e-mails the person a link.")).to_be_visible()
    any_desk.check()


def test_a_portal_that_does_not_answer_is_told_from_an_empty_list(any_desk: Desk) -> None:
    any_desk.watch.expected += ("502", "503")
    open_tab(any_desk, "Beacon Point School")
    any_desk.sandbox.portal.faults.plan(Status(503), method="GET", path="/admin-users", times=None)
    any_desk.link("Retrieve Admin Users").click()
    expect(any_desk.page.get_by_role("main").get_by_role("alert").filter(has_text="CPSE Portal")).to_be_visible()
    expect(any_desk.text("Nobody administers this provider yet")).to_have_count(0)
    any_desk.check()


def test_from_the_invitation_to_the_account(any_desk: Desk) -> None:
    open_form(any_desk)
    any_desk.check()
    fill_in(any_desk)
    any_desk.button("Invite as Admin").click()
    expect(any_desk.text("The invitation was sent to")).to_be_visible()
    expect(any_desk.page.get_by_role("row", name="noor.haddad@maplelane.example")).to_be_visible()
    any_desk.check()

    any_desk.go(any_desk.sandbox.mailbox_url)
    any_desk.check()
    any_desk.page.get_by_role("link", name=MAPLE_LANE).click()
    any_desk.check()
    any_desk.page.locator(".letter a").click()
    expect(any_desk.heading("Set up your account")).to_be_visible()
    any_desk.check()
    any_desk.field("Username").fill("noor.haddad")
    any_desk.field("Password").fill("seven oaks on a hill")
    any_desk.field("Password again").fill("seven oaks on a hill")
    any_desk.button("Create my account").click()
    expect(any_desk.heading("Your account is ready")).to_be_visible()
    any_desk.check()

    any_desk.go("/cpse/providers/15/admin-users")
    any_desk.link("Retrieve Admin Users").click()
    row = any_desk.page.get_by_role("table", name=TAB).get_by_role("row", name="Noor Haddad")
    expect(row).to_contain_text("noor.haddad@maplelane.example")
    expect(row).to_contain_text("Active")


def test_a_therapist_brings_npi_profession_and_license(any_desk: Desk) -> None:
    open_form(any_desk)
    fill_in(any_desk)
    if any_desk.scripted:
        expect(any_desk.field("Profession")).to_be_hidden()
    any_desk.field("User is also a therapist / service provider").check()
    any_desk.field("NPI").press_sequentially("1999104049")
    if any_desk.scripted:
        name = any_desk.page.locator("#cpse-npi-name").get_by_text("SANDOVAL")
        expect(name).to_be_visible()
        (red, green, blue), _ = colors_of(name)
        assert red > 150 > 60 > max(green, blue)
    any_desk.field("Profession").select_option("Speech & Language Pathologist")
    any_desk.field("License").fill("017735")
    any_desk.check()
    any_desk.button("Invite as Admin").click()
    expect(any_desk.text("The invitation was sent to")).to_be_visible()
    expect(any_desk.text("The NPI is not in the Portal's weekly copy of the NPI Registry yet")).to_be_visible()
    any_desk.check()


def test_profession_and_license_can_stay_empty(any_desk: Desk) -> None:
    open_form(any_desk)
    fill_in(any_desk)
    any_desk.field("User is also a therapist / service provider").check()
    any_desk.field("NPI").fill("1999104031")
    any_desk.button("Invite as Admin").click()
    expect(any_desk.text("The invitation was sent to")).to_be_visible()


def test_what_the_portal_refuses_stands_beside_its_field_and_nothing_typed_is_lost(any_desk: Desk) -> None:
    any_desk.watch.expected += ("422",)
    open_form(any_desk)
    fill_in(any_desk, "grace.liu@therapy.example")
    any_desk.field("User is also a therapist / service provider").check()
    any_desk.field("NPI").fill("1999104049")
    any_desk.field("Profession").select_option("Occupational Therapist (Registered)")
    any_desk.field("License").fill("000001")
    any_desk.button("Invite as Admin").click()
    expect(any_desk.heading("There is a problem")).to_be_visible()
    for label in ("NPI", "Profession", "License"):
        expect(error_beside(any_desk, label)).to_contain_text("differs from what the Portal has for this person")
    for label, value in [
        ("First name", "Noor"),
        ("Last name", "Haddad"),
        ("E-mail address", "grace.liu@therapy.example"),
        ("E-mail address again", "grace.liu@therapy.example"),
        ("NPI", "1999104049"),
        ("Profession", "OT"),
        ("License", "000001"),
    ]:
        expect(any_desk.field(label)).to_have_value(value)
    expect(any_desk.field("User is also a therapist / service provider")).to_be_checked()
    any_desk.check()
    # With the right credentials the same form goes through.
    any_desk.field("NPI").fill("1999104031")
    any_desk.field("Profession").select_option("Physical Therapist")
    any_desk.field("License").fill("23249")
    any_desk.button("Invite as Admin").click()
    expect(any_desk.text("The invitation was sent to")).to_be_visible()


def test_an_address_that_is_invited_or_an_admin_user_already_is_told(any_desk: Desk) -> None:
    any_desk.watch.expected += ("409", "422")
    open_form(any_desk, "Sunrise Steps Preschool")
    fill_in(any_desk, "rosalind.kemp@sunrisesteps.example")
    any_desk.button("Invite as Admin").click()
    expect(error_beside(any_desk, "E-mail address")).to_contain_text("has an open invitation")
    any_desk.check()


def test_what_was_mistyped_is_said_beside_each_field(any_desk: Desk) -> None:
    any_desk.watch.expected += ("422",)
    open_form(any_desk)
    any_desk.field("E-mail address").fill("noor.haddad")
    any_desk.field("E-mail address again").fill("noor@haddad.example")
    any_desk.field("User is also a therapist / service provider").check()
    any_desk.field("NPI").fill("1999104032")
    any_desk.button("Invite as Admin").click()
    expect(error_beside(any_desk, "First name")).to_contain_text("Enter the first name.")
    expect(error_beside(any_desk, "E-mail address")).to_contain_text("This is no e-mail address.")
    expect(error_beside(any_desk, "E-mail address again")).to_contain_text("The two e-mail addresses differ.")
    expect(error_beside(any_desk, "NPI")).to_contain_text("The check digit is wrong")
    any_desk.check()
    # The summary leads to the field.
    any_desk.page.get_by_role("link", name="E-mail address again: ").click()
    expect(any_desk.field("E-mail address again")).to_be_focused()
    assert any_desk.sandbox.portal.faults.received("POST", INVITATIONS) == []


def test_the_second_address_may_be_pasted(desk: Desk) -> None:
    open_form(desk)
    desk.field("E-mail address").fill("noor.haddad@maplelane.example")
    desk.field("E-mail address").press("Control+a")
    desk.field("E-mail address").press("Control+c")
    desk.field("E-mail address again").focus()
    desk.page.keyboard.press("Control+v")
    expect(desk.field("E-mail address again")).to_have_value("noor.haddad@maplelane.example")


def test_a_double_click_on_invite_as_admin_invites_once(any_desk: Desk) -> None:
    any_desk.watch.expected += ("409",)
    open_form(any_desk)
    fill_in(any_desk)
    any_desk.sandbox.portal.faults.plan(SlowWork(0.5), method="POST", path=INVITATIONS)
    any_desk.button("Invite as Admin").dblclick()
    sent = any_desk.text("The invitation was sent to")
    expect(sent.or_(any_desk.text("This is being done already"))).to_be_visible()
    any_desk.wait_for_status(MAPLE_LANE, "Admin user invited")
    assert len(any_desk.sandbox.portal.faults.received("POST", INVITATIONS)) == 1
    assert len(any_desk.sandbox.mailbox.messages) == 1


def test_the_tab_and_its_form_fit_a_narrow_window(open_desk: OpenDesk) -> None:
    desk = open_desk(width=NARROW, expected=("422",))
    open_tab(desk, "Beacon Point School")
    desk.link("Retrieve Admin Users").click()
    expect(desk.page.get_by_role("table", name=TAB)).to_contain_text("Kyle Brennan")
    desk.check()
    desk.link("Invite New Admin User").click()
    desk.field("User is also a therapist / service provider").check()
    desk.field("NPI").fill("1999104031")
    expect(desk.page.locator("#cpse-npi-name")).to_contain_text("GRACE LIU")
    desk.check()
    desk.button("Invite as Admin").click()
    expect(desk.heading("There is a problem")).to_be_visible()
    desk.check()
