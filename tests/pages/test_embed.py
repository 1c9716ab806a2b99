"""The three ways that a page is shown: what their addresses and headers are, for whoever asks for them and however."""

import logging
from typing import Any

import pytest
from flask import Flask, render_template_string, session, url_for
from jinja2 import DictLoader
from werkzeug.test import Client

from cpse_plugin.blueprints.sign_in import _signed_out_address
from cpse_plugin.models import ProviderRow
from cpse_plugin.settings import Settings, SettingsError
from cpse_plugin.web.embed import framing_origins
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.plugin.hosts import SETTINGS
from tests.world import Who, by_number

from .client import TAB, PageClient, htmx_headers
from .conftest import Address, BothDatabases

SITES = "'self' https://county.sharepoint.example"
BOOSTED = {"HX-Request": "true", "HX-Boosted": "true"}
LAYOUT = """<html><title>{% block title %}{% endblock %}</title>
{% block head %}{% endblock %}{% block content %}{% endblock %}</html>"""


@pytest.fixture
def framed(make_intranet: MakeIntranet, database_url: str) -> Flask:
    """An intranet whose pages another site may frame."""
    return make_intranet(database_url, CPSE_FRAME_ANCESTORS=SITES)


def policy(answer: Any) -> dict[str, str]:
    parts = answer.headers.get("Content-Security-Policy", "").split("; ")
    return dict(part.partition(" ")[::2] for part in parts)


# --- who may frame ----------------------------------------------------------------------------------------------------

ADDRESSES = [
    "/cpse/",
    "/cpse/providers",
    "/cpse/providers?embed=1",
    "/cpse/providers?embed=piece",
    "/cpse/providers/999999?embed=1",
    "/cpse/providers/number/TC-1004?embed=1",
    "/cpse/providers/number/nobody",
    "/cpse/npi/1999101045",
    "/cpse/health",
    "/cpse/session",
    "/cpse/sign-in",
    "/cpse/sign-in/done",
    "/cpse/sign-in/callback",
    "/cpse/signed-out",
    "/cpse/static/nothing-0123456789ab.js",
    "/cpse/static/cpse.js",
    "/cpse/static/..%5csettings.py",
]


@pytest.mark.parametrize("headers", [{}, htmx_headers(TAB), BOOSTED], ids=["plain", "htmx", "boosted"])
@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize("layout", ["own", "hosts"])
def test_every_answer_says_who_may_frame_it(
    make_intranet: MakeIntranet, database_url: str, who: Who, headers: dict[str, str], signed_in: bool, layout: str
) -> None:
    template = {"CPSE_BASE_TEMPLATE": "layout.html"} if layout == "hosts" else {}
    app = make_intranet(database_url, CPSE_FRAME_ANCESTORS=SITES, **template)
    app.jinja_loader = DictLoader({"layout.html": LAYOUT})
    if not signed_in:
        who.staff = None
    client = app.test_client()
    for address in ADDRESSES:
        answer = client.get(address, headers=headers)
        assert policy(answer).get("frame-ancestors") == SITES, address
        assert policy(answer)["object-src"] == "'none'"
        assert answer.headers["Cache-Control"] == "no-store"
    for address in ("/cpse/providers/1", "/cpse/sign-out", "/cpse/sign-in/framed", "/cpse/session/stay"):
        answer = client.post(address, headers=headers)
        assert policy(answer).get("frame-ancestors") == SITES, address


def test_a_frame_has_the_strict_policy_whatever_the_hosts_layout(
    make_intranet: MakeIntranet, database_url: str
) -> None:
    app = make_intranet(database_url, CPSE_BASE_TEMPLATE="layout.html")
    app.jinja_loader = DictLoader({"layout.html": LAYOUT})
    assert "default-src" not in policy(app.test_client().get("/cpse/providers"))
    for address in ("/cpse/providers?embed=1", "/cpse/providers/999999?embed=1"):
        assert policy(app.test_client().get(address))["default-src"] == "'self'"


@pytest.mark.parametrize(
    "sites",
    [
        "self",
        "none",
        "'self' none",
        "'none' https://a.example",
        "https://a.example, https://b.example",
        "https://a.example; script-src *",
        "https://a.example/sites/preschool",
        "'unsafe-inline'",
        "https://",
        "https://*",
    ],
)
def test_a_list_that_browsers_would_read_otherwise_stops_the_start(sites: str) -> None:
    with pytest.raises(SettingsError, match=r"^CPSE_FRAME_ANCESTORS: "):
        Settings.from_config({**SETTINGS, "CPSE_FRAME_ANCESTORS": sites})


