"""No secret, token, code or cookie is in a page or in the output of the intranet, through a whole run with its faults.

What must not be seen is not guessed: it is read off the wire, where it has to be. CSRF tokens belong into pages.
"""

import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from bs4 import BeautifulSoup

from cpse_plugin.outbound import BoundedSession
from cpse_plugin.sandbox.faults import Body, DropAfter, Fault, Html, Status, Truncated
from cpse_plugin.sandbox.runner import Sandbox
from cpse_plugin.services.providers import Providers
from cpse_plugin.sign_in import OidcClient

from .pages.client import Answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LIST = "/cpse/providers"
INVITER = "7f3c2a12-inviter"
NOBODY = "7f3c2a13-nobody"
# A shorter value could stand somewhere by chance.
_LEAST_LENGTH = 12
_IN_ANSWERS = ("access_token", "id_token", "refresh_token")
_IN_FORMS = ("code", "code_verifier", "client_assertion", "client_secret", "logout_token")


@dataclass
class Secrets:
    """What must not be seen, each value with the name of what it is."""

    found: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: str | None) -> None:
        if value is not None and len(value) >= _LEAST_LENGTH:
            self.found[value] = name

    def in_text(self, text: str) -> set[str]:
        """The names of the secrets that the text gives away."""
        return {name for value, name in self.found.items() if value in text}

    def names(self) -> set[str]:
        return set(self.found.values())


class Records(logging.Handler):
    """Everything that is logged, at every level, while the intranet is at work."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)s %(pathname)s"))
        self.at_work = threading.local()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # The Portal and the identity provider of the sandbox are in the same process and are no part of the plugin.
        if getattr(self.at_work, "here", False):
            self.texts.append(self.format(record))

    def around(self, app: "WSGIApplication") -> "WSGIApplication":
        """The application, with its threads known to this handler."""

        def noted(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            self.at_work.here = True
            return app(environ, start)

        return noted


class Browser(requests.Session):
    """Somebody at a browser; every page that comes is kept."""

    def __init__(self, sandbox: Sandbox, secrets: Secrets) -> None:
        super().__init__()
        self.sandbox = sandbox
        self.secrets = secrets
        self.trust_env = False
        self.pages: list[str] = []

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request, note the cookies and codes of the answer, and keep its page if it is the intranet's."""
        address = requests.compat.urljoin(self.sandbox.intranet_url, str(url))
        response = super().request(method, address, *args, **{**kwargs, "allow_redirects": False, "timeout": 30})
        if address.startswith(self.sandbox.intranet_url):
            self.pages.append(response.text)
            self._note_cookies()
        code = parse_qs(urlsplit(response.headers.get("Location", "")).query).get("code")
        self.secrets.add("authorization code", code[0] if code else None)
        return response

    def _note_cookies(self) -> None:
        app = self.sandbox.intranet
        serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        for cookie in self.cookies:
            if cookie.name != app.config["SESSION_COOKIE_NAME"]:
                continue
            self.secrets.add("session cookie", cookie.value)
            for key, value in serializer.loads(cookie.value).items():
                if key.startswith("cpse_"):
                    self._note_session(key, value)

    def _note_session(self, key: str, value: object) -> None:
        if isinstance(value, str) and key != "cpse_without_role":
            self.secrets.add("session id", value)
        for entry in value if isinstance(value, list) else []:
            self.secrets.add("code_verifier", entry.get("verifier"))

    def follow(self, address: str) -> requests.Response:
        """Open an address and go where it leads."""
        response = self.get(address)
        while "Location" in response.headers:
            response = self.get(requests.compat.urljoin(response.url, response.headers["Location"]))
        return response

    def sign_in(self, person: str) -> requests.Response:
        """Be somebody at the identity provider; ends on the page that the intranet then shows."""
        chosen = self.post(self._to_provider(), data={"person": person})
        return self.follow(chosen.headers["Location"])

    def _to_provider(self) -> str:
        return self.get("/cpse/sign-in?again=1").headers["Location"]

    def altered_callback(self, old: str, new: str) -> requests.Response:
        """Come back from the identity provider with an answer that was tampered with."""
        chosen = self.post(self._to_provider(), data={"person": INVITER})
        return self.get(re.sub(old, new, chosen.headers["Location"]))

    def submit(self, page: requests.Response, action: str, **typed: str) -> requests.Response:
        """Send the form of a page whose address ends so, with what is typed into it, and go where that leads."""
        answer = Answer(page.status_code, page.headers, page.text, urlsplit(page.url).path)
        form = f'form[action$="{action}"]'
        response = self.post(str(answer.one(form)["action"]), data={**answer.fields(form), **typed})
        return self.follow(response.headers["Location"]) if "Location" in response.headers else response


