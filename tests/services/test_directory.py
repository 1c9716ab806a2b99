"""The import of the county's providers from an export of its Preschool database."""

from pathlib import Path

import pytest
from flask import Flask

from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.domain.providers import Address, Profile, ProviderType
from cpse_plugin.services.directory import ImportResult
from cpse_plugin.services.directory_file import COLUMNS
from cpse_plugin.services.directory_text import DirectoryError
from cpse_plugin.services.providers import ListQuery
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.databases import Databases
from tests.world import EDITOR, by_number, parts_of

HEADER = "county_provider_id,name,type,npi,sed_code,address_line1,city,state,postal_code,phone,uses_portal"
GOOD = "P-1,Small Steps,agency,1999101045,049931880104,1 Main St,Larkspur,NY,12895,518-555-0100,yes"
ELEVEN_DIGITS = "An SED code has 12 digits; this one has 11. A leading zero may be lost."


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


def faults(county: Parts, export: Path) -> list[str]:
    """What the import says of a file that it refuses."""
    with pytest.raises(DirectoryError) as refused:
        county.directory.import_file(export)
    return str(refused.value).splitlines()


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


@pytest.mark.parametrize("header", ["county_provider_id,name", HEADER.replace(",phone", "").replace(",city", "")])
def test_a_column_that_is_missing_leaves_the_field_as_it_is(county: Parts, export: Path, header: str) -> None:
    county.directory.import_file(write(export, GOOD))
    before = by_number(county, "P-1")
    here = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    row = ",".join(here[column] for column in header.split(","))
    assert county.directory.import_file(write(export, row, header=header)) == ImportResult(0, 0, 1)
    assert by_number(county, "P-1") == before


def test_an_empty_cell_empties_the_field(county: Parts, export: Path) -> None:
    county.directory.import_file(write(export, GOOD))
    header = "county_provider_id,name,address_line1,phone"
    assert county.directory.import_file(write(export, "P-1,Small Steps,,", header=header)) == ImportResult(0, 1, 0)
    provider = by_number(county, "P-1")
    assert provider.address == Address("", "Larkspur", "NY", "12895")
    assert provider.phone is None


def test_empty_cells_at_the_end_of_a_row_may_be_left_out(county: Parts, export: Path) -> None:
    county.directory.import_file(write(export, GOOD))
    assert county.directory.import_file(write(export, GOOD.removesuffix(",518-555-0100,yes"))) == ImportResult(0, 1, 0)
    assert by_number(county, "P-1").phone is None


def test_columns_without_a_name_and_without_a_cell_do_not_matter(county: Parts, export: Path) -> None:
    assert county.directory.import_file(write(export, f"{GOOD},, ,", header=f"{HEADER},,")).added == 1


def test_a_provider_that_is_not_in_a_later_export_stays(county: Parts, export: Path) -> None:
    county.directory.import_file(write(export, GOOD))
    before = by_number(county, "P-1")
    assert county.directory.import_file(write(export, "P-2,Only a Name,,,,,,,,,")) == ImportResult(1, 0, 0)
    assert by_number(county, "P-1") == before


@pytest.mark.parametrize(
    ("cell", "uses_portal"),
    [(word, True) for word in ("yes", "YES", "y", "true", "True", "1")]
    + [(word, False) for word in ("no", "No", "N", "false", "FALSE", "0", "", " ")],
)
def test_yes_and_no_may_be_written_in_several_ways(county: Parts, export: Path, cell: str, uses_portal: bool) -> None:
    county.directory.import_file(write(export, GOOD.replace(",yes", f",{cell}")))
    assert by_number(county, "P-1").profile.uses_portal is uses_portal


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",No Number,,,,,,,,,", "line 3: county_provider_id is empty"),
        ("P-2,,,,,,,,,,", "line 3: name is empty"),
        (
            "P-2,Name,agency,1999101046,,,,,,,",
            "line 3: npi 1999101046: The check digit is wrong: one of the ten digits was mistyped.",
        ),
        (
            "P-2,Name,agency,,49931880104,,,,,,",
            f"line 3: sed_code 49931880104: {ELEVEN_DIGITS} Did you mean 049931880104?",
        ),
        ("P-2,Name,school,,,,,,,,", "line 3: type school: A Provider Type is agency or individual."),
        ("P-2,Name,,,,,,,,,maybe", "line 3: uses_portal maybe: This is neither yes nor no."),
        ("P-2,Name,,,,,,,,,x", "line 3: uses_portal x: This is neither yes nor no."),
        ("P-2,Name,,,,,,,,,ja", "line 3: uses_portal ja: This is neither yes nor no."),
        ("P-1,Name,,,,,,,,,", "line 3: county_provider_id P-1 was there before, on line 2"),
        (
            f"{'P' * 65},Name,,,,,,,,,",
            "line 3: county_provider_id 'PPPPPPPPPPPP...PPPPPPPPPPPPP' is longer than 64 characters",
        ),
        (f"P-2,{'N' * 201},,,,,,,,,", "line 3: name 'NNNNNNNNNNNN...NNNNNNNNNNNNN' is longer than 200 characters"),
        (
            "P-2,Name,,,,,Albany,New York,,,",
            "line 3: state New York: A State has two letters, such as NY. Did you mean NY?",
        ),
        (
            "P-2,Name,,,,4 Quarry Lane, Suite 2,Larkspur,NY,12895,518-555-0100,yes",
            "line 3: 'yes' is in no column of the header; a cell with a separator in it needs quotes",
        ),
        ('P-2,"Name" quoted wrongly,,,,,,,,,', "line 3: ',' expected after '\"'"),
        ('P-2,"Name never closed\n\n\n,,,,,,,,,', "line 3: unexpected end of data"),
    ],
)
def test_a_bad_row_is_named_and_nothing_of_the_export_comes_in(
    county: Parts, export: Path, row: str, message: str
) -> None:
    assert faults(county, write(export, GOOD, row)) == [message]
    assert count(county) == 0


