"""The invented world holds together, and shows the cases that it is there to show."""

import csv
from collections import Counter
from typing import Any

import pytest

from cpse_plugin.domain.differences import MatchRule, Outcome, compare, match_rule
from cpse_plugin.domain.identifiers import is_npi
from cpse_plugin.domain.portal_records import PortalProvider, PortalStatus
from cpse_plugin.domain.providers import Address, CountyProvider, Profile, ProviderType, set_up_status
from cpse_plugin.domain.registry import ProviderKind, kind_expected
from cpse_plugin.sandbox.portal.store import utc_now
from cpse_plugin.sandbox.world import COUNTY_ID, World


@pytest.fixture(scope="module")
def county(world: World) -> dict[str, CountyProvider]:
    with world.county_providers.open(encoding="utf-8", newline="") as file:
        return {row["county_provider_id"]: _county_provider(row, world) for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def on_portal(world: World) -> list[PortalProvider]:
    return [_portal_provider(entry) for entry in world.portal["providers"]]


def test_every_identifier_is_well_formed(county: dict[str, CountyProvider], world: World) -> None:
    npis = [provider.profile.npi for provider in county.values() if provider.profile.npi]
    npis += [entry["npi"] for entry in world.portal["providers"] if entry["npi"]]
    npis += [*world.registry_npis, *world.registry_deactivated]
    assert [npi for npi in npis if not is_npi(npi)] == []
    sed_codes = [provider.profile.sed_code for provider in county.values() if provider.profile.sed_code]
    assert {len(code) for code in sed_codes if code.isdigit()} == {12}
    assert sum(code.startswith("0") for code in sed_codes) > 20


def test_nothing_is_there_twice(county: dict[str, CountyProvider], world: World) -> None:
    assert len(county) == 42
    for ids in (
        [entry["id"] for entry in world.portal["providers"]],
        [entry["id"] for entry in world.portal["invitations"]],
        [entry["username"] for entry in world.portal["admin_users"]],
        [entry["sub"] for entry in world.staff],
        world.registry_npis,
    ):
        assert [item for item, times in Counter(ids).items() if times > 1] == []


def test_what_refers_to_something_finds_it(county: dict[str, CountyProvider], world: World) -> None:
    ids = {entry["id"] for entry in world.portal["providers"]}
    assert {entry["provider_id"] for entry in world.portal["admin_users"] + world.portal["invitations"]} <= ids
    associated = {
        entry["associations"][COUNTY_ID]["county_provider_id"]: entry["id"]
        for entry in world.portal["providers"]
        if COUNTY_ID in entry["associations"]
    }
    assert associated.keys() <= county.keys()
    assert world.links.items() < associated.items()
    assert associated.keys() - world.links.keys() == {"TC-1019"}


@pytest.mark.parametrize(
    ("number", "rules"),
    [
        ("TC-1004", [MatchRule.BOTH]),
        ("TC-1005", [MatchRule.NPI]),
        ("TC-1006", [MatchRule.NPI]),
        ("TC-1007", [MatchRule.SED_CODE]),
        ("TC-1008", [MatchRule.SED_CODE]),
        ("TC-1010", [MatchRule.BOTH, MatchRule.NPI]),
        ("TC-1011", [MatchRule.NPI, MatchRule.BOTH]),
        ("TC-1012", [MatchRule.NPI, MatchRule.NPI]),
        ("TC-1018", [MatchRule.NPI]),
        ("TC-1021", []),
        ("TC-1022", []),
        ("TC-1024", []),
        ("TC-1027", [MatchRule.SED_CODE]),
        ("TC-1039", []),
        ("TC-1041", [MatchRule.NPI, MatchRule.SED_CODE]),
    ],
)
def test_the_matches_are_of_every_kind(
    county: dict[str, CountyProvider], on_portal: list[PortalProvider], number: str, rules: list[MatchRule]
) -> None:
    assert [rule for provider in on_portal if (rule := match_rule(county[number], provider))] == rules


@pytest.mark.parametrize(
    ("number", "differing"),
    [
        ("TC-1004", {}),
        ("TC-1005", {}),
        ("TC-1038", {}),
        ("TC-1031", {}),
        ("TC-1032", {}),
        ("TC-1033", {}),
        ("TC-1006", {"SED Code": Outcome.MISSING_ON_PORTAL}),
        ("TC-1007", {"NPI": Outcome.MISSING_ON_PORTAL}),
        ("TC-1008", {"NPI": Outcome.DIFFERENT}),
        ("TC-1009", {"Name": Outcome.DIFFERENT, "Address": Outcome.DIFFERENT, "Phone": Outcome.DIFFERENT}),
        ("TC-1027", {"NPI": Outcome.MISSING_IN_COUNTY}),
        ("TC-1028", {"Provider Type": Outcome.MISSING_IN_COUNTY}),
        ("TC-1035", {"Address": Outcome.MISSING_IN_COUNTY, "Phone": Outcome.MISSING_IN_COUNTY}),
        ("TC-1036", {"Address": Outcome.MISSING_ON_PORTAL, "Phone": Outcome.MISSING_ON_PORTAL}),
        ("TC-1040", {"Provider Type": Outcome.MISSING_ON_PORTAL}),
    ],
)
def test_the_differences_are_of_every_kind(
    county: dict[str, CountyProvider], on_portal: list[PortalProvider], number: str, differing: dict[str, Outcome]
) -> None:
    match = next(provider for provider in on_portal if match_rule(county[number], provider))
    assert {item.label: item.outcome for item in compare(county[number], match) if item.differs} == differing


@pytest.mark.parametrize(
    ("number", "fits"), [("TC-1004", True), ("TC-1005", True), ("TC-1025", False), ("TC-1026", False)]
)
def test_the_registry_has_npis_of_the_right_and_of_the_wrong_kind(
    county: dict[str, CountyProvider], world: World, number: str, fits: bool
) -> None:
    profile = county[number].profile
    kinds = {entry["number"]: ProviderKind(entry["enumeration_type"]) for entry in world.registry_results}
    assert (kinds[profile.npi] is kind_expected(profile.type)) == fits


def test_the_registry_lacks_what_it_is_to_lack(county: dict[str, CountyProvider], world: World) -> None:
    assert county["TC-1023"].profile.npi in world.registry_deactivated
    assert county["TC-1024"].profile.npi not in {*world.registry_npis, *world.registry_deactivated}
    assert "1999999984" not in world.registry_npis
    assert set(world.portal["npis_not_in_weekly_copy"]) <= set(world.registry_npis)


def test_there_is_staff_of_every_role(world: World) -> None:
    groups = [
        set(person["groups"]) & {"Preschool Readers", "Preschool Editors", "Preschool Inviters"}
        for person in world.staff
    ]
    assert sorted(sorted(names) for names in groups) == [
        [],
        ["Preschool Editors"],
        ["Preschool Inviters"],
        ["Preschool Readers"],
    ]


def _county_provider(row: dict[str, str], world: World) -> CountyProvider:
    address = None
    if row["city"]:
        address = Address(
            row["address_line1"], row["city"], row["state"], row["postal_code"], row["address_line2"] or None
        )
    profile = Profile(
        type=ProviderType(row["type"]) if row["type"] else None,
        npi=row["npi"] or None,
        sed_code=row["sed_code"] or None,
        uses_portal=row["uses_portal"] == "yes",
    )
    return CountyProvider(
        id=1,
        county_provider_id=row["county_provider_id"],
        name=row["name"],
        profile=profile,
        address=address,
        phone=row["phone"] or None,
        status=set_up_status(profile, linked=row["county_provider_id"] in world.links),
        version=1,
        updated_at=utc_now(),
        updated_by="import",
    )


def _portal_provider(entry: dict[str, Any]) -> PortalProvider:
    return PortalProvider(
        id=entry["id"],
        name=entry["name"],
        type=ProviderType(entry["type"]) if entry["type"] else None,
        npi=entry["npi"],
        sed_code=entry["sed_code"],
        address=Address(**entry["address"]) if entry["address"] else None,
        phone=entry["phone"],
        status=PortalStatus(entry["status"]),
        association=None,
        updated_at=utc_now(),
    )
