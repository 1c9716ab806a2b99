"""The county's and the Portal's record side by side."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cpse_plugin.domain.differences import MatchRule, Outcome, compare, match_rule
from cpse_plugin.domain.portal_records import PortalProvider, PortalStatus
from cpse_plugin.domain.providers import Address, CountyProvider, Profile, ProviderType, SetUpStatus
from tests.written_values import EveryIdentifier, Written

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADDRESS = Address("1 Main Street", "Albany", "NY", "12207")
COUNTY = CountyProvider(
    id=1,
    county_provider_id="17",
    name="Step by Step, Inc.",
    profile=Profile(ProviderType.AGENCY, "1234567893", "010100010000", uses_portal=True),
    address=ADDRESS,
    phone="(518) 555-0100",
    status=SetUpStatus.NOT_LINKED,
    version=1,
    updated_at=NOW,
    updated_by="pat",
)
PORTAL = PortalProvider(
    id="prv_1",
    name="STEP BY STEP INC",
    type=ProviderType.AGENCY,
    npi="1234567893",
    sed_code="010100010000",
    address=Address("1 MAIN STREET", "ALBANY", "NY", "12207-1234"),
    phone="1-518-555-0100",
    status=PortalStatus.ACTIVE,
    association=None,
    updated_at=NOW,
)


def outcomes(county: CountyProvider, portal: PortalProvider) -> dict[str, Outcome]:
    return {field.label: field.outcome for field in compare(county, portal)}


def test_another_way_of_writing_is_no_difference_and_shows_as_it_is() -> None:
    fields = compare(COUNTY, PORTAL)
    assert [field.label for field in fields] == ["Name", "Provider Type", "NPI", "SED Code", "Address", "Phone"]
    assert not any(field.differs for field in fields)
    assert (fields[0].county, fields[0].portal) == ("Step by Step, Inc.", "STEP BY STEP INC")
    assert fields[4].portal == "1 MAIN STREET, ALBANY, NY 12207-1234"
    assert fields[1].county == "Agency"


@pytest.mark.parametrize(
    ("label", "county", "portal"),
    [
        ("Name", replace(COUNTY, name="Step by Step 2"), PORTAL),
        ("Provider Type", COUNTY, replace(PORTAL, type=ProviderType.INDIVIDUAL)),
        ("NPI", COUNTY, replace(PORTAL, npi="1245251222")),
        ("SED Code", COUNTY, replace(PORTAL, sed_code="010100010034")),
        ("Address", replace(COUNTY, address=replace(ADDRESS, line2="Suite 2")), PORTAL),
        ("Address", replace(COUNTY, address=replace(ADDRESS, postal_code="12208")), PORTAL),
        (
            "Address",
            replace(COUNTY, address=replace(ADDRESS, postal_code="12207-9999")),
            PORTAL,
        ),
        ("Phone", replace(COUNTY, phone="518-555-0101"), PORTAL),
        ("Phone", replace(COUNTY, phone="none"), PORTAL),
    ],
)
def test_one_difference_is_told_and_no_other(label: str, county: CountyProvider, portal: PortalProvider) -> None:
    found = outcomes(county, portal)
    assert found.pop(label) is Outcome.DIFFERENT
    assert set(found.values()) == {Outcome.SAME}


EMPTY_PROFILE = Profile(None, None, None, uses_portal=True)
EMPTY_COUNTY = replace(COUNTY, profile=EMPTY_PROFILE, address=None, phone=None)
EMPTY_PORTAL = replace(PORTAL, type=None, npi=None, sed_code=None, address=None, phone=None)


@EveryIdentifier
def test_identifiers_are_compared_by_the_rule_by_which_they_are_read(written: Written) -> None:
    """What cannot be read is never the same as what was probably meant."""
    digits = "".join(character for character in written.text if character in "0123456789")
    ours = written.value or written.offer or digits or "1234567893"
    if written.field == "npi":
        label, profile, portal = "NPI", replace(COUNTY.profile, npi=ours), replace(PORTAL, npi=written.text)
    else:
        label = "SED Code"
        profile, portal = replace(COUNTY.profile, sed_code=ours), replace(PORTAL, sed_code=written.text)
    outcome = outcomes(replace(COUNTY, profile=profile), portal)[label]
    assert outcome is (Outcome.SAME if written.value or ours == written.text else Outcome.DIFFERENT)


@pytest.mark.parametrize(
    ("county", "portal", "outcome", "differs"),
    [
        (EMPTY_COUNTY, PORTAL, Outcome.MISSING_IN_COUNTY, True),
        (COUNTY, EMPTY_PORTAL, Outcome.MISSING_ON_PORTAL, True),
        (EMPTY_COUNTY, EMPTY_PORTAL, Outcome.MISSING_ON_BOTH, False),
    ],
)
def test_what_is_missing_is_told_apart_from_what_differs(
    county: CountyProvider, portal: PortalProvider, outcome: Outcome, differs: bool
) -> None:
    fields = compare(county, portal)
    assert fields[0].outcome is Outcome.SAME
    assert {field.outcome for field in fields[1:]} == {outcome}
    assert {field.differs for field in fields[1:]} == {differs}


def test_an_address_in_one_line_or_two_is_the_same() -> None:
    one = replace(COUNTY, address=replace(ADDRESS, line1="1 Main Street Suite 2"))
    two = replace(PORTAL, address=replace(ADDRESS, line2="Suite 2"))
    assert outcomes(one, two)["Address"] is Outcome.SAME


@pytest.mark.parametrize(
    ("npi", "sed_code", "rule"),
    [
        ("1234567893", "010100010000", MatchRule.BOTH),
        ("1234567893", None, MatchRule.NPI),
        (None, "010100010000", MatchRule.SED_CODE),
        ("1245251222", "010100010034", None),
        (None, None, None),
    ],
)
def test_why_a_provider_matches(npi: str | None, sed_code: str | None, rule: MatchRule | None) -> None:
    assert match_rule(COUNTY, replace(PORTAL, npi=npi, sed_code=sed_code)) is rule


def test_two_that_lack_both_identifiers_do_not_match() -> None:
    assert match_rule(EMPTY_COUNTY, EMPTY_PORTAL) is None
