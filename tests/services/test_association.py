"""Matches, comparison, link, unlink, addition; against the sandbox's Portal over HTTP."""

import threading
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from cpse_plugin.domain.differences import MatchRule, Outcome
from cpse_plugin.domain.portal_records import PortalStatus
from cpse_plugin.domain.providers import SetUpStatus
from cpse_plugin.models import LinkRow
from cpse_plugin.portal.gateway import NotOnPortal, ProviderExists
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services.association import Match
from cpse_plugin.services.database import now
from cpse_plugin.services.errors import (
    AlreadyLinked,
    ComparisonChanged,
    NotFound,
    NotLinked,
    ProfileIncomplete,
)
from cpse_plugin.web.parts import Parts
from tests.world import EDITOR, OTHER_EDITOR, READER, associations_on, by_number, link


def matches(cpse: Parts, number: str) -> list[Match]:
    return cpse.associations.find_matches(by_number(cpse, number), READER)


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("TC-1004", [("P-20188", MatchRule.BOTH)]),
        ("TC-1006", [("P-20262", MatchRule.NPI)]),
        ("TC-1007", [("P-20299", MatchRule.SED_CODE)]),
        ("TC-1008", [("P-20336", MatchRule.SED_CODE)]),
        ("TC-1010", [("P-20410", MatchRule.BOTH), ("P-20447", MatchRule.NPI)]),
        ("TC-1011", [("P-20447", MatchRule.BOTH), ("P-20410", MatchRule.NPI)]),
        ("TC-1012", [("P-20484", MatchRule.NPI), ("P-20521", MatchRule.NPI)]),
        ("TC-1041", [("P-21298", MatchRule.NPI), ("P-21335", MatchRule.SED_CODE)]),
        ("TC-1021", []),
        ("TC-1029", []),
    ],
)
def test_matches_say_why_they_match_best_first(cpse: Parts, number: str, found: list[tuple[str, MatchRule]]) -> None:
    assert [(match.portal.id, match.rule) for match in matches(cpse, number)] == found


def test_without_npi_and_sed_code_the_portal_is_not_asked(cpse: Parts, portal: Portal) -> None:
    assert matches(cpse, "TC-1029") == []
    assert portal.faults.received() == []


def test_a_match_that_another_provider_of_the_county_holds_names_it(cpse: Parts) -> None:
    (match,) = matches(cpse, "TC-1018")
    assert match.holder == by_number(cpse, "TC-1013")
    assert not match.can_be_linked_to(by_number(cpse, "TC-1018"))
    assert match.can_be_linked_to(by_number(cpse, "TC-1013"))


def test_another_county_s_association_is_not_seen(cpse: Parts) -> None:
    (match,) = matches(cpse, "TC-1034")
    assert (match.portal.association, match.holder) == (None, None)
    assert match.can_be_linked_to(by_number(cpse, "TC-1034"))


def test_an_inactive_match_is_shown_as_such(cpse: Parts) -> None:
    assert [match.portal.status for match in matches(cpse, "TC-1020")] == [PortalStatus.INACTIVE]


@pytest.mark.parametrize(
    ("number", "portal_id", "different"),
    [
        ("TC-1004", "P-20188", {}),
        ("TC-1005", "P-20225", {}),
        ("TC-1038", "P-21224", {}),
        ("TC-1006", "P-20262", {"SED Code": Outcome.MISSING_ON_PORTAL}),
        ("TC-1027", "P-20854", {"NPI": Outcome.MISSING_IN_COUNTY}),
        ("TC-1008", "P-20336", {"NPI": Outcome.DIFFERENT}),
        ("TC-1009", "P-20373", {"Name": Outcome.DIFFERENT, "Address": Outcome.DIFFERENT, "Phone": Outcome.DIFFERENT}),
        ("TC-1035", "P-21113", {"Address": Outcome.MISSING_IN_COUNTY, "Phone": Outcome.MISSING_IN_COUNTY}),
        ("TC-1040", "P-21261", {"Provider Type": Outcome.MISSING_ON_PORTAL}),
    ],
)
def test_the_comparison_shows_what_differs_and_nothing_else(
    cpse: Parts, number: str, portal_id: str, different: dict[str, Outcome]
) -> None:
    comparison = cpse.associations.compare(by_number(cpse, number), portal_id, READER)
    assert {field.label: field.outcome for field in comparison.fields if field.differs} == different
    assert comparison.differences == len(different)


def test_comparing_with_nobody_is_told(cpse: Parts) -> None:
    with pytest.raises(NotFound):
        cpse.associations.compare(by_number(cpse, "TC-1004"), "P-0", READER)


