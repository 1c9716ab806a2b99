"""The plugin's pages in a county's layout: neither takes anything of the other's look that is not meant to be taken."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from jinja2 import FileSystemLoader
from playwright.sync_api import Browser, Locator, Page, expect

from cpse_plugin.sandbox.runner import Sandbox

from .checks import assert_accessible, contrast_of

COUNTY = Path(__file__).parent / "county"
HOSTILE = (COUNTY / "hostile.css").read_text(encoding="utf-8")
LIGHT_GROUND, DARK_GROUND = "rgb(243, 245, 248)", "rgb(16, 22, 29)"
PAGE_HEIGHT = 1000

# The computed value of every property of elements and of their pseudo-elements. Custom properties change nothing by
# themselves, and a pseudo-element counts where there is one.
_STYLES = """([elements, pseudos]) => {
  const read = (element, pseudo) => {
    const style = getComputedStyle(element, pseudo);
    const names = [...style].filter((name) => !name.startsWith('--'));
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(name)]));
  };
  const isThere = (element, pseudo) => {
    if (pseudo === '::placeholder') return element.hasAttribute('placeholder');
    if (pseudo === '::backdrop') return element.matches('dialog[open]');
    if (pseudo === '::marker') return getComputedStyle(element).display === 'list-item';
    return getComputedStyle(element, pseudo).content !== 'none';
  };
  return elements.flatMap((element, place) => {
    const name = `${place} ${element.localName}.${element.className.baseVal ?? element.className}`;
    const found = pseudos.filter((pseudo) => isThere(element, pseudo));
    return [[name, read(element, null)], ...found.map((pseudo) => [name + pseudo, read(element, pseudo)])];
  });
}"""
_PSEUDOS = ("::before", "::after", "::marker", "::placeholder", "::backdrop")

Styles = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def county(first_day: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The intranet with a layout of the county's own around the plugin's pages."""
    folder = shutil.copytree(first_day, tmp_path_factory.mktemp("county") / "sandbox")
    sandbox = Sandbox(folder, settings={"CPSE_BASE_TEMPLATE": "layout.html"})
    sandbox.intranet.jinja_loader = FileSystemLoader(COUNTY)
    with sandbox:
        yield sandbox


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, county: Sandbox) -> Iterator[OpenPage]:
    """Opens a window in which an inviter has signed in, on a system that prefers light or dark."""
    contexts = []

    def open_page(system: Literal["light", "dark"] = "light") -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": PAGE_HEIGHT}, color_scheme=system)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.goto(county.intranet_url)
        page.get_by_role("button", name="Ines Novak").click()
        expect(page.get_by_role("heading", name="CPSE Portal User Management")).to_be_visible()
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The list of providers on a light system."""
    return open_page()


def add(page: Page, css: str) -> None:
    """Give the county's page a rule more."""
    page.add_style_tag(content=css)


def styles(elements: Locator) -> Styles:
    """What the browser makes of every style at the elements."""
    handles = elements.element_handles()
    assert handles
    found: list[tuple[str, dict[str, str]]] = elements.page.evaluate(_STYLES, [handles, list(_PSEUDOS)])
    return dict(found)


def ours(page: Page) -> Styles:
    """The styles of everything of the plugin's."""
    return styles(page.locator(".cpse *"))


def theirs(page: Page) -> Styles:
    """The styles of everything of the county's, from the root to its last list item."""
    return styles(page.locator("html, head, body, #everything, #everything *, .place"))


def changed(before: Styles, after: Styles) -> list[str]:
    """What is not as it was, one line for each property."""
    came_or_went = [f"{name} is not in both" for name in sorted(before.keys() ^ after.keys())]
    return came_or_went + [
        f"{name}: {key} was {value} and is {after[name].get(key)}"
        for name in before.keys() & after.keys()
        for key, value in before[name].items()
        if after[name].get(key) != value
    ]


def take_plugin_away(page: Page) -> None:
    """Leave the county's page as it would be without the plugin."""
    page.evaluate(
        "() => document.querySelectorAll('link[rel=stylesheet]').forEach((link) => { link.disabled = true; })"
    )
    page.locator(".cpse").evaluate("(root) => root.remove()")


# --- nothing leaks out ------------------------------------------------------------------------------------------------


