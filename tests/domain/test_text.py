"""Text of other people and systems: what is kept, and when two texts are equal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpse_plugin.domain.text import clean_text, fold, fold_words

ANY_TEXT = st.text(st.characters(codec=None))


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("  Step \t by\r\n  Step ", "Step by Step"),
        ("Step\x00 by\x07 Step", "Step by Step"),
        ("Step \u202eby\u2069 Step", "Step by Step"),
        ("Step\ud800 by Step", "Step by Step"),
        ("Zoe\u0308", "Zoë"),
        ("two\u2028lines", "two lines"),
        ("O'Neil & Sons, 100%", "O'Neil & Sons, 100%"),
        ("🙂", "🙂"),
        ("\u202e\x00 ", ""),
        ("Step\u200b by\u2060 Step\ufeff", "Step by Step"),
        ("Nu\u00adñez", "Nuñez"),
        ("O\u200d\u200c\ufe0fNeil\U000e0041", "ONeil"),
        ("1 Main St\x0bSuite 2", "1 Main St Suite 2"),
    ],
)
def test_clean_text(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


def test_clean_text_is_cut_and_not_left_with_a_space_at_its_end() -> None:
    assert clean_text("abc def", 4) == "abc"
    assert len(clean_text("x" * 2_000_000)) == 1000


@given(ANY_TEXT, st.integers(1, 50))
def test_clean_text_can_be_stored_and_shown(value: str, max_length: int) -> None:
    clean = clean_text(value, max_length)
    clean.encode()
    assert len(clean) <= max_length
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in clean)
    assert unicodedata.is_normalized("NFC", clean)
    assert clean == clean.strip()


@given(ANY_TEXT)
def test_cleaning_twice_changes_nothing(value: str) -> None:
    assert clean_text(clean_text(value)) == clean_text(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Step by Step, Inc.", "STEP BY STEP INC"),
        ("A.B.C. Therapy", "ABC  Therapy"),
        ("Zoë Núñez", "ZOE NUNEZ"),
        ("Straße", "STRASSE"),
        ("Jo-Ann O’Neil", "JOANN ONEIL"),
        ("№ 5", "no. 5"),
        ("ﬁrst", "FIRST"),
    ],
)
def test_what_is_equal_but_for_the_way_of_writing(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Step by Step 1", "Step by Step 2"),
        ("李", "王"),
        ("李 Inc.", "王 Inc."),
        ("Søren", "Sren"),
        ("?", "!"),
        ("Step", ""),
    ],
)
def test_what_differs_stays_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(ANY_TEXT)
def test_folding_twice_changes_nothing(value: str) -> None:
    assert fold(fold(value)) == fold(value)
    assert fold_words(fold_words(value)) == fold_words(value)


@given(st.text(st.characters(codec="ascii")))
def test_case_does_not_count(value: str) -> None:
    assert fold(value) == fold(value.upper()) == fold(value.lower())
    assert fold_words(value.upper()) == fold_words(value.lower())


def test_fold_words_keeps_the_words_apart() -> None:
    assert fold_words("  O'Neil & Sons,  Zoë ") == "o neil sons zoe"
    assert fold_words("") == ""
