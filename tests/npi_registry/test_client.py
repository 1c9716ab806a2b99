"""A look-up has three outcomes, and none of them is taken for another."""

import json
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import requests
import responses
from hypothesis import given, settings
from hypothesis import strategies as st
from responses import matchers

from cpse_plugin.domain.identifiers import Npi
from cpse_plugin.domain.registry import NpiRecord, ProviderKind
from cpse_plugin.npi_registry.client import ApiNpiRegistry
from cpse_plugin.npi_registry.gateway import NameQuery, RegistryApi, RegistryBusy, RegistryUnavailable
from cpse_plugin.outbound import USER_AGENT, NotSent

from .api_answers import NPI, errors, found, record
from .chain import Unlimited

URL = "https://registry.example/api/"
OTHER_NPI = "1245251222"


@pytest.fixture
def registry() -> RegistryApi:
    return ApiNpiRegistry(URL, budget=Unlimited())


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def test_a_provider_is_found(registry: RegistryApi, mocked: responses.RequestsMock) -> None:
    asked = [
        matchers.query_param_matcher({"version": "2.1", "number": NPI}),
        matchers.header_matcher({"User-Agent": USER_AGENT}),
    ]
    mocked.get(URL, json=found(record()), match=asked)
    assert registry.look_up(Npi(NPI)) == NpiRecord(
        NPI,
        ProviderKind.INDIVIDUAL,
        "ANA ORTIZ",
        "SLP",
        primary_taxonomy="Speech-Language Pathologist",
        city="TROY",
        state="NY",
    )


@pytest.mark.parametrize(
    ("suffix", "full_name"),
    [("JR.", "ANA ORTIZ JR."), ("III", "ANA ORTIZ III"), ("--", "ANA ORTIZ"), ("", "ANA ORTIZ"), (None, "ANA ORTIZ")],
)
def test_the_suffix_belongs_to_the_name_and_the_prefix_does_not(
    registry: RegistryApi, mocked: responses.RequestsMock, suffix: object, full_name: str
) -> None:
    basic = record()["basic"] | {"name_prefix": "DR.", "name_suffix": suffix}
    mocked.get(URL, json=found(record(basic=basic)))
    answer = registry.look_up(Npi(NPI))
    assert answer is not None
    assert answer.full_name == full_name


@pytest.mark.parametrize(
    ("others", "known_as"),
    [
        ([{"type": "Doing Business As", "code": "3", "organization_name": "BRIGHT STEPS"}], ("BRIGHT STEPS",)),
        ([{"code": 3, "organization_name": "BRIGHT STEPS"}], ("BRIGHT STEPS",)),
        ([{"type": "Doing Business As", "organization_name": "BRIGHT STEPS"}], ("BRIGHT STEPS",)),
        ([{"code": "3", "organization_name": name} for name in ("B", "A", "B", "STEP INC", "--")], ("B", "A")),
        ([{"type": "Former Legal Business Name", "code": "4", "organization_name": "OLD STEPS"}], ()),
        ([{"type": "Other Name", "code": "5", "organization_name": "STEPS"}], ()),
        ([{"code": "3"}, "3", None, {"code": ["3"], "organization_name": 3}], ()),
        ("none", ()),
        (None, ()),
    ],
)
def test_an_organization_is_known_under_the_names_that_it_does_business_as(
    registry: RegistryApi, mocked: responses.RequestsMock, others: object, known_as: tuple[str, ...]
) -> None:
    basic = {"organization_name": "STEP INC", "status": "A"}
    mocked.get(URL, json=found(record(enumeration_type="NPI-2", basic=basic, other_names=others)))
    answer = registry.look_up(Npi(NPI))
    assert answer is not None
    assert (answer.name, answer.doing_business_as) == ("STEP INC", known_as)


