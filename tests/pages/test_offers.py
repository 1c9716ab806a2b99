"""Identifiers as they are typed into the forms: read, or refused with an offer that one press takes."""

import pytest

from cpse_plugin.web.parts import Parts
from tests.world import by_number
from tests.written_values import IDENTIFIERS

from .client import TAB, PageClient
from .conftest import Address

FORM = "form#cpse-profile"
INVITATION = "form#cpse-invitation"
OFFERED = next(written for written in IDENTIFIERS if written.text == "10100010000.0")


def test_what_is_typed_is_read_or_refused_as_the_table_says(page: PageClient, address: Address, cpse: Parts) -> None:
    answer = page.get(address("TC-1001"))
    for written in IDENTIFIERS:
        before = by_number(cpse, "TC-1001").profile
        typed = {"npi": "", "sed_code": "", "type": "agency"} | {written.field: written.text}
        answer = page.htmx_submit(answer, FORM, **typed)
        stored = by_number(cpse, "TC-1001").profile
        if written.value:
            assert (answer.status, getattr(stored, written.field)) == (200, written.value), str(written)
            continue
        assert (answer.status, stored) == (422, before), str(written)
        assert answer.error_of(written.field), str(written)
        offers = [f"Use {written.offer}"] if written.offer else []
        assert answer.texts(f"{FORM} button[name=use_offer]") == offers, str(written)


@pytest.mark.parametrize("with_htmx", [True, False])
def test_an_offer_is_taken_into_the_field_and_nothing_else_is_done(
    page: PageClient, address: Address, cpse: Parts, with_htmx: bool
) -> None:
    before = by_number(cpse, "TC-1001").profile
    submit = page.htmx_submit if with_htmx else page.submit
    refused = submit(page.get(address("TC-1001")), FORM, npi="1999101011", sed_code=OFFERED.text)
    button = refused.one("button[name=use_offer]")
    taken = submit(refused, FORM, use_offer=str(button["value"]))
    fields = taken.fields(FORM)
    assert (taken.status, fields["npi"], fields["sed_code"]) == (200, "1999101011", OFFERED.offer)
    assert taken.error_of("sed_code") == ""
    assert by_number(cpse, "TC-1001").profile == before
    assert taken.one("[name=sed_code]").has_attr("autofocus")
    done = submit(taken, FORM)
    assert (done.status, by_number(cpse, "TC-1001").profile.sed_code) == (200, OFFERED.offer)


def test_who_corrects_the_field_and_presses_enter_gets_what_was_typed(
    page: PageClient, address: Address, cpse: Parts
) -> None:
    """Enter presses a form's first button, and that is the one of the offer."""
    refused = page.submit(page.get(address("TC-1001")), FORM, sed_code=OFFERED.text)
    done = page.submit(refused, FORM, sed_code="049931880104", use_offer="sed_code")
    assert "The profile was saved." in done.text
    assert by_number(cpse, "TC-1001").profile.sed_code == "049931880104"


@pytest.mark.parametrize("name", ["", "type", "version", "uses_portal", "nothing", "csrf_token", "use_offer"])
def test_what_has_no_offer_takes_none(page: PageClient, address: Address, name: str) -> None:
    answer = page.htmx_submit(page.get(address("TC-1001")), FORM, sed_code=OFFERED.text, use_offer=name)
    assert (answer.status, answer.fields(FORM)["sed_code"]) == (422, OFFERED.text)


def test_a_therapists_npi_and_license_are_read_by_the_same_rule(page: PageClient, address: Address) -> None:
    form = page.get(address("TC-1015", "invitations", "new"))
    answer = page.htmx_submit(
        form,
        INVITATION,
        first_name="Ana",
        last_name="Ortiz",
        email="ana@clinic.org",
        email_again="ana@clinic.org",
        is_therapist="y",
        npi="1,999,101,235",
        license_number="300318.0",
    )
    assert answer.status == 422
    assert answer.error_of("npi").endswith("Did you mean 1999101235?")
    assert answer.error_of("license_number").endswith("Did you mean 300318?")
    taken = page.htmx_submit(answer, INVITATION, use_offer="license_number")
    assert (taken.status, taken.fields(INVITATION)["license_number"]) == (200, "300318")
    assert taken.one(TAB) is not None
