"""Which hosts are answered for, and how often one may come by."""

import time
from dataclasses import replace

import pytest
import requests
from limits import parse

from cpse_plugin.settings import SettingsError
from cpse_plugin.web.rate_limit import RateLimits, TooOften

from .world import Browser, World, parts_of


@pytest.mark.parametrize(
    ("trusted", "host", "status"),
    [
        ("intranet.county.example", "intranet.county.example", 302),
        ("intranet.county.example", "intranet.county.example:8443", 302),
        ("intranet.county.example", "evil.example", 400),
        ("intranet.county.example", "intranet.county.example.evil.example", 400),
        ("intranet.county.example", "x.intranet.county.example", 400),
        (".county.example", "intranet.county.example", 302),
        (".county.example", "evilcounty.example", 400),
    ],
)
def test_a_request_for_another_host_is_refused(world: World, trusted: str, host: str, status: int) -> None:
    world.host.config["TRUSTED_HOSTS"] = [trusted]
    for path in ("/cpse/providers", "/cpse/sign-in", "/cpse/static/icon-0123456789ab.svg"):
        answer = requests.get(world.host_url + path, headers={"Host": host}, allow_redirects=False, timeout=20)
        assert answer.status_code == (status if status == 400 or "static" not in path else 200)
        assert "//evil" not in answer.text + answer.headers.get("Location", "")


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(world: World) -> World:
    """The world with the limits that a county has."""
    world.host.extensions["cpse"] = replace(parts_of(world.host), rate_limits=RateLimits("memory://"))
    return world


def exhaust(world: World, browser: Browser, address: str, **headers: str) -> requests.Response:
    for _ in range(130):
        answer = browser.open(address, headers=headers)
        if answer.status_code == 429:
            return answer
        assert answer.status_code < 500
    raise AssertionError("never refused")


def test_signing_in_too_often_is_refused_for_a_while(limited: World, browser: Browser) -> None:
    page = exhaust(limited, browser, "/cpse/sign-in")

    assert 1 <= int(page.headers["Retry-After"]) <= 60
    assert "That was too often in a short time" in page.text
    assert "Nothing was changed." in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_looking_names_up_too_often_is_refused_for_that_person_alone(limited: World, browser: Browser) -> None:
    browser.sign_in()
    other = limited.browser()
    other.sign_in("rosa")

    # The check digit is wrong, so that nobody is asked.
    headers = {"HX-Request": "true", "HX-Target": "div#cpse-npi-name"}
    piece = exhaust(limited, browser, "/cpse/npi/1234567890", **headers)

    assert "too often" in piece.text
    assert "<html" not in piece.text
    assert browser.open("/cpse/providers").status_code == 200
    assert other.open("/cpse/npi/1234567890").status_code == 200


def test_nothing_else_is_limited(limited: World, browser: Browser) -> None:
    browser.sign_in()
    assert {browser.open("/cpse/providers/1").status_code for _ in range(200)} == {200}


def test_an_entry_counts_until_its_time_is_over() -> None:
    limits = RateLimits("memory://")
    limit = parse("2 per second")
    for _ in range(2):
        limits.count(limit, "x", "ann")
    with pytest.raises(TooOften) as refused:
        limits.count(limit, "x", "ann")
    limits.count(limit, "x", "ben")
    limits.count(limit, "y", "ann")
    assert refused.value.retry_after == 1

    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        try:
            limits.count(limit, "x", "ann")
        except TooOften:
            continue
        break
    else:
        pytest.fail("the limit never ended")


def test_two_hosts_count_for_themselves() -> None:
    limit = parse("1 per minute")
    for limits in (RateLimits("memory://"), RateLimits("memory://")):
        limits.count(limit, "x", "ann")


@pytest.mark.parametrize("storage", ["nowhere://", "rubbish", "etcd://x"])
def test_a_storage_that_cannot_be_used_stops_the_start(storage: str) -> None:
    with pytest.raises(SettingsError, match=r"^CPSE_RATE_LIMIT_STORAGE"):
        RateLimits(storage)


def test_the_host_gets_no_handlers_for_it(world: World) -> None:
    assert "limiter" not in world.host.extensions
    assert None not in world.host.after_request_funcs
