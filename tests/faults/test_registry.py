"""The NPI Registry is down, slow or odd: rows N1 to N4. Whatever it does, the work on a provider goes on."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cpse_plugin.domain.identifiers import is_npi
from cpse_plugin.sandbox.faults import Body, DropBefore, Fault, Faults, Html, Slow, Status
from cpse_plugin.settings import Timeout
from cpse_plugin.web.parts import Parts
from tests.world import by_number

from .seat import DONE, Seat, told

NPI = "1999101045"
OTHER_NPI = "1999101011"
DEACTIVATED = "1999101235"
INDIVIDUAL = "1999101037"
NOBODY = "1999999984"
NOT_THERE = "This NPI is not in the NPI Registry"

AWAY: dict[str, Fault] = {
    "down": DropBefore(),
    "10 s": Slow(10),
    "500": Status(500),
    "429": Status(429, {"Retry-After": "60"}),
    "maintenance": Html(),
    "empty": Body(b""),
}


@pytest.mark.parametrize("fault", AWAY.values(), ids=AWAY.keys())
def test_n1_without_the_registry_an_npi_can_be_saved_and_looked_up_later(
    seat: Seat, cpse: Parts, registry: Faults, fault: Fault
) -> None:
    cpse.registry.api._session.timeout = Timeout(1, 1)  # type: ignore[attr-defined]
    registry.plan(fault, times=None)
    answer = seat.npi_name(OTHER_NPI)
    assert answer.status == 200
    assert "The NPI Registry did not answer. You can still save this NPI." in answer.text
    assert "Try again" in answer.text
    assert NOT_THERE not in answer.text
    saved = seat.send(seat.profile_form("TC-1004").typed(npi=OTHER_NPI))
    assert told(saved) == DONE
    assert by_number(cpse, "TC-1004").profile.npi == OTHER_NPI
    registry.clear()
    assert "BRIGHT HARBOR" in seat.npi_name(OTHER_NPI).text.upper()


@pytest.mark.parametrize("number", ["01", "04", "06", "17"])
def test_n2_an_error_that_comes_with_200_is_never_taken_for_no_match(seat: Seat, registry: Faults, number: str) -> None:
    error = {"description": "Something is the matter", "field": "generic", "number": number}
    registry.plan(Body(json.dumps({"Errors": [error]}).encode()))
    answer = seat.npi_name(NPI)
    assert answer.status == 200
    assert f"The NPI Registry says: Something is the matter ({int(number)})." in answer.text
    assert "You can still save this NPI." in answer.text
    assert NOT_THERE not in answer.text


def test_n3_each_outcome_has_words_of_its_own(seat: Seat) -> None:
    assert "WILLOW BEND" in seat.npi_name(NPI).text.upper()
    outcomes = {
        seat.npi_name(NOBODY).text: NOT_THERE,
        seat.npi_name(INDIVIDUAL, "agency").text: "This NPI belongs to an individual, but the Provider Type is Agency",
        seat.npi_name(
            NPI, "individual"
        ).text: "This NPI belongs to an organization, but the Provider Type is Individual",
        seat.npi_name(DEACTIVATED, "individual").text: "This NPI is deactivated",
        seat.npi_name("1999101046").text: "The check digit is wrong",
        seat.npi_name("3999101045").text: "An NPI begins with 1 or 2",
        seat.npi_name("199910104").text: "1 more digit needed",
    }
    for text, words in outcomes.items():
        assert [other for other in outcomes.values() if other.casefold() in text.casefold()] == [words]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.from_regex(r"[12][0-9]{9}", fullmatch=True) | st.from_regex(r"[0-9]{1,12}", fullmatch=True))
def test_n3_an_npi_whose_digits_are_wrong_is_never_sent(seat: Seat, registry: Faults, typed: str) -> None:
    registry.clear()
    answer = seat.npi_name(typed)
    assert answer.status == 200
    assert [request.query for request in registry.requests if not is_npi(typed)] == []
    assert bool(registry.requests) or not is_npi(typed) or NOT_THERE in answer.text


def record(**basic: Any) -> dict[str, Any]:
    """A record of the registry."""
    return {
        "number": NPI,
        "enumeration_type": "NPI-2",
        "basic": {"organization_name": "WILLOW BEND", "status": "A", **basic},
        "addresses": [],
        "taxonomies": [],
    }


def answer_with(*results: object) -> Body:
    """An answer with these results; lone surrogates travel as JSON's escapes."""
    return Body(json.dumps({"result_count": len(results), "results": results}).encode())


def test_n4_a_name_with_characters_that_break_things_is_cleaned(seat: Seat, registry: Faults) -> None:
    registry.plan(answer_with(record(organization_name="WILLOW\ud800 \u202eBEND\x00\r\n<b>")))
    answer = seat.npi_name(NPI)
    assert answer.status == 200
    assert answer.one(".cpse-npi-name").get_text() == "WILLOW BEND <b>"


@pytest.mark.parametrize("number", [1999101045, "1999101045"])
def test_n4_a_number_may_come_as_text_or_as_a_number(seat: Seat, registry: Faults, number: object) -> None:
    registry.plan(answer_with({**record(), "number": number}))
    assert "WILLOW BEND" in seat.npi_name(NPI).text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wrong=st.dictionaries(st.sampled_from(sorted(record())), JSON, min_size=1),
    odd_basic=st.dictionaries(st.sampled_from(["organization_name", "status", "name", "credential"]), JSON),
)
def test_n4_whatever_a_record_looks_like_there_is_an_answer_in_words(
    seat: Seat, registry: Faults, wrong: dict[str, Any], odd_basic: dict[str, Any]
) -> None:
    registry.plan(answer_with({**record(**odd_basic), **wrong}))
    answer = seat.npi_name(NPI)
    assert answer.status == 200
    assert answer.soup.select("[data-npi]")[0].get_text(strip=True)
    registry.clear()
