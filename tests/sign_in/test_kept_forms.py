"""A session that ends while a form is half filled: after signing in again the form is back with what was typed."""

from dataclasses import replace

import pytest
import requests
from sqlalchemy import select

from cpse_plugin.models import KeptFormRow
from cpse_plugin.services.kept_forms import MOST
from cpse_plugin.web.rate_limit import RateLimits

from .world import EDITOR, Browser, World, led_to, parts_of, query_of, running_world, soup

MINUTE = 60
PROFILE = {"type": "agency", "npi": "123456789", "sed_code": "12 34", "uses_portal": "y", "version": "1"}
INVITATION = {
    "first_name": "Ada <b>",
    "last_name": "Okafor",
    "email": "ada@agency.example",
    "email_again": "ada@agency",
    "is_therapist": "y",
    "license_number": "00-7",
}


def values(page: requests.Response, form: str) -> dict[str, str]:
    """What stands in the fields of a form."""
    found = {}
    for field in soup(page).select(f"#{form} input, #{form} select"):
        if field.get("type") == "checkbox":
            found[str(field["name"])] = "y" if field.has_attr("checked") else ""
        elif field.name == "select":
            chosen = field.select_one("option[selected]")
            found[str(field["name"])] = str(chosen["value"]) if chosen else ""
        else:
            found[str(field.get("name"))] = str(field.get("value", ""))
    return found


def kept(world: World) -> list[KeptFormRow]:
    with parts_of(world.host).database.read() as session:
        return list(session.scalars(select(KeptFormRow)))


def end_session(world: World) -> None:
    world.session_clock.ahead += 31 * MINUTE


