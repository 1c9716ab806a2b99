"""The cells of an export: identifiers, contact values, and what programs write in place of a value."""

from pathlib import Path

import pytest

from cpse_plugin.services.directory_file import COLUMNS, DirectoryRecord, read_directory
from cpse_plugin.services.directory_text import DirectoryError
from tests.conftest import MakeIntranet
from tests.databases import Databases
from tests.world import by_number, parts_of
from tests.written_values import EveryIdentifier, Written

NO_VALUES = {
    "NULL",
    "#N/A",
    "nan",
    "None",
    "N/A",
    "-",
    "1.99910E+09",
    "#REF!",
    "\\N",
    "####",
    "null",
    "(null)",
    "1e+16",
}
GOOD = {
    "county_provider_id": "P-1",
    "name": "Small Steps",
    "type": "agency",
    "npi": "1999101045",
    "sed_code": "049931880104",
    "address_line1": "1 Main St",
    "address_line2": "Suite 2",
    "city": "Larkspur",
    "state": "NY",
    "postal_code": "12895",
    "phone": "518-555-0100",
    "uses_portal": "yes",
}


def quoted(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'


def write(folder: Path, *rows: dict[str, str]) -> Path:
    export = folder / "export.csv"
    lines = [",".join(quoted(row[column]) for column in COLUMNS) for row in rows]
    export.write_text("\n".join([",".join(COLUMNS), *lines]), encoding="utf-8")
    return export


def faults(export: Path) -> list[str]:
    return [str(fault) for fault in read_directory(export).faults]


def one(export: Path) -> DirectoryRecord:
    """The only row of an export, which has no fault."""
    file = read_directory(export)
    assert file.faults == []
    (record,) = file.records
    return record


@EveryIdentifier
def test_an_identifier(tmp_path: Path, written: Written) -> None:
    export = write(tmp_path, GOOD | {written.field: written.text})
    if written.value:
        assert getattr(one(export).profile, written.field) == written.value
        return
    (fault,) = faults(export)
    assert fault.startswith(f"line 2: {written.field} ")
    assert fault.endswith(f"Did you mean {written.offer}?") == (written.offer is not None), fault


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("state", "ny", "NY"),
        ("postal_code", "12210", "12210"),
        ("postal_code", "122101234", "12210-1234"),
        ("postal_code", "12210-1234", "12210-1234"),
        ("name", "Small\u200b Ste\u00adps\ufeff", "Small Steps"),
    ],
)
def test_what_comes_in_in_its_usual_writing(tmp_path: Path, column: str, cell: str, value: str) -> None:
    record = one(write(tmp_path, GOOD | {column: cell}))
    assert {"name": record.name, **record.contact}[column] == value


@pytest.mark.parametrize(
    ("column", "cell", "offer"),
    [
        ("state", "New York", "NY"),
        ("state", "XX", None),
        ("postal_code", "2134", "02134"),
        ("postal_code", "12210.0", "12210"),
        ("postal_code", "123", None),
        ("phone", "5185550100.0", "5185550100"),
        ("phone", "555-0100", None),
    ],
)
def test_a_contact_cell_that_is_none_is_refused(tmp_path: Path, column: str, cell: str, offer: str | None) -> None:
    (fault,) = faults(write(tmp_path, GOOD | {column: cell}))
    assert fault.startswith(f"line 2: {column} {cell}: ")
    assert fault.endswith(f"Did you mean {offer}?") == (offer is not None)


def test_what_is_no_value_is_not_stored_over_a_good_one(
    make_intranet: MakeIntranet, databases: Databases, tmp_path: Path
) -> None:
    county = parts_of(make_intranet(databases.fresh(empty=True)))
    county.directory.import_file(write(tmp_path, GOOD))
    before = by_number(county, "P-1")
    for column, cell in [("phone", "NULL"), ("city", "#N/A"), ("postal_code", "2134"), ("name", "1.2E+10")]:
        with pytest.raises(DirectoryError, match=f"^line 2: {column} "):
            county.directory.import_file(write(tmp_path, GOOD | {column: cell}))
    assert by_number(county, "P-1") == before


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("cell", sorted(NO_VALUES))
def test_what_programs_write_for_nothing_is_refused_in_every_column(tmp_path: Path, column: str, cell: str) -> None:
    (fault,) = faults(write(tmp_path, GOOD, GOOD | {"county_provider_id": "P-2", column: cell}))
    assert fault.startswith(f"line 3: {column} ")
    assert cell in fault


@pytest.mark.parametrize("cell", ["12E4", "4E12", "Null Island Therapy", "Nana's Place", "5-10", "100%", "N. A. Ortiz"])
def test_what_only_looks_like_it_is_a_value(tmp_path: Path, cell: str) -> None:
    record = one(write(tmp_path, GOOD | {"name": cell, "address_line2": cell}))
    assert (record.name, record.contact["address_line2"]) == (cell, cell)


@pytest.mark.parametrize("cell", ['="1001"', "=1+1", "'1001", "=HYPERLINK(A1)"])
def test_a_spreadsheets_mark_is_no_part_of_a_value(tmp_path: Path, cell: str) -> None:
    (fault,) = faults(write(tmp_path, GOOD | {"county_provider_id": cell}))
    assert "has a spreadsheet's mark before the value" in fault