@dataclass
class Run:
    """A sandbox whose intranet is watched."""

    sandbox: Sandbox
    secrets: Secrets
    records: Records

    def browser(self) -> Browser:
        return Browser(self.sandbox, self.secrets)

    def provider(self, number: str) -> str:
        """The address of a provider's page."""
        found = self.sandbox.intranet.extensions["cpse"].providers.by_county_ids([number])[number]
        return f"{LIST}/{found.id}"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    # The waits between repetitions are for other people's servers.
    monkeypatch.setattr("cpse_plugin.portal.exchange.random.uniform", lambda *_: 0.0)
    secrets, records = Secrets(), Records()
    watch_the_wire(monkeypatch, secrets)
    with_handler(monkeypatch, records)
    sandbox = Sandbox()
    # The sandbox quiets Authlib; a county's host may not.
    monkeypatch.setattr(logging.getLogger("authlib"), "level", logging.DEBUG)
    sandbox.intranet.wsgi_app = records.around(sandbox.intranet.wsgi_app)  # type: ignore[assignment,method-assign]
    for key in ("SECRET_KEY", "CPSE_PORTAL_CLIENT_SECRET", "CPSE_OIDC_CLIENT_SECRET"):
        secrets.add(key, sandbox.intranet.config[key])
    with sandbox:
        yield Run(sandbox, secrets, records)


