"""Whatever is typed or sent: an orderly answer, nothing of it as markup, and the next person sees what was stored."""

import unicodedata
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cpse_plugin.sandbox.faults import Body
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.world import by_number

from .client import DIALOG, TAB, PageClient, htmx_headers
from .conftest import Address

FORM = "form#cpse-profile"
INVITATION = "form#cpse-invitation"
ODD = {
    "NUL": "a\x00b",
    "lone surrogate": "a\ud800b",
    "right to left": "a\u202eb\u2066",
    "emoji": "👩‍🏫",
    "formula": "=cmd()",
    "markup": '"><img src=x onerror=alert(1)>{{7*7}}',
    "lines": "a\r\nSet-Cookie: x=1\r\n\r\nb",
    "digits": "9" * 20,
    "long": "x" * 5000,
    "combining": "a" + "\u0301" * 500,
    "full width": "１２３４５６７８９０",
    "blank": " \t\u00a0\u3000",
}
PROFILE_FIELDS = ("type", "npi", "sed_code", "uses_portal", "version")
INVITATION_FIELDS = ("first_name", "last_name", "email", "email_again", "npi", "profession", "license_number")

# Any code point whatever, lone surrogates too.
# A page that shows the word None has forgotten something, unless somebody typed it.
anything = st.text(st.characters(codec=None), max_size=60).filter(lambda text: text.strip() != "None")


def fine(status: int) -> bool:
    return status < 500 and status != 400


def sent(text: str) -> Any:
    """What a browser, or somebody who is none, would put on the wire for a text."""
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("field", PROFILE_FIELDS)
def test_odd_text_in_a_profile(page: PageClient, address: Address, field: str, odd: str) -> None:
    data: dict[str, Any] = {**page.get(address("TC-1004")).fields(FORM), field: sent(ODD[odd])}
    answer = page.htmx_post(address("TC-1004"), data)
    assert fine(answer.status)
    assert not answer.has("img")


@pytest.mark.parametrize("odd", ODD)
def test_odd_text_in_an_invitation(page: PageClient, address: Address, odd: str) -> None:
    form = page.get(address("TC-1015", "invitations", "new"))
    for field in INVITATION_FIELDS:
        typed = {"first_name": "Nia", "last_name": "New", "email": "nia@odd.example", "email_again": "nia@odd.example"}
        data: dict[str, Any] = {**form.fields(INVITATION), "is_therapist": "y", **typed, field: sent(ODD[odd])}
        answer = page.htmx_post(address("TC-1015", "invitations"), data)
        assert fine(answer.status), field
        assert not answer.has("img")
        if answer.status == 200:
            form = page.get(address("TC-1015", "invitations", "new"))


@pytest.mark.parametrize("odd", ODD)
def test_odd_text_in_an_address(page: PageClient, address: Address, odd: str) -> None:
    text = quote(ODD[odd].encode("utf-8", "surrogatepass"), safe="")
    for where in (
        f"/cpse/providers?q={text}&status={text}&sort={text}&page={text}",
        f"/cpse/npi/{text}?type={text}",
        f"/cpse/providers/{text}",
        address("TC-1004", f"matches?done={text}"),
        address("TC-1004", "association", f"confirm?portal_id={text}"),
        address("TC-1014", f"admin-users?retrieve={text}&invited={text}"),
        address("TC-1014", "invitations", text, "revoke"),
    ):
        whole = page.client.get(where)
        piece = page.client.get(where, headers=htmx_headers(TAB))
        assert (fine(whole.status_code), fine(piece.status_code)) == (True, True), where
        assert "<img" not in whole.text + piece.text


@pytest.mark.parametrize("odd", ODD)
def test_odd_text_as_the_reason_of_an_unlink(page: PageClient, address: Address, odd: str) -> None:
    form = 'form[action$="/association/end"]'
    data: dict[str, Any] = page.get(address("TC-1013", "association", "end")).fields(form)
    answer = page.htmx_post(address("TC-1013", "association", "end"), {**data, "reason": sent(ODD[odd])})
    assert fine(answer.status)
    told = page.get(address("TC-1013", "history"))
    assert not told.has("img")
    if answer.status == 200:
        reason = told.text.partition("Reason: ")[2]
        assert reason
        assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in reason)


