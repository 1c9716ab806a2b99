"""What each operation sends, to the letter, and what it makes of a good answer."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import requests
import responses
from responses import matchers

from cpse_plugin.domain.portal_records import (
    AdminStatus,
    AdminUser,
    Association,
    Invitation,
    InvitationStatus,
    NewInvitation,
    NewPortalProvider,
    Notice,
    PortalProvider,
    PortalStatus,
    Profession,
    Therapist,
)
from cpse_plugin.domain.providers import Address, ProviderType
from cpse_plugin.outbound import USER_AGENT
from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.portal.gateway import AlreadyAssociated, NotOnPortal, PortalGateway

from .samples import (
    BASE,
    KEY,
    NPI,
    SED_CODE,
    STAFF,
    TOKEN,
    admin_user,
    invitation,
    page,
    problem,
    provider,
    settings,
)

PROVIDER = PortalProvider(
    id="prv_1",
    name="Step by Step",
    type=ProviderType.AGENCY,
    npi=NPI,
    sed_code=SED_CODE,
    address=Address("1 Main Street", "Albany", "NY", "12207"),
    phone="518-555-0100",
    status=PortalStatus.ACTIVE,
    association=Association("17", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    updated_at=datetime(2026, 2, 3, 9, 5, 6, tzinfo=UTC),
)
INVITATION = Invitation(
    id="inv_1",
    first_name="Ana",
    last_name="Ortiz",
    email="ana@example.org",
    therapist=None,
    status=InvitationStatus.SENT,
    notices=(Notice("/therapist/npi", "The NPI will be linked when it arrives."),),
    invited_by=STAFF,
    created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    sent_at=datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC),
    expires_at=datetime(2026, 3, 8, 12, tzinfo=UTC),
)
NEW_PROVIDER = NewPortalProvider(
    county_provider_id="17",
    name="Zoë’s Place",
    type=ProviderType.INDIVIDUAL,
    npi=NPI,
    sed_code=None,
    address=Address("1 Main Street", "Albany", "NY", "12207-1234", line2="Suite 2"),
    phone=None,
)
NEW_INVITATION = NewInvitation("Ana", "Ortiz", "ana@example.org", Therapist(NPI, None, "012345"))


def last_request(portal: responses.RequestsMock) -> requests.PreparedRequest:
    request = portal.calls[-1].request
    assert isinstance(request, requests.PreparedRequest)
    return request


def sent_content(portal: responses.RequestsMock) -> Any:
    body = last_request(portal).body
    return json.loads(body) if body else None


@pytest.fixture
def a_gateway(gateway: HttpPortalGateway) -> PortalGateway:
    """The client, as the protocol that it must fulfil."""
    return gateway


def test_find_providers(a_gateway: PortalGateway, portal: responses.RequestsMock) -> None:
    query = {"npi": NPI, "sed_code": SED_CODE, "limit": "50"}
    portal.get(f"{BASE}/providers", json=page(provider()), match=[matchers.query_param_matcher(query)])
    assert a_gateway.find_providers(npi=NPI, sed_code=SED_CODE, acting_user=STAFF) == (PROVIDER,)


def test_find_providers_by_one_identifier(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    query = {"sed_code": SED_CODE, "limit": "50"}
    portal.get(f"{BASE}/providers", json=page(), match=[matchers.query_param_matcher(query)])
    assert gateway.find_providers(npi=None, sed_code=SED_CODE, acting_user=STAFF) == ()


def test_without_an_identifier_the_portal_is_not_asked(
    gateway: HttpPortalGateway, portal: responses.RequestsMock
) -> None:
    assert gateway.find_providers(npi=None, sed_code="", acting_user=STAFF) == ()
    assert len(portal.calls) == 0


def test_get_provider(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.get(f"{BASE}/providers/prv_1", json=provider())
    assert gateway.get_provider("prv_1", acting_user=STAFF) == PROVIDER


def test_get_provider_that_is_not_there(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.get(f"{BASE}/providers/prv_9", json=problem("not-found", 404), status=404)
    assert gateway.get_provider("prv_9", acting_user=STAFF) is None


@pytest.mark.parametrize("status", [200, 201])
def test_add_provider(gateway: HttpPortalGateway, portal: responses.RequestsMock, status: int) -> None:
    portal.post(f"{BASE}/providers", json=provider(), status=status)
    assert gateway.add_provider(NEW_PROVIDER, key=KEY, acting_user=STAFF) == PROVIDER
    assert last_request(portal).headers["Idempotency-Key"] == "5f0c2d5e-6c63-4d0f-8f2e-0d6f2f6a8a11"
    assert sent_content(portal) == {
        "name": "Zoë’s Place",
        "type": "individual",
        "npi": NPI,
        "sed_code": None,
        "address": {
            "line1": "1 Main Street",
            "line2": "Suite 2",
            "city": "Albany",
            "state": "NY",
            "postal_code": "12207-1234",
        },
        "phone": None,
        "county_provider_id": "17",
    }


def test_associate(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.put(f"{BASE}/providers/prv_1/association", json=provider())
    assert gateway.associate("prv_1", "17", acting_user=STAFF) == PROVIDER
    assert sent_content(portal) == {"county_provider_id": "17"}


def test_dissociate(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.delete(f"{BASE}/providers/prv_1/association", status=204)
    gateway.dissociate("prv_1", "17", acting_user=STAFF)
    assert last_request(portal).body is None
    assert last_request(portal).url == f"{BASE}/providers/prv_1/association?county_provider_id=17"


def test_dissociate_leaves_what_belongs_to_somebody_else(
    gateway: HttpPortalGateway, portal: responses.RequestsMock
) -> None:
    problem = {"type": "urn:cpse:problem:already-associated", "title": "Another one's", "county_provider_id": "18"}
    portal.delete(f"{BASE}/providers/prv_1/association", status=409, json=problem)
    with pytest.raises(AlreadyAssociated) as refused:
        gateway.dissociate("prv_1", "17", acting_user=STAFF)
    assert refused.value.county_provider_id == "18"


def test_list_admin_users(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    rows = [admin_user(), admin_user(id="adm_2", status="locked", last_signed_in_at="2026-05-06T07:08:09Z")]
    portal.get(f"{BASE}/providers/prv_1/admin-users", json={"items": rows})
    therapist = Therapist(NPI, "SLP", "012345")
    first = AdminUser("adm_1", "aortiz", "Ana", "Ortiz", "ana@example.org", therapist, AdminStatus.ACTIVE, None)
    found = gateway.list_admin_users("prv_1", acting_user=STAFF)
    assert found[0] == first
    assert (found[1].status, found[1].last_signed_in_at) == (
        AdminStatus.LOCKED,
        datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC),
    )


def test_list_invitations(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.get(f"{BASE}/providers/prv_1/invitations", json={"items": [invitation()]})
    assert gateway.list_invitations("prv_1", acting_user=STAFF) == (INVITATION,)


def test_invite_admin_user(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.post(f"{BASE}/providers/prv_1/invitations", json=invitation(), status=201)
    assert gateway.invite_admin_user("prv_1", NEW_INVITATION, key=KEY, acting_user=STAFF) == INVITATION
    assert last_request(portal).headers["Idempotency-Key"] == str(KEY)
    assert sent_content(portal) == {
        "first_name": "Ana",
        "last_name": "Ortiz",
        "email": "ana@example.org",
        "therapist": {"npi": NPI, "profession": None, "license_number": "012345"},
    }


def test_invite_somebody_who_is_no_therapist(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.post(f"{BASE}/providers/prv_1/invitations", json=invitation(), status=201)
    gateway.invite_admin_user("prv_1", NewInvitation("Ana", "Ortiz", "ana@example.org"), key=KEY, acting_user=STAFF)
    assert sent_content(portal)["therapist"] is None


def test_resend_invitation(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.post(f"{BASE}/providers/prv_1/invitations/inv_1/resend", json=invitation())
    assert gateway.resend_invitation("prv_1", "inv_1", key=KEY, acting_user=STAFF) == INVITATION
    assert last_request(portal).headers["Idempotency-Key"] == str(KEY)
    assert last_request(portal).body is None


def test_revoke_invitation(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    revoked = portal.delete(f"{BASE}/providers/prv_1/invitations/inv_1", status=204)
    gateway.revoke_invitation("prv_1", "inv_1", acting_user=STAFF)
    assert revoked.call_count == 1


PROFESSIONS = {"items": [{"code": "SLP", "name": "Speech & Language Pathologist"}, {"code": "OT", "name": "OT"}]}


def test_list_professions_in_the_portals_order(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.get(f"{BASE}/professions", json=PROFESSIONS)
    assert gateway.list_professions(acting_user=STAFF) == (
        Profession("SLP", "Speech & Language Pathologist"),
        Profession("OT", "OT"),
    )


def test_professions_are_kept_as_long_as_the_portal_allows(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = portal.get(f"{BASE}/professions", json=PROFESSIONS, headers={"Cache-Control": "private, max-age=86400"})
    clock = [1000.0]
    monkeypatch.setattr("cpse_plugin.portal.client.time.monotonic", lambda: clock[0])
    first = gateway.list_professions(acting_user=STAFF)
    clock[0] += 3599
    assert gateway.list_professions(acting_user=STAFF) == first
    assert asked.call_count == 1
    clock[0] += 2
    gateway.list_professions(acting_user=STAFF)
    assert asked.call_count == 2


@pytest.mark.parametrize("directives", ["", "no-store, max-age=60", "no-cache", "max-age=soon"])
def test_professions_are_asked_anew_where_they_may_not_be_kept(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, directives: str
) -> None:
    asked = portal.get(f"{BASE}/professions", json=PROFESSIONS, headers={"Cache-Control": directives})
    gateway.list_professions(acting_user=STAFF)
    gateway.list_professions(acting_user=STAFF)
    assert asked.call_count == 2


def test_professions_that_have_not_changed(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    first_time = portal.get(f"{BASE}/professions", json=PROFESSIONS, headers={"ETag": '"v7"'})
    first = gateway.list_professions(acting_user=STAFF)
    portal.remove(first_time)
    portal.get(f"{BASE}/professions", status=304, match=[matchers.header_matcher({"If-None-Match": '"v7"'})])
    assert gateway.list_professions(acting_user=STAFF) == first


def test_ping_asks_the_portal(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    asked = portal.get(f"{BASE}/professions", json=PROFESSIONS)
    gateway.ping()
    assert asked.call_count == 1


CALLS: list[Callable[[HttpPortalGateway, str], object]] = [
    lambda gateway, user: gateway.find_providers(npi=NPI, sed_code=None, acting_user=user),
    lambda gateway, user: gateway.get_provider("prv_1", acting_user=user),
    lambda gateway, user: gateway.add_provider(NEW_PROVIDER, key=KEY, acting_user=user),
    lambda gateway, user: gateway.associate("prv_1", "17", acting_user=user),
    lambda gateway, user: gateway.dissociate("prv_1", "17", acting_user=user),
    lambda gateway, user: gateway.list_admin_users("prv_1", acting_user=user),
    lambda gateway, user: gateway.list_invitations("prv_1", acting_user=user),
    lambda gateway, user: gateway.invite_admin_user("prv_1", NEW_INVITATION, key=KEY, acting_user=user),
    lambda gateway, user: gateway.resend_invitation("prv_1", "inv_1", key=KEY, acting_user=user),
    lambda gateway, user: gateway.revoke_invitation("prv_1", "inv_1", acting_user=user),
    lambda gateway, user: gateway.list_professions(acting_user=user),
]


@pytest.fixture
def everything(portal: responses.RequestsMock) -> responses.RequestsMock:
    """A Portal that answers every operation well."""
    one = f"{BASE}/providers/prv_1"
    portal.get(f"{BASE}/providers", json=page(provider()))
    portal.post(f"{BASE}/providers", json=provider(), status=201)
    portal.get(one, json=provider())
    portal.put(f"{one}/association", json=provider())
    portal.delete(f"{one}/association", status=204)
    portal.get(f"{one}/admin-users", json={"items": []})
    portal.get(f"{one}/invitations", json={"items": []})
    portal.post(f"{one}/invitations", json=invitation(), status=201)
    portal.post(f"{one}/invitations/inv_1/resend", json=invitation())
    portal.delete(f"{one}/invitations/inv_1", status=204)
    portal.get(f"{BASE}/professions", json=PROFESSIONS)
    return portal


@pytest.mark.parametrize("call", CALLS)
def test_every_call_says_who_acts_and_who_asks(
    gateway: HttpPortalGateway,
    everything: responses.RequestsMock,
    call: Callable[[HttpPortalGateway, str], object],
) -> None:
    call(gateway, STAFF)
    request = last_request(everything)
    assert request.headers["CPSE-Acting-User"] == STAFF
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["User-Agent"] == USER_AGENT
    assert UUID(request.headers["X-Request-Id"])
    assert ("Idempotency-Key" in request.headers) == (request.method == "POST")


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ("Pat O'Doe", "Pat O'Doe"),
        ("Zoë Ño", "Zo%C3%AB %C3%91o"),
        ("李", "%E6%9D%8E"),
        ("50% Pat", "50%25 Pat"),
        ("Pat\r\nX-Evil: 1", "Pat X-Evil: 1"),
        ("\ud800Pat", "Pat"),
        ("é" * 300, "%C3%A9" * 42),
    ],
)
def test_any_name_of_a_person_fits_the_header(
    gateway: HttpPortalGateway, everything: responses.RequestsMock, user: str, header: str
) -> None:
    gateway.get_provider("prv_1", acting_user=user)
    sent = last_request(everything).headers["CPSE-Acting-User"]
    assert sent.startswith(header)
    assert len(sent) <= 254
    assert sent.isascii()


@pytest.mark.parametrize("portal_id", ["", "../admin", "a/b", "a?b", "a b", "prv_1\n", "%2e%2e", "é", "x" * 65])
def test_an_id_that_the_portal_cannot_have_is_not_sent(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, portal_id: str
) -> None:
    assert gateway.get_provider(portal_id, acting_user=STAFF) is None
    with pytest.raises(NotOnPortal):
        gateway.associate(portal_id, "17", acting_user=STAFF)
    with pytest.raises(NotOnPortal):
        gateway.revoke_invitation("prv_1", portal_id, acting_user=STAFF)
    assert len(portal.calls) == 0


def test_the_base_address_may_end_in_a_slash(portal: responses.RequestsMock) -> None:
    portal.get(f"{BASE}/providers/prv_1", json=provider())
    assert HttpPortalGateway(settings(CPSE_PORTAL_URL=f"{BASE}/")).get_provider("prv_1", acting_user=STAFF)