def with_handler(monkeypatch: pytest.MonkeyPatch, records: Records) -> None:
    """Let the handler see every record of every logger."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers, records])
    for name in ("", "cpse_plugin", "urllib3", "requests", "werkzeug", "sqlalchemy.engine"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    logging.getLogger().manager._clear_cache()  # type: ignore[attr-defined]


def watch_the_wire(monkeypatch: pytest.MonkeyPatch, secrets: Secrets) -> None:
    """Note the credentials of every call that the intranet makes, and the tokens of every answer."""
    send = BoundedSession.send

    def noting(self: BoundedSession, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        scheme, _, credentials = str(request.headers.get("Authorization", "")).partition(" ")
        secrets.add(f"{scheme} credentials", credentials or None)
        form = parse_qs(request.body) if isinstance(request.body, str) else {}
        for name in _IN_FORMS:
            secrets.add(name, form.get(name, [None])[0])
        response = send(self, request, **kwargs)
        note_answer(secrets, response.content)
        return response

    monkeypatch.setattr(BoundedSession, "send", noting)


def note_answer(secrets: Secrets, content: bytes) -> None:
    try:
        answer = json.loads(content)
    except ValueError:
        return
    for name in _IN_ANSWERS if isinstance(answer, dict) else ():
        value = answer.get(name)
        secrets.add(name, value if isinstance(value, str) else None)


FAULTS: list[Fault] = [Status(500), Status(401), Html(), Truncated(), DropAfter(), Body(b"{}"), Body(b'{"error": "x"}')]


def sign_in_with_faults(run: Run, browser: Browser) -> None:
    """Everything that can go wrong on the way in."""

    def forget() -> None:
        """What was kept of the provider, failures too, would spare it the question."""
        cpse = run.sandbox.intranet.extensions["cpse"]
        run.sandbox.intranet.extensions["cpse"] = replace(cpse, oidc=OidcClient(cpse.settings))

    for path in ("/token", "/jwks", "/.well-known"):
        for fault in FAULTS:
            run.sandbox.identity_provider.faults.plan(fault, path=path)
            forget()
            chosen = browser.get("/cpse/sign-in?again=1")
            if "Location" in chosen.headers:
                answer = browser.post(chosen.headers["Location"], data={"person": INVITER})
                browser.get(answer.headers["Location"])
    run.sandbox.identity_provider.faults.clear()
    forget()
    browser.altered_callback(r"iss=[^&]*", "iss=https%3A%2F%2Fevil.example")
    browser.altered_callback(r"state=[^&]*", "state=another")
    browser.altered_callback(r"code=", "error=access_denied&code=")
    browser.altered_callback(r"code=", "code=x")
    run.sandbox.identity_provider.app.extensions["identity_provider"].forge = lambda claims, header: "a.b.c"
    browser.altered_callback("$", "")
    run.sandbox.identity_provider.app.extensions["identity_provider"].forge = None
    browser.sign_in(NOBODY)


def work_with_faults(run: Run, browser: Browser) -> None:
    """List, apply, link, add, invite; and each page once more while the Portal has each of the faults."""
    page = browser.get(LIST)
    linked = run.provider("TC-1013")
    unlinked, new = run.provider("TC-1004"), run.provider("TC-1021")
    page = browser.submit(browser.get(unlinked), unlinked)
    matches = browser.follow(f"{unlinked}/matches")
    choice = BeautifulSoup(matches.text, "html.parser").select_one("input[name=portal_id]")
    assert choice is not None
    confirm = f"{unlinked}/association/confirm?portal_id={choice['value']}"
    addresses = [f"{unlinked}/matches", confirm, f"{linked}/matches", f"{linked}/admin-users?retrieve=1"]
    tokens = run.sandbox.portal.tokens
    for fault in FAULTS:
        for path in ("/oauth/token", "/providers"):
            tokens.revoke_all()
            run.sandbox.portal.faults.plan(fault, path=path, times=3)
            for address in addresses:
                browser.follow(address)
            run.sandbox.portal.faults.clear()
    run.sandbox.intranet.extensions["cpse"].portal._exchange._tokens._failure = None
    browser.submit(browser.follow(confirm), "/association")
    browser.submit(browser.follow(f"{new}/portal-provider/new"), "/portal-provider")
    invite = browser.follow(f"{linked}/invitations/new")
    typed = {"first_name": "Ada", "last_name": "Moss", "email": "ada@x.example", "email_again": "ada@x.example"}
    for fault in (DropAfter(), Status(500)):
        run.sandbox.portal.faults.plan(fault, method="POST", path="/invitations")
        browser.submit(invite, "/invitations", **typed)
    run.sandbox.portal.faults.clear()
    browser.follow(f"{linked}/admin-users?retrieve=1")
    browser.follow(f"{linked}/history")
    browser.get(f"{LIST}/999999")
    browser.get("/cpse/nowhere")
    browser.get("/cpse/health")
    browser.post(linked, data={"csrf_token": "wrong"})
    assert page.status_code == 200


def break_down(run: Run, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the plugin's own, whose stack goes into the log."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of our own")

    with monkeypatch.context() as patch:
        patch.setattr(Providers, "page", fail)
        assert browser.get(LIST).status_code == 500


def test_nothing_that_is_secret_is_seen(
    run: Run, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    browser = run.browser()
    sign_in_with_faults(run, browser)
    assert browser.sign_in(INVITER).status_code == 200
    work_with_faults(run, browser)
    break_down(run, browser, monkeypatch)
    way_out = browser.submit(browser.get(LIST), "/sign-out")
    browser.follow(way_out.url)

    out, err = capfd.readouterr()
    logged = "\n".join(run.records.texts)
    # The run was no empty one: each kind of secret was there, and each kind of record.
    assert run.secrets.names() >= {
        "SECRET_KEY",
        "CPSE_PORTAL_CLIENT_SECRET",
        "CPSE_OIDC_CLIENT_SECRET",
        "Basic credentials",
        "Bearer credentials",
        "access_token",
        "id_token",
        "code",
        "code_verifier",
        "session cookie",
        "authorization code",
    }
    assert {"cpse_plugin", "cpse_plugin.sign_in", "urllib3.connectionpool"} <= {
        text.partition(" ")[0] for text in run.records.texts
    }
    assert "a fault of our own" in logged
    assert "Ada" in "".join(browser.pages)
    assert run.secrets.in_text(logged) == set()
    assert run.secrets.in_text(out + err) == set()
    assert set().union(*(run.secrets.in_text(page) for page in browser.pages)) == set()


def test_the_scan_would_find_a_leak(run: Run) -> None:
    """A log line, the arguments of one, and a page with a secret in it are all found."""
    browser = run.browser()
    browser.sign_in(INVITER)
    token = next(value for value, name in run.secrets.found.items() if name == "id_token")
    run.records.at_work.here = True
    logging.getLogger("cpse_plugin.anything").debug("a token came: %s", {"id_token": token})
    assert run.secrets.in_text("\n".join(run.records.texts)) >= {"id_token"}
    assert run.secrets.in_text(f"<p>{token}</p>") == {"id_token"}
