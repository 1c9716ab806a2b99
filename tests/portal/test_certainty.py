"""What may be said of a call by what was answered: each operation, each status, each form of an answer.

"Not done" is said only where the contract says so; of a change that met anything else nobody knows whether it was done.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import responses

from cpse_plugin.domain.portal_records import NewInvitation, NewPortalProvider
from cpse_plugin.domain.providers import ProviderType
from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.portal.gateway import (
    AlreadyAssociated,
    InvalidContent,
    InvitationClosed,
    InvitationPending,
    NotOnPortal,
    PortalAccessRefused,
    PortalBusy,
    PortalError,
    PortalNotAsked,
    PortalOutcomeUnknown,
    PortalRefused,
    PortalUnanswered,
    ProviderExists,
)

from .samples import BASE, KEY, NPI, STAFF, TOKEN_URL, problem

ONE = f"{BASE}/providers/prv_1"
NEW_PROVIDER = NewPortalProvider("17", "Step by Step", ProviderType.AGENCY, NPI, None, None, None)
AMY = NewInvitation("Amy", "Lowe", "amy.lowe@therapy.example")


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation of the contract, and where it is called."""

    name: str
    method: str
    url: str
    call: Callable[[HttpPortalGateway], object]
    is_about_a_provider: bool = True

    def __str__(self) -> str:
        return self.name


CHANGES = [
    Asked(
        "addProvider",
        "POST",
        f"{BASE}/providers",
        lambda gateway: gateway.add_provider(NEW_PROVIDER, key=KEY, acting_user=STAFF),
        is_about_a_provider=False,
    ),
    Asked(
        "associateProvider",
        "PUT",
        f"{ONE}/association",
        lambda gateway: gateway.associate("prv_1", "17", acting_user=STAFF),
    ),
    Asked(
        "dissociateProvider",
        "DELETE",
        f"{ONE}/association",
        lambda gateway: gateway.dissociate("prv_1", "17", acting_user=STAFF),
    ),
    Asked(
        "inviteAdminUser",
        "POST",
        f"{ONE}/invitations",
        lambda gateway: gateway.invite_admin_user("prv_1", AMY, key=KEY, acting_user=STAFF),
    ),
    Asked(
        "resendInvitation",
        "POST",
        f"{ONE}/invitations/inv_1/resend",
        lambda gateway: gateway.resend_invitation("prv_1", "inv_1", key=KEY, acting_user=STAFF),
    ),
    Asked(
        "revokeInvitation",
        "DELETE",
        f"{ONE}/invitations/inv_1",
        lambda gateway: gateway.revoke_invitation("prv_1", "inv_1", acting_user=STAFF),
    ),
]
READS = [
    Asked(
        "findProviders",
        "GET",
        f"{BASE}/providers",
        lambda gateway: gateway.find_providers(npi=NPI, sed_code=None, acting_user=STAFF),
        is_about_a_provider=False,
    ),
    Asked("getProvider", "GET", ONE, lambda gateway: gateway.get_provider("prv_1", acting_user=STAFF)),
    Asked(
        "listAdminUsers",
        "GET",
        f"{ONE}/admin-users",
        lambda gateway: gateway.list_admin_users("prv_1", acting_user=STAFF),
    ),
    Asked(
        "listInvitations",
        "GET",
        f"{ONE}/invitations",
        lambda gateway: gateway.list_invitations("prv_1", acting_user=STAFF),
    ),
    Asked(
        "listProfessions",
        "GET",
        f"{BASE}/professions",
        lambda gateway: gateway.list_professions(acting_user=STAFF),
        is_about_a_provider=False,
    ),
]
# What something between the plugin and the Portal may answer with, whatever the Portal has done.
FOREIGN: dict[str, Callable[[int], str]] = {
    "page": lambda status: f"<html><h1>{status}</h1></html>",
    "nothing": lambda _: "",
    "another api's error": lambda status: json.dumps({"message": "Request failed", "code": status}),
    "a foreign problem": lambda status: json.dumps(
        {"type": "https://gateway.example/problems/timeout", "title": "Timeout", "status": status}
    ),
    "a problem of another status": lambda status: json.dumps(problem("anything", 500 if status != 500 else 400)),
    "a type without the contract's prefix": lambda status: json.dumps(
        {"type": "provider-exists", "title": "Exists", "status": status}
    ),
}
OWN: dict[str, Callable[[int], str]] = {
    "unnamed": lambda status: json.dumps({"type": "about:blank", "title": "Told to", "status": status}),
    "unknown": lambda status: json.dumps(problem("something-new", status)),
}
# Turned away at the door: whoever writes it has let nothing through.
TURNED_AWAY = {401: PortalAccessRefused, 403: PortalAccessRefused, 429: PortalBusy}
STATUSES = [
    *(
        202,
        203,
        206,
        300,
        302,
        304,
        400,
        401,
        402,
        403,
        404,
        405,
        406,
        407,
        408,
        409,
        410,
        411,
        412,
        413,
        414,
        415,
        416,
    ),
    *(
        417,
        418,
        421,
        422,
        423,
        424,
        425,
        426,
        428,
        429,
        431,
        451,
        499,
        500,
        501,
        502,
        503,
        504,
        505,
        507,
        511,
        520,
        524,
    ),
    *(529, 530, 599),
]


