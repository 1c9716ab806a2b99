"""Whose the session of a frame is, and how long it lasts: by nothing longer than the window's."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from cpse_plugin.sign_in.sessions import SESSION_ID_KEY

from .framed import HAND_IN, HOUR, LIST, MINUTE, go_on, hand_in, heading, ticket_of
from .world import EDITOR, Browser, World, running_world, soup

# --- whose it is, and for how long ------------------------------------------------------------------------------------


def sign_out(window: Browser) -> None:
    page = window.open("/cpse/providers/1")
    assert window.post_form(page, "/cpse/sign-out").status_code == 200


def end_by_operator(world: World) -> None:
    world.host.test_cli_runner().invoke(args=["cpse", "sessions", "end", "--subject", EDITOR])


def sleep(world: World) -> None:
    world.session_clock.ahead = 31 * MINUTE


@pytest.mark.parametrize("end", [end_by_operator, sleep])
def test_a_ticket_of_a_session_that_is_over_counts_no_more(
    world: World, window: Browser, frame: Browser, end: Callable[[World], None]
) -> None:
    ticket = ticket_of(window)
    end(world)
    hand_in(frame, ticket)
    assert frame.who() is None


def test_a_ticket_counts_no_more_after_signing_out(window: Browser, frame: Browser) -> None:
    ticket = ticket_of(window)
    sign_out(window)
    hand_in(frame, ticket)
    assert frame.who() is None


def test_signing_out_in_the_window_signs_the_frame_out_and_no_other_computer(
    world: World, window: Browser, frame: Browser
) -> None:
    go_on(frame, window)
    elsewhere, other_person = world.browser(), world.browser()
    elsewhere.sign_in()
    other_person.sign_in("rosa")
    # A role that was confirmed meanwhile has made another session of it, of the same sign-in at the provider.
    world.session_clock.ahead = 8 * MINUTE
    window.follow(window.open("/cpse/providers"))

    sign_out(window)

    assert frame.who() is None
    assert elsewhere.who() is not None
    assert other_person.who() is not None


def test_the_frame_ends_when_the_provider_finds_nobody_signed_in(world: World, window: Browser, frame: Browser) -> None:
    go_on(frame, window)
    world.session_clock.ahead = 8 * MINUTE
    window.forget("sandbox_identity_provider")
    assert "Who are you today?" in window.follow(window.open("/cpse/providers")).text
    assert frame.who() is None


def test_a_provider_that_names_no_session_ends_no_other_computers(world: World) -> None:
    world.forge(lambda claims, header: claims.pop("sid") and None)
    window, elsewhere = world.browser(), world.browser()
    window.sign_in()
    elsewhere.sign_in()
    sign_out(window)
    assert (window.who(), elsewhere.who() is not None) == (None, True)


def test_the_providers_word_ends_the_frame_too(world: World, window: Browser, frame: Browser) -> None:
    go_on(frame, window)
    elsewhere = world.browser()
    elsewhere.sign_in()
    window.open(f"{world.provider_url}/end-session")
    assert (window.who(), frame.who()) == (None, None)
    assert elsewhere.who() is not None


def test_the_frame_outlives_the_windows_time_by_nothing() -> None:
    with running_world(session_hours=1, role_check=timedelta(minutes=90)) as world:
        window, frame = world.browser(), world.browser()
        window.sign_in()
        for minutes in (20, 40):
            world.session_clock.ahead = minutes * MINUTE
            window.open("/cpse/providers")
        go_on(frame, window)
        world.session_clock.ahead = HOUR - 30
        assert frame.who() is not None
        world.session_clock.ahead = HOUR
        assert frame.who() is None


def test_a_ticket_makes_a_role_no_younger(world: World, window: Browser, frame: Browser) -> None:
    world.session_clock.ahead = 7 * MINUTE
    go_on(frame, window)
    world.session_clock.ahead = 15 * MINUTE - 30
    assert frame.open(LIST).status_code == 200
    world.session_clock.ahead = 15 * MINUTE
    refused = frame.open(LIST)
    assert (refused.status_code, heading(refused)) == (401, "Sign in to go on")
    assert frame.who() is None


def test_a_role_that_is_to_be_asked_for_leads_no_frame_to_the_provider(
    world: World, window: Browser, frame: Browser
) -> None:
    go_on(frame, window)
    world.session_clock.ahead = 8 * MINUTE
    assert frame.open(LIST).status_code == 200


def test_a_piece_whose_persons_role_is_to_be_confirmed_leaves_the_hosts_page_where_it_is(
    world: World, window: Browser
) -> None:
    world.session_clock.ahead = 15 * MINUTE
    headers = {"HX-Request": "true", "HX-Current-URL": f"{world.host_url}/host-page?week=9"}
    piece = window.open("/cpse/providers?embed=piece", headers=headers)
    assert (piece.status_code, "HX-Redirect" in piece.headers, "<html" in piece.text) == (401, False, False)
    link = soup(piece).select_one("a")
    assert link is not None
    page = window.follow(window.open(str(link["href"])))
    assert page.url.endswith("/host-page?week=9")
    assert window.open("/cpse/providers?embed=piece", headers=headers).status_code == 200


def test_a_frame_says_how_long_its_session_lasts_and_where_to_sign_in_again(window: Browser, frame: Browser) -> None:
    go_on(frame, window)
    page = soup(frame.open("/cpse/providers?q=a%20b&embed=1"))
    assert page.select_one("#cpse-session-soon[data-cpse-seconds]") is not None
    (link,) = page.select("#cpse-session-over a")
    assert link["href"] == "/cpse/providers?q=a%20b&embed=1"


def test_the_frames_session_is_one_of_its_own(window: Browser, frame: Browser) -> None:
    go_on(frame, window)
    ids = [browser.open("/session").json()[SESSION_ID_KEY] for browser in (window, frame)]
    assert len(set(ids)) == 2


def test_another_person_of_the_frame_is_over_with_the_ticket(world: World, window: Browser) -> None:
    frame = world.browser()
    frame.sign_in("rosa")
    copied = world.browser()
    copied.cookies.update(frame.cookies)
    token = frame.token_of(frame.open("/cpse/providers/1"))

    frame.submit(HAND_IN, {"ticket": ticket_of(window), "csrf_token": token})

    assert (frame.who() or {})["subject"] == EDITOR
    assert copied.who() is None
