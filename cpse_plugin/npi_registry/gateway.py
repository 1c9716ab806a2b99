"""What the plugin asks of the NPI Registry.

A look-up has three outcomes: an `NpiRecord` (which may say that the NPI is deactivated), `None` where the registry says
that it has no such NPI, and `RegistryUnavailable` where it could not be asked. Nothing may turn the third into the
second.
"""

from typing import Protocol

from ..domain.registry import NpiRecord


class NpiRegistry(Protocol):
    """A source of NPI records."""

    def look_up(self, npi: str) -> NpiRecord | None:
        """The registry's record of `npi`, which must be ten digits with a right check digit (`ValueError` otherwise).

        Raises `RegistryUnavailable` where the registry could not be asked or its answer cannot be read.
        """

    def ping(self) -> None:
        """Make sure that the registry answers; raises `RegistryUnavailable` where not."""


class RegistryUnavailable(Exception):
    """The registry could not be asked, or gave an answer that cannot be trusted; the text is for the log."""
