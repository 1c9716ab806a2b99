"""Rows C4 and C5: workers that are killed at random points, and what is then found on both sides."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from cpse_plugin.models import HistoryRow
from cpse_plugin.operations.link import Link
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services.database import now
from cpse_plugin.web.parts import Parts
from tests.databases import Databases
from tests.world import link

from .kill import Plan, kill
from .ledger import Account, Ledger

# The longest answer is far below the lease, as it is in a county.
_PLAN = Plan(runs=20, lease=2, delay=(0, 200), workers=3)


@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
def test_c4_workers_killed_at_random_points_leave_nothing_twice_nothing_lost_and_nothing_stuck(
    databases: Databases,
) -> None:
    report = kill(_PLAN, databases)
    assert report.account == Account((), (), ())
    assert report.failures == ()
    assert report.killed >= _PLAN.runs // 4


def test_c5_a_portal_that_keeps_no_keys_is_read_after_its_slowest_answer_and_nothing_is_done_twice(
    databases: Databases,
) -> None:
    report = kill(replace(_PLAN, runs=16, seed=5, ignore_keys=True), databases)
    assert report.account == Account((), (), ())
    assert report.failures == ()
    assert report.killed >= 4


def test_the_figures_tell_what_is_on_one_side_alone(cpse: Parts, portal: Portal) -> None:
    """A ledger that found nothing whatever happened would make the figures worthless."""
    ledger = Ledger(cpse.database, portal)
    link(cpse, "TC-1004", "P-20188")
    assert ledger.account().is_clean
    with portal.store.transaction() as db:
        db.execute("DELETE FROM association WHERE provider_id = 'P-20188'")
        db.execute(
            "INSERT INTO invitation (id, provider_id, county_id, first_name, last_name, email, notices, status,"
            " created_at, sent_at, expires_at) SELECT 'I-twice', provider_id, county_id, first_name, last_name, email,"
            " notices, status, created_at, sent_at, expires_at FROM invitation WHERE id = 'I-50018'"
        )
        db.execute("UPDATE provider SET npi = '1999101045' WHERE id = 'P-20632'")
        db.execute(
            "INSERT INTO provider SELECT 'P-new', name, type, npi, sed_code, address, phone, status, updated_at"
            " FROM provider WHERE id = 'P-20188'"
        )
    with cpse.database.write() as session:
        linked = session.scalars(select(HistoryRow).where(HistoryRow.action == Link.history.value)).one()
        session.add(
            HistoryRow(
                at=now(),
                provider_id=linked.provider_id,
                actor=linked.actor,
                action=linked.action,
                details={},
                operation_id=linked.operation_id,
            )
        )
    account = ledger.account()
    assert [line.split(" ")[0] for line in account.duplicates] == ["rosalind.kemp@sunrisesteps.example", "the", "the"]
    assert account.lost == (
        "TC-1004 and P-20188 belong together on the county's record alone",
        "invitation I-twice of rosalind.kemp@sunrisesteps.example is on the Portal alone",
        "provider P-new was added on the Portal alone",
    )
