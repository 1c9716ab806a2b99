"""The registry's file has codes where its API has words."""

import json
from pathlib import Path

import pytest

from cpse_plugin.npi_registry.copy.taxonomies import taxonomy_words

RESPONSES = Path(__file__).parent / "nppes" / "responses"


@pytest.mark.parametrize(
    ("code", "words"),
    [("235Z00000X", "Speech-Language Pathologist"), ("252Y00000X", "Early Intervention Provider Agency")],
)
def test_what_the_work_meets_is_said_in_words(code: str, words: str) -> None:
    assert taxonomy_words(code) == words


def test_another_code_is_shown_as_it_is() -> None:
    assert taxonomy_words("282N00000X") == "282N00000X"


def test_the_words_are_those_of_the_registry_itself() -> None:
    said = {
        # Older answers leave the comma out.
        taxonomy["code"]: taxonomy["desc"].replace(",", "")
        for path in RESPONSES.glob("*.json")
        for result in _results(path)
        for taxonomy in result.get("taxonomies", [])
    }
    ours = {code: taxonomy_words(code) for code in said if taxonomy_words(code) != code}
    assert len(ours) > 3
    assert {code: said[code] for code in ours} == {code: words.replace(",", "") for code, words in ours.items()}


def _results(path: Path) -> list[dict[str, list[dict[str, str]]]]:
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return []
    return answer.get("results", []) if isinstance(answer, dict) else []