@pytest.mark.parametrize(
    ("sites", "origins"),
    [
        ("'none'", []),
        ("'self'", ["https://intranet.example"]),
        ("'self'  https://a.example", ["https://intranet.example", "https://a.example"]),
        ("https://*.sharepoint.example:8443", ["https://*.sharepoint.example:8443"]),
        # As a browser writes an origin.
        ("https://County.Example:443 http://a.example:80", ["https://county.example", "http://a.example"]),
        # One without a scheme has that of the page.
        ("staff.county.example", ["https://staff.county.example"]),
        # These name nobody in particular.
        ("* https: https://a.example:*", []),
    ],
)
def test_the_heights_are_for_the_origins_that_the_county_names(sites: str, origins: list[str]) -> None:
    ancestors = Settings.from_config({**SETTINGS, "CPSE_FRAME_ANCESTORS": sites}).frame_ancestors
    assert framing_origins(ancestors, "https://intranet.example") == origins


# --- addresses --------------------------------------------------------------------------------------------------------


def links(client: Client, address: str) -> set[str]:
    """The plugin's addresses on a page, other than files."""
    page = PageClient(client).get(address).soup
    found = {str(tag[name]) for name in ("href", "action", "hx-get", "hx-post") for tag in page.select(f"[{name}]")}
    return {
        address for address in found if address.startswith("/cpse/") and not address.endswith((".js", ".css", ".svg"))
    }


@pytest.mark.parametrize("rest", [(), ("admin-users",), ("history",), ("invitations", "new"), ("association", "end")])
def test_in_a_frame_every_address_keeps_it(framed: Flask, address: Address, rest: tuple[str, ...]) -> None:
    where = address("TC-1015", *rest)
    assert all("embed=1" in one for one in links(framed.test_client(), f"{where}?embed=1"))
    assert not any("embed" in one for one in links(framed.test_client(), where))


@pytest.mark.parametrize(
    "value", ["2", "", "piece", "further-piece", "PIECE", "1&embed=2", "%22%3E%3Cimg src=x%3E", "é"]
)
def test_anything_else_is_a_whole_page_and_is_not_repeated(framed: Flask, value: str) -> None:
    page = PageClient(framed.test_client()).get(f"/cpse/providers/number/TC-1004?embed={value}")
    is_framed = value == "1&embed=2"
    assert page.status == 200
    assert page.has("header.cpse-header") is not is_framed
    assert page.path.endswith("?embed=1") is is_framed
    assert page.path.partition("?embed=1")[0].count("?") == 0


def test_a_piece_is_given_to_the_script_alone(framed: Flask, address: Address) -> None:
    where = f"{address('TC-1004')}?embed=piece"
    client = framed.test_client()
    assert client.get(where).text.lstrip().startswith("<!doctype html>")
    assert "<!doctype" not in client.get(where, headers=htmx_headers("section#cpse-provider")).text


def test_a_host_may_have_a_parameter_of_the_same_name(intranet: Flask) -> None:
    source = "{{ url_for('cpse.providers') }} {{ cpse.embed('worklist') }}"
    intranet.add_url_rule("/office", "office", lambda: render_template_string(source))
    assert "embed=1" not in intranet.test_client().get("/office?embed=1").text


def test_signing_out_names_the_address_that_the_provider_knows(framed: Flask) -> None:
    with framed.test_request_context("/cpse/sign-out?embed=1", method="POST"):
        assert _signed_out_address() == "http://localhost/cpse/signed-out"


@BothDatabases
@pytest.mark.parametrize(
    "number",
    ["%00", "a%00b", "%ff", "a%2Fb", "%2e%2e%2f1", "%5c", "%20", "%F0%9F%91%A9", "1;DROP", "%25", "x" * 10_000],
    ids=lambda number: number[:20],
)
def test_an_odd_number_is_nobodys(page: PageClient, number: str) -> None:
    assert page.client.get(f"/cpse/providers/number/{number}").status_code == 404


def test_a_number_with_a_slash_leads_to_its_provider(page: PageClient, intranet: Flask, cpse: Parts) -> None:
    with cpse.database.write() as writing:
        row = writing.get(ProviderRow, by_number(cpse, "TC-1004").id)
        assert row is not None
        row.county_provider_id = "A?4/1 #é%2F"
    with intranet.test_request_context():
        where = url_for("cpse.provider_by_number", county_provider_id="A?4/1 #é%2F")
    assert page.get(where).has("h1")
    assert page.client.get(where).status_code == 302
    # A host's link to it comes to the same.
    boosted = page.client.get(where, headers=BOOSTED)
    assert boosted.headers["HX-Redirect"].isascii()
    assert page.client.get(boosted.headers["HX-Redirect"]).status_code == 302


@pytest.mark.parametrize("path", ["%0d", "%0dX-Evil:1", "%CE%A9", "%E2%80%A8"])
def test_no_path_makes_a_header_that_cannot_be_sent(page: PageClient, path: str) -> None:
    answer = page.client.get(f"/cpse/providers/number/{path}", headers=BOOSTED)
    address = answer.headers.get("HX-Redirect", "/")
    assert answer.status_code in (200, 404)
    assert address.isascii()
    assert address.isprintable()


