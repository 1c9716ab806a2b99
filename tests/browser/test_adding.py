"""Add New CPSE Portal Provider."""

from playwright.sync_api import Locator, expect

from cpse_plugin.domain.portal_records import NewPortalProvider
from cpse_plugin.domain.providers import ProviderType
from cpse_plugin.sandbox.faults import SlowWork
from cpse_plugin.sandbox.portal import providers
from cpse_plugin.sandbox.runner import Sandbox
from cpse_plugin.sandbox.world import OTHER_COUNTY_ID

from .desk import Desk

ADD = "Add New CPSE Portal Provider"
PROVIDERS = r"^/v1/providers$"
HARVEST_MOON = "Harvest Moon Early Intervention"


def look(desk: Desk) -> Locator:
    """Where what will be sent is shown: a dialog, or a page of its own."""
    return desk.page.get_by_role("dialog", name=ADD) if desk.scripted else desk.page.get_by_role("main")


def begin(desk: Desk) -> None:
    """Come to the look at what will be sent."""
    desk.sign_in().open_provider(HARVEST_MOON)
    expect(desk.text("No CPSE Portal provider matches")).to_be_visible()
    desk.check()
    desk.link(ADD).click()
    expect(desk.text("This will be sent to the CPSE Portal")).to_be_visible()


def test_a_provider_is_added_after_a_look_at_what_is_sent(any_desk: Desk) -> None:
    begin(any_desk)
    for value in (HARVEST_MOON, "Agency", "1999101219", "049931880121", "8 Barn Rd", "518-555-0121"):
        expect(look(any_desk).get_by_text(value).last).to_be_visible()
    any_desk.check()
    assert any_desk.sandbox.portal.faults.received("POST", PROVIDERS) == []
    any_desk.button(ADD).click()
    expect(any_desk.text("was added to the CPSE Portal")).to_be_visible()
    any_desk.check()
    if any_desk.scripted:
        any_desk.link("OK").click()
    expect(any_desk.heading("CPSE Portal Details")).to_be_visible()
    expect(any_desk.page.locator("#cpse-portal dd", has_text="1999101219")).to_be_visible()
    any_desk.check()


def test_a_double_click_adds_once(any_desk: Desk) -> None:
    any_desk.watch.expected += ("409",)
    begin(any_desk)
    any_desk.sandbox.portal.faults.plan(SlowWork(0.5), method="POST", path=PROVIDERS)
    any_desk.button(ADD).dblclick()
    expect(any_desk.text("was added to the").or_(any_desk.text("This is being done already"))).to_be_visible()
    any_desk.wait_for_status(HARVEST_MOON, "Linked, no admin user")
    assert len(any_desk.sandbox.portal.faults.received("POST", PROVIDERS)) == 1


def test_a_provider_that_the_portal_has_after_all_is_shown_as_a_match(any_desk: Desk) -> None:
    any_desk.watch.expected += ("409",)
    begin(any_desk)
    _let_another_county_add_it(any_desk.sandbox)
    any_desk.button(ADD).click()
    expect(any_desk.text("The CPSE Portal has this provider already, so it was not added.")).to_be_visible()
    match = any_desk.page.locator("#cpse-portal tbody tr")
    expect(match).to_contain_text("Harvest Moon EI")
    expect(match).to_contain_text("NPI")
    any_desk.check()
    any_desk.button("Link to Selected Existing CPSE Portal Provider").click()
    any_desk.button("Continue Association").click()
    expect(any_desk.heading("CPSE Portal Details")).to_be_visible()


def _let_another_county_add_it(sandbox: Sandbox) -> None:
    store = sandbox.portal.store
    new = NewPortalProvider(
        name="Harvest Moon EI",
        type=ProviderType.AGENCY,
        npi="1999101219",
        sed_code=None,
        address=None,
        phone=None,
        county_provider_id="K-2001",
    )
    with store.transaction() as db:
        providers.add(db, OTHER_COUNTY_ID, new, store.now)