def test_a_profile_comes_back_and_is_not_saved(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    end_session(world)

    sent = browser.submit("/cpse/providers/1", {**PROFILE, "csrf_token": token})
    # Browsers stop a form that is redirected to another host, so a page leads on.
    assert (sent.status_code, led_to(sent)) == (401, "/cpse/sign-in?next=/cpse/providers/1")
    heading = soup(sent).select_one("h1")
    assert heading is not None
    assert heading.text == "You were signed out"
    page = browser.follow(sent)

    assert page.status_code == 200
    assert "You were signed out; what you typed is still here." in page.text
    assert "It was not saved." in page.text
    assert PROFILE.items() <= values(page, "cpse-profile").items()
    assert parts_of(world.host).providers.by_county_ids(["TC-1"])["TC-1"].version == 1
    # It is given back once: the page opened anew is as it is on record.
    assert values(browser.open("/cpse/providers/1"), "cpse-profile")["npi"] == ""


def test_what_came_back_can_be_sent(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    end_session(world)
    page = browser.follow(
        browser.submit("/cpse/providers/1", {**PROFILE, "npi": "1234567893", "sed_code": "", "csrf_token": token})
    )

    assert browser.submit("/cpse/providers/1", values(page, "cpse-profile")).status_code == 303
    saved = parts_of(world.host).providers.by_county_ids(["TC-1"])["TC-1"]
    assert (saved.version, saved.profile.npi) == (2, "1234567893")


def test_an_invitation_comes_back() -> None:
    with running_world(role_map={"Editors": "inviter"}) as world:
        browser = world.browser()
        browser.sign_in()
        token = browser.token_of(browser.open("/cpse/providers/1/invitations/new"))
        end_session(world)

        page = browser.follow(browser.submit("/cpse/providers/1/invitations", {**INVITATION, "csrf_token": token}))

        assert page.url.endswith("/cpse/providers/1/invitations/new")
        assert INVITATION.items() <= values(page, "cpse-invitation").items()
        assert "You were signed out" in page.text


def test_htmx_is_told_to_go_and_the_form_is_kept(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    end_session(world)
    headers = {"HX-Request": "true", "HX-Current-URL": f"{world.host_url}/cpse/providers/1/matches?done=applied"}

    sent = browser.submit("/cpse/providers/1", {**PROFILE, "csrf_token": token}, headers=headers)

    assert (sent.status_code, sent.text) == (401, "")
    assert sent.headers["HX-Redirect"] == "/cpse/sign-in?next=/cpse/providers/1"
    assert values(browser.follow(browser.open(sent.headers["HX-Redirect"])), "cpse-profile")["npi"] == "123456789"


def test_a_name_that_is_looked_up_leaves_the_form_alone(world: World, browser: Browser) -> None:
    browser.sign_in()
    end_session(world)

    answer = browser.open("/cpse/npi/1234567893", headers={"HX-Request": "true", "HX-Target": "div#cpse-npi-name"})

    assert answer.status_code == 401
    assert "HX-Redirect" not in answer.headers
    assert "what you typed is kept" in answer.text
    assert "<html" not in answer.text
    # Without htmx it is a page like any other.
    assert browser.open("/cpse/npi/1234567893").status_code == 302


def test_a_session_that_the_provider_ended_gives_the_form_back_too(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    world.idp.tell_signed_out(sub=EDITOR)

    page = browser.follow(browser.submit("/cpse/providers/1", {**PROFILE, "csrf_token": token}))

    assert values(page, "cpse-profile")["npi"] == "123456789"


def test_a_role_that_had_to_be_asked_for_says_so(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    world.session_clock.ahead = 16 * MINUTE

    page = browser.follow(browser.submit("/cpse/providers/1", {**PROFILE, "csrf_token": token}))

    assert "Your access had to be confirmed; what you typed is still here." in page.text
    assert values(page, "cpse-profile")["npi"] == "123456789"


def test_another_person_at_the_same_browser_does_not_get_it(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    end_session(world)
    sent = browser.submit("/cpse/providers/1", {**PROFILE, "csrf_token": token})
    browser.open(f"{world.provider_url}/end-session")

    to_provider = browser.open(led_to(sent) or "").headers["Location"]
    page = browser.follow(browser.open(browser.choose(to_provider, "rosa")))

    assert (browser.who() or {})["subject"] == "rosa"
    assert values(page, "cpse-profile")["npi"] == ""
    assert "what you typed" not in page.text
    assert kept(world) == []


def test_another_browser_of_the_same_person_does_not_get_it(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    end_session(world)
    browser.submit("/cpse/providers/1", {**PROFILE, "csrf_token": token})

    elsewhere = world.browser()
    elsewhere.sign_in()
    assert values(elsewhere.open("/cpse/providers/1"), "cpse-profile")["npi"] == ""


def test_it_is_kept_for_half_an_hour(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    end_session(world)
    sent = browser.submit("/cpse/providers/1", {**PROFILE, "csrf_token": token})
    world.session_clock.ahead += 30 * MINUTE

    page = browser.follow(sent)

    assert page.status_code == 200
    assert values(page, "cpse-profile")["npi"] == ""


def test_more_than_64_kilobytes_are_not_kept(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    end_session(world)

    page = browser.follow(browser.submit("/cpse/providers/1", {**PROFILE, "npi": "1" * 65_600, "csrf_token": token}))

    assert page.status_code == 200
    assert kept(world) == []


def test_the_csrf_token_is_not_kept_and_the_key_is_not_in_the_database(world: World, browser: Browser) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    end_session(world)
    browser.submit("/cpse/providers/1", {**PROFILE, "csrf_token": token})

    (row,) = kept(world)
    assert dict(row.fields) == PROFILE
    assert browser.open("/session").json()["cpse_kept_form"] not in str(vars(row))


def test_a_form_without_its_token_is_not_kept(world: World, browser: Browser) -> None:
    browser.sign_in()
    browser.open("/cpse/providers/1")
    end_session(world)

    assert browser.submit("/cpse/providers/1", PROFILE).status_code == 400
    assert kept(world) == []


@pytest.mark.parametrize(
    ("referrer", "page"),
    [
        ("/cpse/providers/1/association/end", "/cpse/providers/1/association/end"),
        ("/cpse/providers/1/matches?done=linked", "/cpse/providers/1/matches?done=linked"),
        # A refused form stands at an address that cannot be opened.
        ("/cpse/providers/1/association", "/cpse/providers"),
        ("//evil.example/", "/cpse/providers"),
        ("https://evil.example/cpse/providers", "/cpse/providers"),
        ("", "/cpse/providers"),
    ],
)
def test_a_confirmation_is_stood_before_again(world: World, browser: Browser, referrer: str, page: str) -> None:
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    end_session(world)
    address = f"{world.host_url}{referrer}" if referrer.startswith("/cpse") else referrer

    sent = browser.submit(
        "/cpse/providers/1/association/end", {"csrf_token": token, "reason": "x"}, headers={"Referer": address}
    )

    assert sent.status_code == 401
    assert query_of(led_to(sent) or "")["next"] == page
    assert kept(world) == []


def test_nobody_fills_the_table_with_forms(world: World, browser: Browser) -> None:
    world.host.extensions["cpse"] = replace(parts_of(world.host), rate_limits=RateLimits("memory://"))
    browser.sign_in()
    token = browser.token_of(browser.open("/cpse/providers/1"))
    end_session(world)
    answers = [browser.submit("/cpse/providers/1", {**PROFILE, "csrf_token": token}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert "That was too often in a short time" in answers[-1].text
    assert 0 < len(kept(world)) <= MOST
