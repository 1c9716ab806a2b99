"""The monthly file through the import and back, and everything that must leave the old copy as it was."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from cpse_plugin.domain.identifiers import Npi
from cpse_plugin.domain.registry import NpiRecord, ProviderKind
from cpse_plugin.domain.text import clean_text
from cpse_plugin.npi_registry.copy import CopyError, LocalCopy, import_file, info_of
from cpse_plugin.npi_registry.copy.taxonomies import taxonomy_words

from . import nppes_files as nppes
from .nppes_files import Row, organization, person, row, text_of, zipped

ROOT = Path(__file__).parents[2]


def silent(rows: int, share: float) -> None:
    """Nobody watches."""


def imported(tmp_path: Path, content: str | bytes, name: str = nppes.MONTHLY, *, searchable: bool = True) -> LocalCopy:
    import_file(zipped(tmp_path / "in.zip", content, name), tmp_path / "copy", searchable=searchable, progress=silent)
    return LocalCopy(tmp_path / "copy")


def expected(cells: Row) -> NpiRecord:
    """What a row says, read the slow and simple way."""
    if not cells["Entity Type Code"]:
        return NpiRecord(cells["NPI"], None, "", active=False, deactivated_on=day(cells["NPI Deactivation Date"]))
    if cells["Entity Type Code"] == "1":
        parts = (cells["Provider First Name"], cells["Provider Middle Name"], cells["Provider Last Name (Legal Name)"])
        kind, name = ProviderKind.INDIVIDUAL, " ".join(filter(None, parts))
    else:
        kind, name = ProviderKind.ORGANIZATION, cells["Provider Organization Name (Legal Business Name)"]
    taxonomies = [
        cells[f"Healthcare Provider Taxonomy Code_{number}"]
        for number in range(1, 16)
        if cells[f"Healthcare Provider Primary Taxonomy Switch_{number}"] == "Y"
    ]
    return NpiRecord(
        cells["NPI"],
        kind,
        name,
        credential=cells["Provider Credential Text"] or None,
        deactivated_on=day(cells["NPI Deactivation Date"]),
        reactivated_on=day(cells["NPI Reactivation Date"]),
        primary_taxonomy=taxonomy_words(taxonomies[0]) if taxonomies else None,
        city=cells[nppes.NAMES["city"]] or None,
        state=cells[nppes.NAMES["state"]] or None,
        suffix=cells[nppes.NAMES["suffix"]] or None,
    )


def day(text: str) -> date | None:
    if not text:
        return None
    month, day_of_month, year = (int(part) for part in text.split("/"))
    return date(year, month, day_of_month)


def test_all_real_rows_come_back(tmp_path: Path) -> None:
    copy = imported(tmp_path, nppes.sample_text())
    rows = nppes.sample()
    assert {cells["NPI"]: copy.look_up(Npi(cells["NPI"])).record for cells in rows} == {
        cells["NPI"]: expected(cells) for cells in rows
    }
    assert copy.look_up(Npi("1999999984")).record is None
    assert (copy.info.rows, copy.as_of) == (len(rows), date(2026, 11, 8))
    assert any(record.reactivated_on and record.active for record in map(expected, rows))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="Windows line ends"),
        pytest.param(lambda text: text.rstrip("\n"), id="no last line end"),
        pytest.param(lambda text: "\ufeff" + text, id="byte order mark"),
    ],
)
def test_line_ends_and_marks_do_not_matter(tmp_path: Path, change: object) -> None:
    assert callable(change)
    copy = imported(tmp_path, change(nppes.sample_text()))
    assert [copy.look_up(Npi(cells["NPI"])).record for cells in nppes.sample()] == [
        expected(cells) for cells in nppes.sample()
    ]


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    """In another order, with the old name of a column, and without the last one."""
    columns = nppes.header()[:-1]
    columns[columns.index("Provider Sex Code")] = "Provider Gender Code"
    columns.append(columns.pop(columns.index("NPI")))
    columns.insert(2, columns.pop(columns.index("NPI")))
    columns.insert(0, columns.pop(columns.index("Provider First Name")))
    copy = imported(tmp_path, text_of(nppes.sample(), columns))
    assert [copy.look_up(Npi(cells["NPI"])).record for cells in nppes.sample()] == [
        expected(cells) for cells in nppes.sample()
    ]


AWKWARD = [
    "QUOTES",
    'THE "BEST" CLINIC',
    '"QUOTED"',
    'A","B","C',
    'ENDS WITH "',
    "TWO\nLINES",
    'TWO"\n"1245233295","1',
    "BACK\\SLASH",
    "NEXT\x85LINE\u2028SEPARATOR",
    "NUL\x00AND\x1fUNIT",
    "JOSÉ NUÑEZ, D.D.S.",
    "李医生",
    "-",
    "   SPACES   WITHIN   ",
]


@pytest.mark.parametrize("place", ["organization", "mailing_street", "official", "other_issuer"])
def test_awkward_text_anywhere_in_a_row_changes_nothing_else(tmp_path: Path, place: str) -> None:
    from tests.bench.nppes import npi

    rows = []
    for number, text in enumerate(AWKWARD):
        cells = {"city": "ALBANY", "state": "NY", place: text}
        rows.append(organization(npi(2 * number), cells.pop("organization", "A CLINIC"), **cells))
        rows.append(person(npi(2 * number + 1), "CHANG", "JOHN"))
    copy = imported(tmp_path, text_of(rows))
    assert copy.info.rows == len(rows)
    for number, text in enumerate(AWKWARD):
        name = clean_text(text.replace("\x1f", " ")) if place == "organization" else "A CLINIC"
        first, second = npi(2 * number), npi(2 * number + 1)
        assert copy.look_up(Npi(first)).record == NpiRecord(
            first, ProviderKind.ORGANIZATION, name, city="ALBANY", state="NY"
        )
        assert copy.look_up(Npi(second)).record == NpiRecord(second, ProviderKind.INDIVIDUAL, "JOHN CHANG")


def test_more_rows_than_one_process_sees(tmp_path: Path) -> None:
    """Rows in no order, over many chunks, one of which ends within a cell of two lines."""
    from tests.bench.nppes import lines, npi

    text = b"".join(lines(6_000)).replace(b'"US"', b'"U\nS"')
    copy = imported(tmp_path, text)
    assert copy.info.rows == 6_000
    found = [copy.look_up(Npi(npi(number))).record for number in range(6_000)]
    assert all(found)
    assert sum(1 for record in found if record and not record.active) == 240


def test_bytes_that_are_no_utf8_do_not_stop_it(tmp_path: Path) -> None:
    content = text_of([organization("1205839255", "CAFE")]).encode().replace(b"CAFE", b"CAF\xc9")
    record = imported(tmp_path, content).look_up(Npi("1205839255")).record
    assert record is not None
    assert record.name.startswith("CAF")


def bad_zip(path: Path) -> Path:
    path.write_bytes(b"<html>Not found</html>")
    return path


def truncated(path: Path) -> Path:
    whole = zipped(path, nppes.sample_text()).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def damaged(path: Path) -> Path:
    whole = bytearray(zipped(path, nppes.sample_text()).read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 40] = bytes(40)
    path.write_bytes(whole)
    return path


def without_column(path: Path) -> Path:
    return zipped(path, nppes.sample_text().replace('"Entity Type Code"', '"Entity Kind"', 1))


def short_row(path: Path) -> Path:
    return zipped(path, nppes.sample_text() + '"1245319599","1","only three"\n')


def unknown_kind(path: Path) -> Path:
    return zipped(path, text_of([row("1245319599", kind="7", last="X", updated="07/08/2007")]))


def twice(path: Path) -> Path:
    return zipped(path, text_of([person("1245319599", "A", "B"), person("1245319599", "C", "D")]))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (bad_zip, "no zip file"),
        (truncated, "download it again"),
        (damaged, "damaged"),
        (without_column, "Entity Type Code"),
        (short_row, "1245319599"),
        (unknown_kind, "unknown kind '7'"),
        (twice, "twice"),
        (lambda path: zipped(path, nppes.sample_text(), nppes.WEEKLY), "update"),
        (lambda path: zipped(path, nppes.sample_text(), "endpoint_pfile_20050523-20261108.csv"), "no NPPES data"),
        (lambda path: zipped(path, text_of([])), "no rows"),
        (lambda path: zipped(path, ""), "header"),
        (lambda path: zipped(path, nppes.sample_text(), "npidata_pfile_20050523-20261007.csv"), "older"),
        (lambda path: zipped(path, text_of(nppes.sample()[:20])), "holds 20 providers"),
    ],
)
def test_a_file_that_cannot_be_used_leaves_the_old_copy(tmp_path: Path, make: object, words: str) -> None:
    assert callable(make)
    copy = imported(tmp_path, nppes.sample_text())
    with pytest.raises(CopyError, match=words):
        import_file(make(tmp_path / "bad.zip"), tmp_path / "copy", progress=silent)
    assert copy.look_up(Npi("1841293990")).record == expected(nppes.sample()[0])
    assert {path.name for path in tmp_path.iterdir()} <= {"copy", "in.zip", "bad.zip", ".copy.lock"}


def test_an_older_and_smaller_file_is_taken_by_force(tmp_path: Path) -> None:
    copy = imported(tmp_path, nppes.sample_text())
    older = zipped(tmp_path / "old.zip", text_of(nppes.sample()[:20]), "npidata_pfile_20050523-20261007.csv")
    import_file(older, tmp_path / "copy", force=True, progress=silent)
    assert (copy.info.rows, copy.as_of) == (20, date(2026, 10, 7))


def test_progress_counts_rows_and_ends_at_the_whole(tmp_path: Path) -> None:
    seen: list[tuple[int, float]] = []
    file = zipped(tmp_path / "in.zip", nppes.sample_text())
    import_file(file, tmp_path / "copy", progress=lambda rows, share: seen.append((rows, share)))
    shares = [share for _, share in seen]
    assert seen[-1][0] == len(nppes.sample())
    assert shares == sorted(shares)
    assert round(shares[-1], 6) == 1


def test_one_import_at_a_time(tmp_path: Path) -> None:
    file = zipped(tmp_path / "in.zip", nppes.sample_text())

    def again(rows: int, share: float) -> None:
        with pytest.raises(CopyError, match="another import or update"):
            import_file(file, tmp_path / "copy", progress=silent)

    import_file(file, tmp_path / "copy", progress=again)
    assert info_of(tmp_path / "copy") is not None


_IMPORT = """
import signal
import sys
from pathlib import Path
from cpse_plugin.npi_registry.copy import import_file, update_file

