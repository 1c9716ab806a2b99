"""How long a session lasts, what ends it, and what is on record of it."""

import hashlib
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from cpse_plugin.models import SignInSessionRow

from .world import EDITOR, Browser, World, parts_of, running_world

MINUTE = 60
HOUR = 3600


def rows(host: Flask) -> list[SignInSessionRow]:
    with parts_of(host).database.read() as session:
        return list(session.scalars(select(SignInSessionRow).order_by(SignInSessionRow.created_at)))


def open_rows(host: Flask) -> list[SignInSessionRow]:
    return [row for row in rows(host) if row.ended_at is None]


def state(browser: Browser) -> tuple[int, bool]:
    answer = browser.open("/cpse/session").json()
    return answer["seconds"], answer["can_stay"]


def test_the_database_has_no_id_that_a_browser_could_use(world: World, browser: Browser) -> None:
    browser.sign_in()
    session_id = browser.open("/session").json()["cpse_session"]

    (row,) = rows(world.host)

    assert row.id_hash == hashlib.sha256(session_id.encode()).hexdigest()
    assert session_id not in str(vars(row))
    assert (row.subject, row.name, row.email, row.role) == (EDITOR, "Elliot Marsh", "elliot@tamarack.example", "editor")


def test_an_unused_session_ends_after_thirty_minutes(world: World, browser: Browser) -> None:
    browser.sign_in()

    world.session_clock.ahead = 30 * MINUTE - 5
    # To ask how long it lasts is no use of it.
    assert 0 < state(browser)[0] <= 5
    world.session_clock.ahead = 30 * MINUTE
    assert state(browser) == (0, False)
    assert browser.who() is None
    assert browser.open("/cpse/providers").headers["Location"].startswith("/cpse/sign-in?next=")


def test_using_a_session_begins_its_idle_time_anew(world: World, browser: Browser) -> None:
    browser.sign_in()
    for minutes in (10, 20, 30, 40):
        world.session_clock.ahead = minutes * MINUTE
        assert browser.follow(browser.open("/cpse/providers")).status_code == 200

    world.session_clock.ahead = 69 * MINUTE
    assert state(browser)[0] > 0
    world.session_clock.ahead = 70 * MINUTE + 1
    assert browser.who() is None


def test_a_use_is_written_once_a_minute_at_most(world: World, browser: Browser) -> None:
    browser.sign_in()
    (begun,) = rows(world.host)

    world.session_clock.ahead = 50
    browser.open("/cpse/providers")
    assert rows(world.host)[0].seen_at == begun.seen_at
    world.session_clock.ahead = 65
    browser.open("/cpse/providers")
    assert rows(world.host)[0].seen_at >= begun.seen_at + timedelta(seconds=60)


def test_a_session_in_use_ends_after_twelve_hours_all_the_same(world: World, browser: Browser) -> None:
    browser.sign_in()
    for minutes in range(20, 12 * 60, 20):
        world.session_clock.ahead = minutes * MINUTE
        assert browser.follow(browser.open("/cpse/providers")).status_code == 200

    seconds, can_stay = state(browser)
    assert (15 * MINUTE < seconds <= 20 * MINUTE, can_stay) == (True, False)
    world.session_clock.ahead = 12 * HOUR
    assert browser.who() is None


def test_both_times_are_settings() -> None:
    with running_world(session_idle_minutes=5, session_hours=1, role_check=timedelta(hours=1)) as world:
        browser = world.browser()
        browser.sign_in()
        for minutes in range(4, 60, 4):
            world.session_clock.ahead = minutes * MINUTE
            assert browser.who() is not None
        world.session_clock.ahead = HOUR
        assert browser.who() is None

        browser.sign_in()
        world.session_clock.ahead = HOUR + 5 * MINUTE
        assert browser.who() is None


def test_a_clock_that_was_set_back_keeps_no_session_alive(world: World, browser: Browser) -> None:
    browser.sign_in()
    world.session_clock.ahead = -HOUR
    assert browser.who() is None


