"""The tab History: the latest entries, and the way to all older ones."""

import pytest

from cpse_plugin.blueprints.history import PAGE_SIZE
from cpse_plugin.services.history import NOT_DONE, record
from cpse_plugin.web.parts import Parts
from tests.world import by_number

from .client import TAB, Answer, PageClient
from .conftest import Address

REASONS = "td[data-label=Details] li"


def fill(cpse: Parts, number: str, entries: int) -> None:
    with cpse.database.write() as session:
        for n in range(entries):
            details = {"reason": f"entry {n}"}
            record(session, by_number(cpse, number).id, NOT_DONE, "ann@county.example", details)


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_all_entries_can_be_reached_from_the_newest(
    page: PageClient, address: Address, cpse: Parts, htmx: bool
) -> None:
    fill(cpse, "TC-1004", 2 * PAGE_SIZE + 7)

    def go(where: str) -> Answer:
        return page.htmx_get(where, TAB) if htmx else page.get(where)

    page.get(address("TC-1004"))
    answer = go(address("TC-1004", "history"))
    assert f"The latest {PAGE_SIZE} entries; there are older ones." in answer.text
    seen = answer.texts(REASONS)
    for _ in range(2):
        answer = go(answer.link("Older entries"))
        seen += answer.texts(REASONS)
    assert seen == [f"Reason: entry {n}" for n in reversed(range(2 * PAGE_SIZE + 7))]
    assert "Older entries" not in [link.get_text() for link in answer.soup.select("a")]
    assert go(answer.link("Newest entries")).texts(REASONS)[0] == f"Reason: entry {2 * PAGE_SIZE + 6}"


def test_where_all_are_shown_nothing_is_said_of_older_ones(page: PageClient, address: Address, cpse: Parts) -> None:
    fill(cpse, "TC-1004", PAGE_SIZE)
    answer = page.get(address("TC-1004", "history"))
    assert len(answer.texts(REASONS)) == PAGE_SIZE
    assert "older" not in answer.text.lower()


@pytest.mark.parametrize("edge", ["before-0", "before-9999999999", "before-x", "after-1", ""])
def test_an_odd_page_is_answered(page: PageClient, address: Address, cpse: Parts, edge: str) -> None:
    fill(cpse, "TC-1004", 1)
    assert page.get(address("TC-1004", f"history?page={edge}")).status == 200
