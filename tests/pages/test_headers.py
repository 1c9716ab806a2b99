"""The headers of every answer: what a browser may keep, run and embed."""

import re

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import MakeIntranet
from tests.world import Who

from .client import TAB, PageClient, htmx_headers
from .conftest import Address

PAGES = ("/cpse/providers", "/cpse/providers/999999", "/cpse/npi/1999101045", "/cpse/health", "/cpse/signed-out")
NAMES = ("cpse.css", "cpse.js", "htmx.js")


@pytest.mark.parametrize("address", [*PAGES, "/cpse/providers/4", "/cpse/providers/4/matches"])
@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_no_answer_is_kept_and_none_runs_foreign_code(page: PageClient, address: str, htmx: bool) -> None:
    headers = page.client.get(address, headers=htmx_headers(TAB) if htmx else {}).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert (policy["object-src"], policy["base-uri"], policy["form-action"]) == ("'none'", "'none'", "'self'")
    assert policy["frame-ancestors"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert {"HX-Request", "Cookie"} <= set(re.split(r", *", headers["Vary"]))
    assert headers["X-Content-Type-Options"] == "nosniff"


NOWHERE = (
    "/cpse/nothing",
    "/cpse/not%0Ahing",
    "/cpse/nothing/here?embed=1",
    "/cpse/providers/x/y",
    "/cpse/providers/",
    "/cpse/static/x/y",
)


@pytest.mark.parametrize("address", NOWHERE)
@pytest.mark.parametrize("method", ["GET", "POST", "PROPFIND"])
@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_an_address_that_is_none_is_answered_by_the_plugin(
    page: PageClient, who: Who, address: str, method: str, htmx: bool
) -> None:
    who.staff = None
    answer = page.client.open(address, method=method, headers=htmx_headers(TAB) if htmx else {})
    assert answer.status_code == 404
    assert "There is no such page." in answer.text
    assert ("<html" in answer.text) is not htmx
    assert_safe(answer)


@pytest.mark.parametrize("address", ["/cpse/", "/cpse/providers", "/cpse/providers/4/matches", "/cpse/health"])
@pytest.mark.parametrize("method", ["DELETE", "TRACE", "MKCOL"])
def test_a_method_that_an_address_does_not_take_is_answered_by_the_plugin(
    page: PageClient, address: str, method: str
) -> None:
    answer = page.client.open(address, method=method)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert "This address cannot be used like that." in answer.text
    assert_safe(answer)


def test_the_prefix_alone_leads_to_the_list(page: PageClient) -> None:
    answer = page.client.get("/cpse")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/cpse/")
    assert_safe(answer)
    assert page.get("/cpse").path == "/cpse/providers"


def assert_safe(answer: TestResponse) -> None:
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_a_refusal_is_not_kept_either(page: PageClient, who: Who) -> None:
    assert page.client.post("/cpse/providers/4").headers["Cache-Control"] == "no-store"
    who.staff = None
    for headers in ({}, htmx_headers(TAB)):
        answer = page.client.get("/cpse/providers", headers=headers)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "HX-Request" in answer.headers["Vary"]


def test_static_files_are_kept_for_a_year_under_an_address_of_their_content(page: PageClient) -> None:
    answer = page.get("/cpse/providers")
    tags = answer.soup.select("link[rel=stylesheet], link[rel=modulepreload], script")
    files = {str(tag.get("href") or tag.get("src")) for tag in tags}
    assert {re.sub("-[0-9a-f]{12}", "", file) for file in files} == {f"/cpse/static/{name}" for name in NAMES}
    for file in files:
        with page.client.get(file) as found:
            assert found.status_code == 200
            assert found.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_a_page_of_the_version_before_gets_files_that_nobody_keeps(page: PageClient) -> None:
    for tag in page.get("/cpse/providers").soup.select("link[rel=stylesheet], script"):
        address = re.sub("-[0-9a-f]{12}", "-0123456789ab", str(tag.get("href") or tag.get("src")))
        with page.client.get(address) as found:
            assert (found.status_code, found.headers["Cache-Control"]) == (200, "no-store")


def test_the_county_says_who_may_embed_its_pages(make_intranet: MakeIntranet, database_url: str) -> None:
    app: Flask = make_intranet(database_url, CPSE_FRAME_ANCESTORS="https://portal.tamarack.example")
    policy = app.test_client().get("/cpse/providers").headers["Content-Security-Policy"]
    assert "frame-ancestors https://portal.tamarack.example" in policy


def test_the_same_address_is_a_page_or_a_piece(page: PageClient, address: Address) -> None:
    where = address("TC-1004", "history")
    assert page.client.get(where).text.lstrip().startswith("<!doctype html>")
    assert "<!doctype" not in page.client.get(where, headers=htmx_headers(TAB)).text
    for header in ({"HX-History-Restore-Request": "true"}, {"HX-Request-Type": "full"}):
        whole = page.client.get(where, headers={**htmx_headers(TAB), **header})
        assert whole.text.lstrip().startswith("<!doctype html>")


def test_a_boosted_link_of_a_host_loads_the_page_with_its_style_and_script(page: PageClient, address: Address) -> None:
    where = f"{address('TC-1004', 'history')}?a=1"
    answer = page.client.get(where, headers={"HX-Request": "true", "HX-Boosted": "true"})
    assert (answer.headers["HX-Redirect"], answer.text) == (where, "")
