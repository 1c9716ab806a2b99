"""What the database is asked for by one request of a person."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import event

from cpse_plugin.sandbox.faults import Faults
from cpse_plugin.web.parts import Parts

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
