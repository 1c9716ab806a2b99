"""The pages of matches: read to their end, and left where they have none."""

import logging
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.portal.gateway import PortalUnanswered

from .samples import BASE, NPI, STAFF, page, provider

PROVIDERS = f"{BASE}/providers"


def find(gateway: HttpPortalGateway) -> list[str]:
    return [match.id for match in gateway.find_providers(npi=NPI, sed_code=None, acting_user=STAFF)]


def test_all_pages_are_read(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.get(PROVIDERS, json=page(provider(), next_cursor="two"))
    portal.get(PROVIDERS, json=page(provider(), provider(id="prv_2"), next_cursor="three"))
    portal.get(PROVIDERS, json=page(provider(id="prv_3")))
    assert find(gateway) == ["prv_1", "prv_2", "prv_3"]
    queries = [parse_qs(urlsplit(call.request.url or "").query) for call in portal.calls]
    assert [query.get("cursor") for query in queries if "npi" in query] == [None, ["two"], ["three"]]


@pytest.mark.parametrize("cursor", ["", 7, "x" * 300, ["two"]])
def test_an_odd_cursor_ends_the_pages(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, cursor: object
) -> None:
    asked = portal.get(PROVIDERS, json=page(provider()) | {"next_cursor": cursor})
    assert find(gateway) == ["prv_1"]
    assert asked.call_count == 1


def test_pages_that_go_round_in_a_circle_are_left(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    asked = portal.get(PROVIDERS, json=page(provider(), next_cursor="again"))
    assert find(gateway) == ["prv_1"]
    assert asked.call_count == 2
    assert "do not end" in caplog.text


def test_pages_without_end_are_left_after_ten(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20):
        portal.get(PROVIDERS, json=page(provider(id=f"prv_{number}"), next_cursor=f"page-{number}"))
    assert find(gateway) == [f"prv_{number}" for number in range(10)]
    assert "do not end" in caplog.text


@pytest.mark.parametrize("cursors", [["again"] * 20, [f"page-{number}" for number in range(20)]], ids=["one", "many"])
def test_empty_pages_without_end_are_no_answer(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, caplog: pytest.LogCaptureFixture, cursors: list[str]
) -> None:
    for cursor in cursors:
        portal.get(PROVIDERS, json=page(next_cursor=cursor))
    with pytest.raises(PortalUnanswered, match="hold none and do not end"):
        find(gateway)
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


def test_an_empty_page_before_one_that_is_not_does_no_harm(
    gateway: HttpPortalGateway, portal: responses.RequestsMock
) -> None:
    portal.get(PROVIDERS, json=page(next_cursor="two"))
    portal.get(PROVIDERS, json=page(provider()))
    assert find(gateway) == ["prv_1"]


def test_the_same_providers_on_each_of_many_pages_are_shown_once(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(20):
        portal.get(PROVIDERS, json=page(provider(), next_cursor=f"page-{number}"))
    assert find(gateway) == ["prv_1"]
    assert "do not end; those read hold 1" in caplog.text
