"""Each refusal of the contract becomes the exception that says what can be done about it."""

import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import responses

from cpse_plugin.domain.portal_records import NewInvitation, NewPortalProvider
from cpse_plugin.domain.providers import ProviderType
from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.portal.gateway import (
    AdminExists,
    AlreadyAssociated,
    CredentialConflict,
    FieldError,
    InvalidContent,
    InvitationClosed,
    InvitationPending,
    KeyReused,
    NotOnPortal,
    PortalAccessRefused,
    PortalBusy,
    PortalError,
    PortalNotAsked,
    PortalOutcomeUnknown,
    ProviderExists,
    StillInProgress,
)

from .samples import BASE, KEY, NPI, STAFF, problem

NEW_PROVIDER = NewPortalProvider("17", "Step by Step", ProviderType.AGENCY, NPI, None, None, None)
INVITATIONS = f"{BASE}/providers/prv_1/invitations"
NOT_A_PROBLEM = "<html>Not yours</html>"


def answer(content: Any, status: int, **headers: str) -> dict[str, Any]:
    """The arguments of an answer of `responses`."""
    return {"json": content, "status": status, "content_type": "application/problem+json", "headers": headers}


def added(gateway: HttpPortalGateway) -> PortalError:
    with pytest.raises(PortalError) as caught:
        gateway.add_provider(NEW_PROVIDER, key=KEY, acting_user=STAFF)
    return caught.value


def invited(gateway: HttpPortalGateway) -> PortalError:
    with pytest.raises(PortalError) as caught:
        gateway.invite_admin_user("prv_1", NewInvitation("Ana", "Ortiz", "ana@example.org"), key=KEY, acting_user=STAFF)
    return caught.value


def found(gateway: HttpPortalGateway) -> PortalError:
    with pytest.raises(PortalError) as caught:
        gateway.get_provider("prv_1", acting_user=STAFF)
    return caught.value


def test_provider_exists_names_the_ones_that_are_there(
    gateway: HttpPortalGateway, portal: responses.RequestsMock
) -> None:
    refusal = problem("provider-exists", 409, provider_ids=["prv_1", "prv_2", "../3", 4])
    portal.post(f"{BASE}/providers", **answer(refusal, 409))
    error = added(gateway)
    assert isinstance(error, ProviderExists)
    assert error.portal_ids == ("prv_1", "prv_2")


def test_already_associated_names_the_other_provider(
    gateway: HttpPortalGateway, portal: responses.RequestsMock
) -> None:
    refusal = problem("already-associated", 409, county_provider_id="23")
    portal.put(f"{BASE}/providers/prv_1/association", **answer(refusal, 409))
    with pytest.raises(AlreadyAssociated) as caught:
        gateway.associate("prv_1", "17", acting_user=STAFF)
    assert caught.value.county_provider_id == "23"


