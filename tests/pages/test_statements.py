"""What the database is asked for by one request of a person."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import event

from cpse_plugin.domain import identifiers
from cpse_plugin.domain.access import Action, Staff, require
from cpse_plugin.domain.identifiers import npi_check_digit_is_right
from cpse_plugin.sandbox.faults import Faults
from cpse_plugin.web.parts import Parts

from ..faults.seat import Form, Seat
from .client import Answer

BRIGHT_HARBOR = "1999101011"
WRITES = ("INSERT", "UPDATE", "DELETE")


@contextmanager
def statements(cpse: Parts) -> Iterator[list[str]]:
    """The statements inside the block, without those that only bound a transaction or a wait."""
    engine, seen = cpse.database.engine, list[str]()

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE")):
            seen.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def writes(seen: list[str]) -> list[str]:
    return [statement for statement in seen if statement.startswith(WRITES)]


@pytest.mark.parametrize("npi", [BRIGHT_HARBOR, "1999999984"], ids=["found", "not found"])
def test_a_look_up_that_asks_the_registry_writes_its_answer_down_and_the_next_writes_nothing(
    intranet: Flask, cpse: Parts, registry: Faults, npi: str
) -> None:
    client = intranet.test_client()
    with statements(cpse) as seen:
        assert client.get(f"/cpse/npi/{npi}").status_code == 200
    assert [statement.split()[:3] for statement in writes(seen)] == [["INSERT", "INTO", "cpse_npi_answer"]]
    with statements(cpse) as seen:
        assert client.get(f"/cpse/npi/{npi}").status_code == 200
    assert (len(seen), writes(seen)) == (1, [])
    assert len(registry.requests) == 1


@dataclass(frozen=True, slots=True)
class UseCase:
    """A request of a person, and how many statements it may take at the most.

    The page reads the provider, an operation once before it asks the Portal, and once more in each of its two
    transactions: what is decided and what is put on record is so of the row that is held.
    """

    do: Callable[[Seat], Callable[[], Answer]]
    at_most: int


def sends(form: Callable[[Seat], Form]) -> Callable[[Seat], Callable[[], Answer]]:
    """Open a form; what is counted is sending it."""

    def prepared(seat: Seat) -> Callable[[], Answer]:
        opened = form(seat)
        return lambda: seat.send(opened)

    return prepared


def asks(number: str) -> Callable[[Seat], Callable[[], Answer]]:
    """Open Provider Details; what is counted is what the page then asks for by itself."""

    def prepared(seat: Seat) -> Callable[[], Answer]:
        address = seat.provider(number).path
        return lambda: seat.ask(f"{address}/matches", "section#cpse-portal")

    return prepared


USE_CASES = {
    "Apply": UseCase(sends(lambda seat: seat.profile_form("TC-1004").typed(sed_code="049931880199")), 5),
    "matches": UseCase(asks("TC-1004"), 2),
    "details": UseCase(asks("TC-1015"), 3),
    "link": UseCase(sends(lambda seat: seat.link_form("TC-1004", "P-20188")), 20),
    "add": UseCase(sends(lambda seat: seat.addition_form("TC-1021")), 19),
    "unlink": UseCase(sends(lambda seat: seat.unlink_form("TC-1014")), 18),
    "invite": UseCase(sends(lambda seat: seat.invitation_form("TC-1014")), 20),
}


@pytest.mark.parametrize("name", USE_CASES)
def test_a_use_case_asks_the_database_for_little(intranet: Flask, cpse: Parts, name: str) -> None:
    use_case = USE_CASES[name]
    act = use_case.do(Seat(intranet, fragments=True))
    with statements(cpse) as seen:
        answer = act()
    assert answer.status == 200
    assert len(seen) <= use_case.at_most, "\n".join(seen)


def test_what_a_look_finds_as_it_was_is_not_written_down_again(intranet: Flask, cpse: Parts) -> None:
    seat = Seat(intranet, fragments=True)
    seat.admin_users("TC-1014")
    with statements(cpse) as seen:
        assert seat.admin_users("TC-1014").status == 200
    assert writes(seen) == []


@pytest.mark.parametrize("name", ["Apply", "link", "add", "unlink"])
def test_a_permission_is_asked_for_once_where_a_page_is_shown_and_once_for_what_is_done(
    intranet: Flask, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = USE_CASES[name].do(Seat(intranet, fragments=True))
    asked: list[Action] = []

    def noting(staff: Staff, action: Action) -> None:
        asked.append(action)
        require(staff, action)

    for module in [module for name, module in sys.modules.items() if name.startswith("cpse_plugin.")]:
        if getattr(module, "require", None) is require:
            monkeypatch.setattr(module, "require", noting)
    assert act().status == 200
    assert len(asked) == 2
    assert asked[0] is Action.VIEW
    assert asked[1] is not Action.VIEW


@pytest.fixture
def luhn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts whose check digit was looked at."""
    seen: list[str] = []

    def noting(npi: str) -> bool:
        seen.append(npi)
        return npi_check_digit_is_right(npi)

    monkeypatch.setattr(identifiers, "npi_check_digit_is_right", noting)
    return seen


def test_the_check_digit_of_an_npi_that_is_looked_up_is_looked_at_once(
    intranet: Flask, registry: Faults, luhn: list[str]
) -> None:
    for _ in ("asked", "kept"):
        assert intranet.test_client().get(f"/cpse/npi/{BRIGHT_HARBOR}").status_code == 200
        assert luhn == [BRIGHT_HARBOR]
        luhn.clear()
    assert len(registry.requests) == 1


def test_the_check_digit_of_an_npi_that_is_applied_is_looked_at_once(intranet: Flask, luhn: list[str]) -> None:
    seat = Seat(intranet, fragments=True)
    form = seat.profile_form("TC-1021").typed(npi="1999-101-011")
    luhn.clear()
    assert seat.send(form).status == 200
    assert luhn == [BRIGHT_HARBOR]