def outcome_of(gateway: HttpPortalGateway, asked: Asked) -> PortalError | None:
    """What the caller learns; None where the Portal is said not to have what was asked for."""
    try:
        result = asked.call(gateway)
    except PortalError as error:
        return error
    assert result is None
    return None


def meeting(gateway: HttpPortalGateway, asked: Asked, status: int, body: str, **headers: str) -> PortalError | None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as portal:
        portal.post(TOKEN_URL, json={"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
        portal.add(
            asked.method, asked.url, body=body, status=status, content_type="application/problem+json", headers=headers
        )
        return outcome_of(gateway, asked)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_what_is_not_the_portals_own_says_nothing_of_a_change(
    gateway: HttpPortalGateway, change: Asked, status: int
) -> None:
    for form, body in FOREIGN.items():
        error = meeting(gateway, change, status, body(status), **{"Retry-After": "60"})
        assert type(error) is TURNED_AWAY.get(status, PortalOutcomeUnknown), form


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_portals_own_words_count_where_the_contract_has_them(
    gateway: HttpPortalGateway, change: Asked, status: int
) -> None:
    defined: dict[int, type[PortalError]] = {**TURNED_AWAY, 400: InvalidContent, 422: InvalidContent}
    if change.is_about_a_provider:
        defined |= {404: NotOnPortal, 410: NotOnPortal}
    if change.name == "resendInvitation":
        defined[409] = InvitationClosed
    for form, body in OWN.items():
        error = meeting(gateway, change, status, body(status), **{"Retry-After": "60"})
        assert type(error) is defined.get(status, PortalOutcomeUnknown), form


CONFLICTS: dict[str, dict[str, type[PortalError]]] = {
    "provider-exists": {"addProvider": ProviderExists},
    "already-associated": {"associateProvider": AlreadyAssociated, "dissociateProvider": AlreadyAssociated},
    "invitation-pending": {"inviteAdminUser": InvitationPending, "resendInvitation": InvitationClosed},
    "invitation-accepted": {"resendInvitation": InvitationClosed, "revokeInvitation": InvitationClosed},
}


@pytest.mark.parametrize("kind", CONFLICTS)
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_conflict_counts_for_the_operation_that_can_meet_it(
    gateway: HttpPortalGateway, change: Asked, kind: str
) -> None:
    conflicts = CONFLICTS[kind]
    if change.name == "resendInvitation":
        conflicts = {"resendInvitation": InvitationClosed}
    error = meeting(gateway, change, 409, json.dumps(problem(kind, 409)))
    assert type(error) is conflicts.get(change.name, PortalOutcomeUnknown)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("read", READS, ids=str)
def test_a_question_that_was_not_answered_can_be_asked_again(
    gateway: HttpPortalGateway, read: Asked, status: int
) -> None:
    for form, body in FOREIGN.items():
        error = meeting(gateway, read, status, body(status), **{"Retry-After": "60"})
        assert isinstance(error, PortalNotAsked), form
        assert not isinstance(error, PortalRefused), form


@pytest.mark.parametrize("read", READS, ids=str)
def test_only_the_portal_itself_says_that_it_does_not_have_something(gateway: HttpPortalGateway, read: Asked) -> None:
    error = meeting(gateway, read, 404, OWN["unnamed"](404))
    if not read.is_about_a_provider:
        assert isinstance(error, PortalNotAsked)
    else:
        assert error is None or type(error) is NotOnPortal


@pytest.mark.parametrize("failure", [requests.ReadTimeout(), requests.ConnectionError("reset")], ids=repr)
@pytest.mark.parametrize("read", READS, ids=str)
def test_a_question_of_which_no_answer_came_is_no_change(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, read: Asked, failure: Exception
) -> None:
    portal.add(read.method, read.url, body=failure)
    assert type(outcome_of(gateway, read)) is PortalUnanswered


TOKEN_ANSWERS: list[dict[str, Any]] = [
    {"status": status, "body": body}
    for status in (200, 302, 400, 401, 403, 404, 408, 409, 413, 429, 499, 500, 502, 503, 504)
    for body in ("", "<html></html>", '{"error": "invalid_client"}', json.dumps(problem("provider-exists", 409)))
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_without_a_token_nothing_was_done(gateway: HttpPortalGateway, change: Asked) -> None:
    for token_answer in TOKEN_ANSWERS:
        gateway._exchange._tokens._failure = None
        with responses.RequestsMock(assert_all_requests_are_fired=False) as portal:
            portal.post(TOKEN_URL, **token_answer)
            assert isinstance(outcome_of(gateway, change), PortalNotAsked), token_answer
            assert {call.request.url for call in portal.calls} == {TOKEN_URL}
