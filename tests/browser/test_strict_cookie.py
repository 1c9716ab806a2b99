"""A host whose session cookie no other site's link brings along: `SESSION_COOKIE_SAMESITE="Strict"`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cpse_plugin.sandbox.runner import Sandbox

from .desk import Desk


@pytest.fixture
def sandbox(first_day: Path, tmp_path: Path) -> Iterator[Sandbox]:
    settings = {"SESSION_COOKIE_SAMESITE": "Strict"}
    with Sandbox(shutil.copytree(first_day, tmp_path / "sandbox"), settings=settings) as sandbox:
        yield sandbox


def test_signing_in_works_with_a_cookie_that_no_other_site_brings_along(desk: Desk) -> None:
    # The identity provider is on 127.0.0.1 and the intranet on localhost, which are two sites.
    desk.go("/cpse/providers?q=bright")
    desk.page.get_by_role("button", name="Ines Novak").click()
    expect(desk.link("Bright Harbor Preschool Services")).to_be_visible()
    assert desk.address == "/cpse/providers?q=bright"
    # One page more was on the way, and going back does not end on it.
    desk.page.reload()
    expect(desk.button("Sign out")).to_be_visible()
    assert {cookie["sameSite"] for cookie in desk.page.context.cookies(desk.sandbox.intranet_url)} == {"Strict"}
