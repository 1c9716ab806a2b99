"""What the contract of the CPSE Portal asks of a provider that is to be added, for saying so before it is sent."""

import re
from dataclasses import dataclass

from .portal_records import NewPortalProvider

# By the pointers and with the bounds of `NewProvider` and `Address` in `cpse_plugin/portal/openapi.yaml`.
_LONGEST = {
    "/name": 200,
    "/address/line1": 100,
    "/address/line2": 100,
    "/address/city": 60,
    "/phone": 30,
    "/county_provider_id": 64,
}
_REQUIRED = frozenset(_LONGEST) - {"/address/line2", "/phone"}
_PATTERNS = {
    "/npi": (re.compile(r"[12][0-9]{9}"), "must be ten digits, the first 1 or 2"),
    "/sed_code": (re.compile(r"[0-9]{12}"), "must be twelve digits"),
    "/address/state": (re.compile(r"[A-Z]{2}"), "must be two capital letters"),
    "/address/postal_code": (re.compile(r"[0-9]{5}(-[0-9]{4})?"), "must be five digits, or five, a hyphen and four"),
}
_MAY_BE_MISSING = frozenset({"/npi", "/sed_code"})


@dataclass(frozen=True, slots=True)
class ContractFault:
    """A value that the Portal will refuse; `pointer` is that of the request's JSON, `fault` goes on after its name."""

    pointer: str
    fault: str


def values_of(provider: NewPortalProvider) -> dict[str, str | None]:
    """What is sent of a provider, by the pointers that a refusal names it with."""
    values = {
        "/name": provider.name,
        "/type": provider.type.value,
        "/npi": provider.npi,
        "/sed_code": provider.sed_code,
        "/phone": provider.phone,
        "/county_provider_id": provider.county_provider_id,
    }
    address = provider.address
    if address is not None:
        for name in ("line1", "line2", "city", "state", "postal_code"):
            values[f"/address/{name}"] = getattr(address, name)
    return values


def contract_faults(provider: NewPortalProvider) -> tuple[ContractFault, ...]:
    """The values that do not keep to the contract, in the order in which they are shown."""
    found = ((pointer, _fault(pointer, value or "")) for pointer, value in values_of(provider).items())
    return tuple(ContractFault(pointer, fault) for pointer, fault in found if fault is not None)


def _fault(pointer: str, value: str) -> str | None:
    if pointer in _PATTERNS:
        pattern, words = _PATTERNS[pointer]
        is_missing = not value and pointer in _MAY_BE_MISSING
        return None if is_missing or pattern.fullmatch(value) else words
    if pointer in _REQUIRED and not value:
        return "must not be empty"
    longest = _LONGEST.get(pointer)
    return f"must have {longest} characters at most" if longest is not None and len(value) > longest else None
