"""Groups, name and e-mail address wherever a provider tells them, and what is said where it does not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .test_roles import MINUTE, give_groups
from .world import EDITOR, Browser, World, query_of, running_world

USERINFO = "/userinfo"
OVERAGE = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example/"}}}


def leave_out(world: World, *names: str, **instead: Any) -> None:
    """Let every id_token come without these claims."""

    def change(claims: dict[str, Any], header: dict[str, Any]) -> None:
        for name in names:
            claims.pop(name, None)
        claims.update(instead)

    world.forge(change)


@pytest.fixture(scope="module")
def standing() -> Iterator[World]:
    with running_world(contact="help@tamarack.example") as running:
        yield running


@pytest.fixture
def world(standing: World) -> Iterator[World]:
    yield standing
    standing.forge(None)
    standing.tampered.always.clear()
    standing.tampered.calls.clear()
    standing.clock.ahead = standing.session_clock.ahead = 0
    give_groups(standing, "Editors", "Readers")


def test_what_the_id_token_tells_is_not_asked_for_again(world: World, browser: Browser) -> None:
    browser.sign_in()
    assert world.tampered.calls[USERINFO] == 0


@pytest.mark.parametrize("names", [("groups",), ("name",), ("email",), ("name", "email", "email_verified", "groups")])
def test_what_the_id_token_leaves_out_is_asked_for(world: World, browser: Browser, names: tuple[str, ...]) -> None:
    leave_out(world, *names)
    browser.sign_in()
    assert browser.who() == {
        "subject": EDITOR,
        "name": "Elliot Marsh",
        "email": "elliot@tamarack.example",
        "role": "EDITOR",
    }
    assert world.tampered.calls[USERINFO] == 1


def test_what_the_id_token_says_is_not_taken_from_elsewhere(world: World, browser: Browser) -> None:
    leave_out(world, "email", groups=["Readers"])
    browser.sign_in()
    assert (browser.who() or {})["role"] == "READER"


@pytest.mark.parametrize("sub", ["rosa", "", None, 7, ["elliot"]])
def test_what_is_told_of_another_person_is_refused(world: World, browser: Browser, sub: object) -> None:
    leave_out(world, "groups")
    world.tampered.answer_once(USERINFO, {"sub": sub, "groups": ["Editors"]})
    assert browser.sign_in().status_code == 502
    assert browser.who() is None


BAD_ANSWERS: list[tuple[object, str]] = [
    ([], "200 OK"),
    (None, "200 OK"),
    ("text", "200 OK"),
    (b"<html>", "200 OK"),
    (b"", "200 OK"),
    ({"error": {"code": 7}}, "401 Unauthorized"),
    ({}, "302 Found"),
]


@pytest.mark.parametrize(("answer", "status"), BAD_ANSWERS, ids=repr)
def test_without_the_groups_a_bad_answer_is_told(
    world: World, browser: Browser, caplog: pytest.LogCaptureFixture, answer: object, status: str
) -> None:
    leave_out(world, "groups")
    world.tampered.answer_once(USERINFO, answer, status)
    page = browser.sign_in()
    assert page.status_code == 502
    assert "did not answer as it should" in page.text
    assert "/userinfo" in caplog.text
    assert "unexpected" not in caplog.text


def test_without_name_and_address_a_bad_answer_keeps_nobody_out(world: World, browser: Browser) -> None:
    leave_out(world, "name", "email")
    world.tampered.answer_once(USERINFO, [], "500 Internal Server Error")
    browser.sign_in()
    assert browser.who() == {"subject": EDITOR, "name": EDITOR, "email": None, "role": "EDITOR"}


def test_a_signed_answer_is_told_in_words(world: World, browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    leave_out(world, "groups")
    world.tampered.kinds[USERINFO] = "application/jwt;charset=utf-8"
    world.tampered.answer_once(USERINFO, b"e30.e30.c2ln")
    assert browser.sign_in().status_code == 502
    assert "have the client registered for an answer in plain JSON" in caplog.text


def signed_in_without_role(world: World, browser: Browser) -> str:
    page = browser.follow(browser.sign_in())
    assert page.status_code == 403
    assert browser.who() is None
    return " ".join(page.text.split())


def test_groups_that_are_not_told(world: World, browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    leave_out(world, "groups")
    world.tampered.answer_once(USERINFO, {"sub": EDITOR})
    text = signed_in_without_role(world, browser)
    assert "the identity provider did not tell your groups" in text
    assert "Ask help@tamarack.example" in text
    assert "the identity provider did not tell the groups (there is no claim 'groups')" in caplog.text


def test_groups_that_are_left_out(world: World, browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    leave_out(world, "groups", **OVERAGE)
    world.tampered.answer_once(USERINFO, {"sub": EDITOR})
    text = signed_in_without_role(world, browser)
    assert "the identity provider left your groups out because there are too many" in text
    assert "the identity provider left the groups out because there are too many (claim 'groups')" in caplog.text


def test_groups_that_are_not_mapped(world: World, browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    give_groups(world, "County Employees", "x\n" * 300, *(f"group {number}" for number in range(30)))
    text = signed_in_without_role(world, browser)
    assert "none of your groups is mapped to a role here" in text
    assert "<dd>Editors</dd>" in text
    assert "none of the groups is mapped in CPSE_ROLE_MAP (claim 'groups': 'County Employees', 'x x" in caplog.text
    assert "'group 7' and 22 more)" in caplog.text


def at_the_next_check(world: World, browser: Browser, change: Callable[[], None]) -> int:
    """The answer of the list after the role was asked for again."""
    browser.sign_in()
    world.clock.ahead = MINUTE
    world.session_clock.ahead = 16 * MINUTE
    change()
    return browser.follow(browser.open("/cpse/providers")).status_code


def test_an_overage_takes_no_role_away(world: World, browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    world.tampered.always[USERINFO] = ("200 OK", b'{"sub": "elliot"}')
    assert at_the_next_check(world, browser, lambda: leave_out(world, "groups", **OVERAGE)) == 200
    assert (browser.who() or {})["role"] == "EDITOR"
    assert "elliot goes on with the role last known: the identity provider left the groups out" in caplog.text


@pytest.mark.parametrize(
    ("instead", "words"), [({"groups": []}, "is mapped"), ({"groups": ["Others"]}, "is mapped"), ({}, "did not tell")]
)
def test_anything_else_takes_it_and_says_so(
    world: World, browser: Browser, caplog: pytest.LogCaptureFixture, instead: dict[str, Any], words: str
) -> None:
    """Some providers leave the claim out for a person who was taken out of the last group."""
    world.tampered.always[USERINFO] = ("200 OK", b'{"sub": "elliot"}')
    assert at_the_next_check(world, browser, lambda: leave_out(world, "groups", **instead)) == 403
    assert browser.who() is None
    assert words in caplog.text


def test_an_overage_gives_nobody_elses_role(world: World, browser: Browser) -> None:
    def change() -> None:
        world.tampered.always[USERINFO] = ("200 OK", b'{"sub": "rosa"}')
        leave_out(world, "groups", **OVERAGE, sub="rosa")

    assert at_the_next_check(world, browser, change) == 403


def test_groups_that_cannot_be_asked_for_now_are_asked_for_later(world: World, browser: Browser) -> None:
    def change() -> None:
        world.tampered.always[USERINFO] = ("503 Service Unavailable", b"")
        leave_out(world, "groups")

    assert at_the_next_check(world, browser, change) == 200


def test_more_scopes_are_asked_for() -> None:
    with running_world(oidc_scopes="groups,profile  roles") as world:
        assert query_of(world.browser().go_to_provider())["scope"] == "openid profile email groups roles"
