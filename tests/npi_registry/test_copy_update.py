"""The weekly file: what it brings in, what it refuses, and that it is there entirely or not at all."""

import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from cpse_plugin.domain.identifiers import Npi
from cpse_plugin.domain.registry import NpiRecord, ProviderKind
from cpse_plugin.npi_registry.copy import CopyError, LocalCopy, update_file
from cpse_plugin.npi_registry.gateway import NameQuery

from . import nppes_files as nppes
from .nppes_files import organization, person, row, text_of, zipped
from .test_copy_import import ROOT, imported

CHANGED, GONE, BACK, NEW = "1841293990", "1205839255", "1306849450", "1999999984"
WEEK = [
    person(CHANGED, "WORTSMAN-LEE", "SUSAN", city="RYE", state="NY"),
    row(GONE, deactivated="11/10/2026"),
    person(BACK, "RETURNED", "ROSE", deactivated="03/03/2021", reactivated="11/12/2026"),
    organization(NEW, "NEW THERAPY LLC", city="ALBANY", state="NY"),
]


@pytest.fixture
def copy(tmp_path: Path) -> LocalCopy:
    return imported(tmp_path, nppes.sample_text())


def week(tmp_path: Path, name: str = nppes.WEEKLY) -> Path:
    return zipped(tmp_path / "week.zip", text_of(WEEK), name)


def test_new_changed_deactivated_and_reactivated(tmp_path: Path, copy: LocalCopy) -> None:
    before = copy.info.rows
    done = update_file(week(tmp_path), tmp_path / "copy")
    assert (done.rows, done.added, done.gap) == (4, 1, False)
    assert copy.look_up(Npi(CHANGED)).record == NpiRecord(
        CHANGED, ProviderKind.INDIVIDUAL, "SUSAN WORTSMAN-LEE", city="RYE", state="NY"
    )
    assert copy.look_up(Npi(GONE)).record == NpiRecord(GONE, None, "", active=False, deactivated_on=date(2026, 11, 10))
    back = copy.look_up(Npi(BACK)).record
    assert back is not None
    assert (back.active, back.reactivated_on) == (True, date(2026, 11, 12))
    assert copy.look_up(Npi(NEW)).record is not None
    assert (copy.as_of, copy.info.rows) == (date(2026, 11, 15), before + 1)
    assert [file.name for file in copy.info.files] == [nppes.MONTHLY, nppes.WEEKLY]


@pytest.mark.parametrize("days", [2, 400])
def test_a_file_of_a_day_that_is_still_to_come_is_refused(tmp_path: Path, copy: LocalCopy, days: int) -> None:
    before = copy.info
    name = f"npidata_pfile_20261109-{datetime.now(UTC).date() + timedelta(days=days):%Y%m%d}.csv"
    for force in (False, True):
        with pytest.raises(CopyError, match="a day that is still to come; are its name and this clock right"):
            update_file(week(tmp_path, name), tmp_path / "copy", force=force)
    assert copy.info == before


def test_a_file_that_is_a_day_ahead_of_this_clock_is_taken(tmp_path: Path, copy: LocalCopy) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    update_file(week(tmp_path, f"npidata_pfile_20261109-{tomorrow:%Y%m%d}.csv"), tmp_path / "copy")
    assert copy.as_of == tomorrow


@pytest.mark.parametrize("cell", ["updated", "deactivated", "reactivated"])
def test_a_file_with_a_row_of_a_day_that_is_still_to_come_is_refused(
    tmp_path: Path, copy: LocalCopy, cell: str
) -> None:
    day = f"{datetime.now(UTC).date() + timedelta(days=3):%m/%d/%Y}"
    file = zipped(tmp_path / "week.zip", text_of([*WEEK[:2], person(NEW, "LEE", "ANN", **{cell: day})]), nppes.WEEKLY)
    before = copy.info
    with pytest.raises(CopyError, match=f"has {day} at NPI {NEW}, a day that is still to come"):
        update_file(file, tmp_path / "copy")
    assert copy.info == before
    assert update_file(file, tmp_path / "copy", force=True).rows == 3


