"""The Portal's side in the tests: where it is, and what it answers by its contract."""

from typing import Any
from uuid import UUID

from cpse_plugin.settings import Settings

BASE = "https://portal.example/v1"
TOKEN_URL = f"{BASE}/oauth/token"
NPI = "1234567893"
SED_CODE = "010100010000"
KEY = UUID("5f0c2d5e-6c63-4d0f-8f2e-0d6f2f6a8a11")
STAFF = "pat.doe@county.example"
SECRET = "canary-client-secret"
TOKEN = "canary-token-1"


def settings(**changes: Any) -> Settings:
    """The settings of a county, as far as the Portal's client reads them."""
    config = {
        "CPSE_COUNTY_NAME": "Albany",
        "CPSE_PORTAL_URL": BASE,
        "CPSE_PORTAL_CLIENT_ID": "albany",
        "CPSE_PORTAL_CLIENT_SECRET": SECRET,
        # Some tests have many threads call at once.
        "CPSE_UPSTREAM_CALLS": 100,
    }
    return Settings.from_config(config | changes)


def token_answer(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An answer of the token endpoint."""
    return {"access_token": f"canary-token-{number}", "token_type": "Bearer", "expires_in": 3600} | changes


def provider(**changes: Any) -> dict[str, Any]:
    """A `Provider` of the contract."""
    return {
        "id": "prv_1",
        "name": "Step by Step",
        "type": "agency",
        "npi": NPI,
        "sed_code": SED_CODE,
        "address": {
            "line1": "1 Main Street",
            "line2": None,
            "city": "Albany",
            "state": "NY",
            "postal_code": "12207",
        },
        "phone": "518-555-0100",
        "status": "active",
        "association": {"county_provider_id": "17", "since": "2026-01-02T03:04:05Z"},
        "updated_at": "2026-02-03T04:05:06-05:00",
    } | changes


def page(*items: Any, next_cursor: str | None = None) -> dict[str, Any]:
    """A page of a list."""
    return {"items": list(items), "next_cursor": next_cursor}


def admin_user(**changes: Any) -> dict[str, Any]:
    """An `AdminUser` of the contract."""
    return {
        "id": "adm_1",
        "username": "aortiz",
        "first_name": "Ana",
        "last_name": "Ortiz",
        "email": "ana@example.org",
        "therapist": {"npi": NPI, "profession": "SLP", "license_number": "012345"},
        "status": "active",
        "last_signed_in_at": None,
    } | changes


def invitation(**changes: Any) -> dict[str, Any]:
    """An `Invitation` of the contract."""
    return {
        "id": "inv_1",
        "first_name": "Ana",
        "last_name": "Ortiz",
        "email": "ana@example.org",
        "therapist": None,
        "status": "sent",
        "notices": [{"pointer": "#/therapist/npi", "detail": "The NPI will be linked when it arrives."}],
        "invited_by": STAFF,
        "created_at": "2026-03-01T12:00:00Z",
        "sent_at": "2026-03-01T12:00:01Z",
        "expires_at": "2026-03-08T12:00:00Z",
    } | changes


def problem(kind: str, status: int, **members: Any) -> dict[str, Any]:
    """Problem details; `kind` is the part of the type that the contract's URNs differ in."""
    return {"type": f"urn:cpse:problem:{kind}", "title": "Refused", "status": status} | members
