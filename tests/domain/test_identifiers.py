"""NPI, SED code and license number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from cpse_plugin.domain.identifiers import (
    IdentifierCheck,
    IdentifierFault,
    check_npi,
    check_sed_code,
    fold_license,
    is_npi,
)

VALID = ["1234567893", "1558598797", "1245251222", "1679576722", "1003127655", "1770626038", "1999999984"]
TEN_DIGITS = st.text("0123456789", min_size=10, max_size=10)


@pytest.mark.parametrize("npi", VALID)
def test_a_valid_npi(npi: str) -> None:
    assert is_npi(npi)
    assert check_npi(npi) == IdentifierCheck(npi)
    assert check_npi(npi).valid


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


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_read(text: str) -> None:
    for check in (check_npi(text), check_sed_code(text)):
        assert check.valid == (check.fault is None and check.value != "")
        if check.valid:
            assert check.value.isascii()
            assert check.value.isdigit()
    assert check_npi(text).valid == is_npi(check_npi(text).value)


@pytest.mark.parametrize(
    ("typed", "value", "fault", "missing"),
    [
        ("", "", None, 0),
        ("  ", "", None, 0),
        ("123-456-7893", "1234567893", None, 0),
        (" 1234 567 893 ", "1234567893", None, 0),
        ("123\u2013456\u00a07893", "1234567893", None, 0),
        ("1", "1", IdentifierFault.TOO_SHORT, 9),
        ("123456789", "123456789", IdentifierFault.TOO_SHORT, 1),
        ("12345678931", "12345678931", IdentifierFault.TOO_LONG, 0),
        ("12345678g3", "12345678g3", IdentifierFault.NOT_DIGITS, 0),
        ("１２３４５６７８９３", "１２３４５６７８９３", IdentifierFault.NOT_DIGITS, 0),
        ("0000000006", "0000000006", IdentifierFault.FIRST_DIGIT, 0),
        ("1234567890", "1234567890", IdentifierFault.CHECK_DIGIT, 0),
    ],
)
def test_an_npi_as_it_was_typed(typed: str, value: str, fault: IdentifierFault | None, missing: int) -> None:
    assert check_npi(typed) == IdentifierCheck(value, fault, missing)


def test_an_empty_field_has_no_fault_and_no_value() -> None:
    assert not check_npi("").valid
    assert not check_sed_code("").valid


@pytest.mark.parametrize("code", ["010100010000", "010100010034", "010201040002", "999999999999", "000000000000"])
def test_a_sed_code(code: str) -> None:
    assert check_sed_code(code) == IdentifierCheck(code)


def test_a_sed_code_whose_leading_zero_a_spreadsheet_ate() -> None:
    check = check_sed_code("10100010000")
    assert (check.fault, check.missing, check.suggestion) == (IdentifierFault.TOO_SHORT, 1, "010100010000")


@pytest.mark.parametrize(
    ("typed", "fault", "missing"),
    [
        ("0101000100", IdentifierFault.TOO_SHORT, 2),
        ("0101000100000", IdentifierFault.TOO_LONG, 0),
        ("01010001000O", IdentifierFault.NOT_DIGITS, 0),
    ],
)
def test_what_is_no_sed_code_has_no_suggestion(typed: str, fault: IdentifierFault, missing: int) -> None:
    check = check_sed_code(typed)
    assert (check.fault, check.missing, check.suggestion) == (fault, missing, None)


def test_a_sed_code_may_be_typed_in_groups() -> None:
    assert check_sed_code("01-01-00-01-0000").value == "010100010000"


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
