"""The parts of a chain, kept in memory, for tests of the chain itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from cpse_plugin.domain.identifiers import Npi
from cpse_plugin.domain.registry import NpiRecord, ProviderKind
from cpse_plugin.npi_registry.gateway import (
    KeptAnswer,
    NameQuery,
    NamesFound,
    RegistryAnswer,
    RegistryUnavailable,
    Source,
)
from cpse_plugin.npi_registry.look_up import NpiChain
from cpse_plugin.outbound import Bulkhead, Section

NPI = "1234567893"
OTHER_NPI = "1245251222"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ANA = NpiRecord(NPI, ProviderKind.INDIVIDUAL, "ANA ORTIZ")


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        """Let time go by."""
        self.now += timedelta(**amount)


class Unlimited:
    """A budget for tests that are not about it."""

    @contextmanager
    def turn(self, patience: float) -> Iterator[None]:
        yield


@dataclass
class Registry:
    """The registry: knows some records, can be down, and remembers what it was asked."""

    records: dict[str, NpiRecord] = field(default_factory=dict)
    down: bool = False
    asked: list[str] = field(default_factory=list)
    searched: list[NameQuery] = field(default_factory=list)

    def look_up(self, npi: Npi) -> NpiRecord | None:
        self.asked.append(npi.digits)
        if self.down:
            raise RegistryUnavailable("down for maintenance")
        return self.records.get(npi.digits)

    def search(self, query: NameQuery) -> Sequence[NpiRecord]:
        self.searched.append(query)
        return tuple(self.records.values())

    def ping(self) -> None:
        self.look_up(Npi("1999999984"))


@dataclass
class Copy:
    """A local copy: without a file where `records` is None."""

    records: dict[str, NpiRecord] | None
    day: date = date(2026, 11, 9)
    has_names: bool = True

    @property
    def as_of(self) -> date:
        self._usable()
        return self.day

    def look_up(self, npi: Npi) -> RegistryAnswer:
        return RegistryAnswer(self._usable().get(npi.digits), Source.LOCAL_COPY, self.day)

    def search(self, query: NameQuery) -> NamesFound | None:
        found = tuple(self._usable().values())
        return NamesFound(found, Source.LOCAL_COPY, self.day) if self.has_names else None

    def _usable(self) -> dict[str, NpiRecord]:
        if self.records is None:
            raise RegistryUnavailable("there is no file")
        return self.records


@dataclass
class Cache:
    """Kept answers; `reads` counts how often anybody looked."""

    clock: Clock
    kept: dict[str, KeptAnswer] = field(default_factory=dict)
    reads: int = 0

    def get(self, npi: str) -> KeptAnswer | None:
        self.reads += 1
        return self.kept.get(npi)

    def put(self, npi: str, record: NpiRecord | None) -> None:
        self.kept[npi] = KeptAnswer(record, self.clock())


@dataclass
class Chain:
    """A chain with its parts in reach."""

    registry: Registry = field(default_factory=Registry)
    copy: Copy | None = None
    places: Section = field(default_factory=lambda: Bulkhead(100).section())
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.cache = Cache(self.clock)
        self.chain = NpiChain(
            self.registry,
            cache=self.cache,
            places=self.places,
            copy=self.copy,
            clock=self.clock,
        )
        self.look_up = self.chain.look_up
