"""What belongs to a name in the local copy: suffixes, and the names under which organizations do business."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cpse_plugin.domain.identifiers import Npi
from cpse_plugin.npi_registry.copy import CopyError, LocalCopy, import_file, info_of, update_file
from cpse_plugin.npi_registry.gateway import NameQuery

from . import nppes_files as nppes
from .nppes_files import organization, other_names_of, person, row, text_of, zipped
from .test_copy_import import silent

JUNIOR, AGENCY, ELSEWHERE, GONE = "1841293990", "1205839255", "1306849450", "1999999984"
ROWS = [
    person(JUNIOR, "KELLOGG", "COLLINS", middle="--", prefix="DR.", suffix="JR.", credential="--", state="NY"),
    organization(AGENCY, "STEP BY STEP INC", other="BRIGHT STEPS", other_type="3", state="NY"),
    organization(ELSEWHERE, "HARBOR LLC", other="<UNAVAIL>", other_type="6", state="NY"),
    row(GONE, deactivated="11/10/2020"),
]
OTHERS = [
    (ELSEWHERE, "LITTLE HARBOR", "3"),
    (ELSEWHERE, "JOSÉ'S HARBOR", "3"),
    (ELSEWHERE, "OLD HARBOR", "4"),
    (ELSEWHERE, "HARBOR LLC", "3"),
    (GONE, "NOBODY", "3"),
]


@pytest.fixture
def copy(tmp_path: Path) -> LocalCopy:
    file = zipped(tmp_path / "in.zip", text_of(ROWS), other_names=other_names_of(OTHERS))
    import_file(file, tmp_path / "copy", searchable=True, progress=silent)
    return LocalCopy(tmp_path / "copy")


def known_as(copy: LocalCopy, npi: str) -> tuple[str, ...]:
    record = copy.look_up(Npi(npi)).record
    assert record is not None
    return (record.name, *record.doing_business_as)


def npis(copy: LocalCopy, name: str, state: str | None = None) -> list[str]:
    found = copy.search(NameQuery(name, state=state))
    assert found is not None
    return [record.npi for record in found.records]


def test_a_person_has_the_suffix_and_nothing_that_says_nothing(copy: LocalCopy) -> None:
    record = copy.look_up(Npi(JUNIOR)).record
    assert record is not None
    assert (record.full_name, record.credential) == ("COLLINS KELLOGG JR.", None)
    assert record.active


def test_an_organization_has_its_names_from_either_file(copy: LocalCopy) -> None:
    assert known_as(copy, AGENCY) == ("STEP BY STEP INC", "BRIGHT STEPS")
    assert known_as(copy, ELSEWHERE) == ("HARBOR LLC", "JOSÉ'S HARBOR", "LITTLE HARBOR")
    gone = copy.look_up(Npi(GONE)).record
    assert gone is not None
    assert (gone.active, gone.doing_business_as) == (False, ())


@pytest.mark.parametrize("code", ["", "1", "2", "4", "5", "6", "33"])
def test_no_other_kind_of_name_is_taken(tmp_path: Path, code: str) -> None:
    rows = [organization(AGENCY, "STEP BY STEP INC", other="STEPS", other_type=code)]
    file = zipped(tmp_path / "in.zip", text_of(rows), other_names=other_names_of([(AGENCY, "STEPS", code)]))
    import_file(file, tmp_path / "copy", progress=silent)
    assert known_as(LocalCopy(tmp_path / "copy"), AGENCY) == ("STEP BY STEP INC",)


def test_dates_and_a_name_stand_in_one_row(tmp_path: Path) -> None:
    dates = {"deactivated": "03/03/2021", "reactivated": "11/12/2022"}
    rows = [
        organization(AGENCY, "STEP INC", other="BRIGHT STEPS", other_type="3", **dates),
        person(JUNIOR, "KELLOGG", "COLLINS", suffix="III", **dates),
    ]
    import_file(zipped(tmp_path / "in.zip", text_of(rows)), tmp_path / "copy", progress=silent)
    copy = LocalCopy(tmp_path / "copy")
    assert known_as(copy, AGENCY) == ("STEP INC", "BRIGHT STEPS")
    for npi in (AGENCY, JUNIOR):
        record = copy.look_up(Npi(npi)).record
        assert record is not None
        assert (str(record.deactivated_on), str(record.reactivated_on)) == ("2021-03-03", "2022-11-12")


def test_a_search_finds_organizations_by_the_names_that_they_do_business_as(copy: LocalCopy) -> None:
    assert npis(copy, "bright steps") == npis(copy, "step by") == [AGENCY]
    assert npis(copy, "little harbor", "NY") == npis(copy, "jose s harbor") == npis(copy, "harbor llc") == [ELSEWHERE]
    assert npis(copy, "old harbor") == npis(copy, "nobody") == []
    assert npis(copy, "kellogg") == [JUNIOR]


def test_a_weeks_names_take_the_place_of_the_earlier_ones(tmp_path: Path, copy: LocalCopy) -> None:
    rows = [
        organization(AGENCY, "STEP BY STEP INC", state="NY"),
        organization(ELSEWHERE, "HARBOR LLC", other="<UNAVAIL>", other_type="6", state="NY"),
    ]
    others = other_names_of([(ELSEWHERE, "NEW HARBOR", "3")])
    update_file(zipped(tmp_path / "week.zip", text_of(rows), nppes.WEEKLY, others), tmp_path / "copy")
    assert known_as(copy, AGENCY) == ("STEP BY STEP INC",)
    assert known_as(copy, ELSEWHERE) == ("HARBOR LLC", "NEW HARBOR")
    assert npis(copy, "bright steps") == npis(copy, "little harbor") == npis(copy, "jose s harbor") == []
    assert npis(copy, "new harbor") == npis(copy, "harbor llc") == [ELSEWHERE]


@pytest.mark.parametrize("content", ['"NPI"\n', "", '"NPI","Name","Code"\n"1205839255","A","3"\n'])
def test_a_file_of_other_names_that_lacks_columns_leaves_the_old_copy(
    tmp_path: Path, copy: LocalCopy, content: str
) -> None:
    file = zipped(tmp_path / "next.zip", text_of(ROWS[:2]), other_names=content)
    with pytest.raises(CopyError, match="lacks columns"):
        import_file(file, tmp_path / "copy", progress=silent)
    assert known_as(copy, ELSEWHERE)[0] == "HARBOR LLC"


def test_a_damaged_file_of_other_names_leaves_the_old_copy(tmp_path: Path, copy: LocalCopy) -> None:
    file = zipped(tmp_path / "next.zip", text_of(ROWS[:2]), other_names=other_names_of(OTHERS * 50))
    whole = file.read_bytes()
    at = whole.rfind(nppes.OTHER_NAMES.encode(), 0, whole.find(b"PK\x01\x02")) + len(nppes.OTHER_NAMES) + 40
    file.write_bytes(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])
    with pytest.raises(CopyError, match="damaged"):
        import_file(file, tmp_path / "copy", progress=silent)
    assert known_as(copy, ELSEWHERE)[0] == "HARBOR LLC"


@pytest.fixture
def earlier(tmp_path: Path) -> LocalCopy:
    """A copy as the version before made it."""
    path = tmp_path / "copy"
    rows = [person(JUNIOR, "KELLOGG", "COLLINS", state="NY"), organization(AGENCY, "STEP INC", state="NY")]
    import_file(zipped(tmp_path / "in.zip", text_of(rows)), path, searchable=True, progress=silent)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'form'")
        connection.execute("DROP TABLE other_names")
    return LocalCopy(path)


def test_a_copy_of_the_version_before_is_read_searched_and_kept_up_to_date(tmp_path: Path, earlier: LocalCopy) -> None:
    assert known_as(earlier, AGENCY) == ("STEP INC",)
    assert npis(earlier, "kellogg") == [JUNIOR]
    rows = [person(JUNIOR, "KELLOGG", "COLLINS", suffix="JR.", state="NY"), organization(ELSEWHERE, "HARBOR LLC")]
    others = other_names_of([(ELSEWHERE, "LITTLE HARBOR", "3")])
    update_file(zipped(tmp_path / "week.zip", text_of(rows), nppes.WEEKLY, others), tmp_path / "copy")
    record = earlier.look_up(Npi(JUNIOR)).record
    assert record is not None
    assert record.full_name == "COLLINS KELLOGG JR."
    assert known_as(earlier, ELSEWHERE) == ("HARBOR LLC", "LITTLE HARBOR")
    # Those that no week has told of since are still without.
    info = info_of(tmp_path / "copy")
    assert info is not None
    assert not info.has_all_names


def test_a_copy_of_a_form_that_is_not_known_is_refused_with_what_to_do(tmp_path: Path, earlier: LocalCopy) -> None:
    with closing(sqlite3.connect(tmp_path / "copy")) as connection, connection:
        connection.execute("UPDATE meta SET value = '3' WHERE key = 'form'")
    with pytest.raises(CopyError, match="import it anew"):
        info_of(tmp_path / "copy")
