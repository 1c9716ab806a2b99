"""A Portal, a connection or a browser that runs out of time: what a person reads is true, and following it does nothing
twice. Row T4.

Most of it is at a tenth of its size: calls of 2, 7 and 15 seconds, and with them a request's budget or a browser's
patience.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from playwright.sync_api import Route, expect

from cpse_plugin.blueprints import outcome
from cpse_plugin.outbound import budget
from cpse_plugin.sandbox.faults import DropAfter, DropBefore, Fault, Slow
from cpse_plugin.sandbox.runner import Sandbox
from cpse_plugin.web.parts import Parts
from tests.faults import changes
from tests.faults.changes import Change
from tests.world import by_number, parts_of

from .desk import Desk, OpenDesk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROOT = Path(__file__).parents[2]
_SCRIPT = (ROOT / "cpse_plugin" / "static" / "js" / "htmx-before.js").read_text(encoding="utf-8")
_PATIENCE_OF_BROWSERS = int(re.findall(r"defaultTimeout: (\d+)000", _SCRIPT)[0])
SCALE = 10
_LOADS = 40
NOT_KNOWN = re.compile(r"[Pp]lease do not repeat")
NOT_DONE = re.compile(r"Nothing was (changed|linked)")
DONE = re.compile(
    r"The link was (completed|ended)|The invitation was (sent|revoked)|The invitation was sent again|Done: "
)
ANY = re.compile("|".join(pattern.pattern for pattern in (NOT_KNOWN, NOT_DONE, DONE)))
BROKEN = ("Failed to load resource", "net::ERR", "htmx:error")


@dataclass(frozen=True, slots=True)
class Form:
    """How a change is made at the screen: the page of its form below the provider's, and the button."""

    change: Change
    page: str
    button: str

    def open(self, desk: Desk, cpse: Parts) -> None:
        for _ in range(_LOADS):
            desk.go(f"/cpse/providers/{by_number(cpse, self.change.number).id}{self.page}")
            if desk.button(self.button).count():
                break
            # On a busy machine a tenth of the time can be too little to read what the form shows.
        if self.change is changes.INVITE:
            desk.field("First name").fill("Amy")
            desk.field("Last name").fill("Lowe")
            for label in ("E-mail address", "E-mail address again"):
                desk.field(label).fill("amy.lowe@therapy.example")
        if self.change is changes.UNLINK:
            desk.field("Reason").fill("Linked to the wrong provider.")
        desk.settle()

    def send(self, desk: Desk) -> None:
        desk.button(self.button).click()


