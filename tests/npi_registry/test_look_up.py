"""The chain behind every look-up: the nearest source that can answer does, and each answer says where it is from."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pytest

from cpse_plugin.domain.identifiers import Npi
from cpse_plugin.domain.registry import NpiRecord
from cpse_plugin.npi_registry.gateway import (
    NameQuery,
    RegistryAnswer,
    RegistryBusy,
    RegistryUnavailable,
    Source,
)
from cpse_plugin.outbound import Bulkhead, Section

from .chain import ANA, NPI, OTHER_NPI, Chain, Copy, Registry

TODAY = date(2026, 11, 23)
DEACTIVATED = NpiRecord(NPI, None, "", active=False)


def test_the_local_copy_answers_and_nothing_else_is_touched() -> None:
    full = Bulkhead(1).section()
    chain = Chain(Registry(down=True), Copy({NPI: ANA}), places=full)
    with full.place():
        assert chain.look_up(Npi(NPI)) == RegistryAnswer(ANA, Source.LOCAL_COPY, date(2026, 11, 9))
    assert chain.cache.reads == 0
    assert chain.registry.asked == []


def test_a_deactivated_npi_in_the_local_copy_is_an_answer() -> None:
    gone = replace(DEACTIVATED, deactivated_on=date(2020, 1, 31))
    chain = Chain(Registry(down=True), Copy({NPI: gone}))
    assert chain.look_up(Npi(NPI)).record == gone
    assert chain.registry.asked == []


def test_what_the_copy_does_not_have_the_registry_is_asked_for() -> None:
    chain = Chain(Registry({NPI: ANA}), Copy({}))
    assert chain.look_up(Npi(NPI)) == RegistryAnswer(ANA, Source.REGISTRY, TODAY)
    assert chain.look_up(Npi(NPI)) == RegistryAnswer(ANA, Source.CACHE, TODAY)
    assert chain.registry.asked == [NPI]


def test_without_a_copy_that_can_be_read_the_chain_goes_on() -> None:
    chain = Chain(Registry({NPI: ANA}), Copy(None))
    assert chain.look_up(Npi(NPI)).source is Source.REGISTRY
    chain.registry.down = True
    with pytest.raises(RegistryUnavailable):
        chain.look_up(Npi(OTHER_NPI))


@pytest.mark.parametrize(
    ("record", "hours"), [(ANA, 24), (DEACTIVATED, 24), (None, 1)], ids=["found", "deactivated", "not found"]
)
def test_an_answer_is_kept_as_long_as_it_is_fresh(record: NpiRecord | None, hours: int) -> None:
    chain = Chain(Registry({NPI: record} if record else {}))
    chain.look_up(Npi(NPI))
    chain.clock.forward(hours=hours, seconds=-1)
    assert chain.look_up(Npi(NPI)).source is Source.CACHE
    chain.clock.forward(seconds=1)
    assert chain.look_up(Npi(NPI)).source is Source.REGISTRY
    assert chain.registry.asked == [NPI, NPI]


def test_a_new_answer_takes_the_place_of_the_kept_one() -> None:
    chain = Chain()
    assert chain.look_up(Npi(NPI)).record is None
    chain.registry.records[NPI] = ANA
    chain.clock.forward(hours=2)
    assert chain.look_up(Npi(NPI)).record == ANA
    chain.registry.down = True
    assert chain.look_up(Npi(NPI)).record == ANA


def test_an_answer_from_the_future_is_not_fresh() -> None:
    chain = Chain(Registry({NPI: ANA}))
    chain.look_up(Npi(NPI))
    chain.clock.forward(hours=-1)
    assert chain.look_up(Npi(NPI)).source is Source.REGISTRY


@pytest.mark.parametrize("record", [ANA, None])
def test_an_older_answer_is_shown_where_the_registry_cannot_be_asked(record: NpiRecord | None) -> None:
    chain = Chain(Registry({NPI: record} if record else {}))
    chain.look_up(Npi(NPI))
    chain.clock.forward(days=30)
    chain.registry.down = True
    assert chain.look_up(Npi(NPI)) == RegistryAnswer(record, Source.CACHE, TODAY, outdated=True)


def test_a_kept_answer_says_more_than_a_copy_without_the_npi() -> None:
    chain = Chain(Registry({NPI: ANA}), Copy({}))
    chain.look_up(Npi(NPI))
    chain.clock.forward(days=30)
    chain.registry.down = True
    assert chain.look_up(Npi(NPI)) == RegistryAnswer(ANA, Source.CACHE, TODAY, outdated=True)


def test_on_a_closed_network_a_missing_npi_is_missing_in_the_copy_of_a_day() -> None:
    chain = Chain(Registry(down=True), Copy({}))
    assert chain.look_up(Npi(NPI)) == RegistryAnswer(None, Source.LOCAL_COPY, date(2026, 11, 9), outdated=True)


def test_could_not_be_asked_is_never_kept() -> None:
    chain = Chain(Registry({NPI: ANA}, down=True))
    with pytest.raises(RegistryUnavailable, match="maintenance"):
        chain.look_up(Npi(NPI))
    chain.registry.down = False
    assert chain.look_up(Npi(NPI)).record == ANA


class HeldRegistry(Registry):
    """A registry that answers when it is told to."""

    def __init__(self) -> None:
        super().__init__({NPI: ANA, OTHER_NPI: ANA})
        self.arrived = threading.Semaphore(0)
        self.release = threading.Event()

    def look_up(self, npi: Npi) -> NpiRecord | None:
        self.asked.append(npi.digits)
        self.arrived.release()
        assert self.release.wait(10)
        if self.down:
            raise RegistryUnavailable("down for maintenance")
        return self.records.get(npi.digits)


class Askers:
    """Threads that look the same NPI up, and what came of each."""

    def __init__(self, chain: Chain, count: int) -> None:
        self.outcomes: list[object] = []
        self._chain = chain
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        try:
            self.outcomes.append(self._chain.look_up(Npi(NPI)).record)
        except RegistryUnavailable as error:
            self.outcomes.append(error)

    def join(self) -> None:
        """Wait for all of them."""
        for thread in self._threads:
            thread.join(10)


def waiting(chain: Chain, count: int) -> None:
    """Wait until so many look-ups have looked into the cache, which is what each does before it joins the others."""
    deadline = threading.Event()
    while chain.cache.reads < count:
        assert not deadline.wait(0.005)


def test_equal_look_ups_under_way_become_one_call() -> None:
    registry = HeldRegistry()
    chain = Chain(registry)
    askers = Askers(chain, 20)
    assert registry.arrived.acquire(timeout=10)
    # Twenty before they join, and the one that asks once more.
    waiting(chain, 21)
    registry.release.set()
    askers.join()
    assert askers.outcomes == [ANA] * 20
    assert registry.asked == [NPI]


def test_a_failure_is_the_outcome_of_all_who_waited_and_of_nobody_after_them() -> None:
    registry = HeldRegistry()
    registry.down = True
    chain = Chain(registry)
    askers = Askers(chain, 5)
    assert registry.arrived.acquire(timeout=10)
    waiting(chain, 6)
    registry.release.set()
    askers.join()
    assert [str(error) for error in askers.outcomes] == ["down for maintenance"] * 5
    assert len({id(error) for error in askers.outcomes}) == 5
    registry.down = False
    assert chain.look_up(Npi(NPI)).record == ANA


class WatchedSection(Section):
    """A section that tells when a place was taken."""

    def __init__(self, bulkhead: Bulkhead, at_most: int) -> None:
        super().__init__(bulkhead, at_most)
        self.taken = threading.Semaphore(0)

    @contextmanager
    def place(self) -> Iterator[None]:
        with super().place():
            self.taken.release()
            yield


def test_beyond_the_places_a_look_up_is_busy_at_once() -> None:
    registry = HeldRegistry()
    section = WatchedSection(Bulkhead(4), 3)
    chain = Chain(registry, places=section)
    askers = Askers(chain, 3)
    for _ in range(3):
        assert section.taken.acquire(timeout=10)
    with pytest.raises(RegistryBusy):
        chain.look_up(Npi(OTHER_NPI))
    registry.release.set()
    askers.join()
    assert askers.outcomes == [ANA] * 3
    assert chain.look_up(Npi(OTHER_NPI)).record == ANA


def test_a_busy_look_up_shows_the_older_answer() -> None:
    section = Bulkhead(2).section()
    chain = Chain(Registry({NPI: ANA}), places=section)
    chain.look_up(Npi(NPI))
    chain.clock.forward(days=2)
    with section.place():
        assert chain.look_up(Npi(NPI)) == RegistryAnswer(ANA, Source.CACHE, TODAY, outdated=True)
    assert chain.registry.asked == [NPI]


QUERY = NameQuery("ORTIZ")


def test_a_search_is_answered_by_the_copy() -> None:
    chain = Chain(copy=Copy({NPI: ANA}))
    found = chain.chain.search(QUERY)
    assert (list(found.records), found.source, found.as_of) == ([ANA], Source.LOCAL_COPY, date(2026, 11, 9))
    assert chain.registry.searched == []


@pytest.mark.parametrize("copy", [None, Copy(None), Copy({NPI: ANA}, has_names=False)])
def test_a_search_goes_to_the_registry_without_a_copy_that_has_names(copy: Copy | None) -> None:
    chain = Chain(Registry({NPI: ANA}), copy)
    found = chain.chain.search(QUERY)
    assert (list(found.records), found.source, found.as_of) == ([ANA], Source.REGISTRY, TODAY)
    assert chain.registry.searched == [QUERY]


def test_a_search_takes_a_place_too() -> None:
    section = Bulkhead(2).section()
    chain = Chain(places=section)
    with section.place(), pytest.raises(RegistryBusy):
        chain.chain.search(QUERY)


@pytest.mark.parametrize("copy", [None, Copy(None)])
def test_ping_asks_the_registry_where_no_copy_answers(copy: Copy | None) -> None:
    chain = Chain(Registry(down=True), copy)
    with pytest.raises(RegistryUnavailable):
        chain.chain.ping()
    chain.registry.down = False
    chain.chain.ping()


def test_ping_leaves_a_registry_alone_that_has_just_answered() -> None:
    chain = Chain(Registry({NPI: ANA}))
    chain.look_up(Npi(NPI))
    chain.chain.ping()
    chain.clock.forward(seconds=14)
    chain.chain.ping()
    assert chain.registry.asked == [NPI]
    chain.registry.down = True
    chain.clock.forward(seconds=1)
    with pytest.raises(RegistryUnavailable):
        chain.chain.ping()


def test_with_a_copy_look_ups_are_in_good_health_on_a_closed_network() -> None:
    Chain(Registry(down=True), Copy({})).chain.ping()
