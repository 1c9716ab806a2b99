"""The list of the county's providers and the profile of each."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cpse_plugin.domain.providers import Profile, ProviderType, SetUpStatus
from cpse_plugin.services import providers as module
from cpse_plugin.services.errors import NotFound, StaleProfile
from cpse_plugin.services.providers import ListQuery, ProviderPage, ProviderSummary, SortKey
from cpse_plugin.services.records import refresh_derived
from cpse_plugin.web.parts import Parts
from tests.world import EDITOR, OTHER_EDITOR, READER, by_number

WRITERS = 16
WRITES = 20


def names(cpse: Parts, text: str, **more: Any) -> list[str]:
    return [row.name for row in cpse.providers.page(ListQuery(text=text, **more), READER).rows]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("willow", ["Willow Bend Therapy Group PLLC"]),
        ("therapy bend", ["Willow Bend Therapy Group PLLC"]),
        ("QUINONES", ["Marisol Quiñones"]),
        ("quiñones", ["Marisol Quiñones"]),
        ("o'brien", ["Siobhán O'Brien-D'Angelo"]),
        ("1999101045", ["Willow Bend Therapy Group PLLC"]),
        ("99910104", ["Willow Bend Therapy Group PLLC"]),
        ("902880007", ["North Fork Special Education Program"]),
        ("tc-1022", ["Theodore Brandt, PT"]),
        ("willow 1999101045", ["Willow Bend Therapy Group PLLC"]),
        ("nobody of this name", []),
        ("%", []),
        ("_", []),
    ],
)
def test_search_finds_by_words_of_the_name_and_parts_of_numbers(cpse: Parts, text: str, found: list[str]) -> None:
    assert names(cpse, text) == found


def test_an_empty_search_finds_everybody(cpse: Parts) -> None:
    assert cpse.providers.page(ListQuery(text=" \t"), READER).total == 42


def test_search_and_status_narrow_together(cpse: Parts) -> None:
    linked = cpse.providers.page(ListQuery(status=SetUpStatus.LINKED), READER)
    assert {row.status for row in linked.rows} == {SetUpStatus.LINKED}
    assert linked.total == 5
    assert names(cpse, "pinewood", status=SetUpStatus.LINKED) == ["Pinewood Learning Collaborative"]
    assert names(cpse, "pinewood", status=SetUpStatus.NOT_USED) == []


VALUES: dict[SortKey, Callable[[ProviderSummary], Any]] = {
    SortKey.TYPE: lambda row: row.type or "",
    SortKey.NPI: lambda row: row.npi,
    SortKey.SED_CODE: lambda row: row.sed_code,
    SortKey.STATUS: lambda row: list(SetUpStatus).index(row.status),
}


def walk(cpse: Parts, query: ListQuery) -> Iterator[ProviderPage]:
    """Go through the list to its end."""
    page = cpse.providers.page(query, READER)
    yield page
    while page.has_next:
        page = cpse.providers.page(replace(query, after=page.rows[-1].id), READER)
        yield page


def walk_back(cpse: Parts, query: ListQuery, page: ProviderPage) -> Iterator[ProviderPage]:
    """Go from a page back to the beginning."""
    yield page
    while page.has_previous:
        page = cpse.providers.page(replace(query, before=page.rows[0].id), READER)
        yield page


@pytest.mark.parametrize("descending", [False, True], ids=["ascending", "descending"])
@pytest.mark.parametrize("key", SortKey)
def test_pages_show_each_provider_once_and_in_order_forwards_and_backwards(
    cpse: Parts, monkeypatch: pytest.MonkeyPatch, key: SortKey, descending: bool
) -> None:
    monkeypatch.setattr(module, "PAGE_SIZE", 4)
    query = ListQuery(sort=key, descending=descending)
    pages = list(walk(cpse, query))
    rows = [row for page in pages for row in page.rows]
    assert len(pages) == 11
    assert len({row.id for row in rows}) == len(rows) == 42
    if key is not SortKey.NAME:
        in_order = sorted(rows, key=lambda row: (VALUES[key](row), row.id), reverse=descending)
        assert rows == in_order
    back = list(walk_back(cpse, query, pages[-1]))
    assert [page.rows for page in reversed(back)] == [page.rows for page in pages]
    assert [page.has_previous for page in pages] == [False] + [True] * 10


def test_names_are_sorted_as_a_person_looks_them_up(cpse: Parts) -> None:
    first = names(cpse, "")
    assert first[:4] == [
        "Achterberg, Desmond",
        "Alder Creek Early Learning Center",
        "Ashworth Early Education Services",
        "Beacon Point School",
    ]
    # Capitals and small letters stand together.
    assert first.index("CEDAR GLEN TEACHING SERVICES, L.L.C.") < first.index("Clover Hill Preschool")


def test_a_page_whose_edge_is_gone_begins_at_the_top(cpse: Parts) -> None:
    top = cpse.providers.page(ListQuery(), READER)
    for edge in (0, 999_999, 2**31, 10**20):
        assert cpse.providers.page(ListQuery(after=edge), READER) == top


def test_the_count_stops_at_its_limit(cpse: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cpse.providers.page(ListQuery(), READER).total_label == "42"
    monkeypatch.setattr(module, "COUNT_LIMIT", 41)
    page = cpse.providers.page(ListQuery(), READER)
    assert (page.total, page.total_label) == (42, "41+")


def test_applying_saves_the_profile_and_brings_the_list_up_to_date(cpse: Parts) -> None:
    before = by_number(cpse, "TC-1001")
    assert before.status is SetUpStatus.NOT_USED
    profile = Profile(ProviderType.AGENCY, "1999101011", "049931880101", uses_portal=True)
    saved = cpse.providers.apply(before.id, profile, version=before.version, staff=EDITOR)
    assert (saved.profile, saved.status) == (profile, SetUpStatus.NOT_LINKED)
    assert saved.version > before.version
    assert (saved.updated_by, saved) == (EDITOR.acting_user, cpse.providers.get(before.id, READER))
    assert names(cpse, "1999101011", status=SetUpStatus.NOT_LINKED) == ["Bright Harbor Preschool Services"]


def test_applying_to_nobody_is_told(cpse: Parts) -> None:
    for provider_id in (0, -1, 999_999, 10**20):
        with pytest.raises(NotFound):
            cpse.providers.apply(provider_id, Profile(None, None, None, uses_portal=False), version=1, staff=EDITOR)


def test_a_form_of_an_earlier_version_is_refused_and_shows_what_stands_now(cpse: Parts) -> None:
    opened = by_number(cpse, "TC-1004")
    theirs = replace(opened.profile, sed_code="010100010000")
    saved = cpse.providers.apply(opened.id, theirs, version=opened.version, staff=OTHER_EDITOR)
    mine = replace(opened.profile, npi="1999101011")
    with pytest.raises(StaleProfile) as refused:
        cpse.providers.apply(opened.id, mine, version=opened.version, staff=EDITOR)
    assert refused.value.current == saved
    assert cpse.providers.get(opened.id, READER).profile == theirs
    again = cpse.providers.apply(opened.id, mine, version=refused.value.current.version, staff=EDITOR)
    assert again.profile == mine


def test_of_two_who_save_in_the_same_moment_one_is_told(cpse: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = by_number(cpse, "TC-1004")
    first_is_in, first_may_go_on = threading.Event(), threading.Event()
    refresh = refresh_derived

    def hold_the_first(row: Any) -> None:
        # Here the row was read and its version found to be the one of the form.
        if not first_is_in.is_set():
            first_is_in.set()
            first_may_go_on.wait(30)
        refresh(row)

    monkeypatch.setattr(module, "refresh_derived", hold_the_first)
    outcomes: dict[str, str] = {}

    def save(staff: Any, sed_code: str) -> None:
        try:
            cpse.providers.apply(
                opened.id, replace(opened.profile, sed_code=sed_code), version=opened.version, staff=staff
            )
            outcomes[staff.name] = "saved"
        except StaleProfile as stale:
            outcomes[staff.name] = f"told of {stale.current.profile.sed_code}"

    first = threading.Thread(target=save, args=(EDITOR, "010100010000"))
    second = threading.Thread(target=save, args=(OTHER_EDITOR, "010100010034"))
    first.start()
    assert first_is_in.wait(30)
    second.start()
    # PostgreSQL lets the second through meanwhile; with SQLite it waits for the first.
    second.join(0.3)
    first_may_go_on.set()
    for thread in (first, second):
        thread.join(30)
    now = cpse.providers.get(opened.id, READER).profile.sed_code
    assert sorted(outcomes.values()) == ["saved", f"told of {now}"]


def test_no_update_is_lost_among_many_writers(cpse: Parts) -> None:
    provider_id = by_number(cpse, "TC-1039").id
    start = cpse.providers.get(provider_id, READER)
    cpse.providers.apply(provider_id, replace(start.profile, sed_code="0" * 12), version=start.version, staff=EDITOR)
    errors: list[BaseException] = []

    def count_up() -> None:
        try:
            for _ in range(WRITES):
                _add_one(cpse, provider_id)
        except BaseException as error:  # noqa: BLE001  # The test has to see it, whatever it is.
            errors.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert cpse.providers.get(provider_id, READER).profile.sed_code == f"{WRITERS * WRITES:012d}"


def _add_one(cpse: Parts, provider_id: int) -> None:
    provider = cpse.providers.get(provider_id, EDITOR)
    while True:
        counted = replace(provider.profile, sed_code=f"{int(provider.profile.sed_code or '0') + 1:012d}")
        try:
            cpse.providers.apply(provider_id, counted, version=provider.version, staff=EDITOR)
        except StaleProfile as stale:
            provider = stale.current
        else:
            return
