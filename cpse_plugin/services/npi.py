"""The look-up of the name that belongs to an NPI, and the search for the NPI that belongs to a name."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ..domain.access import Action, Staff, require
from ..domain.identifiers import Npi
from ..domain.providers import ProviderType
from ..domain.refusals import Refusal
from ..domain.registry import NpiRecord, kind_expected
from ..domain.text import clean_text
from ..npi_registry.gateway import (
    NameQuery,
    NamesFound,
    RegistryAnswer,
    RegistryBusy,
    RegistryRefused,
    RegistryUnavailable,
    Source,
)
from ..npi_registry.look_up import NpiChain, utc_now

_log = logging.getLogger("cpse_plugin.npi_registry")


class NpiOutcome(StrEnum):
    """What came of a look-up, told apart all the way to the screen."""

    MALFORMED = "malformed"
    FOUND = "found"
    REACTIVATED = "reactivated"
    WRONG_KIND = "wrong-kind"
    DEACTIVATED = "deactivated"
    NOT_FOUND = "not-found"
    NOT_IN_COPY = "not-in-copy"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class NpiAnswer:
    """A look-up's outcome; `record` is there where the source has one, `refusal` says why `npi` cannot be one.

    `source` and `as_of` say where the answer is from and of what day; `dated` is that day where it is not today's.
    `outdated` says that the registry was to be asked for a newer answer and could not be. `said` is an error in the
    registry's own words, where it answered with one.
    """

    npi: str
    outcome: NpiOutcome
    refusal: Refusal | None = None
    record: NpiRecord | None = None
    source: Source | None = None
    as_of: date | None = None
    dated: date | None = None
    outdated: bool = False
    said: str = ""


class NpiLookUp:
    """Looks an NPI up and says what the answer means for a provider of a type."""

    def __init__(self, chain: NpiChain, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._chain = chain
        self._clock = clock

    def look_up(self, text: str, provider_type: ProviderType | None, staff: Staff) -> NpiAnswer:
        """Look up the NPI as typed; the registry is asked only where its check digit is right."""
        require(staff, Action.VIEW)
        read = Npi.parse(text)
        if not isinstance(read, Npi):
            return NpiAnswer(clean_text(text, 40), NpiOutcome.MALFORMED, read)
        npi = read.digits
        try:
            found = self._chain.look_up(read)
        except RegistryBusy as error:
            _log.warning("NPI %s was not looked up: %s", npi, error)
            return NpiAnswer(npi, NpiOutcome.BUSY)
        except RegistryUnavailable as error:
            _log.warning("NPI %s could not be looked up: %s", npi, error)
            said = error.said if isinstance(error, RegistryRefused) else ""
            return NpiAnswer(npi, NpiOutcome.UNAVAILABLE, said=said)
        return NpiAnswer(
            npi,
            _outcome(found, provider_type),
            record=found.record,
            source=found.source,
            as_of=found.as_of,
            dated=found.as_of if found.as_of != self._clock().date() else None,
            outdated=found.outdated,
        )

    def search(self, query: NameQuery, staff: Staff) -> NamesFound:
        """The providers of a name, the best first. Raises `RegistryUnavailable` or its `RegistryBusy`."""
        require(staff, Action.VIEW)
        return self._chain.search(query)


def _outcome(found: RegistryAnswer, provider_type: ProviderType | None) -> NpiOutcome:
    record = found.record
    if record is None:
        # A copy does not know the NPIs that are newer than itself.
        return NpiOutcome.NOT_IN_COPY if found.source is Source.LOCAL_COPY else NpiOutcome.NOT_FOUND
    if not record.active:
        return NpiOutcome.DEACTIVATED
    expected = kind_expected(provider_type)
    if expected is not None and record.kind is not None and record.kind is not expected:
        return NpiOutcome.WRONG_KIND
    return NpiOutcome.REACTIVATED if record.reactivated_on else NpiOutcome.FOUND
