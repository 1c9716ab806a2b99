"""The name that belongs to an NPI, in red, as one types."""

import pytest
from playwright.sync_api import Locator, Route, expect

from cpse_plugin.sandbox.faults import DropBefore, Html, Slow, Status

from .checks import colors_of, contrast_of
from .desk import Desk, OpenDesk

BRIGHT_HARBOR = "Bright Harbor Preschool Services"
REGISTRY = "/api/"


@pytest.fixture
def profile(desk: Desk) -> Desk:
    """The page of a provider that has neither a type nor an NPI yet."""
    desk.sign_in().open_provider(BRIGHT_HARBOR)
    return desk


def said(desk: Desk) -> Locator:
    """The live region beside the field."""
    return desk.page.locator("#cpse-npi-name")


def test_the_name_appears_in_red_as_the_tenth_digit_is_typed(profile: Desk) -> None:
    profile.page.evaluate("() => { window.stillHere = true; }")
    field = profile.field("NPI")
    field.focus()
    for count, digit in enumerate("199910101", start=1):
        profile.page.keyboard.press(digit)
        expect(said(profile)).to_have_text(
            "1 more digit needed." if count == 9 else f"{10 - count} more digits needed."
        )
    profile.check()
    profile.page.keyboard.press("1")
    name = said(profile).get_by_text("BRIGHT HARBOR PRESCHOOL SERVICES")
    expect(name).to_be_visible()
    (red, green, blue), _ = colors_of(name)
    assert red > 150
    assert max(green, blue) < 60
    assert contrast_of(name) >= 4.5
    assert profile.page.evaluate("() => window.stillHere")
    expect(said(profile)).to_have_attribute("role", "status")
    expect(field).to_be_focused()
    profile.check()


def test_the_name_stands_beside_the_field_or_below_it_in_a_narrow_window(profile: Desk) -> None:
    profile.field("NPI").fill("1999101011")
    expect(said(profile)).to_contain_text("BRIGHT HARBOR")
    field, name = profile.field("NPI").bounding_box(), said(profile).bounding_box()
    assert field is not None
    assert name is not None
    assert name["x"] > field["x"] + field["width"]
    profile.page.set_viewport_size({"width": 400, "height": 900})
    field, name = profile.field("NPI").bounding_box(), said(profile).bounding_box()
    assert field is not None
    assert name is not None
    assert name["y"] >= field["y"] + field["height"]
    profile.check()


def test_the_name_can_be_read_on_a_dark_screen_too(profile: Desk) -> None:
    profile.page.emulate_media(color_scheme="dark")
    profile.field("NPI").fill("1999101011")
    name = said(profile).get_by_text("BRIGHT HARBOR PRESCHOOL SERVICES")
    assert contrast_of(name) >= 4.5
    profile.check()


def test_what_is_wrong_is_said_before_anything_is_asked(profile: Desk) -> None:
    for typed, words in [
        ("1999101012", "The check digit is wrong: one of the ten digits was mistyped."),
        ("19991O1011", "An NPI has digits only."),
        ("2999999998", "The check digit is wrong: one of the ten digits was mistyped."),
        ("3999101011", "An NPI begins with 1 or 2."),
        ("19991010120", "An NPI has ten digits; these are 11."),
    ]:
        profile.field("NPI").clear()
        expect(said(profile)).to_be_empty()
        profile.field("NPI").press_sequentially(typed)
        expect(said(profile)).to_have_text(words)
    assert profile.sandbox.registry.faults.received() == []
    profile.check()


def test_each_outcome_has_words_of_its_own(profile: Desk) -> None:
    for npi, words in [
        ("1999999984", "This NPI is not in the NPI Registry. A new one can take some days to appear there"),
        ("1999101235", "This NPI is deactivated"),
        ("1999101375", "is active again since"),
        ("1999101011", "BRIGHT HARBOR PRESCHOOL SERVICES"),
    ]:
        profile.field("NPI").clear()
        profile.field("NPI").press_sequentially(npi)
        expect(said(profile)).to_contain_text(words)
        profile.check()


def test_another_provider_type_makes_the_npi_one_of_the_wrong_kind(profile: Desk) -> None:
    profile.field("NPI").press_sequentially("1999101011")
    expect(said(profile)).to_contain_text("BRIGHT HARBOR")
    warning = said(profile).get_by_text("This NPI belongs to an organization, but the Provider Type is Individual.")
    profile.field("Provider Type").select_option("Individual")
    expect(warning).to_be_visible()
    expect(said(profile)).to_contain_text("BRIGHT HARBOR")
    profile.check()
    profile.field("Provider Type").select_option("Agency")
    expect(warning).to_have_count(0)
    expect(said(profile)).to_contain_text("BRIGHT HARBOR")