def test_staying_needs_the_forms_token_and_a_live_session(world: World, browser: Browser) -> None:
    browser.sign_in()
    page = browser.open("/cpse/providers")
    world.session_clock.ahead = 29 * MINUTE
    as_script = {"Accept": "application/json"}

    assert browser.submit("/cpse/session/stay", {}, headers=as_script).status_code == 400
    token = {"csrf_token": browser.token_of(page)}
    answer = browser.submit("/cpse/session/stay", token, headers=as_script)
    assert answer.json() == {"seconds": 30 * MINUTE, "can_stay": True}
    # A browser without the script goes back to where it was.
    back = browser.submit("/cpse/session/stay", token, headers={"Referer": f"{world.host_url}/cpse/providers?q=x"})
    assert (back.status_code, back.headers["Location"]) == (303, "/cpse/providers?q=x")
    away = browser.submit("/cpse/session/stay", token, headers={"Referer": "https://evil.example/x"})
    assert away.headers["Location"] == "/cpse/providers"

    world.session_clock.ahead = 59 * MINUTE + 1
    assert browser.submit("/cpse/session/stay", token, headers=as_script).json()["seconds"] == 0
    assert browser.who() is None


def test_every_sign_in_is_a_session_of_its_own(world: World, browser: Browser) -> None:
    browser.sign_in()
    first = browser.open("/session").json()["cpse_session"]
    begun = browser.open("/cpse/sign-in?again=1")
    # The person is signed in already, so a copied cookie of before is what could still be used.
    copied = world.browser()
    copied.cookies.update(browser.cookies)
    assert begun.headers["Location"] == "/cpse/providers"
    world.session_clock.ahead = 16 * MINUTE
    browser.follow(browser.open("/cpse/providers"))

    assert browser.open("/session").json()["cpse_session"] != first
    assert browser.who() is not None
    assert copied.who() is None
    assert len(open_rows(world.host)) == 1


def test_signing_out_ends_a_copied_cookie_too(world: World, browser: Browser) -> None:
    browser.sign_in()
    copied = world.browser()
    copied.cookies.update(browser.cookies)
    assert copied.who() is not None

    browser.post_form(browser.open("/cpse/signed-out"), "/cpse/sign-out")

    assert copied.who() is None
    assert state(copied) == (0, False)


def test_a_form_of_the_hosts_own_signs_out_at_the_provider_too(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers"))

    answer = browser.submit(
        "/cpse/sign-out", {"csrf_token": token}, headers={"HX-Request": "true", "HX-Boosted": "true"}
    )

    assert browser.who() is None
    assert (answer.text, answer.headers["HX-Redirect"].partition("?")[0]) == ("", f"{world.provider_url}/end-session")


def test_the_operator_ends_the_sessions_of_one_person_or_of_all(world: World) -> None:
    editors, reader = [world.browser(), world.browser()], world.browser()
    for browser in editors:
        browser.sign_in()
    reader.sign_in("rosa")
    runner = world.host.test_cli_runner()

    assert runner.invoke(args=["cpse", "sessions", "end", "--subject", EDITOR]).output == "2 sessions ended.\n"
    assert [browser.who() for browser in editors] == [None, None]
    assert reader.who() is not None
    assert runner.invoke(args=["cpse", "sessions", "end"]).output == "1 sessions ended.\n"
    assert reader.who() is None


def test_old_rows_go_with_a_later_sign_in(world: World, browser: Browser) -> None:
    browser.sign_in()
    world.session_clock.ahead = 37 * HOUR

    assert world.browser().sign_in().status_code == 302
    assert len(rows(world.host)) == 1


def test_a_session_goes_on_where_its_use_cannot_be_written(
    world: World, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    browser.sign_in()
    world.session_clock.ahead = 2 * MINUTE
    engine = parts_of(world.host).database.engine
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON cpse_session BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
        connection.commit()

    assert browser.open("/cpse/providers").status_code == 200
    assert "last use is written later" in caplog.text


def test_without_a_database_nobody_is_signed_in(world: World, browser: Browser) -> None:
    browser.sign_in()
    engine = parts_of(world.host).database.engine
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE cpse_session")
        connection.commit()

    page = browser.open("/cpse/providers")

    assert page.status_code == 500
    assert "The county's database does not take this" in page.text.replace("&#39;", "'")
    assert "Granite Path" not in page.text
    assert "Elliot Marsh" not in page.text


def test_pages_of_a_session_say_how_long_it_lasts(world: World, browser: Browser) -> None:
    assert "cpse-session-soon" not in browser.open("/cpse/signed-out").text
    browser.sign_in()
    world.session_clock.ahead = 30
    page = browser.open("/cpse/providers")

    assert 'data-cpse-seconds="17' in page.text
    assert "/cpse/static/cpse-" in page.text