def show(rows, share):
    print(share, flush=True)

# Whoever starts the tests in the background makes their children ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
import_file(Path(sys.argv[1]), Path(sys.argv[2]), progress=show)
"""


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.bench.nppes import write

    return write(tmp_path_factory.mktemp("big") / "big.zip", 4_000)


@pytest.mark.parametrize(
    ("how", "moment"),
    [(signal.SIGKILL, 0.01), (signal.SIGKILL, 0.56), (signal.SIGKILL, 0.8), (signal.SIGINT, 0.3), (signal.SIGINT, 0.7)],
)
def test_an_import_that_is_ended_leaves_the_old_copy(
    tmp_path: Path, big: Path, how: signal.Signals, moment: float
) -> None:
    copy = imported(tmp_path, nppes.sample_text())
    command = [sys.executable, "-c", _IMPORT, str(big), str(tmp_path / "copy")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if float(line) >= moment:
                process.send_signal(how)
                break
        process.wait()
    assert process.returncode != 0
    assert copy.look_up(Npi("1841293990")).record == expected(nppes.sample()[0])
    assert copy.info.rows == len(nppes.sample())
    wait_for_the_cutters(tmp_path)
    import_file(zipped(tmp_path / "in.zip", text_of(nppes.sample()[1:])), tmp_path / "copy", progress=silent)
    assert copy.info.rows == len(nppes.sample()) - 1
    assert {path.name for path in tmp_path.iterdir()} == {"copy", "in.zip", ".copy.lock"}


def wait_for_the_cutters(directory: Path) -> None:
    """The processes that cut end by themselves when nobody listens any more."""
    deadline = time.monotonic() + 10
    while any(str(directory) in words for words in commands()):
        assert time.monotonic() < deadline, "a process of the import outlived it"
        time.sleep(0.02)


def commands() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield (process / "cmdline").read_bytes().decode(errors="replace")
