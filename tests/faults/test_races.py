"""Several people who do the same at once, with one provider: rows O1 and O2."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from cpse_plugin.domain.portal_records import NewInvitation
from cpse_plugin.operations.link import Link
from cpse_plugin.operations.log import OperationLog
from cpse_plugin.portal.gateway import PortalNotAsked
from cpse_plugin.sandbox.faults import DropAfter, Status
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services.errors import AlreadyLinked, NotLinked, OperationInProgress
from cpse_plugin.web.parts import Parts
from tests.databases import Databases
from tests.world import EDITOR, INVITER, OTHER_EDITOR, associations_on, by_number, link

from .changes import ALL, Change
from .leases import end_leases
from .ledger import Ledger
from .races import Race, race
from .seat import DONE, NOT_DONE, NOT_KNOWN, Seat, told

# As many as show each of the faults that there were, in most runs; the command takes as many as one likes.
_ROUNDS = 24
_QUICK = {"apart": 60, "delay": 60}


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(("people", "rounds"), [(2, _ROUNDS), (12, _ROUNDS // 3)])
@pytest.mark.parametrize("step", ["link", "unlink", "add", "invite"])
def test_o1_of_many_who_do_the_same_at_once_one_does_it_and_the_others_are_told(
    databases: Databases, step: str, people: int, rounds: int
) -> None:
    result = race(Race(step, rounds, people, **_QUICK), databases)
    assert (result.account.duplicates, result.twice) == ((), ())
    assert (result.account.lost, result.missing, result.account.stuck) == ((), (), ())
    assert result.failures == ()
    assert result.outcomes["done"] == rounds
    assert result.outcomes.total() == rounds * people


class Pause:
    """Holds the first thread that comes by, until it is told to go on or its patience ends."""

    def __init__(self, patience: float) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()
        self._patience = patience
        self._turn = threading.Lock()

    def here(self) -> None:
        if self._turn.acquire(blocking=False):
            self.entered.set()
            self.go_on.wait(self._patience)


@contextmanager
def paused_before(monkeypatch: pytest.MonkeyPatch, method: str, patience: float) -> Iterator[Pause]:
    pause, original = Pause(patience), getattr(OperationLog, method)

    def held(*arguments: Any, **named: Any) -> Any:
        pause.here()
        return original(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(OperationLog, method, held)
        yield pause
        pause.go_on.set()


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[Any]]:
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(work())
        except Exception as error:  # noqa: BLE001  # The test looks at it.
            came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came


def test_o1_between_the_decision_and_its_record_nobody_else_decides(
    cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one has read that there is no link and nothing open; then the other does everything from first to last."""
    ledger = Ledger(cpse.database, portal)
    provider = by_number(cpse, "TC-1012")
    one, other = sorted(match.portal.id for match in cpse.associations.find_matches(provider, EDITOR))
    with paused_before(monkeypatch, "begin", patience=3) as pause:
        first, came_first = in_thread(lambda: link(cpse, "TC-1012", one, EDITOR))
        assert pause.entered.wait(30)
        second, came_second = in_thread(lambda: link(cpse, "TC-1012", other, OTHER_EDITOR))
        # Whoever holds the row is not waited for in vain: without the lock the other has linked by then.
        second.join(2)
        pause.go_on.set()
        first.join(60)
        second.join(60)
    assert came_first[0].link.portal_id == one
    assert isinstance(came_second[0], AlreadyLinked | OperationInProgress)
    assert [held for held, number in associations_on(portal).items() if number == "TC-1012"] == [one]
    assert ledger.account().is_clean


