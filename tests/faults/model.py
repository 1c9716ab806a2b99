"""Random staff before the county's pages, with a Portal that fails and workers that die.

After every step both sides are held against each other, and at the end everything that was left open is finished.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Flask, Response, request
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, invariant, multiple, rule
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cpse_plugin.models import HistoryRow
from cpse_plugin.operations.invitations import InvitationChange
from cpse_plugin.operations.register import ALL
from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.sandbox.faults import DropAfter, DropBefore, Empty, Fault, Html, Status, Truncated
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services.history import PROFILE_CHANGED
from tests.pages.client import Answer, PageClient
from tests.world import INVITER, OTHER_INVITER, Who, parts_of

from .gateway import CHANGING
from .leases import end_leases
from .ledger import Ledger
from .seat import Form, Seat, told

# To link, linked with an open invitation, two that match one Portal provider, one that the Portal alone has associated,
# to add.
_NUMBERS = ("TC-1004", "TC-1014", "TC-1013", "TC-1018", "TC-1019", "TC-1021")
_FAULTS: dict[str, Fault] = {
    "dropped before": DropBefore(),
    "dropped after": DropAfter(),
    "cut short": Truncated(),
    "maintenance page": Html(),
    "empty": Empty(),
    "failed": Status(500),
    "busy": Status(503, headers={"Retry-After": "3600"}),
}
_DEATHS = ("dies before", "dies after")
_PEOPLE = {staff.name: staff for staff in (INVITER, OTHER_INVITER)}
_ADDRESSES = ("amy.lowe@therapy.example", "bea.diaz@therapy.example")
_PROFILES = ({"sed_code": "049931880199"}, {"sed_code": ""}, {"type": "individual", "uses_portal": "on"})
_CHANGES = ("POST", "PUT", "DELETE")
_ANY = (None,)
_INVITATION_CHANGES = ", ".join(f"a[href$='/{kind.name}']" for kind in ALL if issubclass(kind, InvitationChange))

# What becomes of a call: nothing out of the ordinary, a fault of the Portal, or the end of the worker that makes it.
failures = st.sampled_from([*_FAULTS, *_DEATHS])
fates = st.just("") | failures
# What becomes of finishing an operation that was left open: the fewer, the oftener each of them comes about.
fates_of_return = st.sampled_from(["", "busy", "failed", "dropped after", "dies before", "dies after"])
numbers = st.sampled_from(_NUMBERS)
choices = st.integers(0, 9)
people = st.sampled_from(list(_PEOPLE))


class Killed(BaseException):
    """The end of a worker: no `except Exception` and no error page comes between."""


class MortalGateway(HttpPortalGateway):
    """The Portal's client in a worker that dies at its next change, before the call or after its answer."""

    dies = ""

    def _mortal(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        dies, self.dies = self.dies, ""
        if dies == "dies before":
            raise Killed
        answer = method(*arguments, **named)
        if dies == "dies after":
            raise Killed
        return answer

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return partial(self._mortal, found) if name in CHANGING else found


class _CompiledTemplates(BytecodeCache):
    """What one host has compiled, for all hosts that come after it."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _CompiledTemplates()


class _Reader(PageClient):
    """Takes answers as they come. What holds for every page is tested elsewhere; it takes long to check."""

    def _page(self, response: TestResponse) -> Answer:
        return Answer(response.status_code, response.headers, response.text, response.request.full_path)

    def _fragment(self, response: TestResponse, target: str) -> Answer:
        return self._page(response)


class _QuickSeat(Seat):
    """Asks for a piece of a page without having opened the page that it belongs to."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app, fragments=True)
        self._page = _Reader(app.test_client())

    def _ask(self, number: str, path: str, target: str) -> Answer:
        return self._page.htmx_get(self._address(number, path), target)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a county and its Portal come from: each example has a new one of both."""

    new_portal: Callable[[], AbstractContextManager[Portal]]
    new_intranet: Callable[..., Flask]
    who: Who


class RandomStaff(RuleBasedStateMachine):
    """What staff can do. A form that was opened can be sent at once, later, or several times."""

    forms = Bundle("forms")

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__()
        self._who = surroundings.who
        self._resources = ExitStack()
        self._portal = self._resources.enter_context(surroundings.new_portal())
        self._intranet = surroundings.new_intranet(CPSE_PORTAL_GATEWAY=f"{__name__}:{MortalGateway.__name__}")
        self._intranet.jinja_env.bytecode_cache = _COMPILED
        self._cpse = parts_of(self._intranet)
        self._resources.callback(self._cpse.database.engine.dispose)
        self._failures: list[str] = []
        self._intranet.after_request(self._note_failure)
        self._ledger = Ledger(self._cpse.database, self._portal)
        self._seat = _QuickSeat(self._intranet)
        self._without_script = Seat(self._intranet, fragments=False)

    @rule(number=numbers, view=st.sampled_from(["portal_section", "admin_users", "history"]))
    def look_around(self, number: str, view: str) -> None:
        self._read(lambda: getattr(self._without_script, view)(number))

    @rule(target=forms, who=people, number=numbers, choice=choices, fate=fates, sends=st.integers(0, 2))
    def do(self, who: str, number: str, choice: int, fate: str, sends: int) -> Form | MultipleResults[Form]:
        """Do one of the things that the page offers. Its form may be sent twice, or stay open and be sent later."""
        self._who.staff = _PEOPLE[who]
        form = self._open_form(number, choice)
        if form is None:
            return multiple()
        for _ in range(sends):
            self._send(form, fate)
        return form

    @rule(who=people, number=numbers, choice=choices, failure=failures, fate=fates_of_return)
    def fail_and_come_back(self, who: str, number: str, choice: int, failure: str, fate: str) -> None:
        self.do(who, number, choice, failure, 1)
        self.come_back_later(number, fate)

    @rule(form=forms, fate=fates)
    def send(self, form: Form, fate: str) -> None:
        self._send(form, fate)

    @rule(number=numbers, typed=st.sampled_from(_PROFILES))
    def apply(self, number: str, typed: dict[str, str]) -> None:
        self._send(self._seat.profile_form(number).typed(**typed), "")

    @rule(number=numbers, fate=fates_of_return)
    def come_back_later(self, number: str, fate: str) -> None:
        """Open the page when whoever was at it would have been done long ago; what was left open is finished by it."""
        end_leases(self._cpse)
        with self._befalls(fate, _ANY):
            self._read(lambda: self._seat.portal_section(number))

    @rule()
    def somebody_accepts(self) -> None:
        """Somebody follows the link in an e-mail."""
        with self._portal.store.transaction() as db:
            db.execute(
                "UPDATE invitation SET status = 'accepted' WHERE place ="
                " (SELECT max(place) FROM invitation WHERE status = 'open')"
            )

    @rule(fate=fates_of_return)
    def operator_reconciles(self, fate: str) -> None:
        end_leases(self._cpse)
        with self._befalls(fate, _ANY):
            try:
                result = self._intranet.test_cli_runner().invoke(args=["cpse", "reconcile"])
            except Killed:
                return
        assert result.exit_code in (0, 1), result.output
        assert (result.exit_code == 0) <= (self._cpse.operations.open_for() == [])

    @invariant()
    def both_sides_agree(self) -> None:
        account = self._ledger.account()
        assert (account.duplicates, account.lost) == ((), ())

    @invariant()
    def no_page_fails(self) -> None:
        assert self._failures == []

    def teardown(self) -> None:
        """The faults end, and everything that was left open comes to its end."""
        try:
            end_leases(self._cpse)
            self._cpse.operations.resume()
            assert self._ledger.account().is_clean, self._ledger.account()
        finally:
            self._who.staff = INVITER
            self._resources.close()

    @property
    def _gateway(self) -> MortalGateway:
        gateway = self._cpse.portal
        if not isinstance(gateway, MortalGateway):
            raise TypeError("the host does not use the gateway that its settings name")
        return gateway

    def _read(self, ask: Callable[[], Answer]) -> Answer | None:
        """What a person reads; None where the worker died over it."""
        try:
            answer = ask()
        except Killed:
            return None
        assert answer.status < 500 or told(answer), answer.text
        return answer

    def _open_form(self, number: str, choice: int) -> Form | None:
        """A form that the page of a provider leads to; none where the page offers none."""
        page = self._read(lambda: self._seat.portal_section(number))
        if page is None:
            return None
        free = [str(radio["value"]) for radio in page.soup.select("input[name=portal_id]:not([disabled])")]
        if free:
            return self._seat.link_form(number, free[choice % len(free)])
        if page.soup.select("#cpse-add-new"):
            return self._seat.addition_form(number)
        if not page.soup.select("#cpse-unlink"):
            return None
        return self._seat.unlink_form(number) if choice < 2 else self._open_invitation(number, choice)

    def _open_invitation(self, number: str, choice: int) -> Form:
        page = self._seat.admin_users(number)
        links = [str(link["href"]) for link in page.soup.select(_INVITATION_CHANGES)]
        if not links or choice < 6:
            return self._seat.invitation_form(number, _ADDRESSES[choice % len(_ADDRESSES)])
        *_, invitation_id, change = links[choice % len(links)].split("/")
        return self._seat.change_form(number, invitation_id, change)

    def _send(self, form: Form, fate: str) -> None:
        profiles, changes = self._profiles(), self._profile_changes()
        with self._befalls(fate):
            self._read(lambda: self._seat.send(form))
        changed = sum(profiles[number] != profile for number, profile in self._profiles().items())
        assert self._profile_changes() - changes == changed

    @contextmanager
    def _befalls(self, fate: str, methods: tuple[str | None, ...] = _CHANGES) -> Iterator[None]:
        """Let something become of the next call with one of the methods; None is any."""
        if fate in _DEATHS:
            self._gateway.dies = fate
        elif fate:
            for method in methods:
                self._portal.faults.plan(_FAULTS[fate], method=method, path="^/v1/providers")
        try:
            yield
        finally:
            self._gateway.dies = ""
            self._portal.faults.clear()

    def _note_failure(self, response: Response) -> Response:
        if response.status_code >= 500 and response.status_code not in (502, 503):
            self._failures.append(f"{request.method} {request.path}: {response.status}")
        return response

    def _profiles(self) -> dict[str, Any]:
        found = self._cpse.providers.by_county_ids(list(_NUMBERS))
        return {number: provider.profile for number, provider in found.items()}

    def _profile_changes(self) -> int:
        statement = select(func.count()).where(HistoryRow.action == PROFILE_CHANGED.value)
        with self._cpse.database.read() as session:
            return session.execute(statement).scalar_one()
