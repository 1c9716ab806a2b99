"""A role counts for as long as the identity provider, or the host, still gives it."""

from dataclasses import replace as with_changes
from pathlib import Path
from typing import Any

import pytest
import requests

from cpse_plugin.domain.access import Role, Staff

from .world import DISCOVERY, EDITOR, WITHOUT_PROVIDER, Browser, World, create_host, parts_of, query_of, running_world

MINUTE = 60


def give_groups(world: World, *groups: str) -> None:
    """Let the identity provider say that the editor is in these groups from now on."""
    world.idp.people[EDITOR] = with_changes(world.idp.people[EDITOR], groups=groups)


def apply(browser: Browser, token: str, **fields: str) -> requests.Response:
    data = {"csrf_token": token, "version": "1", "type": "agency", **fields}
    return browser.submit("/cpse/providers/1", data)


def test_a_role_is_asked_for_again_and_the_person_notices_nothing(world: World, browser: Browser) -> None:
    browser.sign_in()
    world.session_clock.ahead = 8 * MINUTE

    detour = browser.open("/cpse/providers?q=granite")
    to_provider = browser.open(detour.headers["Location"])
    assert query_of(to_provider.headers["Location"])["prompt"] == "none"
    callback = browser.open(to_provider.headers["Location"])
    back = browser.open(callback.headers["Location"])

    assert back.headers["Location"] == "/cpse/providers?q=granite"
    assert browser.open("/cpse/providers?q=granite").status_code == 200
    assert world.tampered.calls["/token"] == 2


def test_a_fresh_role_is_not_asked_for(world: World, browser: Browser) -> None:
    browser.sign_in()
    world.session_clock.ahead = 7 * MINUTE
    assert browser.open("/cpse/providers").status_code == 200


def test_a_role_that_was_taken_away_has_ended_after_fifteen_minutes(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    give_groups(world, "County Employees")

    world.session_clock.ahead = 15 * MINUTE
    refused = apply(browser, token)
    assert refused.status_code == 401
    fragment = browser.open("/cpse/providers", headers={"HX-Request": "true"})
    assert (fragment.status_code, "Granite Path" in fragment.text) == (401, False)

    page = browser.follow(refused)
    assert page.status_code == 403
    assert "Your account gives no access" in page.text
    assert browser.who() is None
    assert parts_of(world.host).providers.by_county_ids(["TC-1"])["TC-1"].version == 1


def test_a_role_that_became_less_is_less(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    give_groups(world, "Readers")
    world.session_clock.ahead = 15 * MINUTE

    assert browser.follow(browser.open("/cpse/providers")).status_code == 200
    assert apply(browser, token).status_code == 403


def test_a_person_whom_the_provider_has_forgotten_is_asked(world: World, browser: Browser) -> None:
    browser.sign_in()
    world.session_clock.ahead = 8 * MINUTE
    browser.forget("sandbox_identity_provider")

    page = browser.follow(browser.open("/cpse/providers"))

    assert "Who are you today?" in page.text
    assert browser.who() is None
    callback = browser.choose(page.url)
    assert browser.open(callback).headers["Location"] == "/cpse/providers"
    assert browser.who() is not None


def test_another_person_at_the_provider_is_another_person_here(world: World, browser: Browser) -> None:
    browser.sign_in()
    at_provider = world.browser()
    at_provider.choose(at_provider.go_to_provider(), "rosa")
    browser.forget("sandbox_identity_provider")
    browser.cookies.update({"sandbox_identity_provider": at_provider.cookies["sandbox_identity_provider"]})
    world.session_clock.ahead = 16 * MINUTE

    browser.follow(browser.open("/cpse/providers"))

    assert (browser.who() or {})["subject"] == "rosa"


def test_while_the_provider_is_down_those_who_are_signed_in_work_on(
    world: World, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    world.tampered.always[DISCOVERY] = ("503 Service Unavailable", b"")
    world.session_clock.ahead = 16 * MINUTE
    # That it answered some seconds ago would be good enough.
    world.clock.ahead = MINUTE

    page = browser.follow(apply(browser, token, npi="1234567893"))
    assert page.status_code == 200
    assert "1234567893" in page.text
    assert "a role could not be confirmed" in caplog.text
    assert apply(browser, browser.token_of(page), npi="1234567893").status_code == 303

    # It is asked again a minute later, and the session's own end stands.
    world.session_clock.ahead = 18 * MINUTE
    world.clock.ahead = 3 * MINUTE
    del world.tampered.always[DISCOVERY]
    give_groups(world, "County Employees")
    assert browser.follow(browser.open("/cpse/providers")).status_code == 403


def test_whom_to_ask_is_told_to_a_person_without_a_role() -> None:
    with running_world(contact="preschool-help@tamarack.example") as world:
        browser = world.browser()
        page = browser.follow(browser.sign_in("vernon"))
        assert "Ask preschool-help@tamarack.example to add" in page.text


# --- the host's own user ----------------------------------------------------------------------------------------------


class Liar:
    """Looks like an inviter, and is none that the plugin knows."""

    subject = "x"
    name = "x"
    role = Role.INVITER

    def may(self, action: object) -> bool:
        return True


@pytest.mark.parametrize(
    "answer",
    [
        {"subject": "x", "role": "inviter"},
        "inviter",
        True,
        Liar(),
        Staff("x", "X", None, "inviter"),  # type: ignore[arg-type]
        Staff("x", "X", None, 3),  # type: ignore[arg-type]
        Staff("", "X", None, Role.INVITER),
        Staff(None, "X", None, Role.INVITER),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_member_of_staff_gets_nothing(tmp_path: Path, answer: Any) -> None:
    host = create_host(tmp_path, WITHOUT_PROVIDER, staff_loader=lambda: answer)

    response = host.test_client().get("/cpse/providers")

    assert response.status_code == 500
    assert "Granite Path" not in response.text
    parts_of(host).database.engine.dispose()


def test_a_loader_that_fails_lets_nobody_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Staff | None:
        raise LookupError("the host's directory is down")

    host = create_host(tmp_path, WITHOUT_PROVIDER, staff_loader=broken)

    response = host.test_client().get("/cpse/providers")

    assert response.status_code == 500
    assert "Something went wrong here" in response.text
    assert "Granite Path" not in response.text
    assert "the host's directory is down" in caplog.text
    parts_of(host).database.engine.dispose()


def test_the_hosts_user_is_asked_for_at_each_request(tmp_path: Path) -> None:
    people: list[Staff | None] = [Staff("h", "Hanna", None, Role.EDITOR)]
    host = create_host(tmp_path, WITHOUT_PROVIDER, staff_loader=lambda: people[0])
    client = host.test_client()
    assert "Granite Path" in client.get("/cpse/providers").text
    assert "cpse-session-soon" not in client.get("/cpse/providers").text

    people[0] = None
    assert client.get("/cpse/providers").status_code == 302
    parts_of(host).database.engine.dispose()
