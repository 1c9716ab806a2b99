"""Calls that wait for other systems take a share of the threads, and nobody waits for a place."""

from contextlib import ExitStack

import pytest

from cpse_plugin.outbound import Bulkhead, NoPlace, Section


def taken(section: Section, stack: ExitStack) -> int:
    """Take places until there is none; says how many there were."""
    count = 0
    while True:
        try:
            stack.enter_context(section.place())
        except NoPlace:
            return count
        count += 1


@pytest.mark.parametrize(("places", "of_one"), [(2, 1), (4, 3), (10, 9)])
def test_one_system_leaves_a_place_for_the_others(places: int, of_one: int) -> None:
    bulkhead = Bulkhead(places)
    slow, other = bulkhead.section(), bulkhead.section()
    with ExitStack() as stack:
        assert taken(slow, stack) == of_one
        assert taken(other, stack) == places - of_one


def test_places_come_back_however_the_call_ended() -> None:
    bulkhead = Bulkhead(4)
    section = bulkhead.section()
    for _ in range(10):
        with pytest.raises(ValueError, match="odd"), section.place():
            raise ValueError("odd")
    with ExitStack() as stack:
        assert taken(section, stack) == 3
    with ExitStack() as stack:
        assert taken(bulkhead.section(), stack) == 3


def test_whoever_finds_no_place_takes_none() -> None:
    bulkhead = Bulkhead(3)
    first, second = bulkhead.section(), bulkhead.section()
    with ExitStack() as stack:
        assert taken(first, stack) == 2
        assert taken(second, stack) == 1
        for _ in range(5):
            with pytest.raises(NoPlace), second.place():
                pass
    with ExitStack() as stack:
        assert taken(second, stack) == 2