def test_a_county_page_looks_the_same_with_and_without_the_plugin(page: Page) -> None:
    with_plugin = theirs(page)
    expect(page.locator(".cpse .cpse-table")).to_be_visible()
    take_plugin_away(page)
    assert changed(theirs(page), with_plugin) == []


@pytest.mark.parametrize(
    "leak", ["blockquote { color: teal }", "html { scrollbar-gutter: stable }", "li::marker { color: red }"]
)
def test_a_leak_would_be_found(page: Page, leak: str) -> None:
    before = theirs(page)
    add(page, f"@layer cpse-look {{ {leak} }} @layer planted {{ {leak.replace(' }', ' !important }')} }}")
    assert changed(before, theirs(page))


# --- nothing leaks in -------------------------------------------------------------------------------------------------


def test_hostile_rules_change_nothing_in_the_list(page: Page) -> None:
    assert_left_alone(page)


def test_hostile_rules_change_nothing_in_a_provider_and_its_dialog(page: Page) -> None:
    open_provider(page, "Granite Hills Therapies")
    assert_left_alone(page)
    page.reload()
    page.get_by_role("button", name="Link to Selected").click()
    expect(page.get_by_role("dialog", name="Confirm the match")).to_be_visible()
    assert_left_alone(page)


def test_hostile_rules_change_nothing_in_a_form_with_errors(page: Page) -> None:
    open_provider(page, "Sunrise Steps Preschool")
    page.get_by_role("link", name="Provider Admin Users").click()
    page.get_by_role("link", name="Invite").click()
    page.get_by_role("button", name="Invite as Admin").click()
    expect(page.locator(".cpse-error").first).to_be_visible()
    assert_left_alone(page)


def test_hostile_rules_would_be_found_without_the_reset(page: Page) -> None:
    link = page.locator("link[href*='/cpse-'][rel=stylesheet]")
    sheet = page.request.get(link.evaluate("(link) => link.href")).text()
    link.evaluate("(link) => link.remove()")
    add(page, sheet.replace("!important", ""))
    before = ours(page)
    add(page, HOSTILE)
    found = "\n".join(changed(before, ours(page)))
    for words in ("cpse-button-primary: text-transform", "cpse-title: font-size", "cpse-table: float", "a.: color"):
        assert words in found


def assert_left_alone(page: Page) -> None:
    """Lay the hostile rules over the page; what is the plugin's stays as it is."""
    at_rest(page)
    before = ours(page)
    add(page, HOSTILE)
    assert changed(before, ours(page)) == []


def open_provider(page: Page, name: str) -> None:
    """Open a provider and wait for the Portal's part."""
    at_rest(page)
    page.get_by_label("Search").fill(name)
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name="Provider Details")).to_be_visible()
    at_rest(page)


def at_rest(page: Page) -> None:
    """Wait until nothing is under way, and no pointer is over anything."""
    page.wait_for_function("() => !document.querySelector('[aria-busy=true], .htmx-request, cpse-root:not(:defined)')")
    page.mouse.move(0, PAGE_HEIGHT - 1)


# --- what a county does set -------------------------------------------------------------------------------------------


def test_one_rule_of_the_county_colours_all_that_has_the_accent(page: Page) -> None:
    button, link = page.locator(".cpse-button-primary").first, page.locator(".cpse-table tbody a").first
    # The layout sets the property at its root element too, and there it is the county's own affair.
    assert (value(button, "background-color"), value(link, "color")) == ("rgb(11, 92, 173)", "rgb(11, 92, 173)")
    add(page, ".cpse { --cpse-accent: rgb(122, 31, 61) }")
    assert (value(button, "background-color"), value(link, "color")) == ("rgb(122, 31, 61)", "rgb(122, 31, 61)")
    link.hover()
    assert value(link, "color") != "rgb(122, 31, 61)"
    assert_accessible(page)


def test_a_county_with_another_root_size_sets_one_unit(page: Page) -> None:
    before = ours(page)
    add(page, "html { font-size: 62.5% }")
    assert changed(before, ours(page))
    add(page, ".cpse { --cpse-unit: 1.6rem }")
    assert changed(before, ours(page)) == []


