"""Two machines share the work, and their clocks differ by up to a minute."""

from datetime import UTC, datetime, timedelta

import pytest

from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.services.database import Database
from cpse_plugin.services.sign_in_sessions import RoleCheck, SessionLimits, SignInSessions
from cpse_plugin.sign_in.pending import PendingSignIn
from cpse_plugin.web.parts import Parts

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
LIMITS = SessionLimits(idle=timedelta(minutes=30), longest=timedelta(hours=12), role_check=timedelta(minutes=15))
STAFF = Staff("elliot", "Elliot Marsh", None, Role.EDITOR)
SECOND = timedelta(seconds=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def machine(database: Database, time: datetime) -> SignInSessions:
    """The plugin on a machine whose clock shows this time."""
    return SignInSessions(database, LIMITS, clock=lambda: time)


@pytest.mark.parametrize("seconds", [-59, -1, 0, 1, 59])
def test_a_session_of_one_machine_counts_on_the_other(cpse: Parts, seconds: int) -> None:
    session_id = machine(cpse.database, NOON).begin(STAFF)
    found = machine(cpse.database, NOON + seconds * SECOND).find(session_id)
    assert found is not None
    assert found.role_check is RoleCheck.FRESH


def test_a_clock_that_was_set_back_an_hour_keeps_no_session_alive(cpse: Parts) -> None:
    session_id = machine(cpse.database, NOON).begin(STAFF)
    assert machine(cpse.database, NOON - timedelta(hours=1)).find(session_id) is None


def test_a_clock_that_was_set_back_keeps_no_role_and_no_idle_time(cpse: Parts) -> None:
    session_id = machine(cpse.database, NOON).begin(STAFF)
    later, set_back = NOON + timedelta(minutes=25), NOON + timedelta(minutes=5)
    machine(cpse.database, later).postpone_role_check(session_id)
    assert machine(cpse.database, later).stay(session_id) is not None

    found = machine(cpse.database, set_back).find(session_id)

    assert found is not None
    assert found.role_check is RoleCheck.OVER
    # From this use on, and not from one that by this clock is still to come.
    assert found.idle_end == set_back + LIMITS.idle
    assert machine(cpse.database, set_back + LIMITS.idle).find(session_id) is None


@pytest.mark.parametrize(("seconds", "is_open"), [(-61, False), (-59, True), (0, True), (1799, True), (1801, False)])
def test_a_sign_in_that_another_machine_began_can_be_ended_here(seconds: int, is_open: bool) -> None:
    assert PendingSignIn("state", "nonce", "verifier", None, begun=1_000_000).is_open(1_000_000 + seconds) is is_open
