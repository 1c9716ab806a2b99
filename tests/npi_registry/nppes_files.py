"""NPPES files for the tests: the real sample, whole or with rows of one's own, in a zip as CMS publishes it."""

import csv
import io
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parent / "nppes"
MONTHLY = "npidata_pfile_20050523-20261108.csv"
WEEKLY = "npidata_pfile_20261109-20261115.csv"
OTHER_NAMES = "othername_pfile_20050523-20261108.csv"

Row = dict[str, str]


def sample_text() -> str:
    return (FOLDER / "sample.csv").read_text(encoding="utf-8")


def sample() -> list[Row]:
    return list(csv.DictReader(io.StringIO(sample_text(), newline="")))


def row(npi: str, **cells: str) -> Row:
    """A row with nothing but what is given; see `NAMES` for the short names."""
    return {"NPI": npi, **{NAMES[name]: value for name, value in cells.items()}}


def person(npi: str, last: str, first: str, **cells: str) -> Row:
    return row(npi, **{"kind": "1", "last": last, "first": first, "updated": "07/08/2007", **cells})


def organization(npi: str, name: str, **cells: str) -> Row:
    return row(npi, **{"kind": "2", "organization": name, "updated": "07/08/2007", **cells})


NAMES = {
    "kind": "Entity Type Code",
    "organization": "Provider Organization Name (Legal Business Name)",
    "last": "Provider Last Name (Legal Name)",
    "first": "Provider First Name",
    "middle": "Provider Middle Name",
    "prefix": "Provider Name Prefix Text",
    "suffix": "Provider Name Suffix Text",
    "credential": "Provider Credential Text",
    "other": "Provider Other Organization Name",
    "other_type": "Provider Other Organization Name Type Code",
    "mailing_street": "Provider First Line Business Mailing Address",
    "city": "Provider Business Practice Location Address City Name",
    "state": "Provider Business Practice Location Address State Name",
    "updated": "Last Update Date",
    "deactivated": "NPI Deactivation Date",
    "reactivated": "NPI Reactivation Date",
    "official": "Authorized Official Last Name",
    "other_issuer": "Other Provider Identifier Issuer_50",
}


def header() -> list[str]:
    return next(csv.reader([sample_text().partition("\n")[0]]))


def text_of(rows: list[Row], columns: list[str] | None = None) -> str:
    """The rows as CMS writes them: every cell quoted."""
    output = io.StringIO(newline="")
    names = columns or header()
    writer = csv.DictWriter(
        output, names, restval="", extrasaction="ignore", quoting=csv.QUOTE_ALL, lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return output.getvalue()


def other_names_of(rows: list[tuple[str, str, str]]) -> str:
    """The file of other names: NPI, name and type code."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["NPI", "Provider Other Organization Name", "Provider Other Organization Name Type Code"])
    writer.writerows(rows)
    return output.getvalue()


def zipped(path: Path, content: str | bytes, name: str = MONTHLY, other_names: str | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("NPPES_Data_Dissemination_Readme.pdf", b"%PDF")
        archive.writestr(name.replace(".csv", "_fileheader.csv"), '"NPI"\n')
        archive.writestr(name, content)
        if other_names is not None:
            archive.writestr(OTHER_NAMES.replace(".csv", "_fileheader.csv"), other_names.partition("\n")[0])
            archive.writestr(OTHER_NAMES, other_names)
    return path