@pytest.mark.parametrize(
    ("system", "scheme", "ground"),
    [("dark", "normal", LIGHT_GROUND), ("light", "dark", DARK_GROUND), ("dark", "light dark", DARK_GROUND)],
)
def test_the_county_says_whether_it_is_light_or_dark(
    open_page: OpenPage, system: Literal["light", "dark"], scheme: str, ground: str
) -> None:
    page = open_page(system)
    take_county_away(page)
    add(page, f":root {{ color-scheme: {scheme} }}")
    assert value(page.locator(".cpse"), "background-color") == ground
    assert contrast_of(page.locator(".cpse-table tbody a").first) > 4.5
    assert_accessible(page)


def test_in_a_layout_of_the_plugins_own_the_system_says_it(open_page: OpenPage) -> None:
    page = open_page("dark")
    page.goto(f"{page.url}?embed=1")
    body = page.locator("body.cpse-framed")
    assert value(body, "background-color") == DARK_GROUND
    assert value(body, "min-height") == "0px"


def test_a_part_of_the_page_can_be_dark_by_itself(page: Page) -> None:
    add(page, ".place { color-scheme: dark }")
    assert value(page.locator(".cpse"), "background-color") == DARK_GROUND
    assert value(page.get_by_label("Search"), "background-color") == "rgb(24, 33, 42)"


@pytest.mark.parametrize(("name", "chosen"), [("visibility", "hidden"), ("pointer-events", "none")])
def test_the_county_says_what_can_be_seen_and_used(page: Page, name: str, chosen: str) -> None:
    add(page, f".place {{ {name}: {chosen} }}")
    assert value(page.locator(".cpse-button-primary").first, name) == chosen


def test_what_the_county_makes_inert_cannot_be_used(page: Page) -> None:
    page.evaluate("() => document.querySelector('.place').setAttribute('inert', '')")
    field = page.get_by_label("Search")
    page.locator(".cpse-input").first.evaluate("(field) => field.focus()")
    expect(field).not_to_be_focused()


def test_the_county_places_the_root_in_its_own_layout(page: Page) -> None:
    before = page.locator(".cpse").bounding_box()
    add(page, ".place { display: grid; grid-template-columns: 200px 1fr } .place > * { grid-column: 2 }")
    after = page.locator(".cpse").bounding_box()
    assert before is not None
    assert after is not None
    assert (after["x"], after["width"]) == (before["x"] + 200, before["width"] - 200)


def test_below_the_page_is_no_more_room_than_beside_it(page: Page) -> None:
    open_provider(page, "Granite Hills Therapies")
    root, last = page.locator("cpse-root").bounding_box(), page.locator("#cpse-portal").bounding_box()
    assert root is not None
    assert last is not None
    below, beside = root["y"] + root["height"] - last["y"] - last["height"], last["x"] - root["x"]
    assert below == pytest.approx(beside)


def test_beside_a_menu_the_plugin_takes_the_room_that_is_left(page: Page) -> None:
    add(page, ".place { display: flex }")
    put(page, ".place", "afterbegin", '<p style="flex: none; width: 200px">Menu</p>')
    box = page.locator(".cpse-table-wrap").bounding_box()
    assert box is not None
    assert 800 < box["width"] <= 900


def test_the_ring_turns_while_something_is_under_way(page: Page) -> None:
    """An animation counts less than an important rule, so this one goes by way of a property of its own."""
    put(page, ".cpse-main", "beforeend", '<span class="cpse-spinner"></span>')
    ring = page.locator(".cpse-spinner")
    ring.evaluate("(ring) => ring.getAnimations().forEach((turn) => { turn.pause(); turn.currentTime = 200; })")
    assert value(ring, "rotate") == "90deg"


def put(page: Page, selector: str, where: str, html: str) -> None:
    """Put markup into the page."""
    page.locator(selector).evaluate("(at, [where, html]) => at.insertAdjacentHTML(where, html)", [where, html])


def take_county_away(page: Page) -> None:
    """Leave the plugin's part alone, for checks of the whole page."""
    page.evaluate("() => document.getElementById('everything').remove()")


def value(element: Locator, name: str) -> str:
    """One computed value."""
    return str(element.evaluate("(element, name) => getComputedStyle(element).getPropertyValue(name)", name))
