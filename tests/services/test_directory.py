"""The import of the county's providers from an export of its Preschool database."""

from pathlib import Path

import pytest
from flask import Flask

from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.domain.providers import Address, Profile, ProviderType
from cpse_plugin.services.directory import DirectoryError, ImportResult
from cpse_plugin.services.providers import ListQuery
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.databases import Databases
from tests.world import EDITOR, by_number, parts_of

HEADER = "county_provider_id,name,type,npi,sed_code,address_line1,city,state,postal_code,phone,uses_portal"
GOOD = "P-1,Small Steps,agency,1999101045,049931880104,1 Main St,Larkspur,NY,12895,518-555-0100,yes"


@pytest.fixture
def county(make_intranet: MakeIntranet, databases: Databases) -> Parts:
    """A county without any provider yet."""
    return parts_of(make_intranet(databases.fresh(empty=True)))


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return tmp_path / "export.csv"


def write(export: Path, *rows: str, header: str = HEADER) -> Path:
    export.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return export


def count(county: Parts) -> int:
    return county.providers.page(ListQuery(), Staff("s", "S", None, Role.READER)).total


def test_new_providers_come_in_with_all_that_the_export_knows(county: Parts, export: Path) -> None:
    assert county.directory.import_file(write(export, GOOD, "P-2,Only a Name,,,,,,,,,")) == ImportResult(2, 0, 0)
    provider = by_number(county, "P-1")
    assert provider.name == "Small Steps"
    assert provider.profile == Profile(ProviderType.AGENCY, "1999101045", "049931880104", uses_portal=True)
    assert provider.address == Address("1 Main St", "Larkspur", "NY", "12895")
    assert provider.phone == "518-555-0100"
    bare = by_number(county, "P-2")
    assert (bare.profile, bare.address) == (Profile(None, None, None, uses_portal=False), None)


def test_the_same_export_again_changes_nothing(county: Parts, export: Path) -> None:
    county.directory.import_file(write(export, GOOD))
    before = by_number(county, "P-1")
    assert county.directory.import_file(export) == ImportResult(0, 0, 1)
    assert by_number(county, "P-1") == before


def test_a_later_export_rules_over_name_and_address_and_leaves_what_staff_have_set(county: Parts, export: Path) -> None:
    county.directory.import_file(write(export, GOOD))
    provider = by_number(county, "P-1")
    set_by_staff = Profile(ProviderType.INDIVIDUAL, "1999101052", None, uses_portal=False)
    county.providers.apply(provider.id, set_by_staff, version=provider.version, staff=EDITOR)
    later = GOOD.replace("Small Steps", "Small Steps, Renamed").replace("Larkspur", "Stillwell")
    later = later.replace("Small Steps, Renamed", '"Small Steps, Renamed"')
    assert county.directory.import_file(write(export, later)) == ImportResult(0, 1, 0)
    changed = by_number(county, "P-1")
    assert (changed.name, changed.address and changed.address.city) == ("Small Steps, Renamed", "Stillwell")
    assert changed.profile == set_by_staff
    found = county.providers.page(ListQuery(text="renamed"), EDITOR)
    assert [row.name for row in found.rows] == ["Small Steps, Renamed"]


def test_columns_may_stand_in_any_order_and_some_may_be_missing(county: Parts, export: Path) -> None:
    write(export, "Small Steps,P-1", header="\ufeffname,county_provider_id")
    assert county.directory.import_file(export).added == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",No Number,,,,,,,,,", "row 2: county_provider_id is empty"),
        ("P-2,,,,,,,,,,", "row 2: name is empty"),
        ("P-2,Name,agency,1999101046,,,,,,,", r"row 2: 1999101046 is no NPI \(check-digit\)"),
        ("P-2,Name,agency,,49931880104,,,,,,", r"row 2: 49931880104 is no 12-digit SED code \(too-short\)"),
        ("P-2,Name,school,,,,,,,,", "row 2: type school is neither agency nor individual"),
        ("P-1,Name,,,,,,,,,", "row 2: county_provider_id P-1 was there before"),
        (f"{'P' * 65},Name,,,,,,,,,", "row 2: county_provider_id is longer than 64 characters"),
        ("P-2,Name,,,,,Albany,New York,,,", "row 2: state 'New York' is longer than 2 characters"),
        ('P-2,"Name" quoted wrongly,,,,,,,,,', "line 3: "),
    ],
)
def test_a_bad_row_is_named_and_nothing_of_the_export_comes_in(
    county: Parts, export: Path, row: str, message: str
) -> None:
    with pytest.raises(DirectoryError, match=message):
        county.directory.import_file(write(export, GOOD, row))
    assert count(county) == 0


def test_a_missing_column_is_named(county: Parts, export: Path) -> None:
    with pytest.raises(DirectoryError, match="the header has no column name"):
        county.directory.import_file(write(export, "P-1", header="county_provider_id"))


def test_an_export_in_another_encoding_is_told(county: Parts, export: Path) -> None:
    export.write_bytes(f"{HEADER}\nP-1,Qui\xf1ones,,,,,,,,,\n".encode("latin-1"))
    with pytest.raises(DirectoryError, match="UTF-8"):
        county.directory.import_file(export)
    assert count(county) == 0


def test_the_command_says_what_it_did_and_what_is_wrong(
    make_intranet: MakeIntranet, databases: Databases, export: Path
) -> None:
    app: Flask = make_intranet(databases.fresh(empty=True))
    runner = app.test_cli_runner()
    done = runner.invoke(args=["cpse", "providers", "import", str(write(export, GOOD))])
    assert (done.exit_code, done.output) == (0, "1 added, 0 updated, 0 unchanged.\n")
    refused = runner.invoke(args=["cpse", "providers", "import", str(write(export, GOOD, ",No Number,,,,,,,,,"))])
    assert refused.exit_code == 1
    assert "row 2: county_provider_id is empty" in refused.output
