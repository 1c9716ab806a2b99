"""What an import says before it writes anything: respelled numbers, who is missing, who may be there twice."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from cpse_plugin.models import ProviderRow
from cpse_plugin.services.directory_text import DirectoryError
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.databases import Databases
from tests.world import by_number, parts_of

HEADER = "county_provider_id,name,npi,sed_code"
KNOWN = ("1001,Small Steps,1999101045,049931880104", "TC-7,Ortiz Ana,,", "0042,Willow,,")


@pytest.fixture
def intranet(make_intranet: MakeIntranet, databases: Databases, export: Path) -> Flask:
    """A county with three providers."""
    app = make_intranet(databases.fresh(empty=True))
    assert parts_of(app).directory.import_file(write(export, *KNOWN)).added == len(KNOWN)
    return app


@pytest.fixture
def county(intranet: Flask) -> Parts:
    return parts_of(intranet)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return tmp_path / "export.csv"


def write(export: Path, *rows: str) -> Path:
    export.write_text("\n".join((HEADER, *rows)), encoding="utf-8")
    return export


def numbers(county: Parts) -> list[str]:
    with county.database.read() as session:
        return sorted(session.scalars(select(ProviderRow.county_provider_id)))


def test_another_spelling_of_a_known_number_is_no_new_provider(county: Parts, export: Path) -> None:
    before = numbers(county)
    for number, known in [
        ("01001", "1001"),
        ("1001.0", "1001"),
        ("10 01", "1001"),
        ("\uff11\uff10\uff10\uff11", "1001"),
        ("tc-7", "TC-7"),
        ("TC-07", "TC-7"),
        ("TC -7", "TC-7"),
        ("42", "0042"),
        ("42.0", "0042"),
    ]:
        with pytest.raises(DirectoryError) as refused:
            county.directory.import_file(write(export, *KNOWN, f"{number},Somebody,,"))
        expected = f"line 5: county_provider_id {number} is no new one: the county's record has it as {known}"
        assert str(refused.value) == expected
    assert numbers(county) == before


def test_two_spellings_in_one_file_are_refused(county: Parts, export: Path) -> None:
    with pytest.raises(DirectoryError) as refused:
        county.directory.import_file(write(export, "2002,Somebody,,", "02002,Somebody,,"))
    assert str(refused.value) == ("line 3: county_provider_id 02002 is no new one: the file has it before as 2002")


def test_a_new_number_with_a_spreadsheets_decimals_is_refused(county: Parts, export: Path) -> None:
    with pytest.raises(DirectoryError, match=r"county_provider_id 2002\.0 .* Did you mean 2002\?"):
        county.directory.import_file(write(export, "2002.0,Somebody,,"))


def test_what_is_known_in_its_own_spelling_goes_on(county: Parts, export: Path) -> None:
    assert county.directory.import_file(write(export, *KNOWN)).unchanged == len(KNOWN)
    assert county.directory.import_file(write(export, "12.05,Somebody,,", "12.5,Somebody Else,,")).added == 2


def test_who_is_missing_and_who_may_be_there_twice_is_said_before_anything_is_written(
    county: Parts, export: Path
) -> None:
    write(
        export,
        "0042,Willow,,",
        "A-1,Another Name,1999101045,",
        "A-2,Another Name Too,,049931880104",
        "A-3,SMALL  STEPS,,",
        "A-4,Nobody Like It,1999101011,",
    )
    before = numbers(county)
    report = county.directory.examine(export)
    assert report.missing == [("1001", "Small Steps"), ("TC-7", "Ortiz Ana")]
    assert [(double.new.county_provider_id, double.shared, double.known_id) for double in report.doubles] == [
        ("A-1", "NPI", "1001"),
        ("A-2", "SED code", "1001"),
        ("A-3", "name", "1001"),
    ]
    assert (len(report.new), len(report.changed), report.unchanged) == (4, 0, 1)
    assert numbers(county) == before


def test_a_row_that_is_refused_is_not_missing(county: Parts, export: Path) -> None:
    report = county.directory.examine(write(export, *KNOWN[1:], "1001,Small Steps,12,"))
    assert [str(fault) for fault in report.refused] == ["line 4: npi 12: 8 more digits needed."]
    assert report.missing == []


def test_a_dry_run_says_all_of_it_and_writes_nothing(intranet: Flask, county: Parts, export: Path) -> None:
    write(export, "0042,Willow Bend,,", "A-1,Ortiz Ana,1999101045,", "A-2,Somebody,,")
    before = numbers(county)
    done = intranet.test_cli_runner().invoke(args=["cpse", "providers", "import", "--dry-run", str(export)])
    assert done.exit_code == 0
    assert done.output.splitlines() == [
        "2 new, 1 changed, 0 unchanged, 0 refused.",
        "2 known providers not in the file; nothing is changed there:",
        "  1001 Small Steps",
        "  TC-7 Ortiz Ana",
        "1 new provider with the NPI of a known one:",
        "  line 3: A-1 Ortiz Ana, known as 1001 Small Steps",
        "1 new provider with the name of a known one:",
        "  line 3: A-1 Ortiz Ana, known as TC-7 Ortiz Ana",
        "This was a dry run: nothing was changed.",
    ]
    assert numbers(county) == before
    assert by_number(county, "0042").name == "Willow"


def test_an_import_says_the_same_before_it_writes(intranet: Flask, county: Parts, export: Path) -> None:
    write(export, *KNOWN[1:], *(f"A-{number},Small Steps,," for number in range(25)))
    done = intranet.test_cli_runner().invoke(args=["cpse", "providers", "import", str(export)])
    lines = done.output.splitlines()
    assert lines[0] == "25 new, 0 changed, 2 unchanged, 0 refused."
    assert "25 new providers with the name of a known one:" in lines
    assert lines[-2:] == ["  and 5 more", "25 added, 0 updated, 2 unchanged."]


def test_a_dry_run_fails_where_the_import_would(intranet: Flask, county: Parts, export: Path) -> None:
    write(export, "A-1,Somebody,12,", "01001,Small Steps,,")
    done = intranet.test_cli_runner().invoke(args=["cpse", "providers", "import", "--dry-run", str(export)])
    assert done.exit_code == 1
    assert "line 2: npi 12: 8 more digits needed.\nline 3: county_provider_id 01001 is no new one" in done.output


def test_what_changed_since_the_report_is_refused_too(county: Parts, export: Path) -> None:
    """Two imports at once: the second one finds what the first one brought in."""
    report = county.directory.examine(write(export, "2002,Somebody,,"))
    county.directory.import_file(write(export, "02002,Somebody,,"))
    with pytest.raises(DirectoryError, match="is no new one: the county's record has it as 02002"):
        county.directory.carry_out(report)
