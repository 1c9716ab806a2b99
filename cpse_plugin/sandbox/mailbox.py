"""The mailbox: an SMTP server that takes every e-mail, and the pages that show them."""

import asyncio
import re
import socket
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP
from flask import Flask, Response, abort, jsonify, render_template
from markupsafe import Markup, escape

from .server import listen

_ADDRESS = re.compile(r"https?://[^\s<>\"']+")
_TRAILING = ".,;:!?)"


@dataclass(frozen=True, slots=True)
class Message:
    """An e-mail that came in; `text` is its plain part, and `number` counts from 1."""

    number: int
    sender: str
    to: str
    subject: str
    text: str
    html: str
    received_at: datetime

    @property
    def links(self) -> list[str]:
        """The web addresses in the text."""
        return [_without_trailing(found) for found in _ADDRESS.findall(self.text)]


class Mailbox:
    """Keeps e-mail, in memory and, where a folder is given, in files of it over restarts."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._messages: list[Message] = []
        self._smtp = _SmtpThread(self)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(folder.glob("*.eml")):
                received_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                self._messages.append(_read(path.read_bytes(), len(self._messages) + 1, received_at))

    @property
    def smtp_port(self) -> int:
        """The port on which the SMTP server listens, from the beginning."""
        return self._smtp.port

    @property
    def messages(self) -> list[Message]:
        """All e-mail, newest first."""
        with self._lock:
            return self._messages[::-1]

    def find(self, number: int) -> Message | None:
        """The e-mail with this number."""
        with self._lock:
            return self._messages[number - 1] if 1 <= number <= len(self._messages) else None

    def take(self, content: bytes) -> None:
        """Take an e-mail in."""
        with self._lock:
            number = len(self._messages) + 1
            if self._folder is not None:
                (self._folder / f"{number:06d}.eml").write_bytes(content)
            self._messages.append(_read(content, number, datetime.now(UTC)))

    def start(self) -> Self:
        """Begin to take e-mail."""
        self._smtp.start()
        return self

    def stop(self) -> None:
        """Take no more e-mail. Safe to repeat."""
        self._smtp.stop()


def create_mailbox(mailbox: Mailbox) -> Flask:
    """The pages of a mailbox."""
    app = Flask("cpse_plugin.sandbox.mailbox", root_path=str(Path(__file__).parent))
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.add_template_filter(with_links)

    @app.get("/")
    def messages() -> str:
        return render_template("mailbox/messages.html", messages=mailbox.messages)

    @app.get("/messages/<int:number>")
    def message(number: int) -> str:
        found = mailbox.find(number) or abort(404)
        return render_template("mailbox/message.html", message=found)

    @app.get("/messages.json")
    def messages_json() -> Response:
        return jsonify(
            [
                {"number": item.number, "to": item.to, "subject": item.subject, "text": item.text, "links": item.links}
                for item in mailbox.messages
            ]
        )

    @app.after_request
    def protect(response: Response) -> Response:
        # E-mail is somebody else's text; nothing in it may run or load anything.
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; base-uri 'none'"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return app


def with_links(text: str) -> Markup:
    """The text, escaped, with its web addresses as links."""
    pieces: list[Markup] = []
    end = 0
    for found in _ADDRESS.finditer(text):
        address = _without_trailing(found[0])
        pieces.append(escape(text[end : found.start()]))
        pieces.append(Markup('<a href="{0}">{0}</a>').format(address))
        end = found.start() + len(address)
    pieces.append(escape(text[end:]))
    return Markup("").join(pieces)


class _SmtpThread:
    """An SMTP server with an event loop and a thread of its own."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._listener: socket.socket = listen()
        self.port: int = self._listener.getsockname()[1]
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="sandbox-smtp", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        if self._loop is not None and self._ended is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()
        self._listener.close()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        server = await self._loop.create_server(self._session, sock=self._listener)
        self._ready.set()
        await self._ended.wait()
        server.close()

    def _session(self) -> SMTP:
        return SMTP(self, hostname="mailbox.example", enable_SMTPUTF8=True, loop=self._loop)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ARG002  # aiosmtpd's name
        self._mailbox.take(envelope.content)
        return "250 Taken"


def _read(content: bytes, number: int, received_at: datetime) -> Message:
    message = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
    return Message(
        number=number,
        sender=str(message["From"] or ""),
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or "(no subject)"),
        text=_part(message, "plain"),
        html=_part(message, "html"),
        received_at=received_at,
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else ""


def _without_trailing(address: str) -> str:
    return address.rstrip(_TRAILING)