def test_a_link_stands_on_both_sides(cpse: Parts, portal: Portal) -> None:
    linked = link(cpse, "TC-1004", "P-20188")
    assert linked.link is not None
    assert (linked.link.portal_id, linked.link.linked_by) == ("P-20188", EDITOR.acting_user)
    assert linked.status is SetUpStatus.LINKED
    assert linked == by_number(cpse, "TC-1004")
    assert associations_on(portal)["P-20188"] == "TC-1004"
    details = cpse.associations.portal_details(linked, READER)
    assert details is not None
    assert details.name == "Willow Bend Therapy Group PLLC"


def test_the_portal_learns_who_acted(cpse: Parts, portal: Portal) -> None:
    link(cpse, "TC-1004", "P-20188", staff=OTHER_EDITOR)
    (call,) = portal.faults.received("PUT")
    assert call.headers["cpse-acting-user"] == OTHER_EDITOR.acting_user


def test_only_what_was_seen_is_linked(cpse: Parts, portal: Portal) -> None:
    provider = by_number(cpse, "TC-1004")
    seen = cpse.associations.compare(provider, "P-20188", EDITOR).fingerprint
    changed = replace(provider.profile, sed_code="010100010000")
    cpse.providers.apply(provider.id, changed, version=provider.version, staff=OTHER_EDITOR)
    with pytest.raises(ComparisonChanged):
        cpse.associations.link(provider.id, "P-20188", operation_id=uuid4(), seen=seen, staff=EDITOR)
    assert "P-20188" not in associations_on(portal)


def test_what_the_portal_has_on_record_already_is_linked_here_too(cpse: Parts) -> None:
    (match,) = matches(cpse, "TC-1019")
    assert match.portal.association is not None
    assert link(cpse, "TC-1019", match.portal.id).link is not None


def test_a_portal_provider_that_is_taken_is_refused_and_its_holder_named(cpse: Parts, portal: Portal) -> None:
    with pytest.raises(AlreadyLinked) as refused:
        link(cpse, "TC-1018", "P-20558")
    assert refused.value.holder == by_number(cpse, "TC-1013")
    assert portal.faults.received("PUT") == []


def test_the_holder_is_named_where_only_the_portal_knows_of_it(cpse: Parts) -> None:
    with cpse.database.write() as session:
        session.execute(delete(LinkRow).where(LinkRow.portal_id == "P-20558"))
    with pytest.raises(AlreadyLinked) as refused:
        link(cpse, "TC-1018", "P-20558")
    assert refused.value.holder.county_provider_id == "TC-1013"
    assert by_number(cpse, "TC-1018").link is None


def test_a_linked_provider_takes_no_second_link(cpse: Parts, portal: Portal) -> None:
    link(cpse, "TC-1010", "P-20410")
    with pytest.raises(AlreadyLinked) as refused:
        link(cpse, "TC-1010", "P-20447")
    assert refused.value.holder.county_provider_id == "TC-1010"
    assert "P-20447" not in associations_on(portal)


