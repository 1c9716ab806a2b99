"""What the pages' own scripts may not do, whoever changes them."""

from pathlib import Path

import pytest

_STATIC = Path(__file__).parents[2] / "cpse_plugin" / "static"
SCRIPT = "\n".join(path.read_text(encoding="utf-8") for path in (_STATIC / "js").glob("*.js"))


@pytest.mark.parametrize("word", ["localStorage", "sessionStorage", "indexedDB", "caches.", "document.cookie"])
def test_they_store_nothing_in_the_browser(word: str) -> None:
    """A shared computer keeps what a page stores after the person has gone."""
    assert word not in SCRIPT


@pytest.mark.parametrize("word", [".innerHTML", ".outerHTML", "insertAdjacentHTML", "eval(", "new Function"])
def test_they_make_no_html_of_text(word: str) -> None:
    assert word not in SCRIPT


def test_there_is_a_script_to_read() -> None:
    assert "customElements.define" in SCRIPT
