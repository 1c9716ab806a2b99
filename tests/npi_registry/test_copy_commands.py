"""`flask cpse npi ...` as the operator sees it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import Result
from flask import Flask

from cpse_plugin.domain.registry import NpiRecord, ProviderKind
from cpse_plugin.npi_cli import npi_commands
from cpse_plugin.npi_registry.copy import LocalCopy
from cpse_plugin.npi_registry.gateway import NameQuery

from . import nppes_files as nppes
from .nppes_files import person, text_of, zipped
from .test_copy_import import ROOT
from .test_copy_reader import Api


@pytest.fixture(autouse=True)
def _keep_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has stood back once cannot come forward again, and the commands run in that of the tests."""
    monkeypatch.setattr(os, "nice", lambda by: by)


class Operator:
    """Somebody at a command line whose copy is `path`."""

    def __init__(self, path: Path | None, api: Api) -> None:
        self._app = Flask("intranet")
        self._app.extensions["cpse"] = SimpleNamespace(
            settings=SimpleNamespace(npi_local_copy=path), registry=SimpleNamespace(api=api)
        )
        self._app.cli.add_command(npi_commands)

    def __call__(self, *words: object) -> Result:
        return self._app.test_cli_runner().invoke(args=["npi", *map(str, words)])


@pytest.fixture
def monthly(tmp_path: Path) -> Path:
    return zipped(tmp_path / "month.zip", nppes.sample_text())


@pytest.fixture
def npi(tmp_path: Path) -> Operator:
    return Operator(tmp_path / "copies" / "nppes.sqlite", Api({}))


def test_from_import_to_status(npi: Operator, monthly: Path, tmp_path: Path) -> None:
    weekly = zipped(tmp_path / "week.zip", text_of([person("1999999984", "NEW", "NORA")]), nppes.WEEKLY)
    made = npi("import", monthly, "--names")
    assert (made.exit_code, made.stderr) == (0, "")
    assert made.stdout.startswith("100 providers as of 2026-11-08")
    assert "1 providers, 1 of them new. The copy has 101 providers, as of 2026-11-15" in npi("update", weekly).stdout
    told = npi("status").stdout
    assert "The copy has 101 providers, as of 2026-11-15" in told
    assert "names can be searched in it" in told
    assert [line.split()[3] for line in told.splitlines() if "UTC" in line] == [nppes.MONTHLY, nppes.WEEKLY]


def test_a_copy_of_an_earlier_version_is_told(npi: Operator, monthly: Path, tmp_path: Path) -> None:
    npi("import", monthly)
    assert "An earlier version made it" not in npi("status").stdout
    with closing(sqlite3.connect(tmp_path / "copies" / "nppes.sqlite")) as connection, connection:
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'form'")
    assert "Import the next monthly file." in npi("status").stdout


def test_the_index_of_names_is_there_where_it_was_asked_for(npi: Operator, monthly: Path, tmp_path: Path) -> None:
    weekly = zipped(tmp_path / "week.zip", text_of([person("1999999984", "NEW", "NORA")]), nppes.WEEKLY)
    copy = LocalCopy(tmp_path / "copies" / "nppes.sqlite")
    npi("import", monthly)
    npi("update", weekly)
    assert "without the index" in npi("status").stdout
    assert copy.search(NameQuery("new")) is None
    npi("import", monthly, "--names", "--force")
    npi("update", weekly)
    found = copy.search(NameQuery("new"))
    assert found is not None
    assert [record.name for record in found.records] == ["NORA NEW"]


_COMMAND = """
import os, sys
from pathlib import Path
from tests.npi_registry.test_copy_commands import Api, Operator

told = Operator(Path(sys.argv[1]), Api({}))("import", sys.argv[2])
print(told.exit_code, os.getpriority(os.PRIO_PROCESS, 0))
"""


def test_an_import_stands_back_behind_all_other_work(monthly: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _COMMAND, str(tmp_path / "copy"), str(monthly)]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert told.stdout == "0 19\n"


def test_what_cannot_be_done_is_said_and_fails(npi: Operator, monthly: Path, tmp_path: Path) -> None:
    told = npi("update", zipped(tmp_path / "week.zip", nppes.sample_text(), nppes.WEEKLY))
    assert (told.exit_code, "import a monthly file first" in told.stderr) == (1, True)
    assert npi("status").exit_code == 1
    monthly.write_bytes(b"half a file")
    told = npi("import", monthly)
    assert told.exit_code == 1
    assert told.stderr.endswith("download it again. Nothing was changed.\n")


def test_without_the_setting_its_name_is_said() -> None:
    told = Operator(None, Api({}))("status")
    assert (told.exit_code, "CPSE_NPI_LOCAL_COPY" in told.stderr) == (1, True)


def test_verify(tmp_path: Path) -> None:
    records = {"1841293990": NpiRecord("1841293990", ProviderKind.INDIVIDUAL, "SUSAN WORTSMAN")}
    npi = Operator(tmp_path / "copy", Api(dict(records)))
    npi("import", zipped(tmp_path / "in.zip", text_of([person("1841293990", "WORTSMAN", "SUSAN")])))
    agreed = npi("verify", 3)
    assert (agreed.exit_code, agreed.stdout) == (0, "3 the same, 0 different, 0 could not be asked.\n")
    npi = Operator(tmp_path / "copy", Api({"1841293990": None}))
    differing = npi("verify", 1)
    assert differing.exit_code == 1
    assert differing.stdout.startswith("1841293990: active in the copy, not in the registry\n")
    npi = Operator(tmp_path / "copy", Api({}))
    unanswered = npi("verify", 10)
    assert (unanswered.exit_code, unanswered.stdout.count("1841293990")) == (1, 3)
    assert "cannot be asked" in unanswered.stderr
