"""What a strange site, or what somebody has written into a host's page, gets out of the plugin's script: nothing."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask, Response, render_template_string
from playwright.sync_api import Page, expect

from cpse_plugin.models import ProviderRow
from cpse_plugin.sandbox.runner import Sandbox
from cpse_plugin.sandbox.server import LoopbackServer, listen
from tests.world import by_number, parts_of

from .desk import Desk, OpenDesk

DONE = "/cpse/sign-in/done"
LISTENING = """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Listening</title></head>
  <body>
    <h1>Listening</h1>
    <script src="/listening.js"></script>
    {frame}
  </body>
</html>
"""
# The stand-alone host lets no page run a script that stands in it.
LISTEN = 'heard = []; addEventListener("message", (event) => heard.push(event.data));'
FRAME = '<iframe id="cpse" title="CPSE" width="900" height="500" src="{intranet}/cpse/providers?embed=1"></iframe>'
# What a comment in a host's page may hold, where the host lets forms and attributes of data pass.
WRITTEN = """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Office</title></head>
  <body>
    <h1>Office</h1>
    <div data-cpse-ticket="of an attacker">A comment</div>
    <form method="post" action="/written/form" data-cpse-framed-sign-in><input name="ticket" aria-label="a"></form>
    <div id="theirs"></div>
    <input aria-label="Theirs" value="1999101011"
           data-cpse-npi data-region="theirs" data-lookup-url="/written/0000000000">
    <div id="cpse-session-soon" data-cpse-seconds="1" data-cpse-ask="/written/session"><form></form></div>
    <div id="cpse-session-over"></div>
    <table>
      <tr data-cpse-row><td>A row</td><td><a data-cpse-row-link href="/written/row">Their link</a></td></tr>
    </table>
    {{ cpse.embed("worklist") }}
  </body>
</html>
"""
MARKUP = '"><b hx-get="/written/name" hx-trigger="load" data-cpse-ticket="x">Bold</b>'


def listening_script() -> Response:
    return Response(LISTEN, mimetype="text/javascript")


class StrangeSite:
    """A site on another host than the intranet, which listens to whatever it is told."""

    def __init__(self) -> None:
        app = Flask("strange_site")
        self.intranet = ""
        app.add_url_rule("/", "home", lambda: LISTENING.format(frame=""))
        app.add_url_rule("/listening.js", "listening_script", listening_script)
        app.add_url_rule("/frame", "frame", lambda: LISTENING.format(frame=FRAME.format(intranet=self.intranet)))
        self.server = LoopbackServer("strange-site", app, listener=listen())
        self.url = self.server.url


@pytest.fixture
def strange_site() -> Iterator[StrangeSite]:
    site = StrangeSite()
    with site.server:
        yield site


@pytest.fixture
def sandbox(first_day: Path, tmp_path: Path, strange_site: StrangeSite) -> Iterator[Sandbox]:
    """An intranet that lets the strange site frame it, and lets people write into its own pages."""
    settings = {
        "CPSE_FRAME_ANCESTORS": f"'self' {strange_site.url}",
        "SESSION_COOKIE_SAMESITE": "None",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_PARTITIONED": True,
    }
    sandbox = Sandbox(shutil.copytree(first_day, tmp_path / "sandbox"), settings=settings)
    sandbox.intranet.add_url_rule("/listening", "listening", lambda: LISTENING.format(frame=""))
    sandbox.intranet.add_url_rule("/listening.js", "listening_script", listening_script)
    sandbox.intranet.add_url_rule("/office", "office", lambda: render_template_string(WRITTEN))
    with sandbox:
        strange_site.intranet = sandbox.intranet_url
        yield sandbox


@pytest.fixture
def desk(open_desk: OpenDesk, strange_site: StrangeSite) -> Desk:
    # The browser says of a message for another origin that it keeps it back.
    desk = open_desk(expected=("401", "postMessage"))
    desk.watch.hosts |= {urlsplit(strange_site.url).netloc}
    return desk


def heard(page: Page) -> list[object]:
    """What a listening page was told, once everything that is under way has come."""
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve))")
    found: list[object] = page.evaluate("heard")
    return found


def test_a_strange_site_that_opens_the_window_gets_no_ticket(desk: Desk, strange_site: StrangeSite) -> None:
    desk.sign_in()
    desk.go(strange_site.url)
    with desk.page.expect_popup() as opened:
        desk.page.evaluate("(address) => { window.open(address); }", desk.sandbox.intranet_url + DONE)
    # It closes once it has given its ticket away: to the browser, which gives it to this very origin alone.
    if not opened.value.is_closed():
        opened.value.wait_for_event("close")
    assert heard(desk.page) == []


def test_a_page_of_the_same_origin_would_hear_it(desk: Desk) -> None:
    desk.sign_in()
    desk.go("/listening")
    with desk.page.expect_popup():
        desk.page.evaluate("(address) => { window.open(address); }", DONE)
    desk.page.wait_for_function("() => heard.length === 1")
    (message,) = heard(desk.page)
    assert isinstance(message, dict)
    assert list(message) == ["cpseTicket"]


def test_a_frame_takes_no_ticket_from_the_site_around_it(desk: Desk, strange_site: StrangeSite) -> None:
    desk.go(f"{strange_site.url}/frame")
    frame = desk.page.frame_locator("#cpse")
    expect(frame.get_by_role("heading", name="Sign in to go on")).to_be_visible()
    sent: list[str] = []
    desk.page.on("request", lambda request: sent.append(request.method))
    desk.page.evaluate("frames[0].postMessage({cpseTicket: 'of an attacker'}, '*')")
    frame.get_by_role("heading").evaluate("() => new Promise((resolve) => setTimeout(resolve))")
    expect(frame.get_by_role("heading", name="Sign in to go on")).to_be_visible()
    assert frame.locator("input[name=ticket]").input_value() == ""
    assert sent == []


def test_what_is_written_into_a_hosts_page_is_not_the_plugins(desk: Desk) -> None:
    desk.sign_in()
    desk.go("/listening")
    asked: list[str] = []
    desk.page.context.on("request", lambda request: asked.append(urlsplit(request.url).path))
    with desk.page.expect_popup() as opened:
        desk.page.evaluate("() => { window.open('/office'); }")
    office = opened.value
    expect(office.get_by_role("row", name="Beacon Point School")).to_be_visible()
    office.get_by_label("Theirs").fill("1999101029")
    office.get_by_role("row", name="A row").get_by_text("A row").dblclick()
    office.get_by_label("Search").fill("bright")
    expect(office.get_by_role("row", name="Bright Harbor")).to_be_visible()
    office.wait_for_function("() => !document.querySelector('cpse-root [aria-busy=true]')")
    assert [path for path in asked if path.startswith("/written")] == []
    assert heard(desk.page) == []


def test_a_name_is_text_whatever_it_holds(desk: Desk) -> None:
    cpse = parts_of(desk.sandbox.intranet)
    number = by_number(cpse, "TC-1001").id
    with cpse.database.write() as writing:
        row = writing.get(ProviderRow, number)
        assert row is not None
        row.name = MARKUP
    desk.sign_in()
    for address in ("/office", f"/cpse/providers/{number}"):
        desk.go(address)
        expect(desk.text(MARKUP).first).to_be_visible()
        desk.settle()
        expect(desk.page.locator("[data-cpse-ticket=x], cpse-root b")).to_have_count(0)
