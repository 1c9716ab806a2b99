"""Sessions, kept forms and logout tokens on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine

from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.services.database import Database
from cpse_plugin.services.kept_forms import KeptForms
from cpse_plugin.services.sign_in_sessions import RoleCheck, SessionLimits, SignInSessions
from tests.databases import Databases

BEGIN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ANN = Staff("sub-ann", "Ann Archer", None, Role.EDITOR)
LIMITS = SessionLimits(timedelta(minutes=30), timedelta(hours=12), timedelta(minutes=15))


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = BEGIN

    def __call__(self) -> datetime:
        return self.at

    def pass_minutes(self, minutes: float) -> None:
        self.at += timedelta(minutes=minutes)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    engine = create_engine(databases.fresh(empty=True))
    yield Database(engine)
    engine.dispose()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def sessions(database: Database, time: Time) -> SignInSessions:
    return SignInSessions(database, LIMITS, clock=time)


def test_a_session_is_found_by_its_id_until_it_ends(sessions: SignInSessions, time: Time) -> None:
    one, other = sessions.begin(ANN), sessions.begin(ANN)
    found = sessions.find(one)
    assert found is not None
    assert (found.staff, found.seconds_left, found.can_stay) == (ANN, 1800, True)

    sessions.end(one)

    assert sessions.find(one) is None
    assert sessions.find(other) is not None
    assert sessions.find("made up") is None
    assert sessions.subject_of(one) == "sub-ann"
    assert sessions.subject_of("made up") is None


def test_the_role_grows_old_with_the_session(sessions: SignInSessions, time: Time) -> None:
    begun = sessions.begin(ANN)
    seen = []
    for minutes in (0, 7.4, 0.2, 7.3, 0.2):
        time.pass_minutes(minutes)
        found = sessions.find(begun)
        seen.append(found.role_check if found else None)
    assert seen == [RoleCheck.FRESH, RoleCheck.FRESH, RoleCheck.DUE, RoleCheck.DUE, RoleCheck.OVER]

    sessions.postpone_role_check(begun)
    found = sessions.find(begun)
    assert found is not None
    assert found.role_check is RoleCheck.FRESH
    time.pass_minutes(1)
    found = sessions.find(begun)
    assert found is not None
    assert found.role_check is RoleCheck.DUE


def test_a_session_that_goes_on_keeps_its_end(sessions: SignInSessions, time: Time) -> None:
    end = BEGIN + timedelta(minutes=20)
    begun = sessions.begin(ANN, longest_end=end)
    found = sessions.find(begun)
    assert found is not None
    assert (found.seconds_left, found.can_stay) == (1200, False)
    time.at = end
    assert sessions.find(begun) is None
    assert sessions.stay(begun) is None


def test_the_provider_ends_what_it_names(sessions: SignInSessions) -> None:
    named, unnamed = sessions.begin(ANN, "sid-1"), sessions.begin(ANN)
    other = sessions.begin(Staff("sub-ben", "Ben", None, Role.READER), "sid-2")

    assert sessions.end_at_provider(sid="sid-1", subject=None, begun_by=BEGIN) == 1
    assert [sessions.find(one) is not None for one in (named, unnamed, other)] == [False, True, True]
    assert sessions.end_at_provider(sid="sid-9", subject="sub-ann", begun_by=BEGIN) == 1
    assert [sessions.find(one) is not None for one in (named, unnamed, other)] == [False, False, True]
    assert sessions.end_at_provider(sid=None, subject="sub-ben", begun_by=BEGIN - timedelta(seconds=1)) == 0
    assert sessions.end_at_provider(sid=None, subject="sub-ben", begun_by=BEGIN) == 1


def test_a_logout_token_is_used_once(sessions: SignInSessions) -> None:
    until = BEGIN + timedelta(minutes=11)
    assert [sessions.use_once(jti, until) for jti in ("a", "b", "a", "b")] == [True, True, False, False]


def test_a_kept_form_is_given_back_once_to_its_person_at_its_page(database: Database, time: Time) -> None:
    forms = KeptForms(database, clock=time)
    fields = [("name", "Ada O’Neil \u0000 😀 <b>"), ("role", "a"), ("role", "b"), ("empty", "")]
    key = forms.keep("sub-ann", "/providers/1", fields, signed_out=True)
    assert key is not None

    assert forms.take("made up", "sub-ann", "/providers/1") is None
    assert forms.take(key, "sub-ann", "/providers/2") is None
    found = forms.take(key, "sub-ann", "/providers/1")
    assert found is not None
    assert (list(found.fields), found.signed_out) == (fields, True)
    assert forms.take(key, "sub-ann", "/providers/1") is None


def test_a_kept_form_that_another_person_meets_is_gone(database: Database, time: Time) -> None:
    forms = KeptForms(database, clock=time)
    key = forms.keep("sub-ann", "/providers/1", [("name", "x")], signed_out=False)
    assert key is not None
    assert forms.take(key, "sub-ben", "/providers/1") is None
    assert forms.take(key, "sub-ann", "/providers/1") is None


def test_a_form_of_64_kilobytes_is_kept_and_a_larger_one_is_not(database: Database) -> None:
    forms = KeptForms(database)
    assert forms.keep("s", "/p", [("n", "é" * 32_767)], signed_out=True) is not None
    assert forms.keep("s", "/p", [("n", "é" * 32_768)], signed_out=True) is None
