"""What the log of operations asks is answered from an index, however long the log is."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, text

from cpse_plugin.models import OperationRow
from cpse_plugin.services.database import now
from cpse_plugin.web.parts import Parts
from tests.world import by_number

ROWS = 4000
# Each as the log asks it, with the index that has to serve it on either database.
ASKED = {
    "what is open on a target": (
        "SELECT * FROM cpse_operation WHERE target = 'provider:1' AND cpse_operation.state IN ('intent', 'unknown')",
        ("uq_cpse_operation_open_target", "ix_cpse_operation_target", "ix_cpse_operation_open"),
    ),
    "what was done on a target": (
        "SELECT result FROM cpse_operation WHERE target = 'provider:1' AND state = 'done'",
        ("ix_cpse_operation_target",),
    ),
    "the latest attempt of a form": (
        "SELECT * FROM cpse_operation WHERE intention_id = 'x' OR id = 'x' ORDER BY sending DESC",
        ("ix_cpse_operation_intention_id",),
    ),
    "all that is open": (
        "SELECT * FROM cpse_operation WHERE cpse_operation.state IN ('intent', 'unknown') ORDER BY created_at, id",
        ("ix_cpse_operation_open", "uq_cpse_operation_open_target"),
    ),
}


@pytest.fixture
def long_log(cpse: Parts) -> Parts:
    provider_id = by_number(cpse, "TC-1015").id
    rows = []
    for number in range(ROWS):
        name = str(uuid4())
        rows.append(
            {
                "id": name,
                "intention_id": name,
                "kind": "invite",
                "provider_id": provider_id,
                "target": f"invitation:{number}",
                "content": {},
                "actor": "somebody",
                "state": "done",
                "attempts": 1,
                "leased_until": now(),
                "created_at": now() - timedelta(minutes=number),
                "failure": "",
            }
        )
    with cpse.database.write() as session:
        session.execute(insert(OperationRow), rows)
    with cpse.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE cpse_operation"))
    return cpse


@pytest.mark.parametrize("question", ASKED)
def test_a_question_to_the_log_is_answered_from_an_index(long_log: Parts, question: str) -> None:
    statement, indexes = ASKED[question]
    sqlite = long_log.database.engine.name == "sqlite"
    with long_log.database.engine.connect() as connection:
        explained = connection.execute(text(f"EXPLAIN {'QUERY PLAN' if sqlite else '(FORMAT JSON)'} {statement}"))
        plan = json.dumps([list(row) for row in explained])
    assert any(index in plan for index in indexes), plan
    assert "SCAN cpse_operation" not in plan.replace("SCAN cpse_operation USING INDEX", "")
    assert "Seq Scan" not in plan
