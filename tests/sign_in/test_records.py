"""Who came and who went is in the log."""

import pytest

from .world import EDITOR, NOBODY, Browser


def test_who_comes_and_goes_is_on_record(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "cpse_plugin.sign_in"):
        browser.sign_in()
        browser.post_form(browser.open("/cpse/signed-out"), "/cpse/sign-out")
    told = [message.partition(" [request_id=") for message in caplog.messages if message.startswith(EDITOR)]
    assert [words for words, _, _ in told] == [f"{EDITOR} signed in as editor", f"{EDITOR} signed out"]
    assert len({request_id for _, _, request_id in told}) == 2


def test_who_has_no_role_is_on_record(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    browser.sign_in(NOBODY)
    assert [message for message in caplog.messages if "without a role" in message] != []