@pytest.mark.parametrize(
    ("basic", "active", "status"),
    [
        ({"status": "A"}, True, None),
        ({"status": "a"}, True, None),
        ({}, True, None),
        ({"status": "--"}, True, None),
        ({"status": "P"}, True, "P"),
        ({"status": "D"}, True, "D"),
        ({"status": "D", "deactivation_date": "2020-01-31"}, False, "D"),
        ({"status": "P", "deactivation_date": "2020-01-31", "reactivation_date": "2021-01-31"}, True, "P"),
        ({"status": "A", "deactivation_date": "2020-01-31"}, True, None),
        ({"deactivation_date": "2020-01-31"}, False, None),
    ],
)
def test_only_a_date_makes_an_npi_a_deactivated_one(
    registry: RegistryApi, mocked: responses.RequestsMock, basic: dict[str, str], active: bool, status: str | None
) -> None:
    names = {"first_name": "ANA", "last_name": "ORTIZ"}
    mocked.get(URL, json=found(record(basic=names | basic)))
    answer = registry.look_up(Npi(NPI))
    assert answer is not None
    assert (answer.active, answer.status) == (active, status)


def test_the_registry_has_no_such_npi(registry: RegistryApi, mocked: responses.RequestsMock) -> None:
    mocked.get(URL, json={"result_count": 0, "results": []})
    assert registry.look_up(Npi(NPI)) is None


@pytest.mark.parametrize("number", ["15", 15])
def test_a_deactivated_npi(registry: RegistryApi, mocked: responses.RequestsMock, number: object) -> None:
    mocked.get(URL, json=errors((number, f"CMS deactivated NPI {NPI}. The provider can no longer use this NPI.")))
    assert registry.look_up(Npi(NPI)) == NpiRecord(NPI, None, "", active=False)


def test_a_record_that_says_itself_that_it_is_deactivated(
    registry: RegistryApi, mocked: responses.RequestsMock
) -> None:
    basic = {"organization_name": "STEP BY STEP", "deactivation_date": "01/31/2020"}
    mocked.get(URL, json=found(record(enumeration_type="NPI-2", basic=basic)))
    answer = registry.look_up(Npi(NPI))
    assert answer is not None
    assert not answer.active
    assert str(answer.deactivated_on) == "2020-01-31"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (errors(("06", "NPI must be 10 digits")), "NPI must be 10 digits"),
        (errors(("07", "one"), ("09", "two")), r"one \(7\); two \(9\)"),
        (errors(("15", f"CMS deactivated NPI {OTHER_NPI}.")), OTHER_NPI),
        ({"Errors": []}, "error"),
        ({"Errors": "all of them"}, "error"),
        (found(record(number=OTHER_NPI)), "another NPI"),
        (found(record(), record(number=OTHER_NPI)), "another NPI"),
        (found(record(number=None)), "no NPI"),
        (found(record(basic={})), "no name"),
        (found(record(basic=[])), "JSON object"),
        (found(record(enumeration_type="NPI-3")), "kind"),
        ({"result_count": 1, "results": []}, "neither"),
        ({"result_count": 0, "results": [record()]}, "neither"),
        ({"results": []}, "neither"),
        ({"result_count": 0}, "neither"),
        ([], "JSON object"),
        (None, "JSON object"),
    ],
)
def test_what_is_no_clear_answer_is_never_taken_for_not_found(
    registry: RegistryApi, mocked: responses.RequestsMock, content: object, says: str
) -> None:
    mocked.get(URL, body=json.dumps(content))
    with pytest.raises(RegistryUnavailable, match=says):
        registry.look_up(Npi(NPI))


