"""The auditor's export, as `flask cpse history` writes it."""

import csv
import io
from dataclasses import replace

import pytest
from flask import Flask

from cpse_plugin.domain.access import Role, Staff
from tests.world import by_number, parts_of


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@SUM(A1)"])
def test_no_cell_is_taken_for_a_formula(intranet: Flask, name: str) -> None:
    """A spreadsheet runs a cell that begins so; who bears such a name is still to be read."""
    cpse = parts_of(intranet)
    provider = by_number(cpse, "TC-1004")
    changed = replace(provider.profile, uses_portal=not provider.profile.uses_portal)
    cpse.providers.apply(provider.id, changed, version=provider.version, staff=Staff("sub-1", name, None, Role.EDITOR))
    result = intranet.test_cli_runner().invoke(args=["cpse", "history", "--since", "2020-01-01"])
    assert result.exit_code == 0, result.output
    head, *rows = csv.reader(io.StringIO(result.output))
    assert rows[-1][head.index("actor")] == f"'{name}"
    assert [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r")] == []
