"""In a real browser: an intranet that boosts its links with an htmx of its own, has a policy of nonces, and a proxy."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from cpse_plugin.sandbox.faults import Faults
from cpse_plugin.sandbox.portal import Portal
from tests.plugin.awkward import PLUGIN, SCRIPT_NAME, awkward_host
from tests.plugin.awkward.front import behind_proxy
from tests.plugin.awkward.models import INES, move_in
from tests.world import Neighbours, associations_on

from .desk import Watch

BRIGHT_HARBOR = "Bright Harbor Preschool Services"


@pytest.fixture
def intranet_url(database_url: str, neighbours: Neighbours, portal: Portal, registry: Faults) -> Iterator[str]:
    """The address of the intranet: the proxy's, with the intranet behind it."""
    app = awkward_host(database_url=database_url, settings=neighbours.settings)
    move_in(app)
    with behind_proxy(app) as url:
        yield url
    with app.app_context():
        app.extensions["awkward"].db.engine.dispose()


@dataclass
class Seat:
    """A person at a browser who is signed in at the intranet, and every request that the browser makes."""

    page: Page
    url: str
    requests: list[Request] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a page of the intranet."""
        self.page.goto(self.url + path)

    def link(self, name: str) -> None:
        """Follow a link."""
        self.page.get_by_role("link", name=name, exact=True).click()

    def come_to(self, heading: str) -> None:
        """Wait for a page of the plugin's, until its script has taken it over."""
        expect(self.page.get_by_role("heading", name=heading)).to_be_visible()
        expect(self.page.locator("cpse-root:defined")).to_be_visible()

    def boosted(self) -> list[str]:
        """The paths that the intranet's htmx has asked for in place of the browser, since it was looked at last."""
        found = [urlsplit(one.url).path for one in self.requests if one.headers.get("hx-boosted") == "true"]
        self.requests.clear()
        return found

    def asked_for(self, path: str) -> int:
        """How often an address of the intranet was asked for."""
        return sum(urlsplit(one.url).path == f"{SCRIPT_NAME}{path}" for one in self.requests)


@pytest.fixture
def seat(browser: Browser, intranet_url: str) -> Iterator[Seat]:
    """Somebody who has signed in; at the end no script has failed and nothing has broken the intranet's policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    watch = Watch(frozenset({urlsplit(intranet_url).netloc})).over(context)
    seat = Seat(context.new_page(), intranet_url)
    context.on("request", lambda request: seat.requests.append(request))
    seat.go("/log-in")
    seat.page.get_by_label("Your number").fill(str(INES))
    seat.page.get_by_role("button", name="Log in").click()
    expect(seat.page.get_by_role("heading", name="Intranet of Tamarack County")).to_be_visible()
    yield seat
    context.close()
    assert watch.faults == []


def open_bright_harbor(seat: Seat) -> None:
    seat.page.locator("#cpse-q").fill("bright harbor")
    expect(seat.page.locator("#cpse-results tbody tr")).to_have_count(1)
    seat.link(BRIGHT_HARBOR)
    seat.come_to("Provider Details")


def test_a_provider_is_linked_from_the_boosted_menu_of_the_intranet_on(seat: Seat, portal: Portal) -> None:
    seat.link("Preschool providers")
    seat.come_to("CPSE Portal User Management")
    open_bright_harbor(seat)
    page = seat.page
    page.get_by_label("Provider Type").select_option("Agency")
    page.locator("#cpse-npi").press_sequentially("1999101011")
    expect(page.locator("#cpse-npi-name")).to_contain_text("BRIGHT HARBOR PRESCHOOL SERVICES")
    page.get_by_label("Provider Uses CPSE Portal").check()
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_text("The profile was saved.")).to_be_visible()
    page.get_by_role("button", name="Link to Selected Existing CPSE Portal Provider").click()
    # A dialog over the page, which the plugin's own script has opened.
    expect(page.get_by_role("dialog").get_by_role("heading", name="Confirm the match")).to_be_visible()
    page.get_by_role("button", name="Continue Association").click()
    expect(page.get_by_text("The link was completed")).to_be_visible()
    assert "TC-1001" in associations_on(portal).values()
    assert urlsplit(page.url).path.startswith(f"{PLUGIN}/providers/")


def test_a_boosted_link_of_the_intranet_leads_to_a_page_that_works(seat: Seat) -> None:
    seat.boosted()
    seat.link("Preschool providers")
    seat.come_to("CPSE Portal User Management")
    assert f"{PLUGIN}/providers" in seat.boosted()
    assert urlsplit(seat.page.url).path == f"{PLUGIN}/providers"
    assert seat.page.title().startswith("CPSE Portal User Management")
    # Its stylesheet counts and its script runs.
    expect(seat.page.locator(".cpse-table-wrap, .cpse-table").first).to_be_visible()
    assert seat.page.locator(".cpse-visually-hidden").first.evaluate("e => getComputedStyle(e).position") == "absolute"
    open_bright_harbor(seat)
    # And back to a page of the intranet's, as the intranet likes it.
    seat.boosted()
    seat.link("Intranet home")
    expect(seat.page.get_by_role("heading", name="Intranet of Tamarack County")).to_be_visible()
    assert seat.boosted() == [f"{SCRIPT_NAME}/"]


def test_the_intranet_boosts_neither_links_nor_forms_of_the_plugin(seat: Seat) -> None:
    seat.go("/apps/cpse/providers?q=bright")
    seat.come_to("CPSE Portal User Management")
    seat.boosted()
    seat.link(BRIGHT_HARBOR)
    seat.come_to("Provider Details")
    seat.page.get_by_label("Provider Type").select_option("Agency")
    seat.page.get_by_role("button", name="Apply", exact=True).click()
    expect(seat.page.get_by_text("The profile was saved.")).to_be_visible()
    assert seat.boosted() == []


def test_two_versions_of_htmx_on_one_page_each_do_their_own_work_once(seat: Seat) -> None:
    seat.go("/apps/cpse/providers")
    seat.come_to("CPSE Portal User Management")
    assert seat.page.evaluate("() => window.htmx.version") == "2.0.11"
    seat.link("Say hello")
    expect(seat.page.locator(".intranet-greeting")).to_have_text("Hello, Ines Novak")
    assert seat.asked_for("/greet") == 1
    seat.requests.clear()
    seat.page.locator("#cpse-q").fill("bright harbor")
    expect(seat.page.locator("#cpse-results tbody tr")).to_have_count(1)
    assert seat.asked_for("/apps/cpse/providers") == 1
    # What htmx 4 asked for came as a piece, and the intranet's greeting is still there.
    expect(seat.page.locator(".intranet-greeting")).to_have_text("Hello, Ines Novak")


def test_a_page_of_the_intranet_is_as_it_was_after_a_visit_to_the_plugin(seat: Seat) -> None:
    seat.link("Preschool providers")
    seat.come_to("CPSE Portal User Management")
    seat.link("Intranet home")
    expect(seat.page.get_by_role("heading", name="Intranet of Tamarack County")).to_be_visible()
    seat.requests.clear()
    seat.link("Say hello")
    expect(seat.page.locator(".intranet-greeting")).to_have_text("Hello, Ines Novak")
    assert seat.asked_for("/greet") == 1
    assert seat.page.evaluate("() => window.htmx.version") == "2.0.11"