def test_a_blank_reason_is_none(page: PageClient, address: Address, cpse: Parts) -> None:
    form = 'form[action$="/association/end"]'
    asked = page.get(address("TC-1013", "association", "end"))
    for blank in ("", "   ", "\u200f\u202e", "\t\n"):
        assert page.submit(asked, form, reason=blank).status == 422
    assert by_number(cpse, "TC-1013").link is not None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.dictionaries(st.sampled_from(PROFILE_FIELDS), anything))
def test_any_profile_is_answered(page: PageClient, address: Address, typed: dict[str, str]) -> None:
    where = address("TC-1004")
    data: dict[str, Any] = page.get(where).fields(FORM)
    data.update({name: sent(text) for name, text in typed.items()})
    assert fine(page.htmx_post(where, data).status)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=anything, npi=anything)
def test_any_search_and_any_look_up_is_answered(page: PageClient, query: str, npi: str) -> None:
    escaped = [quote(text.encode("utf-8", "surrogatepass"), safe="") for text in (query, npi)]
    assert fine(page.get(f"/cpse/providers?q={escaped[0]}").status)
    assert fine(page.client.get(f"/cpse/npi/{escaped[1]}").status_code)


@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_a_megabyte_in_a_field_is_too_much_and_that_is_said(
    page: PageClient, address: Address, cpse: Parts, htmx: bool
) -> None:
    before = by_number(cpse, "TC-1004")
    submit = page.htmx_submit if htmx else page.submit
    refused = submit(page.get(address("TC-1004")), FORM, npi="1" * 1_000_000)
    assert refused.status == 413
    assert "That is more than this form takes. Nothing was saved" in refused.text
    assert by_number(cpse, "TC-1004") == before


def test_two_thousand_fields_and_a_broken_body_are_refused(page: PageClient, address: Address) -> None:
    token = page.get(address("TC-1004")).fields(FORM)["csrf_token"]
    parts = [f'--x\r\nContent-Disposition: form-data; name="field{n}"\r\n\r\nx\r\n' for n in range(2000)]
    for body in ("".join(parts) + "--x--\r\n", "--x\r\nno end"):
        answer = page.client.post(
            address("TC-1004"),
            data=body.encode(),
            content_type="multipart/form-data; boundary=x",
            headers={"X-CSRFToken": token},
        )
        assert answer.status_code in (400, 409, 413, 422)


def test_odd_text_from_the_portal_is_cleaned_before_it_is_shown(
    page: PageClient, address: Address, portal: Portal
) -> None:
    answer = b"""{"next_cursor": null, "items": [{"id": "P-1", "name": "Bad \\ud800 \\u0000 \\u202e <b>Name</b>",
        "type": "agency", "npi": "1999101045", "sed_code": null, "address": null, "phone": "=cmd()",
        "status": "active", "association": null, "updated_at": "2026-01-01T00:00:00Z"}]}"""
    portal.faults.plan(Body(answer), path="/v1/providers$", times=None)
    shown = page.get(address("TC-1004", "matches"))
    assert shown.status == 200
    assert shown.texts("#cpse-portal .cpse-table-title") == ["Bad <b>Name</b>"]
    assert page.htmx_get(address("TC-1004", "matches"), "section#cpse-portal").status == 200


def test_a_host_that_is_asked_for_nothing_of_ours_keeps_its_own_answer(intranet: Flask) -> None:
    answer = intranet.test_client().get("/nothing-here")
    assert answer.status_code == 404
    assert "cpse" not in answer.text


def test_an_npi_that_is_no_address_is_answered(page: PageClient) -> None:
    answer = page.htmx_get(f"/cpse/npi/{'1' * 5000}", DIALOG)
    assert (answer.status, "An NPI has ten digits" in answer.text) == (200, True)
