"""What is known before a provider is sent agrees with the contract with the Portal."""

from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from cpse_plugin.domain import contract
from cpse_plugin.domain.contract import contract_faults, values_of
from cpse_plugin.domain.portal_records import NewPortalProvider
from cpse_plugin.domain.providers import Address, ProviderType

ADDRESS = Address("1 River Rd", "Troy", "NY", "12180", None)
PROVIDER = NewPortalProvider(
    "TC-1", "Bright Harbor", ProviderType.AGENCY, "1999101011", "499310101010", ADDRESS, "518 555 0100"
)


def schema(pointer: str) -> dict[str, Any]:
    """The contract's schema of a value."""
    schemas = yaml.safe_load(files("cpse_plugin.portal").joinpath("openapi.yaml").read_text())["components"]["schemas"]
    name = pointer.rpartition("/")[2]
    found = schemas["Address" if pointer.startswith("/address") else "NewProvider"]["properties"][name]
    while "oneOf" in found or "$ref" in found:
        found = found["oneOf"][0] if "oneOf" in found else schemas[found["$ref"].rpartition("/")[2]]
    return dict(found)


def test_the_bounds_are_the_contracts() -> None:
    for pointer in values_of(PROVIDER):
        asked = schema(pointer)
        pattern = contract._PATTERNS.get(pointer)
        assert asked.get("pattern") == (f"^{pattern[0].pattern}$" if pattern else None), pointer
        assert asked.get("maxLength") == contract._LONGEST.get(pointer), pointer


def test_a_provider_that_keeps_to_the_contract_has_no_fault() -> None:
    assert contract_faults(PROVIDER) == ()
    bare = replace(PROVIDER, npi=None, sed_code=None, address=None, phone=None)
    assert contract_faults(bare) == ()
    assert contract_faults(replace(PROVIDER, address=replace(ADDRESS, postal_code="12180-0001", line2="Suite 2"))) == ()


@pytest.mark.parametrize(
    ("pointer", "changes"),
    [
        ("/name", {"name": "x" * 201}),
        ("/name", {"name": ""}),
        ("/npi", {"npi": "3999101011"}),
        ("/sed_code", {"sed_code": "12"}),
        ("/phone", {"phone": "5" * 31}),
        ("/county_provider_id", {"county_provider_id": "x" * 65}),
        ("/address/line1", {"address": replace(ADDRESS, line1="")}),
        ("/address/line2", {"address": replace(ADDRESS, line2="x" * 101)}),
        ("/address/city", {"address": replace(ADDRESS, city="x" * 61)}),
        ("/address/state", {"address": replace(ADDRESS, state="ny")}),
        ("/address/state", {"address": replace(ADDRESS, state="")}),
        ("/address/postal_code", {"address": replace(ADDRESS, postal_code="2180")}),
        ("/address/postal_code", {"address": replace(ADDRESS, postal_code="121800001")}),
    ],
)
def test_each_value_that_does_not_is_named(pointer: str, changes: dict[str, Any]) -> None:
    (found,) = contract_faults(replace(PROVIDER, **changes))
    assert found.pointer == pointer