@pytest.mark.parametrize(
    ("column", "cell"),
    [("uses_portal", "maybe"), ("type", "school"), ("npi", "1999101046"), ("sed_code", "4993188010")],
)
def test_a_bad_cell_is_refused_for_a_provider_that_is_there_already(
    county: Parts, export: Path, column: str, cell: str
) -> None:
    county.directory.import_file(write(export, GOOD))
    row = f"P-1,Renamed,{cell}"
    (fault,) = faults(county, write(export, row, header=f"county_provider_id,name,{column}"))
    assert fault.startswith(f"line 2: {column} {cell}: ")
    assert by_number(county, "P-1").name == "Small Steps"


def test_the_line_is_the_one_on_which_the_row_begins(county: Parts, export: Path) -> None:
    two_lines = GOOD.replace("Small Steps", '"Small\nSteps"')
    bad = 'P-2,"Name\nin three\nlines",school,,,,,,,,'
    assert faults(county, write(export, two_lines, "", "", bad, "P-3,,,,,,,,,,")) == [
        "line 6: type school: A Provider Type is agency or individual.",
        "line 9: name is empty",
    ]


def test_every_fault_is_told(county: Parts, export: Path) -> None:
    found = faults(county, write(export, ",,school,,,,,,,,ja", GOOD, "P-2,,,,,,,,,,", 'P-3,"Name" quoted wrongly'))
    assert found == [
        "line 2: county_provider_id is empty",
        "line 2: name is empty",
        "line 2: type school: A Provider Type is agency or individual.",
        "line 2: uses_portal ja: This is neither yes nor no.",
        "line 4: name is empty",
        "line 5: ',' expected after '\"'",
    ]
    assert count(county) == 0


@pytest.mark.parametrize(("bad", "last"), [(20, "line 22: name is empty"), (21, "and 1 more"), (500, "and 480 more")])
def test_after_twenty_faults_the_rest_is_counted(county: Parts, export: Path, bad: int, last: str) -> None:
    found = faults(county, write(export, GOOD, *(f"P-{number},,,,,,,,,," for number in range(2, bad + 2))))
    assert found[:20] == [f"line {line}: name is empty" for line in range(3, 23)]
    assert found[-1] == last
    assert len(found) == min(bad, 21)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("county_provider_id", ["the header has no column name"]),
        ("", ["the header has no column county_provider_id, name"]),
        (
            "county_provider_id,name,fax,adress_line1",
            [f"unknown in the header: fax, adress_line1; the columns are {', '.join(COLUMNS)}"],
        ),
        (
            "county_provider_id,Name",
            ["the header has no column name", f"unknown in the header: Name; the columns are {', '.join(COLUMNS)}"],
        ),
        ("county_provider_id,name,phone,phone", ["the header has the column phone more than once"]),
    ],
)
def test_a_wrong_header_is_told(county: Parts, export: Path, header: str, expected: list[str]) -> None:
    row = ",".join("P-1" for _ in header.split(",")) if header else ""
    assert faults(county, write(export, row, header=header)) == expected
    assert count(county) == 0


def test_the_command_says_what_it_did_and_what_is_wrong(
    make_intranet: MakeIntranet, databases: Databases, export: Path
) -> None:
    app: Flask = make_intranet(databases.fresh(empty=True))
    runner = app.test_cli_runner()
    done = runner.invoke(args=["cpse", "providers", "import", str(write(export, GOOD))])
    assert (done.exit_code, done.output) == (
        0,
        "1 new, 0 changed, 0 unchanged, 0 refused.\n1 added, 0 updated, 0 unchanged.\n",
    )
    refused = runner.invoke(args=["cpse", "providers", "import", str(write(export, GOOD, ",,agency,,,,,,,,"))])
    assert refused.exit_code == 1
    assert refused.output == (
        "0 new, 0 changed, 1 unchanged, 1 refused.\n"
        f"Error: {export} cannot be used, and nothing was changed:\n"
        "line 3: county_provider_id is empty\n"
        "line 3: name is empty\n"
    )
