"""Signing in beside a frame: the window's person goes on in the frame by a ticket, and nobody else does by anything.

A browser keeps the cookies of a frame in another site apart from those of a window, so each is a `Browser` here.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask, session
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from cpse_plugin.sign_in import tickets
from cpse_plugin.sign_in.sessions import SESSION_ID_KEY

from .framed import DONE, HAND_IN, LIST, MINUTE, go_on, hand_in, heading, ticket_of
from .test_kept_forms import PROFILE, values
from .world import EDITOR, WITHOUT_PROVIDER, Browser, World, create_host, parts_of, soup

# --- the way ----------------------------------------------------------------------------------------------------------


def test_the_frame_goes_on_with_its_page_as_the_windows_person(window: Browser, frame: Browser) -> None:
    page = "/cpse/providers?q=granite&embed=1"
    answer = hand_in(frame, ticket_of(window), page)
    assert (answer.status_code, answer.headers["Location"]) == (303, page)
    assert frame.who() == window.who()
    assert frame.open(page).status_code == 200


def test_the_windows_way_ends_with_the_ticket(world: World, browser: Browser) -> None:
    page = browser.follow(browser.sign_in(next_page=DONE))
    assert heading(page) == "You are signed in"
    assert soup(page).select_one("[data-cpse-ticket]") is not None
    assert urlsplit(page.url).query == ""


def test_a_form_that_was_sent_in_the_frame_comes_back_there(world: World, window: Browser, frame: Browser) -> None:
    go_on(frame, window)
    address = "/cpse/providers/1?embed=1"
    token = frame.token_of(frame.open(address))
    world.session_clock.ahead = 31 * MINUTE
    window.sign_in()

    sent = frame.submit(address, {**PROFILE, "csrf_token": token})
    assert (sent.status_code, sent.headers["Location"]) == (303, address)
    answer = hand_in(frame, ticket_of(window), address)

    page = frame.follow(answer)
    assert "You were signed out; what you typed is still here." in page.text
    assert values(page, "cpse-profile")["npi"] == PROFILE["npi"]
    assert page.url.endswith(address)


# --- what a ticket is not ---------------------------------------------------------------------------------------------


def test_a_ticket_counts_once(world: World, window: Browser, frame: Browser) -> None:
    ticket = ticket_of(window)
    assert hand_in(frame, ticket).status_code == 303
    thief = world.browser()
    hand_in(thief, ticket)
    assert thief.who() is None
    assert thief.open(LIST).status_code == 401


def test_a_used_ticket_is_remembered_for_longer_than_it_counts(world: World, window: Browser, frame: Browser) -> None:
    ticket = ticket_of(window)
    hand_in(frame, ticket)
    # A machine whose clock is ahead clears away what is over by its clock, as each sign-in does.
    world.session_clock.ahead = MINUTE + 30
    world.browser().sign_in("rosa")
    thief = world.browser()
    hand_in(thief, ticket)
    assert thief.who() is None


@pytest.mark.parametrize(
    ("seconds_ago", "counts"),
    [(0, True), (40, True), (125, False), (110, True), (-50, True), (-90, False)],
    ids=["now", "within the minute", "after it", "by a clock behind", "by a clock ahead", "by one that is wrong"],
)
def test_a_ticket_counts_for_a_minute(
    window: Browser, frame: Browser, monkeypatch: pytest.MonkeyPatch, seconds_ago: int, counts: bool
) -> None:
    content = content_of(ticket_of(window))
    with monkeypatch.context() as patch:
        patch.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - seconds_ago)
        ticket = signed(content)
    hand_in(frame, ticket)
    assert (frame.who() is not None) is counts


def signed(content: object, key: str = "host", salt: str = "cpse_frame_ticket") -> str:
    return str(URLSafeTimedSerializer(key, salt=salt, signer_kwargs=tickets.SIGNATURE).dumps(content))


def content_of(ticket: str) -> dict[str, str]:
    serializer = URLSafeTimedSerializer("host", salt="cpse_frame_ticket", signer_kwargs=tickets.SIGNATURE)
    content: dict[str, str] = serializer.loads(ticket)
    return content


FORGERIES: dict[str, Callable[[str, Browser], str]] = {
    "nothing": lambda ticket, window: "",
    "rubbish": lambda ticket, window: "a.b.c",
    "not ASCII": lambda ticket, window: "é\N{GREEK CAPITAL LETTER OMEGA}\x00" + ticket,
    "very long": lambda ticket, window: ticket * 300,
    "without its signature": lambda ticket, window: ticket.rpartition(".")[0] + ".",
    "another's signature": lambda ticket, window: ticket.rpartition(".")[0] + "." + signed("x").rpartition(".")[2],
    "another key": lambda ticket, window: signed(content_of(ticket), key="another"),
    "no key": lambda ticket, window: signed(content_of(ticket), key="None"),
    "another purpose": lambda ticket, window: signed(content_of(ticket), salt="cookie-session"),
    "the session's cookie": lambda ticket, window: str(window.cookies["session"]),
    "the session's id": lambda ticket, window: str(window.open("/session").json()[SESSION_ID_KEY]),
    "the session's id, signed": lambda ticket, window: signed(
        {**content_of(ticket), "session": window.open("/session").json()[SESSION_ID_KEY]}
    ),
    "nobody's session": lambda ticket, window: signed({**content_of(ticket), "session": "0" * 64}),
    "a number for a session": lambda ticket, window: signed({**content_of(ticket), "session": 7}),
    "no number of its own": lambda ticket, window: signed({"session": content_of(ticket)["session"]}),
    "an odd number of its own": lambda ticket, window: signed({**content_of(ticket), "jti": ["x"]}),
    "a list": lambda ticket, window: signed([content_of(ticket)["session"]]),
    "null": lambda ticket, window: signed(None),
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_anything_else_signs_nobody_in(window: Browser, frame: Browser, kind: str) -> None:
    answer = hand_in(frame, FORGERIES[kind](ticket_of(window), window))
    assert answer.status_code == 401
    assert "Nothing was lost; open the page in a window of its own." in answer.text
    assert frame.who() is None
    assert frame.open(LIST).status_code == 401


def test_the_forgeries_are_made_as_tickets_are(window: Browser, frame: Browser) -> None:
    """Signed by the same hand a ticket counts, so what the forgeries above lack is what they say."""
    hand_in(frame, signed(content_of(ticket_of(window))))
    assert frame.who() is not None


def test_a_ticket_tells_nobody_the_sessions_id(window: Browser) -> None:
    assert window.open("/session").json()[SESSION_ID_KEY] not in str(content_of(ticket_of(window)))


def test_a_ticket_of_the_key_before_counts_no_more(world: World, window: Browser, frame: Browser) -> None:
    ticket = ticket_of(window)
    world.host.config.update(SECRET_KEY="another", SECRET_KEY_FALLBACKS=["host"])
    hand_in(frame, ticket)
    assert frame.who() is None
    # The window's person is signed in still, so the next ticket is there at once.
    go_on(frame, window)


def test_without_a_secret_key_there_are_no_tickets(world: World, window: Browser) -> None:
    """A host that keeps its sessions on a server can do without one; then whatever is signed, anybody can sign."""
    good = content_of(ticket_of(window))
    with world.host.test_request_context(DONE):
        world.host.config["SECRET_KEY"] = None
        assert [tickets.take(signed(good, key=key)) for key in ("None", "b''", "")] == [None] * 3
        assert tickets.issue() is None


# --- who may hand one in, and what follows ----------------------------------------------------------------------------


def test_nobody_is_signed_in_as_an_attacker_by_another_sites_form(world: World, window: Browser) -> None:
    """The attacker is a member of staff, has a ticket, and sends it with the victim's browser."""
    victim = world.browser()
    victim.sign_in("rosa")
    theirs = window.token_of(window.open("/cpse/providers/1"))
    for token in ({}, {"csrf_token": theirs}):
        answer = victim.submit(HAND_IN, {"ticket": ticket_of(window), "next": LIST, **token})
        assert answer.status_code == 400
        assert (victim.who() or {})["subject"] == "rosa"


