"""The ways in which programs write CSV: separators, encodings, what stands at the end."""

from pathlib import Path

import pytest

from cpse_plugin.services.directory_file import read_directory
from cpse_plugin.services.directory_text import DirectoryError
from tests.conftest import MakeIntranet
from tests.databases import Databases

TEXT = "county_provider_id,name,city\r\nP-1,Quiñones Therapy,Larkspur\r\n"
SEMICOLONS = TEXT.replace(",", ";")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return tmp_path / "export.csv"


@pytest.mark.parametrize(
    ("data", "assumed"),
    [
        (TEXT.encode(), []),
        (TEXT.encode("utf-8-sig"), []),
        (TEXT.encode("cp1252"), ["it is in Windows-1252"]),
        (b"\xff\xfe" + TEXT.encode("utf-16-le"), ["it is in UTF-16"]),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), ["it is in UTF-16"]),
        (b"\xff\xfe\0\0" + TEXT.encode("utf-32-le"), ["it is in UTF-32"]),
        (SEMICOLONS.encode(), ["its columns are separated by semicolons"]),
        (TEXT.replace(",", "\t").encode(), ["its columns are separated by tabs"]),
        (TEXT.replace(",", "|").encode(), ["its columns are separated by vertical bars"]),
        (SEMICOLONS.encode("cp1252"), ["it is in Windows-1252", "its columns are separated by semicolons"]),
        (f"sep=;\r\n{SEMICOLONS}".encode(), ["its columns are separated by semicolons"]),
        (f"\ufeffsep=;\r\n{SEMICOLONS}".encode(), ["its columns are separated by semicolons"]),
        (f'"sep=;"\n{SEMICOLONS}'.encode(), ["its columns are separated by semicolons"]),
        (f"SEP=,\n{TEXT}".encode(), []),
        (f"sep=~\n{TEXT.replace(',', '~')}".encode(), ["its columns are separated by '~'"]),
        (TEXT.replace("\r\n", "\r").encode(), []),
        (TEXT.rstrip().encode(), []),
        (f"{TEXT}\x1a".encode(), []),
        (f"{TEXT}\x1a\0\0\r\n".encode(), []),
        (f"\n,,\n{TEXT},,\r\n , ,\r\n\u200b,\u00a0,\r\n".encode(), []),
        (TEXT.replace("\r\n", ",,,\r\n").encode(), []),
        (f"{SEMICOLONS};;\r\n".encode(), ["its columns are separated by semicolons"]),
        (
            '"county_provider_id";"name";"city"\n"P-1";"Quiñones Therapy";"Larkspur"'.encode(),
            ["its columns are separated by semicolons"],
        ),
    ],
)
def test_a_file_is_read_as_it_is_and_what_was_assumed_is_said(export: Path, data: bytes, assumed: list[str]) -> None:
    export.write_bytes(data)
    file = read_directory(export)
    assert list(file.assumed) == assumed
    assert [(record.county_provider_id, record.name, dict(record.contact)) for record in file.records] == [
        ("P-1", "Quiñones Therapy", {"city": "Larkspur"})
    ]
    assert file.faults == []


@pytest.mark.parametrize("text", ["a;b\nP-1;Steps, Small", 'a,b\nP-1,"Steps, Small"', "a\tb\nP-1\tSteps, Small"])
def test_what_separates_in_another_file_is_part_of_a_cell(export: Path, text: str) -> None:
    export.write_text(text.replace("a", "county_provider_id", 1).replace("b", "name", 1), encoding="utf-8")
    assert [record.name for record in read_directory(export).records] == ["Steps, Small"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TEXT.encode() + "P-2,Niñez,\n".encode("cp1252"), "line 3: this is not in UTF-8, and other lines are"),
        (TEXT.encode("cp1252") + b"P-2,\x81,\n", "neither in UTF-8 nor in Windows-1252"),
        (TEXT.encode("utf-16-le"), "it has NUL characters"),
        (b"\xff\xfe" + TEXT.encode("utf-16-le")[:-1], "it begins as a text in UTF-16 and is not one"),
        (b"PK\x03\x04 and so on", "it is a spreadsheet; save it as CSV"),
        (b"\xd0\xcf\x11\xe0 and so on", "it is a spreadsheet; save it as CSV"),
        (f"sep=;\n{TEXT}".encode(), "its first line says ';' stands between the columns, and its header has ','"),
        (b"county_provider_id,name;city\nP-1,Small Steps;Larkspur", "the header has no column name"),
        (b"", "the header has no column county_provider_id, name"),
        (b"\x1a", "the header has no column county_provider_id, name"),
        (b"sep=;\n", "the header has no column county_provider_id, name"),
    ],
)
def test_what_cannot_be_told_for_sure_is_refused_in_words(export: Path, data: bytes, words: str) -> None:
    export.write_bytes(data)
    with pytest.raises(DirectoryError) as refused:
        read_directory(export)
    assert words in str(refused.value)


def test_the_line_that_is_told_is_the_files_own(export: Path) -> None:
    export.write_text("sep=;\ncounty_provider_id;name\n;;\nP-1;Small Steps\nP-2;\n", encoding="utf-8")
    assert [str(fault) for fault in read_directory(export).faults] == ["line 5: name is empty"]


def test_the_command_says_what_it_assumed(make_intranet: MakeIntranet, databases: Databases, export: Path) -> None:
    export.write_bytes(SEMICOLONS.encode("cp1252"))
    intranet = make_intranet(databases.fresh(empty=True))
    done = intranet.test_cli_runner().invoke(args=["cpse", "providers", "import", str(export)])
    assert done.output.splitlines() == [
        "Assumed of the file: it is in Windows-1252.",
        "Assumed of the file: its columns are separated by semicolons.",
        "1 new, 0 changed, 0 unchanged, 0 refused.",
        "1 added, 0 updated, 0 unchanged.",
    ]
