"""Answers of the NPI Registry, kept for all workers."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import create_engine, text

from cpse_plugin import migrate
from cpse_plugin.domain.registry import NpiRecord, ProviderKind
from cpse_plugin.npi_registry.gateway import KeptAnswer
from cpse_plugin.services.database import Database
from cpse_plugin.services.npi_cache import DatabaseAnswerCache

from ..databases import Databases
from ..npi_registry.chain import NOON, Clock

NPI = "1234567893"
FULL = NpiRecord(
    NPI,
    ProviderKind.INDIVIDUAL,
    "MÁRA O'NEIL",
    "CCC-SLP",
    deactivated_on=date(2015, 1, 14),
    reactivated_on=date(2019, 2, 13),
    primary_taxonomy="Speech-Language Pathologist",
    city="TROY",
    state="NY",
    suffix="III",
    status="P",
)
AGENCY = NpiRecord(NPI, ProviderKind.ORGANIZATION, "STEP INC", doing_business_as=("BRIGHT STEPS", "STEPS"))
DEACTIVATED = NpiRecord(NPI, None, "", active=False)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    engine = create_engine(databases.fresh(empty=True))
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(database: Database, clock: Clock) -> DatabaseAnswerCache:
    return DatabaseAnswerCache(database, clock=clock)


@pytest.mark.parametrize(
    "record", [FULL, AGENCY, DEACTIVATED, None], ids=["found", "agency", "deactivated", "not found"]
)
def test_an_answer_comes_back_as_it_was(cache: DatabaseAnswerCache, record: NpiRecord | None) -> None:
    assert cache.get(NPI) is None
    cache.put(NPI, record)
    assert cache.get(NPI) == KeptAnswer(record, NOON)
    assert cache.get("1245251222") is None


def test_the_latest_answer_stands(cache: DatabaseAnswerCache, clock: Clock) -> None:
    for record in (FULL, None, DEACTIVATED):
        clock.forward(hours=1)
        cache.put(NPI, record)
    assert cache.get(NPI) == KeptAnswer(DEACTIVATED, datetime(2026, 11, 23, 15, tzinfo=UTC))


def test_another_worker_sees_it(cache: DatabaseAnswerCache, database: Database) -> None:
    cache.put(NPI, FULL)
    engine = create_engine(database.engine.url)
    kept = DatabaseAnswerCache(Database(engine)).get(NPI)
    engine.dispose()
    assert kept == KeptAnswer(FULL, NOON)


@pytest.mark.parametrize("content", ['{"npi": "1234567893"}', "[1]", '{"npi": 1, "kind": "NPI-9"}'])
def test_an_answer_of_another_form_is_none(
    cache: DatabaseAnswerCache, database: Database, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put(NPI, FULL)
    with database.write() as session:
        session.execute(text("UPDATE cpse_npi_answer SET record = :content"), {"content": content})
    assert cache.get(NPI) is None
    assert "another form" in caplog.text


def test_a_database_in_trouble_is_no_reason_to_fail(
    cache: DatabaseAnswerCache, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    migrate.downgrade(database.engine, "0002")
    with caplog.at_level(logging.WARNING):
        cache.put(NPI, FULL)
        assert cache.get(NPI) is None
    assert "cannot be kept" in caplog.text
    assert "cannot be read" in caplog.text
