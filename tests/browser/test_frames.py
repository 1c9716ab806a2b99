"""A page in the frame of another site, such as a SharePoint page: its height, signing in, and the whole work."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import FrameLocator, Page, expect

from cpse_plugin.sandbox.runner import Sandbox
from cpse_plugin.sandbox.server import LoopbackServer, listen

from .checks import assert_accessible
from .conftest import NARROW, WIDE
from .desk import Desk, OpenDesk

_DOCUMENT = Path(__file__).parents[2] / "docs" / "mounting.md"
# The frame and its one line of script as they are documented, so that what people copy is what is tested.
FRAME = re.findall(r"```html\n(<iframe.*?)```", _DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[0]
SITE = """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>County staff site</title></head>
  <body><h1>County staff site</h1>{frame}<p>The end of the page</p></body>
</html>
"""
# The height that browsers give a frame for which nobody has said one.
FRAME_AS_IT_COMES = 150


class OtherSite:
    """A site on another host than the intranet; cookies count the two as strangers, as they do in a county."""

    def __init__(self) -> None:
        self.app = Flask("other_site")
        self.intranet = ""
        self.app.add_url_rule("/", "home", self._home)
        self.server = LoopbackServer("other-site", self.app, listener=listen())

    def _home(self) -> str:
        return SITE.format(frame=FRAME.replace("https://intranet.county.example", self.intranet))

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url


@pytest.fixture
def other_site() -> Iterator[OtherSite]:
    site = OtherSite()
    with site.server:
        yield site


@pytest.fixture
def sandbox(
    first_day: Path, tmp_path: Path, other_site: OtherSite, request: pytest.FixtureRequest
) -> Iterator[Sandbox]:
    """An intranet that the other site may frame, with the cookie that frames need; or with what a test says instead."""
    settings = {
        "CPSE_FRAME_ANCESTORS": f"'self' {other_site.url}",
        "SESSION_COOKIE_SECURE": True,
        **getattr(request, "param", {}),
    }
    with Sandbox(shutil.copytree(first_day, tmp_path / "sandbox"), settings=settings) as sandbox:
        other_site.intranet = sandbox.intranet_url
        yield sandbox


@pytest.fixture
def desk(open_desk: OpenDesk, other_site: OtherSite) -> Desk:
    # The frame shows where to sign in with the status of somebody who is not signed in.
    # A browser lets no field of a frame take the focus by itself.
    desk = open_desk(expected=("401", "Blocked autofocusing"))
    desk.watch.hosts |= {other_site.url.removeprefix("http://")}
    return desk


def frame_of(page: Page) -> FrameLocator:
    return page.frame_locator("#cpse")


def sign_in_beside(page: Page) -> FrameLocator:
    """Sign in in the window that the frame opens, and come back to the frame."""
    frame = frame_of(page)
    with page.expect_popup() as opened:
        frame.get_by_role("link", name="Sign in").click()
    window = opened.value
    with window.expect_event("close"):
        window.get_by_role("button", name="Ines Novak").click()
    expect(frame.get_by_role("heading", name="CPSE Portal User Management")).to_be_visible()
    return frame


def test_signing_in_has_a_window_of_its_own_and_the_frame_goes_on(desk: Desk, other_site: OtherSite) -> None:
    desk.page.goto(other_site.url)
    frame = frame_of(desk.page)
    expect(frame.get_by_role("heading", name="Sign in to go on")).to_be_visible()
    assert_accessible(desk.page.frames[1])
    frame = sign_in_beside(desk.page)
    # The site around has the brand and its own ways about.
    expect(frame.locator("header, .cpse-skip")).to_have_count(0)
    expect(frame.get_by_role("button", name="Sign out")).to_have_count(0)
    assert_accessible(desk.page.frames[1])


def test_a_provider_is_linked_without_leaving_the_frame(desk: Desk, other_site: OtherSite) -> None:
    desk.page.goto(other_site.url)
    frame = sign_in_beside(desk.page)
    frame.get_by_label("Search").fill("bright")
    frame.get_by_role("link", name="Bright Harbor Preschool Services").click()
    frame.get_by_label("NPI").press_sequentially("1999101011")
    expect(frame.locator("#cpse-npi-name")).to_contain_text("BRIGHT HARBOR PRESCHOOL SERVICES")
    frame.get_by_label("Provider Type").select_option("Agency")
    frame.get_by_label("Provider Uses CPSE Portal").check()
    frame.get_by_role("button", name="Apply").click()
    expect(frame.get_by_text("The profile was saved.")).to_be_in_viewport(ratio=1)
    frame.get_by_role("button", name="Link to Selected Existing CPSE Portal Provider").click()
    continue_button = frame.get_by_role("button", name="Continue Association")
    expect(continue_button).to_be_in_viewport()
    continue_button.click()
    expect(frame.get_by_role("dialog", name="The link was completed")).to_be_visible()
    frame.get_by_role("link", name="OK").click()
    frame.get_by_role("navigation", name="Provider Details").get_by_role("link", name="Provider Admin Users").click()
    frame.get_by_role("link", name="Retrieve Admin Users").click()
    expect(frame.get_by_text("Nobody administers this provider yet")).to_be_visible()
    expect(desk.heading("County staff site")).to_be_visible()
    assert "embed=1" in desk.page.frames[1].url


@pytest.mark.parametrize("sandbox", [{"SESSION_COOKIE_PARTITIONED": False}], indirect=True)
def test_a_browser_that_keeps_cookies_out_of_frames_leads_to_a_window(desk: Desk, other_site: OtherSite) -> None:
    desk.watch.expected = (*desk.watch.expected, "400")
    desk.page.goto(other_site.url)
    frame = frame_of(desk.page)
    with desk.page.expect_popup() as opened:
        frame.get_by_role("link", name="Sign in").click()
    with opened.value.expect_event("close"):
        opened.value.get_by_role("button", name="Ines Novak").click()
    expect(frame.get_by_role("heading", name="This browser keeps you from signing in here")).to_be_visible()
    with desk.page.expect_popup() as whole:
        frame.get_by_role("link", name="Open in a window of its own").click()
    expect(whole.value.get_by_role("button", name="Sign out")).to_be_visible()


@pytest.mark.parametrize("width", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_frame_is_as_tall_as_its_page(desk: Desk, other_site: OtherSite, width: int) -> None:
    desk.page.set_viewport_size({"width": width, "height": 900})
    desk.page.goto(other_site.url)
    frame = sign_in_beside(desk.page)
    expect(frame.get_by_role("row")).to_have_count(26)
    _assert_fits(desk.page)
    tall = desk.page.locator("#cpse").bounding_box()
    frame.get_by_label("Search").fill("bright")
    expect(frame.get_by_role("row")).to_have_count(2)
    _assert_fits(desk.page)
    short = desk.page.locator("#cpse").bounding_box()
    assert tall is not None
    assert short is not None
    assert tall["height"] > short["height"] + 400


def _assert_fits(page: Page) -> None:
    """There is nothing to scroll inside of the frame, and no empty space below its page."""
    page.frames[1].wait_for_function(
        "() => document.documentElement.scrollHeight <= innerHeight"
        " && innerHeight - document.body.getBoundingClientRect().height < 2"
    )


def test_the_height_is_told_to_nobody_whom_the_county_has_not_named(desk: Desk, other_site: OtherSite) -> None:
    stranger = OtherSite()
    stranger.intranet = other_site.intranet
    with stranger.server:
        desk.watch.hosts |= {stranger.url.removeprefix("http://")}
        desk.watch.expected = (*desk.watch.expected, "frame-ancestors", "ERR_BLOCKED_BY_RESPONSE")
        desk.page.goto(stranger.url)
        desk.page.wait_for_load_state("networkidle")
        assert desk.page.locator("#cpse").bounding_box()["height"] == FRAME_AS_IT_COMES  # type: ignore[index]
        expect(frame_of(desk.page).get_by_role("heading", name="Sign in to go on")).to_have_count(0)


def test_a_dialog_opens_where_the_person_looks(desk: Desk, other_site: OtherSite) -> None:
    desk.page.goto(other_site.url)
    frame = sign_in_beside(desk.page)
    desk.page.set_viewport_size({"width": NARROW, "height": 600})
    frame.get_by_role("link", name="Beacon Point School").click()
    frame.get_by_role("link", name="Unlink").click()
    dialog = frame.get_by_role("dialog")
    for part in (dialog.get_by_role("heading"), dialog.get_by_role("button", name="Unlink")):
        expect(part).to_be_in_viewport(ratio=1)
    dialog.press("Escape")
    expect(dialog).to_have_count(0)