# In this order none of them is in another one's way.
FORMS = (
    Form(changes.LINK, "/association/confirm?portal_id=P-20188", "Continue Association"),
    Form(changes.ADD, "/portal-provider/new", "Add New CPSE Portal Provider"),
    Form(changes.INVITE, "/invitations/new", "Invite as Admin"),
    Form(changes.SEND_AGAIN, "/invitations/I-50018/send-again", "Send again"),
    Form(changes.REVOKE, "/invitations/I-50018/revoke", "Revoke"),
    Form(changes.UNLINK, "/association/end", "Unlink"),
)


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer; with `after` the work is done before that."""

    name: ClassVar[str] = "hang"
    after: bool

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> "Iterable[bytes]":
        if self.after:
            list(app(environ, lambda *_: lambda _: None))
        environ["cpse_sandbox.stopping"].wait(3)
        return DropBefore().answer(app, environ, start)


@pytest.fixture
def sandbox(
    first_day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Sandbox]:
    """The small world, with `SCALE` as its parameter at a tenth of its patience.

    A call ends two seconds after the time for its answer, and that is not shortened.
    """
    settings = {}
    if getattr(request, "param", None) == SCALE:
        monkeypatch.setattr(budget, "REQUEST_SECONDS", budget.REQUEST_SECONDS / SCALE)
        settings = {"CPSE_PORTAL_TIMEOUT": "0.5,1.2"}
    with Sandbox(shutil.copytree(first_day, tmp_path / "sandbox"), settings=settings) as sandbox:
        yield sandbox


@pytest.fixture
def cpse(sandbox: Sandbox) -> Parts:
    return parts_of(sandbox.intranet)


@pytest.fixture
def desk(open_desk: OpenDesk) -> Iterator[Desk]:
    desk = open_desk(expected=BROKEN).sign_in()
    yield desk
    # A page that is still loading comes by the routes that a test has laid.
    desk.page.unroute_all(behavior="ignoreErrors")


EACH_CALL: dict[str, Fault] = {
    "7 s": Slow(7 / SCALE),
    "15 s": Slow(15 / SCALE),
    "hangs before": Hang(after=False),
    "hangs after": Hang(after=True),
    "reset before": DropBefore(),
    "reset after": DropAfter(),
}


@pytest.mark.parametrize("sandbox", [SCALE], indirect=True, ids=["a tenth"])
@pytest.mark.parametrize("fault", EACH_CALL.values(), ids=EACH_CALL.keys())
def test_t4_whatever_a_portal_does_a_person_reads_the_truth_and_nothing_is_done_twice(
    desk: Desk, cpse: Parts, sandbox: Sandbox, fault: Fault
) -> None:
    for form in FORMS:
        form.open(desk, cpse)
        sandbox.portal.faults.plan(fault, times=None)
        form.send(desk)
        told = _read(desk)
        sandbox.portal.faults.clear()
        _hold_to_the_truth(desk, cpse, sandbox, form, told)


def test_t4_with_two_seconds_a_call_all_is_done_at_once(desk: Desk, cpse: Parts, sandbox: Sandbox) -> None:
    for form in FORMS:
        form.open(desk, cpse)
        sandbox.portal.faults.plan(Slow(2 / SCALE), times=None)
        form.send(desk)
        assert _read(desk) == "done"
        sandbox.portal.faults.clear()
        _hold_to_the_truth(desk, cpse, sandbox, form, "done")


def test_t4_with_seven_seconds_a_call_a_link_is_made_and_told_in_time(
    desk: Desk, cpse: Parts, sandbox: Sandbox
) -> None:
    form = FORMS[0]
    form.open(desk, cpse)
    sandbox.portal.faults.plan(Slow(7), path="/v1/providers/", times=None)
    form.send(desk)
    expect(desk.text("The link was completed").first).to_be_visible(timeout=1000 * _PATIENCE_OF_BROWSERS)
    assert (form.change.effects(sandbox.portal), form.change.on_record(cpse)) == (1, 1)


def test_t4_a_browser_waits_longer_than_the_server_takes_and_less_than_a_proxy() -> None:
    server = budget.REQUEST_SECONDS + budget.RESERVE_SECONDS
    proxy = re.search(r"proxy_read_timeout (\d+)s", (ROOT / "docs" / "operation.md").read_text(encoding="utf-8"))
    assert proxy is not None
    assert server + 10 <= _PATIENCE_OF_BROWSERS < int(proxy[1])
    # A form that has not come in by then is told as one that did not arrive.
    assert outcome._GIVEN_UP_AFTER >= _PATIENCE_OF_BROWSERS


def test_t4_a_browser_that_gives_up_asks_how_it_stands(desk: Desk, cpse: Parts, sandbox: Sandbox) -> None:
    _hurry(desk, patience=0.3)
    for form in FORMS:
        form.open(desk, cpse)
        sandbox.portal.faults.plan(Slow(0.8), method=form.change.method, path=form.change.path)
        form.send(desk)
        alert = desk.page.get_by_role("alert")
        expect(alert.filter(has_text="It is not known yet whether this was done")).to_be_visible()
        expect(alert.filter(has_text="Done: ")).to_be_visible()
        expect(alert).not_to_contain_text("try again")
        desk.link("Open the provider").click()
        assert (form.change.effects(sandbox.portal), form.change.on_record(cpse)) == (1, 1)
        assert len(form.change.sent(sandbox.portal)) == 1


def _then_reset(route: Route) -> None:
    route.fetch()
    route.abort("connectionreset")


def _then_504(route: Route) -> None:
    route.fetch()
    route.fulfill(status=504, content_type="text/html", body="<html><h1>504 Gateway Time-out</h1></html>")


def _then_words(route: Route) -> None:
    route.fetch()
    route.fulfill(status=502, content_type="text/plain", body="upstream connect error")


def _then_sign_in(route: Route) -> None:
    route.fetch()
    route.fulfill(status=200, content_type="text/html", body="<!doctype html><title>Sign in to the proxy</title>")


@pytest.mark.parametrize("breaking", [_then_reset, _then_504, _then_words, _then_sign_in])
def test_t4_an_answer_that_is_lost_on_its_way_is_asked_for(
    desk: Desk, cpse: Parts, sandbox: Sandbox, breaking: Callable[[Route], None]
) -> None:
    _hurry(desk)
    form = FORMS[0]
    form.open(desk, cpse)
    desk.page.route("**/association", breaking)
    form.send(desk)
    alert = desk.page.get_by_role("alert")
    expect(alert.filter(has_text="It is not known yet whether this was done")).to_be_visible()
    expect(alert.filter(has_text="Done: Linking to a CPSE Portal provider")).to_be_visible()
    assert (form.change.effects(sandbox.portal), form.change.on_record(cpse)) == (1, 1)


def test_t4_a_form_that_never_arrived_was_not_done_once_that_is_certain(
    desk: Desk, cpse: Parts, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hurry(desk)
    form = FORMS[2]
    form.open(desk, cpse)
    desk.page.route("**/invitations", lambda route: route.abort("connectionreset"))
    form.send(desk)
    alert = desk.page.get_by_role("alert")
    with desk.page.expect_response(re.compile("/operations/")):
        expect(alert.filter(has_text="please do not repeat it")).to_be_visible()
    expect(alert).not_to_contain_text("Nothing was")
    monkeypatch.setattr(outcome, "_GIVEN_UP_AFTER", -1)
    expect(alert.filter(has_text="it is safe to try again")).to_be_visible()
    desk.page.unroute("**/invitations")
    form.send(desk)
    expect(desk.text("The invitation was sent to")).to_be_visible()
    assert form.change.effects(sandbox.portal) == 1


def test_t4_asking_how_it_stands_changes_nothing(desk: Desk, cpse: Parts, sandbox: Sandbox) -> None:
    _hurry(desk)
    form = FORMS[2]
    form.open(desk, cpse)
    sandbox.portal.faults.plan(DropBefore(), method=form.change.method, path=form.change.path)
    desk.page.route("**/invitations", _then_reset)
    with desk.page.expect_response(re.compile("/operations/")) as asked:
        form.send(desk)
    assert asked.value.json()["title"] == "Not known yet: Inviting an admin user"
    assert len(form.change.sent(sandbox.portal)) == 1
    assert form.change.effects(sandbox.portal) == 0


def test_t4_a_profile_of_which_no_answer_came_is_looked_at_and_not_saved_again(desk: Desk, cpse: Parts) -> None:
    provider = by_number(cpse, "TC-1004")
    desk.go(f"/cpse/providers/{provider.id}")
    desk.settle()
    desk.field("SED Code").fill("049931880199")
    desk.page.route(f"**/providers/{provider.id}", _then_reset)
    desk.button("Apply").click()
    alert = desk.page.get_by_role("alert").filter(has_text="Please do not repeat it; open the page again")
    expect(alert).to_be_visible()
    desk.page.unroute(f"**/providers/{provider.id}")
    desk.link("Open the page again").click()
    expect(desk.field("SED Code")).to_have_value("049931880199")


def test_t4_a_page_that_does_not_come_is_asked_for_again(desk: Desk, cpse: Parts) -> None:
    desk.go(f"/cpse/providers/{by_number(cpse, 'TC-1004').id}")
    desk.settle()
    desk.page.route("**/history", lambda route: route.abort("connectionreset"))
    desk.link("History").click()
    expect(desk.page.get_by_role("alert").filter(has_text="Nothing was lost; try again")).to_be_visible()


def _read(desk: Desk) -> str:
    """Which of the three answers the screen gives, once it gives one."""
    body = desk.page.locator("body")
    expect(body).to_contain_text(ANY)
    words = body.inner_text()
    told = [
        name
        for name, pattern in (("not known", NOT_KNOWN), ("not done", NOT_DONE), ("done", DONE))
        if pattern.search(words)
    ]
    assert len(told) == 1, words
    return told[0]


def _hold_to_the_truth(desk: Desk, cpse: Parts, sandbox: Sandbox, form: Form, told: str) -> None:
    """Hold what was told against both sides, and do what the screen says until it is done."""
    change, portal = form.change, sandbox.portal
    if told == "done":
        assert (change.effects(portal), change.on_record(cpse)) == (1, 1)
        return
    for _ in range(_LOADS):
        if told != "not done":
            break
        assert (change.effects(portal), change.on_record(cpse)) == (0, 0)
        form.open(desk, cpse)
        form.send(desk)
        told = _read(desk)
    for _ in range(_LOADS):
        if change.on_record(cpse):
            break
        desk.go(f"/cpse/providers/{by_number(cpse, change.number).id}/matches")
        desk.settle()
        if desk.button("Check now").count():
            desk.button("Check now").first.click()
            desk.settle()
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


def _hurry(desk: Desk, patience: float = 30 / SCALE) -> None:
    """Let the page's script give up, and ask, sooner than it does."""

    def shortened(route: Route) -> None:
        answer = route.fetch()
        text, count = re.subn(r"defaultTimeout:\s*30000", f"defaultTimeout:{round(patience * 1000)}", answer.text())
        text, more = re.subn(r"FIRST_PAUSE_SECONDS\s*=\s*2;", "FIRST_PAUSE_SECONDS=1;", text)
        assert count + more, "the script has no such times"
        route.fulfill(response=answer, body=text)

    desk.page.route(re.compile(r"/(cpse|htmx)-[0-9a-f]+\.js$"), shortened)
