"""State, ZIP code and phone number as an export holds them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpse_plugin.domain.contact import read_phone, read_postal_code, read_state
from cpse_plugin.domain.refusals import Refusal

Reader = Callable[[str], str | Refusal | None]


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (read_state, "NY", "NY"),
        (read_state, " ny ", "NY"),
        (read_state, "pr", "PR"),
        (read_postal_code, "12210", "12210"),
        (read_postal_code, "00501", "00501"),
        (read_postal_code, "12210-1234", "12210-1234"),
        (read_postal_code, "122101234", "12210-1234"),
        (read_postal_code, "12210 1234", "12210-1234"),
        (read_postal_code, "\u200b12210\ufeff", "12210"),
        (read_phone, "518-555-0100", "518-555-0100"),
        (read_phone, "(518) 555-0100", "(518) 555-0100"),
        (read_phone, "518.555.0100", "518.555.0100"),
        (read_phone, "1.518.555.0100", "1.518.555.0100"),
        (read_phone, "5185550100", "5185550100"),
        (read_phone, "+1 518 555 0100", "+1 518 555 0100"),
        (read_phone, "518-555-0100 x12", "518-555-0100 x12"),
        (read_phone, "518-555-0100x12", "518-555-0100x12"),
        (read_phone, "518-555-0100, Ext. 12", "518-555-0100, Ext. 12"),
        (read_phone, "518-555-0100 #4", "518-555-0100 #4"),
        (read_phone, "+44 20 7946 0958", "+44 20 7946 0958"),
    ],
)
def test_a_contact_value(read: Reader, text: str, value: str) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "offer"),
    [
        (read_state, "New York", "NY"),
        (read_state, "new jersey", "NJ"),
        (read_state, "N.Y.", "NY"),
        (read_state, "N Y", "NY"),
        (read_state, "XX", None),
        (read_state, "N", None),
        (read_state, "12", None),
        (read_state, "ON", None),
        (read_postal_code, "2134", "02134"),
        (read_postal_code, "2134.0", "02134"),
        (read_postal_code, "12210.0", "12210"),
        (read_postal_code, "122101234.0", "12210-1234"),
        (read_postal_code, "21341234", "02134-1234"),
        (read_postal_code, "12,210", "12210"),
        (read_postal_code, "12210-", "12210"),
        (read_postal_code, "'12210", "12210"),
        (read_postal_code, "1.221E+04", None),
        (read_postal_code, "1.2210E+04", "12210"),
        (read_postal_code, "122", None),
        (read_postal_code, "1221012", None),
        (read_postal_code, "12210-12345", None),
        (read_postal_code, "K1A 0B1", None),
        (read_postal_code, "00000", None),
        (read_postal_code, "12210.5", None),
        (read_phone, "5185550100.0", "5185550100"),
        (read_phone, "518555010.5", None),
        (read_phone, "518.5550100", None),
        (read_phone, "5.1855501E+09", None),
        (read_phone, "5.185550100E+09", "5185550100"),
        (read_phone, "5,185,550,100", "5185550100"),
        (read_phone, "'5185550100", "5185550100"),
        (read_phone, "555-0100", None),
        (read_phone, "518-555-010", None),
        (read_phone, "518-555-0100 / 518-555-0101", None),
        (read_phone, "000-000-0000", None),
        (read_phone, "1234567890", None),
        (read_phone, "(   )   -", None),
        (read_phone, "518-555-CARE", None),
        (read_phone, "unlisted", None),
    ],
)
def test_what_is_no_contact_value_is_refused_with_what_was_meant(read: Reader, text: str, offer: str | None) -> None:
    refusal = read(text)
    assert isinstance(refusal, Refusal)
    assert refusal.offer == offer
    assert offer is None or read(offer) == offer


@given(st.text(st.characters(codec=None)), st.sampled_from([read_state, read_postal_code, read_phone]))
def test_a_value_once_read_stays_as_it_is(text: str, read: Reader) -> None:
    value = read(text)
    assert not isinstance(value, str) or read(value) == value


@pytest.mark.parametrize("read", [read_state, read_postal_code, read_phone])
def test_where_nothing_is_written_there_is_nothing_to_refuse(read: Reader) -> None:
    assert (read(""), read(" \u200b")) == (None, None)
