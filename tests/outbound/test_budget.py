"""A piece of work has one time budget, whatever it does within."""

import pytest
from flask import Flask

from cpse_plugin.outbound import budget
from cpse_plugin.outbound.budget import (
    Budget,
    current_budget,
    is_silent,
    note_silence,
    seconds_left,
    time_budget,
)
from cpse_plugin.outbound.deadline import seconds_allowed, time_limit

PORTAL = "https://portal.example/v1"


def test_a_limit_ends_with_the_budget_and_never_later() -> None:
    with time_budget(5), time_limit(60) as limit:
        assert limit.remaining <= 5
        with time_limit(60) as inner:
            assert inner.remaining <= 5
        with time_limit(1) as inner:
            assert inner.remaining <= 1


def test_a_wait_outside_of_any_call_ends_with_the_budget_too() -> None:
    assert seconds_allowed(60) == 60
    with time_budget(5):
        allowed = seconds_allowed(60)
        assert allowed is not None
        assert allowed <= 5
    with time_budget(0), pytest.raises(TimeoutError):
        seconds_allowed(60)


def test_what_is_left_after_the_calls_is_for_the_database() -> None:
    before = budget.enter(Budget.of_request())
    try:
        left = seconds_left()
        assert left is not None
        with time_limit(600) as limit:
            assert left > limit.remaining
    finally:
        budget.enter(before)
    assert seconds_left() is None


def test_a_request_remembers_who_gave_no_answer_and_a_command_does_not() -> None:
    before = budget.enter(Budget.of_request())
    try:
        note_silence(PORTAL)
        assert is_silent(PORTAL)
        assert not is_silent("https://another.example/")
        with time_budget(5):
            note_silence(PORTAL)
            assert not is_silent(PORTAL)
    finally:
        budget.enter(before)
    assert not is_silent(PORTAL)


def test_each_request_has_a_budget_of_its_own_and_leaves_none_behind(intranet: Flask) -> None:
    seen: list[Budget | None] = []

    @intranet.before_request
    def look() -> None:
        seen.append(current_budget())

    client = intranet.test_client()
    for _ in range(2):
        assert client.get("/cpse/providers").status_code == 200
        assert current_budget() is None
    first, second = seen
    assert first is not None
    assert second is not None
    assert first is not second
    # A page of the host's own has none.
    client.get("/nowhere")
    assert seen[2] is None


def test_a_request_that_fails_leaves_none_behind(intranet: Flask) -> None:
    @intranet.before_request
    def fail() -> None:
        raise RuntimeError("the host's own fault")

    assert intranet.test_client().get("/cpse/providers").status_code == 500
    assert current_budget() is None
