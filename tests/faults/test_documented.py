"""The table of `docs/faults.md` has every row, and each test that it names is there."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = (
    *(f"P{number}" for number in range(1, 17)),
    *(f"T{number}" for number in range(1, 5)),
    *(f"N{number}" for number in range(1, 5)),
    *(f"D{number}" for number in range(1, 11)),
    *(f"C{number}" for number in range(1, 8)),
    *(f"O{number}" for number in range(1, 8)),
    *(f"U{number}" for number in range(1, 8)),
    *(f"I{number}" for number in range(1, 5)),
)
_ROW = re.compile(r"^\| ([A-Z][0-9]+) \|.*\| ([^|]*) \|$", re.MULTILINE)


def documented() -> dict[str, list[str]]:
    """The tests that the table names for each row."""
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    return {row: re.findall(r"`([^`]+)`", tests) for row, tests in _ROW.findall(text)}


@cache
def names_in(path: Path) -> set[str]:
    """The tests of a module, as pytest names them; an empty set for a module that is not there."""
    if not path.is_file():
        return set()
    module = ast.parse(path.read_text(encoding="utf-8"))
    found = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    for group in (node for node in module.body if isinstance(node, ast.ClassDef)):
        found |= {f"{group.name}::{node.name}" for node in group.body if isinstance(node, ast.FunctionDef)}
    return {name for name in found if name.rpartition("::")[2].startswith("test_")}


def test_the_table_has_every_row_once_and_in_order() -> None:
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    assert tuple(row for row, _ in _ROW.findall(text)) == ROWS


def test_each_row_names_tests_and_each_of_them_is_there() -> None:
    table = documented()
    assert [row for row, named in table.items() if not named] == []
    missing = [
        f"{row}: {test}"
        for row, named in table.items()
        for path, _, test in (name.partition("::") for name in named)
        if test not in names_in(ROOT / path)
    ]
    assert missing == []


def test_each_test_that_is_called_after_a_row_is_named_in_the_table() -> None:
    named = {test for tests in documented().values() for test in tests}
    here = Path(__file__).parent
    there = {
        f"{path.relative_to(ROOT).as_posix()}::{name}"
        for path in here.glob("test_*.py")
        for name in names_in(path)
        if re.match(r"test_[ptndcou][0-9]+_", name.rpartition("::")[2])
    }
    assert there - named == set()
