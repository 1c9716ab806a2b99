"""The documents tell the truth: every file and every test that they name is there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_DOCUMENTS = sorted([_ROOT / "README.md", *(_ROOT / "docs").glob("*.md")])
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
_FILE = re.compile(r"`((?:cpse_plugin|migrations|docs)/[\w/.-]+\.\w+)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")
_REQUIREMENT = re.compile(
    r"^\| (\d+\.\d+\.\d+) \| (\d) \|([^|]*)\| (held|partly|not ours) \|([^|]*)\|([^|]*)\|$", re.MULTILINE
)

# OWASP ASVS 5.0.0: what decides whether a tool like this can be trusted, and what comes next.
CORE = (
    "10.1.2 10.2.1 10.2.2 10.5.1 10.5.2 10.5.3 10.5.4 10.5.5 6.8.2 9.1.2 9.1.3 9.2.1 9.2.2 7.2.4 7.3.1 7.3.2 "
    "7.4.1 7.4.2 3.3.1 3.3.2 3.4.3 3.4.6 3.5.1 3.5.3 3.7.2 14.3.2 14.3.3 2.3.3 2.3.4 8.2.1 8.2.2 15.3.2 13.2.6 "
    "13.3.1 16.2.5 16.3.2 16.5.2 16.5.3"
)
NEXT = (
    "10.1.1 10.2.3 6.8.1 6.8.4 9.1.1 7.6.1 3.3.3 3.3.4 3.4.4 3.4.5 14.3.1 2.2.2 2.4.1 8.3.3 15.3.3 15.3.5 "
    "15.4.2 1.2.10 1.3.6 12.3.2 14.2.1 16.3.1 16.4.1 16.5.1 3.2.3 3.5.5 7.2.1 14.2.5"
)


@cache
def named_tests(path: Path) -> set[str]:
    """The names of the test functions in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {item.name for item in tree.body if isinstance(item, ast.FunctionDef) and item.name.startswith("test_")}


def in_documents(pattern: re.Pattern[str]) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Every document with each of the matches in it."""
    for document in _DOCUMENTS:
        for found in pattern.finditer(document.read_text(encoding="utf-8")):
            yield document, found.groups()


def test_every_test_that_a_document_names_is_there() -> None:
    missing = [
        f"{document.name}: {name}::{test}"
        for document, (name, test) in in_documents(_TEST)
        if not (_ROOT / name).is_file() or (test and test not in named_tests(_ROOT / name))
    ]
    assert missing == []


def test_every_file_that_a_document_names_is_there() -> None:
    missing = [f"{document.name}: {name}" for document, (name,) in in_documents(_FILE) if not (_ROOT / name).exists()]
    assert missing == []


def test_every_link_between_the_documents_leads_somewhere() -> None:
    astray = []
    for document, (link, part) in in_documents(_LINK):
        target = document.parent / link if link else document
        if not target.is_file() or (part and part not in headings_of(target)):
            astray.append(f"{document.name}: {link}#{part}")
    assert astray == []


def headings_of(document: Path) -> set[str]:
    """The names by which a document's headings are linked to."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {heading.lower().replace(" ", "-") for heading in headings}


def test_every_requirement_has_its_state_once_and_what_is_held_has_a_test() -> None:
    rows = _REQUIREMENT.findall((_ROOT / "docs" / "security.md").read_text(encoding="utf-8"))
    assert sorted(row[0] for row in rows) == sorted(f"{CORE} {NEXT}".split())
    assert [row[0] for row in rows if row[3] != "not ours" and not _TEST.search(row[5])] == []
    assert [row[0] for row in rows if not row[4].strip()] == []