@pytest.mark.parametrize(
    "next_page",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", "", "x"],
)
def test_the_frame_is_led_to_this_host_alone(window: Browser, frame: Browser, next_page: str) -> None:
    token = frame.token_of(frame.open(LIST))
    answer = frame.submit(HAND_IN, {"ticket": ticket_of(window), "next": next_page, "csrf_token": token})
    assert answer.headers["Location"] == LIST


@pytest.mark.parametrize("page", ["", "//evil.example/x", "https://evil.example/x"])
def test_a_piece_of_a_framed_page_leads_to_this_host_alone(world: World, frame: Browser, page: str) -> None:
    current = world.host_url + page if page.startswith("//") else page
    answer = frame.open("/cpse/providers?embed=1", headers={"HX-Request": "true", "HX-Current-URL": current})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, LIST)


def test_a_frame_that_may_keep_nothing_says_so_and_one_that_was_open_for_long_says_that(
    world: World, frame: Browser
) -> None:
    token = frame.token_of(frame.open(LIST))
    too_old = frame.submit(HAND_IN, {"csrf_token": "of yesterday"})
    assert (too_old.status_code, heading(too_old)) == (400, "This page is too old")
    # Whatever else a host puts into every session.
    world.host.before_request_funcs.setdefault(None, []).append(lambda: setattr(session, "permanent", True))
    frame.forget("session")
    keeps_nothing = frame.submit(HAND_IN, {"csrf_token": token})
    assert (keeps_nothing.status_code, heading(keeps_nothing)) == (400, "This browser keeps you from signing in here")


def test_who_signs_in_in_a_frame_is_on_record_and_the_ticket_is_not(
    window: Browser, frame: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ticket = ticket_of(window)
    answer = hand_in(frame, ticket)
    assert f"{EDITOR} signed in in a frame" in caplog.text
    hand_in(Browser(frame.host), ticket)
    assert "sign-in in a frame refused" in caplog.text
    assert ticket not in caplog.text
    assert ticket not in str(answer.headers)
    # It stands in no address, so neither the history nor a referrer has it.
    assert all(ticket not in record.getMessage() for record in caplog.records)


def test_nobody_gets_a_ticket_without_having_signed_in(frame: Browser) -> None:
    answer = frame.open(DONE)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/cpse/sign-in?next={DONE}")


def test_a_host_that_names_its_user_knows_no_tickets(tmp_path: Path, world: World, window: Browser) -> None:
    """A cookie of the time when the identity provider signed people in is worth nothing there, and makes no ticket."""
    host: Flask = create_host(tmp_path, WITHOUT_PROVIDER, staff_loader=lambda: None)
    good = signed(content_of(ticket_of(window)))
    with host.test_request_context(DONE):
        session[SESSION_ID_KEY] = "of another time"
        assert tickets.issue() is None
        assert tickets.take(good) is None
    parts_of(host).database.engine.dispose()