def test_of_two_providers_that_want_the_same_portal_provider_one_gets_it(cpse: Parts, portal: Portal) -> None:
    outcomes: dict[str, Any] = {}
    start = threading.Barrier(2)

    def try_to_link(number: str) -> None:
        start.wait(30)
        try:
            outcomes[number] = link(cpse, number, "P-20410").link
        except AlreadyLinked as refused:
            outcomes[number] = refused

    threads = [threading.Thread(target=try_to_link, args=(number,)) for number in ("TC-1010", "TC-1011")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    refusals = [outcome for outcome in outcomes.values() if isinstance(outcome, AlreadyLinked)]
    assert len(outcomes) == 2
    assert len(refusals) == 1
    assert refusals[0].holder.county_provider_id == associations_on(portal)["P-20410"]
    links = {number: by_number(cpse, number).link for number in outcomes}
    assert [number for number, link in links.items() if link] == [associations_on(portal)["P-20410"]]


@pytest.mark.parametrize(
    ("number", "portal_id"),
    [("TC-1004", "P-20558"), ("TC-1013", "P-20188")],
    ids=["a Portal provider that has a link", "a county provider that has a link"],
)
def test_the_database_itself_holds_one_link_for_either_side(cpse: Parts, number: str, portal_id: str) -> None:
    row = {"provider_id": by_number(cpse, number).id, "portal_id": portal_id, "linked_at": now(), "linked_by": "x"}
    with pytest.raises(IntegrityError), cpse.database.engine.begin() as connection:
        connection.execute(insert(LinkRow).values(**row))


def test_unlinking_ends_the_association_and_linking_again_works(cpse: Parts, portal: Portal) -> None:
    provider = by_number(cpse, "TC-1013")
    unlinked = cpse.associations.unlink(provider.id, reason="Wrong one.", operation_id=uuid4(), staff=EDITOR)
    assert (unlinked.link, unlinked.status) == (None, SetUpStatus.NOT_LINKED)
    assert "P-20558" not in associations_on(portal)
    (match,) = matches(cpse, "TC-1018")
    assert match.can_be_linked_to(by_number(cpse, "TC-1018"))
    assert link(cpse, "TC-1013", "P-20558").link is not None
    assert associations_on(portal)["P-20558"] == "TC-1013"


def test_unlinking_twice_with_one_form_is_once_and_with_another_is_told(cpse: Parts, portal: Portal) -> None:
    provider, operation_id = by_number(cpse, "TC-1013"), uuid4()
    for _ in range(2):
        cpse.associations.unlink(provider.id, reason="Wrong one.", operation_id=operation_id, staff=EDITOR)
    assert len(portal.faults.received("DELETE")) == 1
    with pytest.raises(NotLinked):
        cpse.associations.unlink(provider.id, reason="Wrong one.", operation_id=uuid4(), staff=EDITOR)


def test_a_link_whose_portal_provider_is_gone_can_be_ended(cpse: Parts, portal: Portal) -> None:
    provider = by_number(cpse, "TC-1015")
    with portal.store.transaction() as db:
        db.execute("DELETE FROM association WHERE provider_id = 'P-20632'")
        db.execute("DELETE FROM provider WHERE id = 'P-20632'")
    assert cpse.associations.portal_details(provider, READER) is None
    unlinked = cpse.associations.unlink(provider.id, reason="Gone.", operation_id=uuid4(), staff=EDITOR)
    assert unlinked.link is None


def test_linking_to_a_provider_that_goes_in_between_is_told(cpse: Parts, portal: Portal) -> None:
    provider = by_number(cpse, "TC-1004")
    seen = cpse.associations.compare(provider, "P-20188", EDITOR).fingerprint
    with portal.store.transaction() as db:
        db.execute("DELETE FROM provider WHERE id = 'P-20188'")
    with pytest.raises((NotFound, NotOnPortal)):
        cpse.associations.link(provider.id, "P-20188", operation_id=uuid4(), seen=seen, staff=EDITOR)


def test_adding_sends_what_was_shown_and_links_at_once(cpse: Parts, portal: Portal) -> None:
    provider = by_number(cpse, "TC-1021")
    shown = cpse.associations.to_be_added(provider.id, EDITOR)
    added = cpse.associations.add(provider.id, operation_id=uuid4(), staff=EDITOR)
    assert added.link is not None
    details = cpse.associations.portal_details(added, READER)
    assert details is not None
    assert (details.name, details.type, details.npi, details.sed_code, details.address, details.phone) == (
        shown.name,
        shown.type,
        shown.npi,
        shown.sed_code,
        shown.address,
        shown.phone,
    )
    assert associations_on(portal)[added.link.portal_id] == "TC-1021"


def test_adding_what_the_portal_has_shows_who_it_is(cpse: Parts) -> None:
    provider = by_number(cpse, "TC-1041")
    with pytest.raises(ProviderExists) as refused:
        cpse.associations.add(provider.id, operation_id=uuid4(), staff=EDITOR)
    existing = cpse.associations.existing(provider, refused.value, EDITOR)
    assert {match.portal.id for match in existing} == {"P-21298", "P-21335"}
    assert by_number(cpse, "TC-1041").link is None


def test_adding_an_incomplete_profile_says_what_is_missing(cpse: Parts, portal: Portal) -> None:
    provider = by_number(cpse, "TC-1028")
    for call in (
        lambda: cpse.associations.to_be_added(provider.id, EDITOR),
        lambda: cpse.associations.add(provider.id, operation_id=uuid4(), staff=EDITOR),
    ):
        with pytest.raises(ProfileIncomplete, match="Provider Type"):
            call()
    assert portal.faults.received("POST", "/providers$") == []


def test_adding_a_linked_provider_is_refused(cpse: Parts) -> None:
    provider = by_number(cpse, "TC-1013")
    with pytest.raises(AlreadyLinked):
        cpse.associations.add(provider.id, operation_id=uuid4(), staff=EDITOR)


def test_of_many_that_a_refused_addition_names_few_are_asked_for(cpse: Parts, portal: Portal) -> None:
    provider = by_number(cpse, "TC-1004")
    (match,) = cpse.associations.find_matches(provider, EDITOR)
    portal.faults.clear()
    named = ("P-99999", match.portal.id, "P-20632", *(f"P-{number}" for number in range(10_000, 10_040)))
    found = cpse.associations.existing(provider, ProviderExists("exists", portal_ids=named), EDITOR)
    assert [item.portal.id for item in found] == [match.portal.id, "P-20632"]
    assert len(portal.faults.received("GET", "/v1/providers")) <= 4
