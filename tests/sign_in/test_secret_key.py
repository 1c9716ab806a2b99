"""Exchanging the host's `SECRET_KEY`: with the old one among the fallbacks nobody is signed out."""

from pathlib import Path

from cpse_plugin.sandbox.runner import Sandbox
from tests.pages.client import Answer

from .world import Browser, soup

OLD, NEW = "old " * 16, "new " * 16
LIST = "/cpse/providers"
INVITER = "7f3c2a12-inviter"


def signed_in_under_the_old_key(folder: Path) -> Browser:
    with Sandbox(folder, settings={"SECRET_KEY": OLD}) as sandbox:
        browser = Browser(sandbox.intranet_url)
        assert browser.sign_in(INVITER).status_code == 302
        assert browser.open(LIST).status_code == 200
    return browser


def first_provider(browser: Browser) -> tuple[str, dict[str, str]]:
    """The form Billing Provider Profile of the list's first provider: its address and what it holds."""
    link = soup(browser.open(LIST)).select_one("tbody a[href]")
    assert link is not None
    address = str(link["href"])
    page = browser.open(address)
    return address, Answer(page.status_code, page.headers, page.text, address).fields(f'form[action="{address}"]')


def test_with_the_old_key_among_the_fallbacks_everybody_stays_signed_in(tmp_path: Path) -> None:
    browser = signed_in_under_the_old_key(tmp_path)
    with Sandbox(tmp_path, settings={"SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": [OLD]}) as sandbox:
        browser.host = sandbox.intranet_url
        assert browser.open(LIST).status_code == 200
        # A form opened from now on is good, although the session was begun under the old key.
        address, form = first_provider(browser)
        saved = browser.post(browser.absolute(address), data=form, allow_redirects=False, timeout=20)
        assert "too old" not in saved.text
        assert saved.status_code == 303


def test_a_form_opened_under_the_old_key_is_told_and_not_saved(tmp_path: Path) -> None:
    with Sandbox(tmp_path, settings={"SECRET_KEY": OLD}) as sandbox:
        browser = Browser(sandbox.intranet_url)
        browser.sign_in(INVITER)
        address, form = first_provider(browser)
    with Sandbox(tmp_path, settings={"SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": [OLD]}) as sandbox:
        browser.host = sandbox.intranet_url
        answer = browser.post(browser.absolute(address), data=form, allow_redirects=False, timeout=20)
        assert answer.status_code == 400
        assert "Nothing was saved" in answer.text


def test_without_the_old_key_everybody_signs_in_again(tmp_path: Path) -> None:
    browser = signed_in_under_the_old_key(tmp_path)
    with Sandbox(tmp_path, settings={"SECRET_KEY": NEW}) as sandbox:
        browser.host = sandbox.intranet_url
        assert browser.open(LIST).status_code == 302
