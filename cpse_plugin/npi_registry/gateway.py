"""What the plugin asks of the NPI Registry.

A look-up has three outcomes: an `NpiRecord` (which may say that the NPI is deactivated), `None` where the registry says
that it has no such NPI, and `RegistryUnavailable` where it could not be asked. Nothing may turn the third into the
second.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Protocol

from ..domain.identifiers import Npi
from ..domain.registry import NpiRecord, ProviderKind

MOST_FOUND = 50


class RegistryUnavailable(Exception):
    """The registry could not be asked, or gave an answer that cannot be trusted; the text is for the log."""


class RegistryBusy(RegistryUnavailable):
    """The registry was not asked, because too many other questions are waiting; a moment later there is room."""


class RegistryRefused(RegistryUnavailable):
    """The registry answered with errors instead of a record; `said` is what it said, for the person."""

    def __init__(self, text: str, said: str) -> None:
        super().__init__(text, said)
        self.said = said

    def __str__(self) -> str:
        return str(self.args[0])


class Source(StrEnum):
    """Where an answer comes from; the value is for the log and for people."""

    LOCAL_COPY = "local copy"
    CACHE = "cache"
    REGISTRY = "NPI Registry"


@dataclass(frozen=True, slots=True)
class RegistryAnswer:
    """What is known of an NPI: a record, or None where the source has no such NPI.

    `as_of` is the day that this is from. `outdated` says that a newer answer was wanted and could not be had.
    """

    record: NpiRecord | None
    source: Source
    as_of: date
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer of the registry as it was kept: the record or None, and the moment at which the registry was asked."""

    record: NpiRecord | None
    asked_at: datetime

    def answer(self, *, outdated: bool = False) -> RegistryAnswer:
        """The kept answer as an answer."""
        return RegistryAnswer(self.record, Source.CACHE, self.asked_at.astimezone(UTC).date(), outdated)


@dataclass(frozen=True, slots=True)
class NameQuery:
    """Whom to search for. Case, accents and punctuation do not count, and a name may be cut off behind two letters.

    `name` is a person's last name or an organization's name; with a `first_name` only individuals are meant. `state` is
    the code of two letters.
    """

    name: str
    first_name: str = ""
    state: str | None = None
    kind: ProviderKind | None = None


@dataclass(frozen=True, slots=True)
class NamesFound:
    """What a search by name found, the best first, at most `MOST_FOUND`; source and day as in `RegistryAnswer`."""

    records: Sequence[NpiRecord]
    source: Source
    as_of: date


class RegistryApi(Protocol):
    """The registry itself, asked over the network."""

    def look_up(self, npi: Npi) -> NpiRecord | None:
        """The registry's record of an NPI.

        Raises `RegistryUnavailable` where the registry could not be asked or its answer cannot be read.
        """

    def search(self, query: NameQuery) -> Sequence[NpiRecord]:
        """The providers of a name, the best first, at most `MOST_FOUND`. Raises `RegistryUnavailable`."""

    def ping(self) -> None:
        """Make sure that the registry answers; raises `RegistryUnavailable` where not."""


class RegistryCopy(Protocol):
    """The county's local copy of the registry's file. Without a usable file all of it raises `RegistryUnavailable`.

    An answer's day is that of the very file that it is from, which the next answer may not be from any more.
    """

    @property
    def as_of(self) -> date:
        """The day up to which the copy is complete."""

    def look_up(self, npi: Npi) -> RegistryAnswer:
        """The copy's record of an NPI, or that it has none."""

    def search(self, query: NameQuery) -> NamesFound | None:
        """The providers of a name, the best first, at most `MOST_FOUND`; None where the copy has no index of names."""


class AnswerCache(Protocol):
    """Keeps the registry's answers for all workers. It never fails: what it cannot read it does not have."""

    def get(self, npi: str) -> KeptAnswer | None:
        """The answer kept for an NPI, however old."""

    def put(self, npi: str, record: NpiRecord | None) -> None:
        """Keep what the registry has just answered, in place of an older answer."""


class CallBudget(Protocol):
    """How often the registry may be called."""

    def turn(self, patience: float) -> AbstractContextManager[None]:
        """Wait for a turn, `patience` seconds at the most, and hold it until the block ends. Raises `RegistryBusy`."""
