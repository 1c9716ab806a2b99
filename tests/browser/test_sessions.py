"""The end of a session, as a person meets it: announced, put off by one button, and without loss."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from cpse_plugin.sandbox.runner import Sandbox
from cpse_plugin.services.database import now
from cpse_plugin.services.kept_forms import KeptForms
from cpse_plugin.services.sign_in_sessions import SignInSessions
from cpse_plugin.web.parts import Parts

from .desk import Desk, OpenDesk

SOON = "You will be signed out in two minutes"
OVER = "You were signed out"
BACK = "You were signed out; what you typed is still here."
REFUSED = ("401",)


class Later:
    """The intranet's clock and the browser's, which go on together."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._ahead = timedelta()
        parts: Parts = sandbox.intranet.extensions["cpse"]
        sandbox.intranet.extensions["cpse"] = replace(
            parts,
            sessions=SignInSessions(parts.database, parts.sessions.limits, clock=self.now),
            kept_forms=KeptForms(parts.database, clock=self.now),
        )

    def now(self) -> datetime:
        """The intranet's present moment."""
        return now() + self._ahead

    def wait(self, desk: Desk, minutes: float) -> None:
        """Let minutes pass, in which nobody does anything."""
        self._ahead += timedelta(minutes=minutes)
        desk.page.clock.fast_forward(round(minutes * 60_000))

    def wait_with_browser_closed(self, minutes: float) -> None:
        """Let minutes pass that no page has seen."""
        self._ahead += timedelta(minutes=minutes)


@pytest.fixture
def later(sandbox: Sandbox) -> Later:
    return Later(sandbox)


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    desk = open_desk(expected=REFUSED)
    desk.page.clock.install()
    return desk


def test_the_warning_comes_in_time_and_one_key_puts_it_off(desk: Desk, later: Later) -> None:
    desk.sign_in()
    field = desk.field("Search")
    field.focus()
    later.wait(desk, 27)
    expect(desk.heading(SOON)).to_have_count(0)

    later.wait(desk, 1.1)

    warning = desk.page.get_by_role("alertdialog", name=SOON)
    expect(warning).to_be_visible()
    expect(desk.button("Stay signed in")).to_be_focused()
    desk.check()
    desk.page.keyboard.press("Enter")
    expect(warning).to_be_hidden()
    expect(field).to_be_focused()

    # Another half hour has begun.
    later.wait(desk, 27)
    expect(desk.heading(SOON)).to_have_count(0)
    later.wait(desk, 1.5)
    expect(warning).to_be_visible()


def test_who_does_nothing_reads_that_the_session_is_over(desk: Desk, later: Later) -> None:
    desk.sign_in()
    later.wait(desk, 28.5)
    expect(desk.heading(SOON)).to_be_visible()

    later.wait(desk, 2)

    expect(desk.page.get_by_role("alertdialog", name=OVER)).to_be_visible()
    expect(desk.heading(SOON)).to_have_count(0)
    desk.check()
    desk.link("Sign in again").click()
    # The identity provider still knows the person.
    expect(desk.heading("CPSE Portal User Management")).to_be_visible()
    expect(desk.heading(OVER)).to_have_count(0)


def test_work_in_another_tab_keeps_this_one_quiet(desk: Desk, later: Later) -> None:
    desk.sign_in()
    later.wait(desk, 20)
    other = desk.page.context.new_page()
    other.goto(desk.page.url)
    other.close()

    later.wait(desk, 8.5)

    desk.settle()
    expect(desk.heading(SOON)).to_have_count(0)


def test_the_warning_stands_above_an_open_dialog(desk: Desk, later: Later) -> None:
    desk.sign_in()
    desk.open_provider("Beacon Point School")
    desk.link("Unlink").click()
    reason = desk.field("Reason")
    reason.fill("Linked by mistake")
    later.wait(desk, 28.5)

    desk.check()
    desk.button("Stay signed in").click()
    expect(desk.heading(SOON)).to_have_count(0)
    expect(reason).to_be_focused()
    expect(reason).to_have_value("Linked by mistake")


def test_a_half_filled_form_comes_back_after_signing_in(desk: Desk, later: Later) -> None:
    desk.sign_in()
    desk.open_provider("Alder Creek Early Learning Center")
    later.wait(desk, 31)
    expect(desk.heading(OVER)).to_be_visible()
    desk.button("Close").click()

    desk.field("SED Code").fill("12 34")
    # The name cannot be looked up, and the page stays.
    desk.field("NPI").fill("1234567893")
    expect(desk.text("You are signed out. Go on:")).to_be_visible()
    desk.button("Apply").click()

    expect(desk.text(BACK)).to_be_visible()
    expect(desk.field("SED Code")).to_have_value("12 34")
    expect(desk.field("NPI")).to_have_value("1234567893")
    desk.check()
    desk.page.reload()
    expect(desk.field("SED Code")).not_to_have_value("12 34")


def test_it_comes_back_without_a_script_too(open_desk: OpenDesk, later: Later) -> None:
    desk = open_desk(scripted=False, expected=REFUSED)
    desk.sign_in()
    desk.open_provider("Alder Creek Early Learning Center")
    later.wait_with_browser_closed(31)

    desk.field("SED Code").fill("12 34")
    desk.button("Apply").click()

    expect(desk.text(BACK)).to_be_visible()
    expect(desk.field("SED Code")).to_have_value("12 34")
    desk.check()


def test_signing_out_at_the_provider_is_noticed_at_once(desk: Desk, sandbox: Sandbox) -> None:
    desk.sign_in()
    other = desk.page.context.new_page()
    other.goto(sandbox.identity_provider.url)
    other.get_by_role("link", name="Sign out").click()
    expect(other.get_by_text("has forgotten who you were")).to_be_visible()
    other.close()

    desk.go("/cpse/providers")

    expect(desk.text("Who are you today?").first).to_be_visible()
