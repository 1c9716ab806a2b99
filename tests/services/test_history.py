"""Who did what, when, from what to what; and that nobody can alter it."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cpse_plugin.domain.portal_records import NewInvitation
from cpse_plugin.domain.providers import Profile, ProviderType
from cpse_plugin.operations.add import Add
from cpse_plugin.operations.invite import Invite
from cpse_plugin.operations.link import Link
from cpse_plugin.operations.resend import Resend
from cpse_plugin.operations.revoke import Revoke
from cpse_plugin.operations.unlink import Unlink
from cpse_plugin.services import history as module
from cpse_plugin.services import providers as providers_module
from cpse_plugin.services.database import now
from cpse_plugin.services.errors import StaleProfile
from cpse_plugin.services.history import PROFILE_CHANGED, HistoryEntry, record
from cpse_plugin.web.parts import Parts
from tests.world import EDITOR, INVITER, OTHER_EDITOR, READER, by_number, link


def entries(cpse: Parts, number: str) -> list[HistoryEntry]:
    return cpse.history.of_provider(by_number(cpse, number).id, READER)


def test_a_changed_profile_is_told_from_what_to_what(cpse: Parts) -> None:
    began = now()
    provider = by_number(cpse, "TC-1001")
    profile = Profile(ProviderType.AGENCY, "1999101011", provider.profile.sed_code, uses_portal=True)
    cpse.providers.apply(provider.id, profile, version=provider.version, staff=EDITOR)
    (entry,) = entries(cpse, "TC-1001")
    assert (entry.action, entry.actor, entry.county_provider_id) == (
        PROFILE_CHANGED,
        EDITOR.acting_user,
        "TC-1001",
    )
    assert timedelta() <= entry.at - began < timedelta(seconds=30)
    assert entry.details["changes"] == [
        {"field": "Provider Type", "from": "Not set", "to": "Agency"},
        {"field": "NPI", "from": "Not given", "to": "1999101011"},
        {"field": "Provider Uses CPSE Portal", "from": "No", "to": "Yes"},
    ]


def test_applying_without_a_change_is_no_event(cpse: Parts) -> None:
    provider = by_number(cpse, "TC-1004")
    applied = cpse.providers.apply(provider.id, provider.profile, version=provider.version, staff=EDITOR)
    assert entries(cpse, "TC-1004") == []
    assert (applied.updated_by, applied.version) == (provider.updated_by, provider.version)


def test_a_link_tells_the_rule_and_the_differences_that_were_accepted(cpse: Parts) -> None:
    link(cpse, "TC-1008", "P-20336")
    (entry,) = entries(cpse, "TC-1008")
    assert (entry.action, entry.actor) == (Link.history, EDITOR.acting_user)
    assert (entry.details["portal_id"], entry.details["rule"]) == ("P-20336", "SED code")
    assert entry.details["differences"] == [
        {"field": "NPI", "county": "1999101086", "portal": "1999102084", "outcome": "Different"}
    ]


def test_the_ways_of_a_provider_stand_newest_first(cpse: Parts) -> None:
    provider = by_number(cpse, "TC-1021")
    cpse.associations.add(provider.id, operation_id=uuid4(), staff=EDITOR)
    person = NewInvitation("Nia", "New", "nia@history.example")
    invited = cpse.admin_users.invite(provider.id, person, operation_id=uuid4(), staff=INVITER)
    for change in (cpse.admin_users.send_again, cpse.admin_users.revoke):
        change(provider.id, invited["id"], operation_id=uuid4(), staff=INVITER)
    cpse.associations.unlink(provider.id, reason="Sent to the wrong agency.", operation_id=uuid4(), staff=OTHER_EDITOR)
    found = entries(cpse, "TC-1021")
    assert [(entry.action, entry.actor) for entry in found] == [
        (Unlink.history, OTHER_EDITOR.acting_user),
        (Revoke.history, INVITER.acting_user),
        (Resend.history, INVITER.acting_user),
        (Invite.history, INVITER.acting_user),
        (Add.history, EDITOR.acting_user),
    ]
    assert found[0].details["reason"] == "Sent to the wrong agency."
    assert [entry.details["email"] for entry in found[1:4]] == [person.email] * 3
    assert all(entry.operation_id for entry in found)


def test_a_refused_change_leaves_no_entry(cpse: Parts) -> None:
    provider = by_number(cpse, "TC-1004")
    with pytest.raises(StaleProfile):
        cpse.providers.apply(
            provider.id, replace(provider.profile, npi=None), version=provider.version + 1, staff=EDITOR
        )
    assert entries(cpse, "TC-1004") == []


def test_an_entry_goes_with_the_change_that_is_rolled_back(cpse: Parts) -> None:
    provider = by_number(cpse, "TC-1004")

    def change_and_fail() -> None:
        with cpse.database.write() as session:
            record(session, provider.id, Link.history, "somebody", {})
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert entries(cpse, "TC-1004") == []


def test_a_change_goes_with_an_entry_that_cannot_be_written(cpse: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(providers_module, "record", fail)
    provider = by_number(cpse, "TC-1004")
    with pytest.raises(ZeroDivisionError):
        cpse.providers.apply(provider.id, replace(provider.profile, npi=None), version=provider.version, staff=EDITOR)
    assert by_number(cpse, "TC-1004") == provider


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cpse_history SET actor = 'nobody'",
        "DELETE FROM cpse_history",
        "DELETE FROM cpse_history WHERE id = (SELECT max(id) FROM cpse_history)",
        "UPDATE cpse_history SET details = '{}' WHERE action = 'linked'",
    ],
)
def test_the_database_itself_refuses_to_alter_the_history(cpse: Parts, statement: str) -> None:
    link(cpse, "TC-1004", "P-20188")
    before = entries(cpse, "TC-1004")
    with pytest.raises(DBAPIError, match="cpse_history is append-only"), cpse.database.engine.begin() as connection:
        connection.execute(text(statement))
    assert entries(cpse, "TC-1004") == before != []


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_postgresql_refuses_to_truncate_it_too(cpse: Parts) -> None:
    link(cpse, "TC-1004", "P-20188")
    with pytest.raises(DBAPIError, match="cpse_history is append-only"), cpse.database.engine.begin() as connection:
        connection.execute(text("TRUNCATE cpse_history"))
    assert len(entries(cpse, "TC-1004")) == 1


def test_the_export_has_everything_since_a_moment_oldest_first(cpse: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    began = now()
    provider = by_number(cpse, "TC-1039")
    for number in range(5):
        sed_code = f"{number + 1:012d}"
        provider = cpse.providers.apply(
            provider.id, replace(provider.profile, sed_code=sed_code), version=provider.version, staff=EDITOR
        )
    found = list(cpse.history.since(began))
    assert [entry.details["changes"][0]["to"] for entry in found] == [f"{number + 1:012d}" for number in range(5)]
    assert {(entry.provider_name, entry.provider_id) for entry in found} == {(provider.name, provider.id)}
    assert list(cpse.history.since(now() + timedelta(minutes=1))) == []