def test_a_registry_that_is_down_can_be_tried_again(profile: Desk) -> None:
    registry = profile.sandbox.registry.faults
    for fault in (Status(503), DropBefore(), Html()):
        registry.clear()
        registry.plan(fault, path=REGISTRY, times=None)
        profile.field("NPI").clear()
        profile.field("NPI").press_sequentially("1999101011")
        expect(said(profile)).to_contain_text("The NPI Registry did not answer. You can still save this NPI.")
        expect(said(profile)).not_to_contain_text("not in the NPI Registry")
    profile.check()
    registry.clear()
    said(profile).get_by_role("link", name="Try again").click()
    expect(said(profile)).to_contain_text("BRIGHT HARBOR")
    profile.check()


def test_an_npi_can_be_saved_while_the_registry_is_down(any_desk: Desk) -> None:
    any_desk.sandbox.registry.faults.plan(Status(503), path=REGISTRY, times=None)
    any_desk.sign_in()
    _open(any_desk)
    any_desk.field("Provider Type").select_option("Agency")
    any_desk.field("NPI").press_sequentially("1999101011")
    any_desk.button("Apply").click()
    expect(any_desk.text("The profile was saved.")).to_be_visible()
    expect(any_desk.field("NPI")).to_have_value("1999101011")
    expect(said(any_desk)).to_contain_text("The NPI Registry did not answer.")
    any_desk.check()


def test_a_slow_older_answer_never_overwrites_a_newer_one(profile: Desk) -> None:
    profile.sandbox.registry.faults.plan(Slow(1.5), path=REGISTRY, times=1)
    profile.field("NPI").press_sequentially("1999101011")
    expect(said(profile)).to_have_text("Looking up the name…")
    profile.field("NPI").press("Control+a")
    profile.field("NPI").press_sequentially("1999101045")
    expect(said(profile)).to_contain_text("WILLOW BEND")
    profile.check()


def test_an_older_answer_that_arrives_nevertheless_is_not_shown(profile: Desk) -> None:
    """A browser cannot always take a request back; here none ever is, and the older answer comes last."""
    profile.page.evaluate("() => { AbortController.prototype.abort = () => {}; }")
    held: list[Route] = []
    # Playwright marks the handler, which it cannot do to a method of a list.
    profile.page.route("**/npi/1999101011*", lambda route: held.append(route))
    profile.field("NPI").press_sequentially("1999101011")
    expect(said(profile)).to_have_text("Looking up the name…")
    profile.field("NPI").press("Control+a")
    profile.field("NPI").press_sequentially("1999101045")
    expect(said(profile)).to_contain_text("WILLOW BEND")
    with profile.page.expect_response("**/npi/1999101011*"):
        held[0].fulfill(response=held[0].fetch())
    # Everything that has arrived is worked off: the page's tasks come one after the other.
    profile.page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 50))")
    expect(said(profile)).to_contain_text("WILLOW BEND")
    expect(said(profile)).not_to_contain_text("BRIGHT HARBOR")


def test_without_scripts_the_name_has_a_page_and_comes_with_apply(open_desk: OpenDesk) -> None:
    desk = open_desk(scripted=False)
    desk.sign_in()
    _open(desk, "Willow Bend Therapy Group PLLC")
    desk.check()
    desk.link("Show the name that belongs to NPI 1999101045").click()
    expect(desk.heading("NPI 1999101045")).to_be_visible()
    expect(desk.text("WILLOW BEND")).to_be_visible()
    desk.check()
    desk.page.go_back()
    desk.field("NPI").fill("1999101235")
    desk.button("Apply").click()
    expect(said(desk)).to_contain_text("This NPI is deactivated")
    desk.check()


def _open(desk: Desk, name: str = BRIGHT_HARBOR) -> None:
    """Open a provider without asking the Portal."""
    desk.field("Search").fill(name)
    desk.button("Search").click()
    desk.link(name).click()
    expect(desk.heading("Provider Details")).to_be_visible()


def test_what_was_typed_before_the_script_came_is_seen_to(desk: Desk) -> None:
    desk.sign_in().open_provider("Bright Harbor Preschool Services")
    waiting: list[Route] = []
    desk.page.route("**/static/cpse-*.js", lambda route: waiting.append(route))
    desk.page.reload(wait_until="commit")
    desk.field("NPI").press_sequentially("199910101")
    for route in waiting:
        route.continue_()
    expect(said(desk)).to_have_text("1 more digit needed.")
