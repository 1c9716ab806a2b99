"""The auditor's export, as `flask cpse history` writes it."""

import csv
import io
import unicodedata
from dataclasses import replace

import pytest
from flask import Flask

from cpse_plugin.domain.access import Role, Staff
from tests.world import by_number, parts_of

SIGNS = "=+-@＝＋－＠"


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(
    "before", ["", " ", "\u200b", "\ufeff", "\u00a0\u2060", "\u00ad", "\t", "x;", "x; \u200d"], ids=ascii
)
def test_no_cell_is_taken_for_a_formula(intranet: Flask, before: str, sign: str) -> None:
    """Whether it separates by commas or by semicolons, a spreadsheet finds no cell that begins so."""
    name = f"{before}{sign}cmd()"
    output = exported(intranet, name)
    head, *rows = csv.reader(io.StringIO(output))
    assert rows[-1][head.index("actor")].replace("'", "") == name
    for separator in (",", ";"):
        cells = [cell for row in csv.reader(io.StringIO(output), delimiter=separator) for cell in row]
        assert [cell for cell in cells if looks_like_a_formula(cell)] == []


def test_what_a_semicolon_would_take_apart_is_quoted(intranet: Flask) -> None:
    assert '"Lee; Ann"' in exported(intranet, "Lee; Ann")


def test_a_plain_name_stays_as_it_is(intranet: Flask) -> None:
    for name in ("Anna-Lena O'Neil", "a=b; c", "李 安", "x@y.example"):
        assert f'"{name}"' in exported(intranet, name)


def exported(intranet: Flask, actor: str) -> str:
    """The export after somebody of this name has changed a profile."""
    cpse = parts_of(intranet)
    provider = by_number(cpse, "TC-1004")
    changed = replace(provider.profile, uses_portal=not provider.profile.uses_portal)
    staff = Staff("sub-1", actor, None, Role.EDITOR)
    cpse.providers.apply(provider.id, changed, version=provider.version, staff=staff)
    result = intranet.test_cli_runner().invoke(args=["cpse", "history", "--since", "2020-01-01"])
    assert result.exit_code == 0, result.output
    return result.output


def looks_like_a_formula(cell: str) -> bool:
    seen = "".join(char for char in cell if not char.isspace() and unicodedata.category(char) != "Cf")
    return seen.startswith(tuple(SIGNS)) or cell.startswith(("\t", "\r", "\n"))
