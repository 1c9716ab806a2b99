"""A host that signs its people in by itself: where to go, whom to ask, and that a page is not left."""

from typing import Any

from bs4 import BeautifulSoup
from flask import Flask

from cpse_plugin import Cpse

from .hosts import bare_host


def nobodys_host(**options: Any) -> Flask:
    """A host in which nobody is signed in."""
    app = bare_host(CPSE_CONTACT="help@county.example", CPSE_STYLESHEET="/static/county.css")
    Cpse().init_app(app, staff_loader=lambda: None, **options)
    return app


def page_of(app: Flask, address: str) -> BeautifulSoup:
    return BeautifulSoup(app.test_client().get(address, follow_redirects=True).text, "html.parser")


def test_who_is_not_signed_in_is_shown_where_to_and_comes_back() -> None:
    page = page_of(nobodys_host(sign_in_url=lambda path: f"/login?next={path}"), "/cpse/providers/4?tab=1")
    assert page.select("main a.cpse-button")[0]["href"] == "/login?next=/cpse/providers/4?tab=1"
    assert "ask help@county.example" in page.get_text()


def test_a_host_that_has_not_said_where_has_a_page_all_the_same() -> None:
    page = page_of(nobodys_host(), "/cpse/providers")
    assert [link.get_text() for link in page.select("main a.cpse-button")] == ["Try again"]


def test_a_piece_of_a_page_says_so_in_its_place_and_the_page_stays() -> None:
    headers = {"HX-Request": "true", "HX-Target": "section#cpse-provider-tab"}
    answer = nobodys_host().test_client().get("/cpse/providers/4/admin-users", headers=headers)
    assert (answer.status_code, "HX-Redirect" in answer.headers) == (401, False)
    assert "what you typed is still here" in answer.text


def test_the_countys_stylesheet_stands_in_our_own_layout_after_ours() -> None:
    page = page_of(nobodys_host(), "/cpse/providers")
    sheets = [str(link["href"]) for link in page.select("link[rel=stylesheet]")]
    assert len(sheets) == 2
    assert sheets[1] == "/static/county.css"
