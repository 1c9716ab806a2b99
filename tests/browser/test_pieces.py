"""Pieces of the plugin in a host's own page: `{{ cpse.embed(...) }}`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import render_template_string
from playwright.sync_api import Locator, expect

from cpse_plugin.sandbox.runner import Sandbox

from .desk import Desk, OpenDesk

HOST_PAGE = """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Preschool office</title></head>
  <body>
    <header><a href="/office">Preschool office</a></header>
    <main>
      <h1>Preschool office</h1>
      {% for piece in pieces %}{{ cpse.embed(piece, **which.get(piece, {})) }}{% endfor %}
      <label>Search the office <input id="q" name="q"></label>
    </main>
  </body>
</html>
"""
LOOK = """(element) => ['font-size', 'font-weight', 'letter-spacing', 'line-height', 'color', 'margin-bottom'].map(
    (name) => getComputedStyle(element).getPropertyValue(name))"""
BRIGHT_HARBOR = {"provider": {"number": "TC-1001"}}


@pytest.fixture
def sandbox(first_day: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """An intranet whose own pages have pieces of the plugin."""
    sandbox = Sandbox(shutil.copytree(first_day, tmp_path / "sandbox"))

    def office(pieces: str) -> str:
        return render_template_string(HOST_PAGE, pieces=pieces.split("+"), which=BRIGHT_HARBOR)

    sandbox.intranet.add_url_rule("/office/<pieces>", "office", office)
    with sandbox:
        yield sandbox


def piece(desk: Desk, name: str) -> Locator:
    """A piece, by its name for the ear."""
    return desk.page.get_by_role("region", name=name, exact=True)


def test_a_provider_is_set_up_in_a_page_of_the_host(desk: Desk) -> None:
    desk.sign_in()
    desk.go("/office/provider")
    expect(piece(desk, "Provider Details")).to_contain_text("Bright Harbor Preschool Services")
    desk.check()
    desk.field("NPI").press_sequentially("1999101011")
    expect(desk.page.locator("#cpse-npi-name")).to_contain_text("BRIGHT HARBOR PRESCHOOL SERVICES")
    desk.field("Provider Type").select_option("Agency")
    desk.field("Provider Uses CPSE Portal").check()
    desk.button("Apply").click()
    expect(desk.text("The profile was saved.")).to_be_visible()
    desk.button("Link to Selected Existing CPSE Portal Provider").click()
    desk.button("Continue Association").click()
    expect(desk.page.get_by_role("dialog", name="The link was completed")).to_be_visible()
    desk.link("OK").click()
    desk.check()
    tabs = desk.page.get_by_role("navigation", name="Provider Details")
    tabs.get_by_role("link", name="Provider Admin Users").click()
    desk.link("Retrieve Admin Users").click()
    expect(desk.text("Nobody administers this provider yet")).to_be_visible()
    desk.check()
    # The host's page and its address are still there.
    assert desk.address == "/office/provider"
    expect(desk.heading("Preschool office")).to_be_visible()


def test_the_worklist_searches_in_its_place_and_leads_to_the_providers_page(desk: Desk) -> None:
    desk.sign_in()
    desk.go("/office/worklist")
    desk.field("Search").fill("bright")
    expect(desk.page.get_by_role("row")).to_have_count(2)
    assert desk.address == "/office/worklist"
    desk.check()
    desk.page.get_by_role("row", name="Bright Harbor").dblclick()
    expect(desk.heading("Provider Details")).to_be_visible()
    assert desk.address.startswith("/cpse/providers/")


def test_two_pieces_share_what_a_page_needs_once(desk: Desk) -> None:
    desk.sign_in()
    desk.go("/office/worklist+provider")
    expect(desk.page.get_by_role("row", name="Beacon Point School")).to_be_visible()
    expect(piece(desk, "Provider Details")).to_contain_text("Bright Harbor Preschool Services")
    desk.check()
    ids = desk.page.evaluate("() => [...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert sorted(set(ids)) == sorted(ids)


@pytest.mark.parametrize(
    ("piece", "own", "name"),
    [
        ("worklist", "/cpse/providers", "CPSE Portal User Management"),
        ("provider", "/cpse/providers/number/TC-1001", "Provider Details"),
    ],
)
def test_a_piece_has_its_heading_below_the_hosts_and_in_its_usual_look(
    desk: Desk, piece: str, own: str, name: str
) -> None:
    desk.sign_in()
    desk.go(f"/office/{piece}")
    in_piece = desk.page.get_by_role("heading", name=name, exact=True, level=2)
    expect(in_piece).to_be_visible()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Preschool office")
    look = in_piece.evaluate(LOOK)
    desk.go(own)
    assert desk.page.get_by_role("heading", name=name, exact=True, level=1).evaluate(LOOK) == look


def test_what_had_the_focus_and_is_gone_hands_it_to_the_heading_of_the_piece(desk: Desk) -> None:
    desk.sign_in()
    desk.go("/office/provider")
    desk.field("NPI").fill("1999101011")
    desk.field("Provider Type").select_option("Agency")
    desk.field("Provider Uses CPSE Portal").check()
    desk.button("Apply").click()
    desk.button("Link to Selected Existing CPSE Portal Provider").click()
    expect(desk.button("Continue Association")).to_be_visible()
    # What opened the dialog goes away meanwhile, as it does when a colleague has made the link.
    desk.page.evaluate("() => document.getElementById('cpse-link-selected').remove()")
    desk.page.keyboard.press("Escape")
    expect(desk.heading("Provider Details")).to_be_focused()


def test_who_is_not_signed_in_is_asked_to_and_the_hosts_page_stays(open_desk: OpenDesk) -> None:
    desk = open_desk(expected=("401",))
    desk.go("/office/provider")
    expect(desk.text("Sign in to see this part of the page.")).to_be_visible()
    desk.check()
    # The host says what room is left below it.
    root, panel = desk.page.locator("cpse-root").bounding_box(), desk.page.locator(".cpse-panel").bounding_box()
    assert root == panel
    desk.link("Sign in").click()
    desk.page.get_by_role("button", name="Ines Novak").click()
    expect(piece(desk, "Provider Details")).to_contain_text("Bright Harbor Preschool Services")
    assert desk.address == "/office/provider"


def test_without_scripts_a_piece_is_a_link_to_its_page(open_desk: OpenDesk) -> None:
    desk = open_desk(scripted=False)
    desk.sign_in()
    desk.go("/office/provider")
    desk.link("Provider Details").click()
    expect(desk.page.get_by_role("heading", name="Provider Details")).to_be_visible()
    expect(desk.text("Bright Harbor Preschool Services").first).to_be_visible()


def test_a_piece_that_the_host_puts_in_later_loads_itself(desk: Desk) -> None:
    desk.sign_in()
    desk.go("/office/worklist")
    expect(desk.page.get_by_role("row", name="Beacon Point School")).to_be_visible()
    desk.page.evaluate(
        """async () => {
          const page = new DOMParser().parseFromString(await (await fetch('/office/provider')).text(), 'text/html');
          document.querySelector('main').append(page.querySelector('cpse-root'));
        }"""
    )
    expect(piece(desk, "Provider Details")).to_contain_text("Bright Harbor Preschool Services")