def test_o1_whoever_has_waited_for_the_row_reads_the_link_as_it_is_then(
    cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(cpse.database, portal)
    provider = by_number(cpse, "TC-1012")
    one, other = sorted(match.portal.id for match in cpse.associations.find_matches(provider, EDITOR))
    with paused_before(monkeypatch, "conclude", patience=30) as pause:
        first, came_first = in_thread(lambda: link(cpse, "TC-1012", one, EDITOR))
        assert pause.entered.wait(30)
        # The first holds the row, with its link in it, and has not committed yet.
        second, came_second = in_thread(lambda: link(cpse, "TC-1012", other, OTHER_EDITOR))
        _until_somebody_waits(cpse, portal, other)
        pause.go_on.set()
        first.join(60)
        second.join(60)
    assert came_first[0].link.portal_id == one
    assert isinstance(came_second[0], AlreadyLinked)
    assert len(portal.faults.received("PUT", "/association$")) == 1
    assert ledger.account().is_clean


def test_o1_what_was_read_of_the_portal_before_a_colleague_was_done_is_read_again(
    cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both link the same two: the second has read that the Portal has no association, and finds the link on record."""
    read, pause = Link.read, Pause(30)

    def read_and_wait(*arguments: Any) -> Any:
        known = read(*arguments)
        pause.here()
        return known

    monkeypatch.setattr(Link, "read", read_and_wait)
    slow, came_slow = in_thread(lambda: link(cpse, "TC-1004", "P-20188", EDITOR))
    assert pause.entered.wait(30)
    link(cpse, "TC-1004", "P-20188", OTHER_EDITOR)
    pause.go_on.set()
    slow.join(60)
    assert isinstance(came_slow[0], AlreadyLinked)
    assert len(cpse.history.of_provider(by_number(cpse, "TC-1004").id, EDITOR)) == 1


def test_o1_a_link_is_ended_once_in_the_history(cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = by_number(cpse, "TC-1015")

    def unlink() -> object:
        return cpse.associations.unlink(provider.id, reason="Wrong one.", operation_id=uuid4(), staff=EDITOR)

    with paused_before(monkeypatch, "conclude", patience=30) as pause:
        first, _ = in_thread(unlink)
        assert pause.entered.wait(30)
        second, came_second = in_thread(unlink)
        _until_somebody_waits(cpse, portal, "P-20632")
        pause.go_on.set()
        first.join(60)
        second.join(60)
    assert isinstance(came_second[0], NotLinked)
    assert len(cpse.history.of_provider(provider.id, EDITOR)) == 1


def _until_somebody_waits(cpse: Parts, portal: Portal, portal_id: str) -> None:
    """Wait until a second person has asked the Portal and waits for the database."""
    pause = threading.Event()
    for _ in range(600):
        asked = len(portal.faults.received("GET", f"/{portal_id}$")) >= 2 or cpse.database.engine.name == "postgresql"
        if asked and _waiting(cpse):
            return
        pause.wait(0.02)
    raise AssertionError("nobody waits")


def _waiting(cpse: Parts) -> bool:
    if cpse.database.engine.name == "sqlite":
        # The others wait for their turn in this process, which leaves no trace in the database.
        return True
    with cpse.database.engine.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


@pytest.mark.parametrize("change", ALL, ids=str)
def test_o2_a_form_that_was_refused_first_is_carried_out_once_however_often_it_is_sent(
    seat: Seat, cpse: Parts, portal: Portal, change: Change
) -> None:
    form = change.form(seat)
    portal.faults.plan(Status(429, {"Retry-After": "1"}), method=change.method, path=change.path, times=2)
    for _ in range(2):
        assert told(seat.send(form)) == NOT_DONE
    answers = [told(seat.send(form)) for _ in range(3)]
    assert answers == [DONE] * 3
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)
    assert len(change.sent(portal)) == 3


@pytest.mark.parametrize("change", ALL, ids=str)
def test_o2_of_the_attempts_of_a_form_one_is_under_way_at_a_time(
    seat: Seat, cpse: Parts, portal: Portal, change: Change
) -> None:
    form = change.form(seat)
    portal.faults.plan(Status(429), method=change.method, path=change.path)
    assert told(seat.send(form)) == NOT_DONE
    portal.faults.plan(DropAfter(), method=change.method, path=change.path)
    assert told(seat.send(form)) == NOT_KNOWN
    # The next sending looks into the one before, which was done.
    assert told(seat.send(form)) == DONE
    assert (change.effects(portal), change.on_record(cpse)) == (1, 1)


def test_o2_a_call_that_found_no_place_may_be_sent_again_and_is_carried_out_once(
    cpse: Parts, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = by_number(cpse, "TC-1015")
    form = uuid4()
    section = cpse.portal._exchange._places  # type: ignore[attr-defined]
    person = NewInvitation("Amy", "Lowe", "amy.lowe@therapy.example")

    def invite() -> dict[str, Any]:
        return cpse.admin_users.invite(provider.id, person, operation_id=form, staff=INVITER)

    with monkeypatch.context() as patch:
        patch.setattr(section, "_own", threading.BoundedSemaphore(1))
        section._own.acquire()
        with pytest.raises(PortalNotAsked):
            invite()
        section._own.release()
    results = [invite()["id"] for _ in range(3)]
    assert len(set(results)) == 1
    cpse.admin_users.revoke(provider.id, results[0], operation_id=uuid4(), staff=INVITER)
    assert invite()["id"] == results[0]
    assert len(portal.store.all("SELECT 1 FROM invitation WHERE email = ?", person.email)) == 1
    end_leases(cpse)
    assert cpse.operations.resume() == []
