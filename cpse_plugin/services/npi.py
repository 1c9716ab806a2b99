"""The look-up of the name that belongs to an NPI."""

import logging
from dataclasses import dataclass
from enum import StrEnum

from ..domain.access import Action, Staff, require
from ..domain.identifiers import IdentifierCheck, check_npi
from ..domain.providers import ProviderType
from ..domain.registry import NpiRecord, kind_expected
from ..npi_registry.gateway import NpiRegistry, RegistryUnavailable

_log = logging.getLogger("cpse_plugin.npi_registry")


class NpiOutcome(StrEnum):
    """What came of a look-up, told apart all the way to the screen."""

    MALFORMED = "malformed"
    FOUND = "found"
    WRONG_KIND = "wrong-kind"
    DEACTIVATED = "deactivated"
    NOT_FOUND = "not-found"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class NpiAnswer:
    """A look-up's outcome; `record` is there where the registry has one, `check` says what is wrong with the digits."""

    check: IdentifierCheck
    outcome: NpiOutcome
    record: NpiRecord | None = None


class NpiLookUp:
    """Looks an NPI up and says what the answer means for a provider of a type."""

    def __init__(self, registry: NpiRegistry) -> None:
        self._registry = registry

    def look_up(self, text: str, provider_type: ProviderType | None, staff: Staff) -> NpiAnswer:
        """Look up the NPI as typed; the registry is asked only where its check digit is right."""
        require(staff, Action.VIEW)
        check = check_npi(text)
        if not check.valid:
            return NpiAnswer(check, NpiOutcome.MALFORMED)
        try:
            record = self._registry.look_up(check.value)
        except RegistryUnavailable as error:
            _log.warning("NPI %s could not be looked up: %s", check.value, error)
            return NpiAnswer(check, NpiOutcome.UNAVAILABLE)
        if record is None:
            return NpiAnswer(check, NpiOutcome.NOT_FOUND)
        if not record.active:
            return NpiAnswer(check, NpiOutcome.DEACTIVATED, record)
        expected = kind_expected(provider_type)
        wrong = expected is not None and record.kind is not None and record.kind is not expected
        return NpiAnswer(check, NpiOutcome.WRONG_KIND if wrong else NpiOutcome.FOUND, record)
