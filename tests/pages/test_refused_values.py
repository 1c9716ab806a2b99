"""A refusal that names values is told in the screen's names for them, and beforehand where that can be."""

import json

import pytest
from sqlalchemy import update

from cpse_plugin.models import ProviderRow
from cpse_plugin.sandbox.faults import Body
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.world import by_number

from .client import DIALOG, PageClient
from .conftest import Address

ADD = 'form[action$="/portal-provider"]'
STATE = "State: must be two capital letters; the county's record says ny."
FROM_THE_DATABASE = "What is named here comes from the Preschool database. Mend it there; it is right here after"


@pytest.fixture
def spoilt(cpse: Parts) -> str:
    """A provider that the Portal does not have, with values that it does not take."""
    with cpse.database.write() as session:
        wrong = update(ProviderRow).where(ProviderRow.county_provider_id == "TC-1021")
        session.execute(wrong.values(state="ny", postal_code="1218", address_line1="1 River Rd", city="Troy"))
    assert by_number(cpse, "TC-1021").address is not None
    return "TC-1021"


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_an_addition_says_what_will_be_refused_and_what_was(
    page: PageClient, address: Address, portal: Portal, spoilt: str, htmx: bool
) -> None:
    page.get(address(spoilt))
    where = address(spoilt, "portal-provider", "new")
    asked = page.htmx_get(where, DIALOG) if htmx else page.get(where)
    assert asked.status == 200
    assert "The CPSE Portal will refuse this as it stands" in asked.text
    assert asked.texts(".cpse-points li")[0] == STATE
    assert FROM_THE_DATABASE in asked.text
    assert "ZIP code: must be five digits, or five, a hyphen and four; the county's record says 1218." in asked.text
    assert portal.faults.received("POST", "/v1/providers$") == []

    refused = page.htmx_submit(asked, ADD, DIALOG) if htmx else page.submit(asked, ADD)
    assert refused.status == 422
    assert refused.texts(".cpse-points li")[0] == STATE
    assert FROM_THE_DATABASE in refused.text
    assert "Nothing was changed." in refused.text
    assert "will refuse" not in refused.text


def test_what_staff_set_themselves_is_mended_on_the_tab(
    page: PageClient, address: Address, portal: Portal, cpse: Parts
) -> None:
    errors = [
        {"pointer": "#/npi", "detail": "is not known"},
        {"pointer": "#/name", "detail": "is on a list."},
        {"pointer": "#/address", "detail": "is missing"},
        {"pointer": "#/tax_id", "detail": "is missing"},
    ]
    refuse(portal, "/v1/providers$", errors)
    answer = page.submit(page.get(address("TC-1021", "portal-provider", "new")), ADD)
    provider = by_number(cpse, "TC-1021")
    assert answer.texts(".cpse-points li") == [
        f"NPI: is not known; the county's record says {provider.profile.npi}.",
        f"Name: is on a list; the county's record says {provider.name}.",
        "Address: is missing",
        "tax id: is missing",
    ]
    assert "Name, Address: this comes from the Preschool database." in answer.text
    assert "NPI: this is mended on the tab Billing Provider Profile." in answer.text


def test_an_invitations_refusal_names_what_no_field_is_for(page: PageClient, address: Address, portal: Portal) -> None:
    errors = [{"pointer": "#/email", "detail": "is on a list"}, {"pointer": "#/therapist", "detail": "is not taken"}]
    refuse(portal, "/invitations$", errors)
    typed = {"first_name": "Nia", "last_name": "New", "email": "nia@new.example", "email_again": "nia@new.example"}
    form = page.get(address("TC-1015", "invitations", "new"))
    answer = page.submit(form, "form#cpse-invitation", **typed)
    assert answer.error_of("email") == "is on a list"
    assert "Therapist / service provider: is not taken" in answer.text


def test_a_change_without_fields_names_them_too(page: PageClient, address: Address, portal: Portal) -> None:
    refuse(portal, "/association$", [{"pointer": "#/county_provider_id", "detail": "must be shorter"}])
    asked = page.get(address("TC-1004", "association", "confirm?portal_id=P-20188"))
    answer = page.submit(asked, 'form[action$="/association"]')
    assert answer.status == 422
    assert answer.texts(".cpse-points li") == ["Number in the Preschool database: must be shorter"]


def refuse(portal: Portal, path: str, errors: list[dict[str, str]]) -> None:
    problem = {"type": "urn:cpse:problem:invalid", "title": "Invalid content", "status": 422, "errors": errors}
    portal.faults.plan(Body(json.dumps(problem).encode(), 422, "application/problem+json"), path=path)
