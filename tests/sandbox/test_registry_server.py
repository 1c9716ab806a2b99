"""The sandbox's registry answers like the real one, and the plugin's client reads it."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cpse_plugin.sandbox.npi_registry import create_npi_registry

CAPTURED = Path(__file__).parents[1] / "npi_registry" / "nppes" / "responses"
DEACTIVATED = "1669463816"


def captured(name: str) -> Any:
    return json.loads((CAPTURED / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def client() -> FlaskClient:
    results = [
        *captured("idx52522756344_npi1_1003127655")["results"],
        *captured("idx61914378145_npi2_1770626038_2026-08")["results"],
        *captured("ropensci-npi_api-1f9cef")["results"],
    ]
    return create_npi_registry(results, {DEACTIVATED: "2024-05-01"}).test_client()


def ask(client: FlaskClient, **query: str) -> Any:
    answer = client.get("/api/", query_string={"version": "2.1"} | query)
    assert answer.status_code == 200
    return answer.get_json()


def numbers(content: Any) -> list[str]:
    return [str(result["number"]) for result in content["results"]]


def test_a_look_up_answers_with_the_record_as_the_real_registry_does(client: FlaskClient) -> None:
    assert ask(client, number="1003127655") == captured("idx52522756344_npi1_1003127655")


def test_nothing_found(client: FlaskClient) -> None:
    assert ask(client, number="1999999984") == captured("ropensci-npi_api-a2f836")


def test_errors_come_with_the_words_of_the_real_registry(client: FlaskClient) -> None:
    assert ask(client, number=DEACTIVATED) == captured("idx13417322038_error_15_deactivated")
    assert ask(client, number="12345") == captured("idx70454131979_error_06_2026-10")
    assert ask(client) == captured("ropensci-npi_api-2feca8")
    assert ask(client, state="NY", enumeration_type="NPI-2") == captured("idx62293353350_errors_07_09_2026-08")


def test_another_version_is_refused(client: FlaskClient) -> None:
    (error,) = client.get("/api/?version=1.0&number=1003127655").get_json()["Errors"]
    assert error["number"] == "17"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"last_name": "aboshady"}, ["1003127655"]),
        ({"last_name": "ABO*", "first_name": "Moustafa"}, ["1003127655"]),
        ({"last_name": "ABO"}, []),
        ({"organization_name": "inova fairfax hospital"}, ["1770626038"]),
        ({"organization_name": "CSP*", "enumeration_type": "NPI-2"}, ["1568946812"]),
        ({"organization_name": "CSP*", "enumeration_type": "NPI-1"}, []),
        ({"organization_name": "INOVA*", "state": "MD"}, ["1770626038"]),
        ({"organization_name": "INOVA*", "city": "Albany"}, []),
    ],
)
def test_a_search_by_name(client: FlaskClient, query: dict[str, str], expected: list[str]) -> None:
    assert numbers(ask(client, **query)) == expected


def test_a_search_has_pages_whose_size_is_the_count(client: FlaskClient) -> None:
    everything = ask(client, city="Atlanta", limit="200")
    first, second = ask(client, city="Atlanta", limit="2"), ask(client, city="Atlanta", limit="2", skip="2")
    assert len(everything["results"]) > 3
    assert first["result_count"] == 2
    assert numbers(first) + numbers(second) == numbers(everything)[:4]


def test_an_odd_page_is_the_first(client: FlaskClient) -> None:
    assert numbers(ask(client, last_name="ABOSHADY", skip="-5", limit="many")) == ["1003127655"]
