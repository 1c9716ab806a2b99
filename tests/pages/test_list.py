"""CPSE Portal User Management: the list of the county's providers."""

import pytest

from cpse_plugin.domain.providers import SetUpStatus
from tests.world import READER, Who

from .client import RESULTS, Answer, PageClient

LIST = "/cpse/providers"


def names(answer: Answer) -> list[str]:
    return answer.texts("a[data-cpse-row-link]")


def test_the_list_shows_each_provider_with_its_state(page: PageClient) -> None:
    answer = page.get(LIST)
    assert answer.one("h1").get_text(strip=True) == "CPSE Portal User Management"
    assert answer.texts("thead th") == ["Name", "Type", "NPI", "SED Code", "Status"]
    row = answer.texts("tr[data-cpse-row]")[0]
    assert row == "Achterberg, Desmond – – – Does not use the Portal"
    assert len(names(answer)) == 25
    assert answer.texts(".cpse-count") == ["42 providers"]


def test_home_leads_to_the_list(page: PageClient) -> None:
    assert page.get("/cpse/").path == LIST


def test_the_name_is_a_link_that_opens_the_provider(page: PageClient) -> None:
    answer = page.get(f"{LIST}?q=willow")
    opened = page.get(answer.link("Willow Bend Therapy Group PLLC"))
    assert opened.soup.title is not None
    assert opened.soup.title.get_text() == "Provider Details – Willow Bend Therapy Group PLLC – Tamarack County"


def test_a_search_is_answered_with_the_rows_alone(page: PageClient) -> None:
    page.get(LIST)
    answer = page.htmx_get(f"{LIST}?q=willow&status=", RESULTS)
    assert names(answer) == ["Willow Bend Therapy Group PLLC"]
    assert answer.texts(".cpse-count") == ["1 provider"]


def test_the_address_keeps_search_status_and_order(page: PageClient) -> None:
    answer = page.get(f"{LIST}?q=tc-10&status=linked&sort=-npi")
    fields = answer.fields("form[role=search]")
    assert fields == {"q": "tc-10", "status": "linked", "sort": "-npi"}
    assert answer.one("th[aria-sort=descending]").get_text(strip=True) == "NPI"
    assert names(page.submit(answer, "form[role=search]")) == names(answer)
    for link in answer.soup.select("th a"):
        assert "q=tc-10" in str(link["href"])
        assert "status=linked" in str(link["href"])


@pytest.mark.parametrize("key", ["name", "type", "npi", "sed-code", "status"])
def test_a_click_on_a_column_sorts_and_a_second_one_turns_round(page: PageClient, key: str) -> None:
    start = page.get(f"{LIST}?status=linked&sort={'npi' if key != 'npi' else 'name'}")
    first = page.htmx_get(str(start.one(f"#cpse-sort-{key}")["href"]), RESULTS)
    second = page.htmx_get(str(first.one(f"#cpse-sort-{key}")["href"]), RESULTS)
    assert (first.has("th[aria-sort=ascending]"), second.has("th[aria-sort=descending]")) == (True, True)
    assert names(first) == names(second)[::-1] != []


def test_pages_lead_on_and_back(page: PageClient) -> None:
    first = page.get(LIST)
    assert not first.has("#cpse-page-previous")
    second = page.htmx_get(str(first.one("#cpse-page-next")["href"]), RESULTS)
    assert len(names(second)) == 17
    assert not second.has("#cpse-page-next")
    back = page.get(str(second.one("#cpse-page-previous")["href"]))
    assert names(back) == names(first)


@pytest.mark.parametrize(
    "query",
    [
        "page=after-99999999999999999999",
        "page=before-2147483648",
        "page=after-0",
        "page=3",
        "page=after-x",
        "sort=nothing",
        "sort=--name",
        "status=nothing",
        "q=",
    ],
)
def test_a_part_of_the_address_that_cannot_be_read_counts_as_not_given(page: PageClient, query: str) -> None:
    answer = page.get(f"{LIST}?{query}")
    assert answer.status == 200
    assert answer.texts(".cpse-count") == ["42 providers"]


def test_where_nothing_fits_the_way_back_is_shown(page: PageClient) -> None:
    answer = page.get(f"{LIST}?q=nobody+of+this+name")
    assert "No provider found" in answer.text
    assert len(names(page.get(answer.link("show all providers")))) == 25


def test_every_status_has_its_words(page: PageClient) -> None:
    offered = page.get(LIST).texts("select[name=status] option")
    assert offered == ["All", *(status.label for status in SetUpStatus)]


def test_characters_that_mean_something_to_html_are_shown_as_they_are(page: PageClient) -> None:
    answer = page.get(f"{LIST}?q=tots")
    assert names(answer) == ['Tots & Tales <Preschool> "Annex", Inc.']
    echoed = page.get(f"{LIST}?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert echoed.fields("form[role=search]")["q"] == '"><script>alert(1)</script>'


def test_a_reader_sees_the_list(page: PageClient, who: Who) -> None:
    who.staff = READER
    assert len(names(page.get(LIST))) == 25