@pytest.mark.parametrize(
    "answer",
    [
        {"body": "<html>Down for maintenance</html>", "content_type": "text/html"},
        {"body": b""},
        {"body": b"[" * 200_000},
        {"body": b'{"result_count": NaN, "results": []}'},
        {"json": {"result_count": 0, "results": []}, "status": 404},
        {"json": {"result_count": 0, "results": []}, "status": 429},
        {"json": {"result_count": 0, "results": []}, "status": 500},
        {"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"body": NotSent("connection refused")},
        {"body": requests.ReadTimeout("too slow")},
        {"body": requests.ConnectionError("reset")},
    ],
)
def test_a_failure_is_never_taken_for_not_found(
    registry: RegistryApi, mocked: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    mocked.get(URL, **answer)
    with pytest.raises(RegistryUnavailable):
        registry.look_up(Npi(NPI))


@pytest.mark.parametrize(
    "changes",
    [
        {"number": int(NPI)},
        {"enumeration_type": None},
        {"addresses": None, "taxonomies": "none"},
        {"addresses": [None, {"address_purpose": "LOCATION", "city": 12, "state": None}]},
        {"created_epoch": "1277836466000", "last_updated_epoch": 1537639861},
    ],
)
def test_the_drift_of_the_form_does_no_harm(
    registry: RegistryApi, mocked: responses.RequestsMock, changes: dict[str, Any]
) -> None:
    mocked.get(URL, json=found(record(**changes)))
    answer = registry.look_up(Npi(NPI))
    assert answer is not None
    assert (answer.npi, answer.kind, answer.name) == (NPI, ProviderKind.INDIVIDUAL, "ANA ORTIZ")


@pytest.mark.parametrize(
    ("basic", "name"),
    [
        ({"first_name": "ANA", "middle_name": "MARIA", "last_name": "ORTIZ", "name": "ORTIZ ANA"}, "ANA MARIA ORTIZ"),
        ({"first_name": "", "middle_name": None, "last_name": "ORTIZ"}, "ORTIZ"),
        ({"first_name": "--", "last_name": "--", "name": "ORTIZ ANA"}, "ORTIZ ANA"),
        ({"first_name": "Jo-Ann", "last_name": "O'NEIL"}, "Jo-Ann O'NEIL"),
        ({"first_name": "A\u202eNA\x00", "last_name": "OR\ud800TIZ\r\n"}, "ANA ORTIZ"),
    ],
)
def test_the_name_stands_in_reading_order_and_is_clean(
    registry: RegistryApi, mocked: responses.RequestsMock, basic: dict[str, Any], name: str
) -> None:
    mocked.get(URL, body=json.dumps(found(record(basic=basic))))
    answer = registry.look_up(Npi(NPI))
    assert answer is not None
    assert answer.name == name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(["number", "enumeration_type", "basic", "addresses", "taxonomies"])
PARTS = st.sampled_from(["first_name", "last_name", "organization_name", "status", "deactivation_date", "name"])


@settings(max_examples=150, deadline=None)
@given(members=st.dictionaries(MEMBERS, JSON), parts=st.dictionaries(PARTS, JSON))
def test_no_form_of_a_record_leads_to_anything_but_a_record_or_unavailable(
    members: dict[str, Any], parts: dict[str, Any]
) -> None:
    registry = ApiNpiRegistry(URL, budget=Unlimited())
    odd = record(**members)
    if isinstance(odd["basic"], dict):
        odd["basic"] = odd["basic"] | parts
    with responses.RequestsMock() as mock:
        mock.get(URL, body=json.dumps(found(odd)))
        try:
            answer = registry.look_up(Npi(NPI))
        except RegistryUnavailable:
            return
    assert answer is not None
    assert answer.npi == NPI
    assert answer.name
    answer.name.encode()


def test_ping_asks_for_an_npi_of_nobody(registry: RegistryApi, mocked: responses.RequestsMock) -> None:
    mocked.get(
        URL,
        json={"result_count": 0, "results": []},
        match=[matchers.query_param_matcher({"version": "2.1", "number": "1999999984"})],
    )
    registry.ping()


def test_ping_tells_that_the_registry_is_down(registry: RegistryApi, mocked: responses.RequestsMock) -> None:
    mocked.get(URL, status=503)
    with pytest.raises(RegistryUnavailable, match="503"):
        registry.ping()


class NoTurn:
    """A budget that is used up; remembers how long somebody was ready to wait."""

    def __init__(self) -> None:
        self.patience: list[float] = []

    def turn(self, patience: float) -> AbstractContextManager[None]:
        self.patience.append(patience)
        raise RegistryBusy("no turn came")


def test_no_call_is_made_without_a_turn(mocked: responses.RequestsMock) -> None:
    budget = NoTurn()
    registry = ApiNpiRegistry(URL, budget=budget)
    with pytest.raises(RegistryBusy):
        registry.look_up(Npi(NPI))
    with pytest.raises(RegistryBusy):
        registry.look_up(Npi(NPI), patience=30)
    with pytest.raises(RegistryBusy):
        registry.search(NameQuery("ORTIZ"))
    assert budget.patience == [1, 30, 1]
    assert len(mocked.calls) == 0


def test_a_call_names_the_plugin_and_a_contact(mocked: responses.RequestsMock) -> None:
    named = matchers.header_matcher({"User-Agent": f"{USER_AGENT} (it@tamarack.example)"})
    mocked.get(URL, json=found(), match=[named])
    ApiNpiRegistry(URL, budget=Unlimited(), contact="it@tamarack.example").look_up(Npi(NPI))


def person(number: str, first: str, last: str, state: str = "NY") -> dict[str, Any]:
    basic = {"first_name": first, "last_name": last, "status": "A"}
    return record(number=number, basic=basic, addresses=[{"address_purpose": "LOCATION", "state": state}])


def test_a_search_by_name_asks_for_names_that_begin_so_and_puts_the_best_first(
    registry: RegistryApi, mocked: responses.RequestsMock
) -> None:
    asked = {
        "version": "2.1",
        "enumeration_type": "NPI-1",
        "limit": "200",
        "last_name": "Ortíz*",
        "first_name": "an*",
        "state": "NY",
    }
    answer = found(
        person(OTHER_NPI, "ANA", "ORTIZ-LUNA"),
        person("1558598797", "ANNE", "ORTIZ", state="NJ"),
        person("1679576722", "ANITA", "ORTIZ"),
        person(NPI, "ANA", "ORTIZ"),
    )
    mocked.get(URL, json=answer, match=[matchers.query_param_matcher(asked)])
    names = [found.name for found in registry.search(NameQuery("Ortíz", first_name="an", state="NY"))]
    assert names == ["ANA ORTIZ", "ANITA ORTIZ", "ANNE ORTIZ", "ANA ORTIZ-LUNA"]


def test_a_search_for_any_kind_asks_for_people_and_for_organizations(
    registry: RegistryApi, mocked: responses.RequestsMock
) -> None:
    people = matchers.query_param_matcher(
        {"version": "2.1", "enumeration_type": "NPI-1", "limit": "200", "last_name": "OR*"}
    )
    organizations = matchers.query_param_matcher(
        {"version": "2.1", "enumeration_type": "NPI-2", "limit": "200", "organization_name": "OR*"}
    )
    orchard = record(number=OTHER_NPI, enumeration_type="NPI-2", basic={"organization_name": "ORCHARD INC"})
    mocked.get(URL, json=found(record()), match=[people])
    mocked.get(URL, json=found(orchard), match=[organizations])
    assert [found.npi for found in registry.search(NameQuery("OR"))] == [NPI, OTHER_NPI]


def test_a_name_of_one_letter_is_not_cut_off(registry: RegistryApi, mocked: responses.RequestsMock) -> None:
    mocked.get(URL, json=found(), match=[matchers.query_param_matcher({"last_name": "O"}, strict_match=False)])
    assert list(registry.search(NameQuery("O", kind=ProviderKind.INDIVIDUAL))) == []


def test_a_search_finds_fifty_at_most(registry: RegistryApi, mocked: responses.RequestsMock) -> None:
    many = [person(str(1_000_000_000 + number), "ANA", f"ORTIZ{number}") for number in range(200)]
    mocked.get(URL, json=found(*many))
    assert len(registry.search(NameQuery("ORTIZ", kind=ProviderKind.INDIVIDUAL))) == 50


@pytest.mark.parametrize(
    "content", [errors(("07", "Field state requires additional search criteria")), {"results": []}, []]
)
def test_a_search_that_is_refused_has_not_found_nothing(
    registry: RegistryApi, mocked: responses.RequestsMock, content: object
) -> None:
    mocked.get(URL, body=json.dumps(content))
    with pytest.raises(RegistryUnavailable):
        registry.search(NameQuery("ORTIZ"))


def test_each_call_is_logged(
    registry: RegistryApi, mocked: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    mocked.get(URL, json=found())
    with caplog.at_level(logging.INFO, logger="cpse_plugin.npi_registry"):
        registry.look_up(Npi(NPI))
    assert "NPI Registry: HTTP 200 in" in caplog.text