# --- a host's own links and forms -------------------------------------------------------------------------------------


def test_a_boosted_form_of_a_host_is_carried_out(page: PageClient) -> None:
    """A host's layout can have a form of its own that goes to the plugin, such as one to sign out."""
    token = page.get("/cpse/providers/1").fields("form#cpse-profile")["csrf_token"]
    answer = page.client.post("/cpse/sign-out", data={"csrf_token": token}, headers=BOOSTED)
    assert "HX-Redirect" not in answer.headers
    assert (answer.status_code, answer.headers["Location"]) == (303, "/cpse/signed-out")
    # It leads to a page, and that one is loaded as a page.
    assert page.client.get("/cpse/signed-out", headers=BOOSTED).headers["HX-Redirect"] == "/cpse/signed-out"


def test_a_boosted_form_is_saved_or_refused_and_never_dropped(page: PageClient, address: Address) -> None:
    where = address("TC-1004")
    form = page.get(where).fields("form#cpse-profile")
    assert page.client.post(where, data={**form, "npi": "1"}, headers=BOOSTED).status_code == 422
    assert page.client.post(where, data=form, headers=BOOSTED).status_code == 303


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "",
        "cpse.css",
        "manifest.json",
        "manifest-0123456789ab.json",
        "nothing-0123456789ab.js",
        "cpse-0123456789ab.css.gz",
        "cpse-0123456789ab.CSS",
        "js/cpse.js",
        "../settings.py",
        "..%2fsettings.py",
        "%2e%2e/settings.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "..%5c..%5csettings.py",
        "icon-0123456789ab.svg%00.js",
        "icon-0123456789ab.svg%0a",
    ],
)
def test_no_address_reads_anything_but_what_was_built(page: PageClient, path: str) -> None:
    answer = page.client.get(f"/cpse/static/{path}", follow_redirects=True)
    assert answer.status_code == 404
    assert "class Settings" not in answer.text


def test_files_answer_head_and_ranges(page: PageClient, cpse: Parts) -> None:
    script = f"/cpse/static/{cpse.assets['cpse.js'].name}"
    for taken in ({}, {"Accept-Encoding": "gzip"}):
        whole = page.client.get(script, headers=taken)
        head = page.client.head(script, headers=taken)
        assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(whole.data)))
        part = page.client.get(script, headers={**taken, "Range": "bytes=0-3"})
        assert (part.status_code, part.data) == (206, whole.data[:4])
        beyond = page.client.get(script, headers={**taken, "Range": "bytes=999999-"})
        assert (beyond.status_code, beyond.headers["Cache-Control"]) == (416, "no-store")


@pytest.mark.parametrize("headers", [BOOSTED, {"Range": "bytes=999999-"}], ids=["boosted", "range"])
def test_nobody_puts_another_answer_in_a_files_place(page: PageClient, cpse: Parts, headers: dict[str, str]) -> None:
    """A cache that everybody shares keeps what one visitor was given; an empty script would stay for a year."""
    for asset in cpse.assets.values():
        whole = page.client.get(f"/cpse/static/{asset.name}")
        other = page.client.get(f"/cpse/static/{asset.name}", headers=headers)
        assert other.data == whole.data or other.headers["Cache-Control"] == "no-store"


def test_what_a_host_answers_in_a_files_place_is_not_kept(intranet: Flask, cpse: Parts) -> None:
    intranet.before_request(lambda: "The intranet is back at noon.")
    answer = intranet.test_client().get(f"/cpse/static/{cpse.assets['cpse.js'].name}")
    assert (answer.text, answer.headers["Cache-Control"]) == ("The intranet is back at noon.", "no-store")


def test_a_file_that_is_kept_by_all_varies_by_no_ones_cookie(intranet: Flask, cpse: Parts) -> None:
    """A cache that everybody shares must not hand on the cookie that a host renews with every answer."""

    def permanent() -> str:
        session.permanent = True
        session["who"] = "ann"
        return ""

    intranet.add_url_rule("/permanent", "permanent", permanent)
    client = intranet.test_client()
    client.get("/permanent")
    answer = client.get(f"/cpse/static/{cpse.assets['icon.svg'].name}")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers or "Cookie" in answer.headers["Vary"]


# --- the log ----------------------------------------------------------------------------------------------------------


def test_a_very_long_path_makes_no_very_long_line(page: PageClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "cpse_plugin.request")
    page.client.get(f"/cpse/providers/number/{'é' * 10_000}")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "cpse_plugin.request"]
    assert len(line) < 10_000
    assert "/cpse/providers/number/" in line