def test_a_file_that_ends_before_it_begins_is_refused(tmp_path: Path, copy: LocalCopy) -> None:
    with pytest.raises(CopyError, match="ends on 2026-11-09, before it begins"):
        update_file(week(tmp_path, "npidata_pfile_20261115-20261109.csv"), tmp_path / "copy")


def test_the_index_of_names_follows(tmp_path: Path, copy: LocalCopy) -> None:
    update_file(week(tmp_path), tmp_path / "copy")
    assert npis(copy, "wortsman") == [CHANGED]
    assert npis(copy, "wortsman lee", "susan") == [CHANGED]
    assert npis(copy, "goldberg") == []
    assert npis(copy, "returned") == [BACK]
    assert npis(copy, "new therapy") == [NEW]


def npis(copy: LocalCopy, name: str, first: str = "") -> list[str]:
    found = copy.search(NameQuery(name, first))
    assert found is not None
    return [record.npi for record in found.records]


def test_again_changes_nothing(tmp_path: Path, copy: LocalCopy) -> None:
    once = update_file(week(tmp_path), tmp_path / "copy")
    again = update_file(week(tmp_path), tmp_path / "copy")
    assert (again.added, again.copy.rows, again.copy.as_of) == (0, once.copy.rows, once.copy.as_of)
    assert npis(copy, "wortsman") == [CHANGED]


def test_an_older_file_only_by_force_and_the_day_stays(tmp_path: Path, copy: LocalCopy) -> None:
    old = week(tmp_path, "npidata_pfile_20261026-20261101.csv")
    with pytest.raises(CopyError, match="older"):
        update_file(old, tmp_path / "copy")
    assert copy.look_up(Npi(NEW)).record is None
    update_file(old, tmp_path / "copy", force=True)
    assert copy.look_up(Npi(NEW)).record is not None
    assert copy.as_of == date(2026, 11, 8)


def test_a_missing_week_is_told(tmp_path: Path, copy: LocalCopy) -> None:
    assert update_file(week(tmp_path, "npidata_pfile_20261116-20261122.csv"), tmp_path / "copy").gap


def test_a_monthly_file_is_sent_to_import(tmp_path: Path, copy: LocalCopy) -> None:
    with pytest.raises(CopyError, match="import"):
        update_file(tmp_path / "in.zip", tmp_path / "copy")


def test_without_a_copy_there_is_nothing_to_update(tmp_path: Path) -> None:
    with pytest.raises(CopyError, match="import a monthly file first"):
        update_file(week(tmp_path), tmp_path / "copy")


def test_a_row_that_does_not_parse_leaves_all_as_it_was(tmp_path: Path, copy: LocalCopy) -> None:
    bad = zipped(tmp_path / "bad.zip", text_of(WEEK) + '"1245319599","1","only three"\n', nppes.WEEKLY)
    with pytest.raises(CopyError, match="1245319599"):
        update_file(bad, tmp_path / "copy")
    assert copy.look_up(Npi(NEW)).record is None
    assert copy.as_of == date(2026, 11, 8)


_UPDATE = """
import os, signal, sys
from pathlib import Path
from unittest.mock import patch
from cpse_plugin.npi_registry.copy import update_file

with patch(sys.argv[3], side_effect=lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)):
    update_file(Path(sys.argv[1]), Path(sys.argv[2]))
"""
_HERE = "cpse_plugin.npi_registry.copy.update"


@pytest.mark.parametrize(
    "moment", [f"{_HERE}.open_to_change", f"{_HERE}.write_info", "os.fsync", "pathlib.Path.replace"]
)
def test_an_update_that_is_killed_leaves_the_old_copy(tmp_path: Path, copy: LocalCopy, moment: str) -> None:
    command = [sys.executable, "-c", _UPDATE, str(week(tmp_path)), str(tmp_path / "copy"), moment]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert copy.look_up(Npi(NEW)).record is None
    assert copy.as_of == date(2026, 11, 8)
    update_file(week(tmp_path), tmp_path / "copy")
    assert copy.look_up(Npi(NEW)).record is not None
    assert {path.name for path in tmp_path.iterdir()} == {"copy", "in.zip", "week.zip", ".copy.lock"}
