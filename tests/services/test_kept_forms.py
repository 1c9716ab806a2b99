"""What is kept of a person's forms is bounded, however many are sent."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from cpse_plugin.models import KeptFormRow
from cpse_plugin.services.database import now
from cpse_plugin.services.kept_forms import LARGEST, MOST, MOST_BYTES, KeptForms
from cpse_plugin.web.parts import Parts

PAGE = "/cpse/providers/1"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def forms(cpse: Parts) -> KeptForms:
    return KeptForms(cpse.database, clock=ticking())


def ticking() -> Callable[[], datetime]:
    """A clock that goes on by a second whenever somebody looks."""
    began, looks = now(), iter(range(10_000))
    return lambda: began + timedelta(seconds=next(looks))


def keep(forms: KeptForms, subject: str, typed: str) -> str:
    key = forms.keep(subject, PAGE, [("reason", typed)], signed_out=True)
    assert key is not None
    return key


def test_the_oldest_forms_of_a_person_make_room(forms: KeptForms, cpse: Parts) -> None:
    other = keep(forms, "sub-other", "mine")
    keys = [keep(forms, "sub-1", f"form {number}") for number in range(20)]
    with cpse.database.read() as session:
        assert len(session.scalars(select(KeptFormRow)).all()) == MOST + 1
    assert [forms.take(key, "sub-1", PAGE) is not None for key in keys] == [False] * (20 - MOST) + [True] * MOST
    assert forms.take(other, "sub-other", PAGE) is not None


def test_a_persons_forms_together_are_bounded_in_size(forms: KeptForms, cpse: Parts) -> None:
    large = "x" * (LARGEST - 100)
    keys = [keep(forms, "sub-1", large) for _ in range(4)]
    with cpse.database.read() as session:
        rows = session.scalars(select(KeptFormRow)).all()
        assert sum(len(value) for row in rows for _, value in row.fields) <= MOST_BYTES
    assert forms.take(keys[0], "sub-1", PAGE) is None
    assert forms.take(keys[-1], "sub-1", PAGE) is not None