def test_invitation_pending_names_it(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.post(INVITATIONS, **answer(problem("invitation-pending", 409, invitation_id="inv_7"), 409))
    error = invited(gateway)
    assert isinstance(error, InvitationPending)
    assert error.invitation_id == "inv_7"


def test_admin_exists(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.post(INVITATIONS, **answer(problem("admin-exists", 409), 409))
    assert type(invited(gateway)) is AdminExists


def test_a_credential_conflict_points_at_each_field(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    errors = [
        {"pointer": "#/therapist/npi", "detail": "Known with another NPI."},
        {"pointer": "/therapist/license_number", "detail": "Known with another\u202e license."},
        {"pointer": "#/a%20b", "detail": "Odd."},
        {"pointer": 7, "detail": "No pointer."},
        {"pointer": "#/email"},
        "nothing",
    ]
    portal.post(INVITATIONS, **answer(problem("credential-conflict", 409, errors=errors), 409))
    error = invited(gateway)
    assert isinstance(error, CredentialConflict)
    assert error.errors == (
        FieldError("/therapist/npi", "Known with another NPI."),
        FieldError("/therapist/license_number", "Known with another license."),
        FieldError("/a b", "Odd."),
        FieldError("", "No pointer."),
    )


@pytest.mark.parametrize("status", [400, 422])
def test_invalid_content_points_at_each_field(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, status: int
) -> None:
    refusal = problem("invalid", status, detail="Look again.", errors=[{"pointer": "#/email", "detail": "No domain."}])
    portal.post(INVITATIONS, **answer(refusal, status))
    error = invited(gateway)
    assert isinstance(error, InvalidContent)
    assert error.errors == (FieldError("/email", "No domain."),)
    assert error.title == "Refused"
    assert "Look again." in error.detail


def test_a_key_that_was_used_for_something_else(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.post(INVITATIONS, **answer(problem("idempotency-key-reused", 422), 422))
    assert type(invited(gateway)) is KeyReused


def test_a_key_whose_first_call_is_still_worked_on(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.post(INVITATIONS, **answer(problem("idempotency-key-in-use", 409), 409))
    assert type(invited(gateway)) is StillInProgress


@pytest.mark.parametrize("kind", ["invitation-accepted", "invitation-revoked", "anything"])
def test_an_invitation_that_is_closed_is_not_sent_again(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, kind: str
) -> None:
    portal.post(f"{INVITATIONS}/inv_1/resend", **answer(problem(kind, 409), 409))
    with pytest.raises(InvitationClosed):
        gateway.resend_invitation("prv_1", "inv_1", key=KEY, acting_user=STAFF)


def test_an_invitation_that_was_accepted_is_not_revoked(
    gateway: HttpPortalGateway, portal: responses.RequestsMock
) -> None:
    portal.delete(f"{INVITATIONS}/inv_1", **answer(problem("invitation-accepted", 409), 409))
    with pytest.raises(InvitationClosed):
        gateway.revoke_invitation("prv_1", "inv_1", acting_user=STAFF)


def test_a_provider_that_is_gone(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.put(f"{BASE}/providers/prv_1/association", **answer(problem("not-found", 404), 404))
    portal.get(f"{BASE}/providers/prv_1/admin-users", **answer(problem("not-found", 404), 404))
    with pytest.raises(NotOnPortal):
        gateway.associate("prv_1", "17", acting_user=STAFF)
    with pytest.raises(NotOnPortal):
        gateway.list_admin_users("prv_1", acting_user=STAFF)


def test_a_scope_that_does_not_reach(gateway: HttpPortalGateway, portal: responses.RequestsMock) -> None:
    portal.post(INVITATIONS, **answer({"type": "about:blank", "title": "Forbidden", "status": 403}, 403))
    assert type(invited(gateway)) is PortalAccessRefused


def test_not_found_by_somebody_else_is_not_taken_for_not_on_the_portal(
    gateway: HttpPortalGateway, portal: responses.RequestsMock
) -> None:
    portal.get(f"{BASE}/providers/prv_1", body=NOT_A_PROBLEM, status=404)
    error = found(gateway)
    assert type(error) is PortalNotAsked
    assert "address" in error.detail


def in_an_hour() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("3600", 3600.0),
        (None, 3600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("abc", None),
        ("-5", None),
        ("1e999", None),
        ("", None),
    ],
)
def test_a_portal_that_asks_to_wait_says_how_long(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, header: str | None, seconds: float | None
) -> None:
    header = header if header is not None else in_an_hour()
    turned_away = portal.post(INVITATIONS, **answer(problem("busy", 429), 429, **{"Retry-After": header}))
    error = invited(gateway)
    assert isinstance(error, PortalBusy)
    assert error.retry_after == (None if seconds is None else pytest.approx(seconds, abs=60))
    assert turned_away.call_count == 1


def test_503_is_a_request_to_wait_for_a_call_that_reads_and_no_other(
    gateway: HttpPortalGateway, portal: responses.RequestsMock
) -> None:
    portal.get(f"{BASE}/providers/prv_1", **answer(problem("busy", 503), 503, **{"Retry-After": "30"}))
    assert type(found(gateway)) is PortalBusy
    portal.post(INVITATIONS, **answer(problem("busy", 503), 503, **{"Retry-After": "30"}))
    assert type(invited(gateway)) is PortalOutcomeUnknown


def test_the_exchange_has_a_name_in_the_logs_of_both_sides(
    gateway: HttpPortalGateway, portal: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="cpse_plugin.portal")
    portal.post(INVITATIONS, **answer(problem("admin-exists", 409), 409, **{"X-Request-Id": "portal-77"}))
    error = invited(gateway)
    assert error.request_id == "portal-77"
    assert "inviteAdminUser failed: HTTP 409: admin-exists" in caplog.text
    assert "portal-77" in caplog.text
