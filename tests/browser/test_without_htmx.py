"""A browser that got our script and not htmx: links and forms are plain ones, and all can be done."""

from playwright.sync_api import expect

from .desk import OpenDesk


def test_everything_works_where_htmx_did_not_come(open_desk: OpenDesk) -> None:
    desk = open_desk(expected=("ERR_FAILED", "422"))
    desk.page.route("**/static/htmx-*", lambda route: route.abort())
    desk.sign_in()
    desk.field("Search").fill("bright")
    desk.button("Search").click()
    desk.link("Bright Harbor Preschool Services").click()
    expect(desk.text("This provider does not use the CPSE Portal")).to_be_visible()
    desk.field("NPI").press_sequentially("199910101")
    expect(desk.text("1 more digit needed.")).to_be_visible()
    desk.field("NPI").press_sequentially("1")
    expect(desk.text("The name could not be looked up.")).to_be_visible()
    desk.field("Provider Type").select_option("Agency")
    desk.field("Provider Uses CPSE Portal").check()
    desk.button("Apply").click()
    expect(desk.page.locator("#cpse-npi-name")).to_contain_text("BRIGHT HARBOR PRESCHOOL SERVICES")
    desk.check()
    desk.button("Link to Selected Existing CPSE Portal Provider").click()
    expect(desk.heading("Confirm the match")).to_be_visible()
    desk.button("Continue Association").dblclick()
    expect(desk.text("The link was completed.")).to_be_visible()
    assert len(desk.sandbox.portal.faults.received("PUT", "/association$")) == 1
    desk.link("Provider Admin Users").first.click()
    desk.link("Retrieve Admin Users").click()
    expect(desk.text("Nobody administers this provider yet")).to_be_visible()
    desk.check()
