"""What is busy is tried again by itself, twice, with growing pauses, and says so."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from playwright.sync_api import Locator, expect

from cpse_plugin.outbound import NoPlace
from cpse_plugin.sandbox.faults import Status
from tests.world import parts_of

from .desk import Desk

BRIGHT_HARBOR = "Bright Harbor Preschool Services"
BUSY = "The look-up is busy just now."


@contextmanager
def no_place_for_look_ups(desk: Desk) -> Iterator[None]:
    """All the places are taken in which somebody may wait for the registry."""
    with ExitStack() as taken:
        try:
            while True:
                taken.enter_context(parts_of(desk.sandbox.intranet).registry._places.place())
        except NoPlace:
            yield


def said(desk: Desk) -> Locator:
    return desk.page.locator("#cpse-npi-name")


def open_profile(desk: Desk) -> None:
    desk.page.clock.install()
    desk.sign_in().open_provider(BRIGHT_HARBOR)


def look_ups(desk: Desk) -> list[str]:
    """The look-ups that the browser sends from now on."""
    sent: list[str] = []
    desk.page.on("request", lambda request: sent.append(request.url) if "/npi/" in request.url else None)
    return sent


def test_a_look_up_that_is_busy_is_tried_again_twice_and_then_left(desk: Desk) -> None:
    open_profile(desk)
    sent = look_ups(desk)
    with no_place_for_look_ups(desk):
        desk.field("NPI").press_sequentially("1999101011")
        expect(said(desk)).to_contain_text(f"{BUSY} It is tried again by itself in 2 seconds.")
        expect(said(desk)).to_have_attribute("role", "status")
        desk.check()
        desk.page.clock.fast_forward(2000)
        expect(said(desk)).to_contain_text("It is tried again by itself in 5 seconds.")
        desk.page.clock.fast_forward(5000)
        expect(said(desk)).to_contain_text("You can still save this NPI, or wait a moment. Try again")
        desk.page.clock.fast_forward(60_000)
        assert len(sent) == 3
        expect(desk.field("NPI")).to_be_focused()


def test_a_look_up_that_was_busy_gets_its_answer_by_itself(desk: Desk) -> None:
    open_profile(desk)
    with no_place_for_look_ups(desk):
        desk.field("NPI").press_sequentially("1999101011")
        expect(said(desk)).to_contain_text("in 2 seconds")
    desk.page.clock.fast_forward(2000)
    expect(said(desk)).to_contain_text("BRIGHT HARBOR")
    desk.check()


def test_whoever_types_on_is_left_alone(desk: Desk) -> None:
    open_profile(desk)
    sent = look_ups(desk)
    with no_place_for_look_ups(desk):
        desk.field("NPI").press_sequentially("1999101011")
        expect(said(desk)).to_contain_text("in 2 seconds")
        desk.page.keyboard.press("Backspace")
        expect(said(desk)).to_have_text("1 more digit needed.")
        desk.page.clock.fast_forward(60_000)
        expect(said(desk)).to_have_text("1 more digit needed.")
    assert len(sent) == 1


def test_matches_that_are_busy_are_asked_for_again_twice_and_then_left(desk: Desk) -> None:
    portal = desk.sandbox.portal.faults
    portal.plan(Status(429), path="/v1/providers$", times=None)
    desk.page.clock.install()
    desk.sign_in().open_provider("Granite Hills Therapies")
    for seconds in (2, 5):
        expect(desk.text(f"It is asked again by itself in {seconds} seconds.")).to_be_visible()
        desk.check()
        desk.page.clock.fast_forward(seconds * 1000)
    expect(desk.text("It is asked again by itself in 5 seconds.")).to_have_count(0)
    expect(desk.text("The CPSE Portal is busy")).to_be_visible()
    desk.page.clock.fast_forward(60_000)
    assert len(portal.received("GET", "/v1/providers$")) == 3


def test_matches_that_were_busy_come_by_themselves_or_at_a_click(desk: Desk) -> None:
    portal = desk.sandbox.portal.faults
    portal.plan(Status(429), path="/v1/providers$", times=1)
    desk.page.clock.install()
    desk.sign_in().open_provider("Granite Hills Therapies")
    expect(desk.text("It is asked again by itself in 2 seconds.")).to_be_visible()
    desk.link("Try again").click()
    expect(desk.text("One CPSE Portal provider matches.")).to_be_visible()
    desk.page.clock.fast_forward(60_000)
    desk.settle()
    assert len(portal.received("GET", "/v1/providers$")) == 2
