"""The Portal's e-mail."""

import smtplib
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import make_msgid

from flask import render_template


class MailFailed(Exception):
    """The mail server did not take an e-mail."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What an invitation's e-mail says."""

    first_name: str
    last_name: str
    email: str
    provider_name: str
    county_name: str
    link: str
    expires_at: datetime


class Mailer:
    """Hands e-mail to an SMTP server on this machine."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def send_invitation(self, letter: Letter) -> None:
        """Send an invitation. Raises `MailFailed`."""
        message = EmailMessage()
        message["Subject"] = f"Set up your CPSE Portal account for {letter.provider_name}"
        message["From"] = Address("CPSE Portal", "no-reply", "cpse-portal.example")
        message["To"] = Address(f"{letter.first_name} {letter.last_name}", addr_spec=letter.email)
        message["Message-ID"] = make_msgid(domain="cpse-portal.example")
        message["Date"] = datetime.now().astimezone()
        message.set_content(render_template("portal/invitation.txt", letter=letter))
        message.add_alternative(render_template("portal/invitation_mail.html", letter=letter), subtype="html")
        try:
            with smtplib.SMTP(self._host, self._port, timeout=5) as smtp:
                smtp.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise MailFailed(str(error)) from error
