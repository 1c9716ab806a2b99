"""One line of JSON for each request of the plugin, and one id for it in every log, here and at the Portal."""

import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests

from cpse_plugin import Cpse
from cpse_plugin.outbound.trace import request_id
from cpse_plugin.sandbox.faults import DropBefore, Status
from cpse_plugin.sandbox.runner import Sandbox
from cpse_plugin.services.providers import Providers
from tests.sign_in.world import Browser
from tests.world import by_number, parts_of

from .hosts import ANN, bare_host, host

LIST = "/cpse/providers"
INVITER = "7f3c2a12-inviter"
ID = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
_DOCUMENT = Path(__file__).parents[2] / "docs" / "operation.md"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(settings={"CPSE_UPSTREAM_CALLS": 100}) as running:
        yield running


@pytest.fixture
def intranet(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> Iterator[Sandbox]:
    """The sandbox with its log read, and without the faults and calls of an earlier test."""
    caplog.set_level(logging.INFO, "cpse_plugin")
    sandbox.portal.faults.clear()
    yield sandbox
    sandbox.portal.faults.clear()


@pytest.fixture
def browser(intranet: Sandbox, caplog: pytest.LogCaptureFixture) -> Browser:
    """An inviter who has signed in; the log of that is put away."""
    browser = Browser(intranet.intranet_url)
    assert browser.sign_in(INVITER).status_code == 302
    caplog.clear()
    return browser


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The lines of requests so far, each of them really one line."""
    written = [record.getMessage() for record in caplog.records if record.name == "cpse_plugin.request"]
    assert all(text.isascii() and text.isprintable() for text in written)
    return [json.loads(text) for text in written]


def line(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    (found,) = lines(caplog)
    return found


def matches(sandbox: Sandbox, number: str = "TC-1004") -> str:
    """The address of a piece that asks the Portal."""
    return f"{LIST}/{by_number(parts_of(sandbox.intranet), number).id}/matches"


def documented_fields() -> set[str]:
    table = _DOCUMENT.read_text(encoding="utf-8").split("| field |")[1].split("\n\n")[0]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def test_a_request_is_one_line_with_the_documented_fields(
    intranet: Sandbox, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    address = matches(intranet)
    answer = browser.open(f"{address}?x=not-for-the-log", headers={"HX-Request": "true", "X-Request-ID": ID})
    found = line(caplog)
    assert found.keys() == documented_fields() - {"error"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["at"])
    assert found["ms"] > 0
    expected = {"request_id": ID, "method": "GET", "endpoint": "cpse.matches", "path": address, "status": 200}
    assert {**found, **expected, "subject": INVITER, "htmx": True} == found
    portal_host = intranet.intranet.config["CPSE_PORTAL_URL"].split("/")[2]
    (search,) = [call for call in found["upstream"] if call["path"] == "/v1/providers"]
    assert (search["peer"], search["method"], search["status"]) == (portal_host, "GET", 200)
    assert search["ms"] > 0
    assert answer.headers["X-Request-ID"] == ID


def test_the_portal_is_told_the_same_id_and_every_other_line_has_it(
    intranet: Sandbox, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    intranet.portal.faults.plan(Status(503), path="/providers$")
    answer = browser.open(matches(intranet))
    name = answer.headers["X-Request-ID"]
    received = intranet.portal.faults.received("GET", "/providers$")
    assert [item.headers["x-request-id"] for item in received] == [name, name]
    others = [record for record in caplog.records if record.name == "cpse_plugin.portal"]
    assert others
    assert {record.getMessage().partition(" [")[2] for record in others} == {f"request_id={name}]"}
    # A county's own format can name it, and what gathers errors still sees the template.
    assert {vars(record)["cpse_request_id"] for record in others} == {name}
    assert all(name not in str(record.msg) for record in others)


def test_without_an_id_or_with_an_odd_one_a_request_gets_its_own(
    intranet: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    odd = ["", "short", "x" * 65, "two words", "semi;colons", "../../etc/passwd", '{"json": 1}', "12345678\t", "é" * 10]
    given = []
    for value in odd:
        answer = requests.get(
            f"{intranet.intranet_url}/cpse/signed-out", headers={"X-Request-ID": value.encode()}, timeout=20
        )
        given.append(answer.headers["X-Request-ID"])
    assert all(UUID(name).hex == name for name in given)
    assert len(set(given)) == len(odd)
    assert [found["request_id"] for found in lines(caplog)] == given


@pytest.mark.parametrize("name", [ID, "a1B2-c3._d4", "3f0c6a2e-7c1b-4a43-9d3e-0d8a3d5c7f11", "12345678", "x" * 64])
def test_an_id_that_a_proxy_made_is_kept(intranet: Sandbox, caplog: pytest.LogCaptureFixture, name: str) -> None:
    answer = requests.get(f"{intranet.intranet_url}/cpse/signed-out", headers={"X-Request-ID": name}, timeout=20)
    assert (answer.headers["X-Request-ID"], line(caplog)["request_id"]) == (name, name)


def test_nobody_is_named_who_has_not_signed_in(intranet: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    requests.get(f"{intranet.intranet_url}{LIST}", allow_redirects=False, timeout=20)
    found = line(caplog)
    assert (found["subject"], found["status"], found["htmx"]) == (None, 302, False)


def test_the_way_back_from_the_identity_provider_is_logged_without_its_code(
    intranet: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    browser = Browser(intranet.intranet_url)
    callback = browser.choose(browser.go_to_provider(), INVITER)
    browser.open(callback)
    found = lines(caplog)[-1]
    assert found["path"] == "/cpse/sign-in/callback"
    # The keys stand before it where they are not at hand, so that the code is not used up without them.
    assert "/token" in [call["path"] for call in found["upstream"]]
    assert re.findall(r"code=([\w-]+)", callback)[0] not in caplog.text


def test_what_is_refused_or_fails_names_its_error(
    intranet: Sandbox, browser: Browser, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of our own")

    browser.open(f"{LIST}/999999")
    browser.submit(f"{LIST}/1", {"csrf_token": "wrong"})
    intranet.portal.faults.plan(DropBefore(), path="/providers$", times=None)
    browser.open(matches(intranet))
    with monkeypatch.context() as patch:
        patch.setattr(Providers, "page", fail)
        browser.open(LIST)
    browser.open("/cpse/sign-in/callback?state=another&code=x")
    told = [(found.get("error"), found["status"]) for found in lines(caplog)]
    assert told[0] == ("NotFound", 404)
    assert told[1] == ("CSRFError", 400)
    assert told[2][0] == "PortalUnanswered"
    assert told[3] == ("RuntimeError", 500)
    # The page of the failure, its stack in the log and its line have one id.
    (stack,) = [record for record in caplog.records if record.exc_info]
    assert stack.getMessage().endswith(f"[request_id={lines(caplog)[3]['request_id']}]")


def test_a_call_that_brought_no_answer_has_no_status(
    intranet: Sandbox, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    intranet.portal.faults.plan(DropBefore(), path="/providers$", times=None)
    browser.open(matches(intranet))
    statuses = [call["status"] for call in line(caplog)["upstream"] if call["path"] == "/v1/providers"]
    assert statuses == [None, None, None]


def test_a_control_character_in_an_address_stays_on_the_line(
    intranet: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    requests.get(f"{intranet.intranet_url}/cpse/npi/12%0A34%E2%80%A8%22", allow_redirects=False, timeout=20)
    assert line(caplog)["path"] == '/cpse/npi/12\n34\u2028"'


def test_requests_at_the_same_time_do_not_mix_their_ids(
    intranet: Sandbox, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    numbers = ["TC-1004", "TC-1013"] * 8
    together = threading.Barrier(len(numbers), timeout=30)
    cookies = browser.cookies.get_dict()

    def ask(turn: int) -> tuple[str, str]:
        name, address = f"request.{turn:03}", matches(intranet, numbers[turn])
        together.wait()
        answer = requests.get(
            f"{intranet.intranet_url}{address}", headers={"X-Request-ID": name}, cookies=cookies, timeout=60
        )
        assert answer.headers["X-Request-ID"] == name
        return name, address

    with ThreadPoolExecutor(len(numbers)) as pool:
        sent = dict(pool.map(ask, range(len(numbers))))
    logged = {found["request_id"]: found for found in lines(caplog)}
    assert {name: found["path"] for name, found in logged.items()} == sent
    # What the Portal received under an id is what the line of that id says.
    received: dict[str, list[str]] = {}
    for item in intranet.portal.faults.received(path="^/v1/providers"):
        received.setdefault(item.headers["x-request-id"], []).append(item.path)
    for name, found in logged.items():
        noted = [call["path"] for call in found["upstream"] if call["path"].startswith("/v1/providers")]
        assert received[name] == noted != []


def test_the_hosts_own_routes_are_none_of_its_business(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app = host()
    app.add_url_rule("/own", "own", lambda: str(request_id()))
    client = app.test_client()
    answers = [client.get(path, headers={"X-Request-ID": ID}) for path in ("/own", "/nowhere")]
    assert [answer.status_code for answer in answers] == [200, 404]
    assert answers[0].text == "None"
    assert all("X-Request-ID" not in answer.headers for answer in answers)
    assert [record for record in caplog.records if record.name.startswith("cpse_plugin")] == []


def test_nothing_of_a_request_stays_in_its_thread(caplog: pytest.LogCaptureFixture) -> None:
    client = host().test_client()
    assert client.get("/cpse/signed-out").status_code == 200
    assert request_id() is None


def test_a_request_that_the_host_refuses_first_has_its_line_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cpse_plugin.request")
    app = host()
    app.before_request(lambda: ("not today", 403))
    assert app.test_client().get("/cpse/signed-out").status_code == 403
    assert line(caplog)["status"] == 403


def test_a_fault_that_goes_on_to_the_debugger_has_its_line_too(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "cpse_plugin.request")
    app = host()
    app.debug = True
    monkeypatch.setattr(type(parts_of(app).health), "states", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        app.test_client().get("/cpse/health")
    assert (line(caplog)["status"], line(caplog)["error"]) == (500, "ZeroDivisionError")
    assert request_id() is None


def test_where_nobody_wants_the_lines_none_are_written(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "cpse_plugin")
    answer = host().test_client().get("/cpse/signed-out")
    assert answer.headers["X-Request-ID"]
    assert lines(caplog) == []


def loggers() -> dict[str, tuple[Any, ...]]:
    """What a host can have set on its loggers, those of the plugin left out."""
    named = {name: logging.getLogger(name) for name in logging.root.manager.loggerDict}
    return {
        name: (list(logger.handlers), list(logger.filters), logger.level, logger.propagate, logger.disabled)
        for name, logger in {"": logging.getLogger(), **named}.items()
        if not name.startswith("cpse_plugin")
    }


def test_mounting_touches_no_logger_of_the_host() -> None:
    app = bare_host()
    before, factory = loggers(), logging.getLogRecordFactory()
    Cpse().init_app(app, staff_loader=lambda: ANN)
    app.test_client().get("/cpse/signed-out")
    after = loggers()
    assert {name: after[name] for name in before} == before
    assert logging.getLogRecordFactory() is factory
    ours = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith("cpse_plugin")]
    assert all(logger.propagate and not logger.handlers for logger in ours)


def test_a_command_has_one_id_for_all_that_it_does(intranet: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    def check() -> set[str]:
        caplog.clear()
        # What was kept of an earlier answer would spare it the question.
        parts_of(intranet.intranet).portal._professions = None  # type: ignore[attr-defined]
        intranet.portal.faults.clear()
        assert intranet.intranet.test_cli_runner().invoke(args=["cpse", "check"]).exit_code == 0
        (received,) = intranet.portal.faults.received("GET", "/professions")
        written = set(re.findall(r"\[request_id=(\w+)\]", caplog.text))
        assert written == {received.headers["x-request-id"]}
        return written

    assert check() != check()
    assert request_id() is None


_STAND_ALONE = """
import logging, sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "own":
    logging.basicConfig(level=logging.ERROR, format="county %(message)s")
from wsgi import create_app
client = create_app().test_client()
client.get("/cpse/signed-out", base_url="https://intranet.county.example", headers={"X-Request-ID": "12345678"})
logging.getLogger("cpse_plugin").warning("a warning")
logging.getLogger("another").info("not told")
"""


@pytest.mark.parametrize("logging_of", ["nobody", "own"])
def test_the_stand_alone_host_writes_to_stderr_where_nobody_has_said_otherwise(logging_of: str) -> None:
    environment = {
        "SECRET_KEY": "only for tests",
        "SQLALCHEMY_DATABASE_URI": "sqlite://",
        "CPSE_COUNTY_NAME": "Tamarack County",
        "CPSE_PORTAL_URL": "http://127.0.0.1:9/v1",
        "CPSE_PORTAL_CLIENT_ID": "county",
        "CPSE_PORTAL_CLIENT_SECRET": "only for tests too",
        "CPSE_OIDC_DISCOVERY_URL": "http://127.0.0.1:9/.well-known/openid-configuration",
        "CPSE_OIDC_CLIENT_ID": "county",
        "CPSE_OIDC_CLIENT_SECRET": "only for tests too",
        "CPSE_ROLE_MAP": '{"Preschool staff": "editor"}',
        "TRUSTED_HOSTS": "intranet.county.example",
    }
    program = [sys.executable, "-c", _STAND_ALONE, str(_DOCUMENT.parents[1]), logging_of]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=60, check=True)
    if logging_of == "own":
        assert done.stderr == ""
        return
    request, warning = done.stderr.splitlines()
    assert json.loads(request)["request_id"] == "12345678"
    assert warning.endswith("WARNING cpse_plugin: a warning")


def test_the_filters_are_on_every_logger_of_the_plugin_once() -> None:
    host()
    host()
    for name in logging.root.manager.loggerDict:
        if name.startswith("cpse_plugin"):
            assert len(logging.getLogger(name).filters) == (name != "cpse_plugin.request"), name
