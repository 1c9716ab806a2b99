"""Forged, missing and foreign CSRF tokens; what changes something by a GET; what declares no permission."""

import pytest
from flask import Flask

from cpse_plugin.web.parts import Parts
from tests.world import by_number

from .client import TAB, PageClient, htmx_headers
from .conftest import Address

FORM = "form#cpse-profile"


@pytest.mark.parametrize("token", [None, "", "forged", "IjEi.aaaa.bbbb"])
@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_a_form_without_a_right_token_changes_nothing_and_says_so(
    page: PageClient, address: Address, cpse: Parts, token: str | None, htmx: bool
) -> None:
    before = by_number(cpse, "TC-1004")
    submit = page.htmx_submit if htmx else page.submit
    refused = submit(page.get(address("TC-1004")), FORM, npi="1999101011", csrf_token=token)
    assert refused.status == 400
    assert "Nothing was saved. Load the page again and repeat what you did." in refused.text
    assert by_number(cpse, "TC-1004") == before
    if htmx:
        assert refused.headers["HX-Retarget"] == "#cpse-alert"


def test_a_token_of_another_browser_is_refused(intranet: Flask, page: PageClient, address: Address) -> None:
    foreign = PageClient(intranet.test_client()).get(address("TC-1004")).fields(FORM)["csrf_token"]
    assert page.submit(page.get(address("TC-1004")), FORM, csrf_token=foreign).status == 400


def test_htmx_may_send_the_token_in_its_header(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1004"))
    data = answer.fields(FORM)
    token = data.pop("csrf_token")
    assert f'"X-CSRFToken": "{token}"' in str(answer.one("#cpse")["hx-headers:inherited"])
    sent = page.client.post(address("TC-1004"), data=data, headers={**htmx_headers(TAB), "X-CSRFToken": token})
    assert sent.status_code == 200


def test_signing_out_takes_a_post_with_a_token(page: PageClient) -> None:
    token = page.get("/cpse/providers/1").fields(FORM)["csrf_token"]
    assert page.client.get("/cpse/sign-out").status_code == 405
    assert page.client.post("/cpse/sign-out").status_code == 400
    out = page.client.post("/cpse/sign-out", data={"csrf_token": token})
    assert (out.status_code, out.headers["Location"]) == (303, "/cpse/signed-out")


def test_a_view_that_declares_no_permission_is_shut(
    intranet: Flask, page: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(intranet.view_functions, "cpse.providers", lambda: "everything")
    answer = page.client.get("/cpse/providers")
    assert (answer.status_code, "everything" in answer.text) == (500, False)
