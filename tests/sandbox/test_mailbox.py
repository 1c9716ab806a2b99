"""The mailbox takes e-mail over SMTP and shows it."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup

from cpse_plugin.sandbox.mailbox import Mailbox, create_mailbox
from cpse_plugin.sandbox.server import LoopbackServer


@pytest.fixture
def pages(mailbox: Mailbox) -> Iterator[str]:
    with LoopbackServer("mailbox", create_mailbox(mailbox)) as server:
        yield server.url


def send(mailbox: Mailbox, subject: str, text: str = "Hello") -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "a@portal.example", "b@agency.example"
    message.set_content(text)
    with smtplib.SMTP("127.0.0.1", mailbox.smtp_port, timeout=5) as smtp:
        smtp.send_message(message)


def fetch(url: str) -> BeautifulSoup:
    answer = requests.get(url, timeout=10)
    assert answer.status_code == 200
    return BeautifulSoup(answer.text, "html.parser")


def test_an_empty_mailbox_says_so(pages: str) -> None:
    assert "There is no e-mail yet" in fetch(pages).get_text()


def test_the_newest_is_first(mailbox: Mailbox, pages: str) -> None:
    for subject in ("First", "Sécond"):
        send(mailbox, subject)
    assert [link.get_text() for link in fetch(pages).select("td a")] == ["Sécond", "First"]
    assert [item["subject"] for item in requests.get(f"{pages}/messages.json", timeout=10).json()] == [
        "Sécond",
        "First",
    ]


def test_addresses_are_links_and_the_rest_is_text(mailbox: Mailbox, pages: str) -> None:
    send(mailbox, "<b>Odd</b>", "<script>alert(1)</script>\nSee http://127.0.0.1:1/x?a=1&b=2.\njavascript:alert(1)")
    soup = fetch(f"{pages}/messages/1")
    assert soup.select("script, b") == []
    letter = soup.select_one(".letter")
    assert letter is not None
    assert [link["href"] for link in letter.select("a")] == ["http://127.0.0.1:1/x?a=1&b=2"]
    assert "<script>alert(1)</script>" in letter.get_text()


def test_an_e_mail_that_is_not_there_is_not_found(pages: str) -> None:
    assert requests.get(f"{pages}/messages/1", timeout=10).status_code == 404


def test_e_mail_is_kept_over_a_restart(tmp_path: Path) -> None:
    first = Mailbox(tmp_path).start()
    send(first, "Kept")
    first.stop()
    second = Mailbox(tmp_path).start()
    send(second, "Later")
    second.stop()
    assert [message.subject for message in second.messages] == ["Later", "Kept"]
