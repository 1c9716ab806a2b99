"""NPI, SED code and license number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from cpse_plugin.domain.identifiers import LicenseNumber, Npi, SedCode, fold_license, is_npi, loose_number
from cpse_plugin.domain.refusals import Refusal
from tests.written_values import EveryIdentifier, Written

VALID = ["1234567893", "1558598797", "1245251222", "1679576722", "1003127655", "1770626038", "1999999984"]
TEN_DIGITS = st.text("0123456789", min_size=10, max_size=10)


@pytest.mark.parametrize("npi", VALID)
def test_a_valid_npi(npi: str) -> None:
    assert is_npi(npi)
    assert Npi.parse(npi) == Npi(npi)


@pytest.mark.parametrize(
    "text",
    ["", "1234567890", "2999999998", "0000000006", "123456789", "12345678931", " 1234567893", "1234567893\n"],
)
def test_what_is_no_npi(text: str) -> None:
    assert not is_npi(text)


def test_luhn_does_not_see_09_turned_into_90() -> None:
    assert is_npi("1000000095")
    assert is_npi("1000000905")


@given(TEN_DIGITS)
def test_the_check_digit_agrees_with_another_implementation(text: str) -> None:
    assert is_npi(text) == (text[0] in "12" and luhn.is_valid("80840" + text))


@given(st.text("0123456789", min_size=8, max_size=8), st.sampled_from("12"))
def test_of_the_ten_last_digits_exactly_one_is_right(middle: str, first: str) -> None:
    right = [digit for digit in "0123456789" if is_npi(first + middle + digit)]
    assert right == [luhn.calc_check_digit("80840" + first + middle)]


@given(st.sampled_from(VALID), st.integers(0, 9), st.sampled_from("0123456789"))
def test_one_mistyped_digit_is_noticed(npi: str, place: int, digit: str) -> None:
    mistyped = npi[:place] + digit + npi[place + 1 :]
    assert is_npi(mistyped) == (mistyped == npi)


@EveryIdentifier
def test_an_identifier_as_it_was_written(written: Written) -> None:
    read = Npi.parse(written.text) if written.field == "npi" else SedCode.parse(written.text)
    if written.fault is None:
        assert str(read) == written.value
    else:
        assert isinstance(read, Refusal)
        assert (read.fault, read.offer) == (written.fault, written.offer)


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_read(text: str) -> None:
    npi, sed_code = Npi.parse(text), SedCode.parse(text)
    assert not isinstance(npi, Npi) or is_npi(npi.digits)
    assert not isinstance(sed_code, SedCode) or (sed_code.digits.isascii() and sed_code.digits.isdigit())


@given(
    st.text(st.sampled_from("0123456789 -.,'eE+=\u00a0\u200b\u2013"), max_size=20),
    st.sampled_from([Npi, SedCode]),
)
def test_what_is_read_or_offered_has_the_digits_that_were_written(text: str, value_type: type[Npi | SedCode]) -> None:
    """Nothing is taken away but what stands between the groups, and nothing is put in but a zero that is offered."""
    written = "".join(character for character in text if character in "0123456789")
    read = value_type.parse(text)
    if isinstance(read, Refusal):
        assert read.offer is None or read.offer in written or (read.offer[0] == "0" and read.offer[1:] in written)
    elif read is not None:
        assert str(read) == written
        assert not set(text) & set(".,'eE+=")


@given(st.text(st.characters(codec=None)), st.sampled_from([Npi, SedCode]))
def test_an_offer_is_a_value(text: str, value_type: type[Npi | SedCode]) -> None:
    read = value_type.parse(text)
    if isinstance(read, Refusal) and read.offer is not None:
        assert str(value_type.parse(read.offer)) == read.offer


@pytest.mark.parametrize("text", ["", "  ", "\u200b\ufeff", "\u00a0"])
def test_where_nothing_was_written_there_is_nothing_to_refuse(text: str) -> None:
    assert (Npi.parse(text), SedCode.parse(text), LicenseNumber.parse(text)) == (None, None, None)


def test_a_text_that_cleaning_would_cut_is_refused() -> None:
    for text in (f"1999101011{' ' * 5000}5", f"1999101011{chr(0x200B) * 5000}5"):
        assert isinstance(Npi.parse(text), Refusal)


@pytest.mark.parametrize("text", ["000396-1", "F300318", "23249", "023 249", "pending"])
def test_a_license_stays_as_it_is_written(text: str) -> None:
    assert str(LicenseNumber.parse(f" {text[:3]}\u200b{text[3:]}\ufeff")) == text


@pytest.mark.parametrize(
    ("text", "offer"),
    [("23249.0", "23249"), ("3.00318E+05", "300318"), ("3.0E+05", None), ("'000396", "000396"), ("#N/A", None)],
)
def test_what_a_spreadsheet_made_of_a_license_is_refused(text: str, offer: str | None) -> None:
    read = LicenseNumber.parse(text)
    assert isinstance(read, Refusal)
    assert read.offer == offer


def test_a_license_is_no_longer_than_the_portal_takes() -> None:
    assert isinstance(LicenseNumber.parse("1" * 20), LicenseNumber)
    assert isinstance(LicenseNumber.parse("1" * 21), Refusal)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1001", "01001"),
        ("1001", "1001.0"),
        ("1001", "1001.00"),
        ("1001", "\uff11001"),
        ("1001", "'1001"),
        ("TC-1001", "tc-1001"),
        ("TC-1001", "TC - 1001"),
        ("TC-1001", "TC-01001"),
        ("0", "000"),
    ],
)
def test_two_spellings_of_one_county_provider_id(one: str, other: str) -> None:
    assert loose_number(one) == loose_number(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1001", "10010"), ("12.05", "12.5"), ("TC-1001", "TD-1001"), ("10.1", "10.10"), ("1-0", "10")]
)
def test_two_county_provider_ids(one: str, other: str) -> None:
    assert loose_number(one) != loose_number(other)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("000396-1", "000396"),
        ("F300318", "300318"),
        ("f300318", "300318"),
        ("N004265", "004265"),
        ("23249", "023249"),
        (" 023 249 ", "023249"),
        ("pending", "PENDING"),
        ("AB123456", "AB123456"),
        ("1234567", "1234567"),
        ("", ""),
    ],
)
def test_license_numbers_are_compared_in_one_form(text: str, folded: str) -> None:
    assert fold_license(text) == folded


@given(st.text(st.characters(codec=None)))
def test_folding_a_license_twice_changes_nothing(text: str) -> None:
    assert fold_license(fold_license(text)) == fold_license(text)
