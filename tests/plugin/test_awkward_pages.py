"""In an awkward intranet: addresses, files, templates and errors are the plugin's inside it and the host's outside."""

import hashlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from flask import Flask, url_for
from jinja2 import ChoiceLoader, DictLoader, meta

from cpse_plugin.web.parts import Parts
from tests.pages.client import PageClient, htmx_headers
from tests.pages.laws import parse
from tests.world import by_number, parts_of

from .awkward import HOSTS_WORD, PLUGIN, SCRIPT_NAME, STATIC, signed_in_staff
from .awkward.front import HOST, FrontClient
from .awkward.models import INES, NOOR, RITA
from .conftest import MakeAwkward

GUIDE = Path(__file__).parents[2] / "docs" / "mounting.md"
LINKED, FREE = "TC-1013", "TC-1004"
ADDRESSES = ("href", "src", "action", "hx-get", "hx-post", "data-lookup-url")
HTMX_SHA256 = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"


def pages(cpse: Parts) -> list[str]:
    """An address of every kind of page."""
    linked, free = by_number(cpse, LINKED).id, by_number(cpse, FREE).id
    below = (
        "/providers",
        "/providers?q=zzzz",
        f"/providers/{linked}",
        f"/providers/{linked}/matches",
        f"/providers/{linked}/association/end",
        f"/providers/{linked}/admin-users",
        f"/providers/{linked}/invitations/new",
        f"/providers/{linked}/history",
        f"/providers/{free}",
        f"/providers/{free}/matches",
        f"/providers/{free}/association/confirm?portal_id=P-20188",
        f"/providers/{free}/portal-provider/new",
        "/providers/999999",
        "/npi/1999101045",
        "/signed-out",
    )
    return [f"{PLUGIN}{address}" for address in below]


@pytest.fixture
def cpse(awkward: Flask) -> Parts:
    return parts_of(awkward)


def addresses_of(page: BeautifulSoup) -> Iterator[str]:
    for attribute in ADDRESSES:
        yield from (str(tag[attribute]) for tag in page.select(f"[{attribute}]"))


def test_every_address_on_every_page_is_below_the_script_name_and_the_prefix(inviter: PageClient, cpse: Parts) -> None:
    of_the_layout = {*addresses_of(parse(inviter.client.get(f"{SCRIPT_NAME}/").text))}
    for page in pages(cpse):
        for address in {*addresses_of(inviter.get(page).soup)} - of_the_layout:
            assert address.startswith((f"{PLUGIN}/", "#")), (page, address)


def test_every_link_of_every_page_leads_to_a_page(inviter: PageClient, cpse: Parts) -> None:
    links = {link for page in pages(cpse) for link in map(str, inviter.get(page).soup.select("#cpse a[href]"))}
    leading = {str(parse(link).a["href"]) for link in links if parse(link).a}  # type: ignore[index]
    followed = {address for address in leading if address.startswith(PLUGIN)}
    assert len(followed) > 20
    assert [address for address in followed if inviter.get(address).status != 200] == []


def test_whole_addresses_are_the_ones_that_the_proxy_is_reached_at(awkward: Flask) -> None:
    forwarded = {
        "X-Forwarded-Host": HOST,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": SCRIPT_NAME,
    }
    found: list[str] = []

    @awkward.get("/whole")
    def whole() -> str:
        found.append(url_for("cpse.sign_in_callback", _external=True))
        return ""

    awkward.test_client().get("/whole", headers=forwarded, base_url="http://127.0.0.1:8000/")
    assert found == [f"https://{HOST}{PLUGIN}/sign-in/callback"]


def files_of(client: FrontClient) -> list[str]:
    """The addresses of our files that a page asks for."""
    page = parse(client.get(f"{PLUGIN}/signed-out").text)
    tags = page.select("head link, head script")
    return [address for tag in tags if (address := str(tag.get("href") or tag.get("src"))).startswith(PLUGIN)]


def test_files_are_cached_for_a_year(browser: FrontClient) -> None:
    files = files_of(browser)
    assert {"js", "css"} <= {file.rpartition(".")[2] for file in files}
    for address in files:
        with browser.get(address) as file:
            assert file.status_code == 200
            assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_the_addresses_of_files_are_of_their_content(browser: FrontClient) -> None:
    for address in files_of(browser):
        with browser.get(address) as file:
            assert hashlib.sha256(file.data).hexdigest()[:12] in address


def test_the_first_page_the_layout_and_the_macros_of_the_host_are_its_own(browser: FrontClient, cpse: Parts) -> None:
    page = parse(browser.get(f"{SCRIPT_NAME}/").text)
    assert page.select_one("#pupils li") is not None
    assert [tag.text for tag in page.select(".intranet-field")] == ["The intranet's footer"]
    assert page.select("[class^=cpse], #cpse") == []


def test_the_pages_stand_in_the_layout_of_the_host_with_macros_of_our_own(inviter: PageClient, cpse: Parts) -> None:
    for address in pages(cpse):
        page = inviter.get(address).soup
        assert page.select_one("main.intranet > #cpse") is not None, address
        assert len(page.select("main, [role=main]")) == 1
        assert page.title is not None
        assert page.title.text.endswith("– Tamarack County | Tamarack intranet")
        assert [tag.text for tag in page.select(".intranet-field")] == ["The intranet's footer"]
    form = inviter.get(f"{PLUGIN}/providers/{by_number(cpse, FREE).id}").one("form#cpse-profile")
    assert len(form.select("label.cpse-label")) >= 2


def test_no_page_takes_a_word_from_the_context_of_the_host(make_awkward: MakeAwkward, awkward: Flask) -> None:
    """A name that a template asks for and its view does not give must not be found at the host."""
    greedy = make_awkward()
    names = names_in_templates(greedy)
    assert {"form", "provider"} <= names
    greedy.context_processor(lambda: dict.fromkeys(names, HOSTS_WORD))
    texts: list[list[str]] = []
    for app in (awkward, greedy):
        client = FrontClient(app)
        client.log_in(INES)
        opened = [PageClient(client).get(address) for address in pages(parts_of(app))]
        texts.append([f"{page.status} {page.one('#cpse').get_text(' ', strip=True)}" for page in opened])
    assert texts[0] == texts[1]
    assert HOSTS_WORD in client.get(f"{SCRIPT_NAME}/").text.replace("&#39;", "'")


def names_in_templates(app: Flask) -> set[str]:
    """The names that the plugin's templates take from their context, as far as the host cannot be meant."""
    given = {*app.jinja_env.globals, "cpse", "request", "session", "g", "config"}
    loader = app.jinja_env.loader
    assert loader is not None
    sources = [
        loader.get_source(app.jinja_env, name)[0] for name in app.jinja_env.list_templates() if name.startswith("cpse/")
    ]
    asked = (meta.find_undeclared_variables(app.jinja_env.parse(source)) for source in sources)
    return {name for names in asked for name in names} - given


@pytest.mark.parametrize(("address", "status"), [("/nothing", 404), ("/forbidden", 403), ("/broken", 500)])
def test_errors_outside_are_answered_by_the_host(inviter: PageClient, address: str, status: int) -> None:
    answer = inviter.client.get(f"{SCRIPT_NAME}{address}")
    assert (answer.status_code, parse(answer.text).select("#cpse")) == (status, [])
    assert f"The intranet says {status}" in answer.text


def test_a_provider_that_is_not_there_is_answered_by_the_plugin(inviter: PageClient) -> None:
    answer = inviter.get(f"{PLUGIN}/providers/999999")
    assert (answer.status, answer.texts("h1")) == (404, ["Not found"])


def test_what_a_role_does_not_allow_is_answered_by_the_plugin(browser: FrontClient, cpse: Parts) -> None:
    browser.log_in(RITA)
    answer = PageClient(browser).get(f"{PLUGIN}/providers/{by_number(cpse, LINKED).id}/invitations/new")
    assert (answer.status, answer.texts("h1")) == (403, ["Not allowed"])


@pytest.mark.parametrize("user", [None, NOOR], ids=["nobody", "a user without a role"])
def test_whom_the_host_does_not_name_is_told_so_by_the_plugin(browser: FrontClient, user: int | None) -> None:
    if user is not None:
        browser.log_in(user)
    answer = PageClient(browser).get(f"{PLUGIN}/providers")
    assert (answer.status, answer.path.split("?")[0]) == (403, f"{PLUGIN}/sign-in")
    assert "The intranet says" not in answer.text


def test_a_fault_of_ours_is_answered_by_the_plugin(
    awkward: Flask, inviter: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(awkward.view_functions, "cpse.providers", lambda: "declares no permission")
    answer = inviter.get(f"{PLUGIN}/providers")
    assert (answer.status, answer.texts("h1")) == (500, ["Something went wrong here"])


def test_a_request_that_is_too_big_is_answered_by_the_plugin(inviter: PageClient, cpse: Parts) -> None:
    address = f"{PLUGIN}/providers/{by_number(cpse, FREE).id}"
    answer = inviter.client.post(address, data={"npi": "1" * 300_000})
    assert answer.status_code == 413
    assert parse(answer.text).select_one("#cpse h1") is not None


def test_the_header_of_the_host_is_on_our_answers_and_ours_are_on_none_of_its(inviter: PageClient) -> None:
    ours, theirs = (inviter.client.get(f"{SCRIPT_NAME}{path}").headers for path in ("/apps/cpse/providers", "/"))
    assert ours["X-Intranet"] == "tamarack"
    assert "Cache-Control" not in theirs
    assert "HX-Request" not in theirs.get("Vary", "")


def test_a_piece_that_htmx_asks_for_comes_without_the_layout_of_the_host(inviter: PageClient, cpse: Parts) -> None:
    address = f"{PLUGIN}/providers/{by_number(cpse, FREE).id}/matches"
    piece = inviter.client.get(address, headers=htmx_headers("section#cpse-portal"))
    assert piece.status_code == 200
    assert "intranet-menu" not in piece.text
    assert f"{PLUGIN}/providers/" in piece.text


def test_the_layout_of_the_guide_has_all_that_a_page_needs(make_awkward: MakeAwkward) -> None:
    layout = next(
        block
        for block in re.findall(r"```html\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
        if "{% block" in block
    )
    app = make_awkward(settings={"CPSE_BASE_TEMPLATE": "guide.html"})
    hosts = app.jinja_env.loader
    assert hosts is not None
    app.jinja_env.loader = ChoiceLoader([DictLoader({"guide.html": layout}), hosts])
    page = PageClient(FrontClient(app)).get(f"{PLUGIN}/signed-out")
    assert page.one("title").text.endswith("– Tamarack County | Tamarack intranet")
    assert page.has("main > #cpse h1")
    assert page.has(f"head script[src^='{PLUGIN}']")
    assert page.has(f"head link[rel=stylesheet][href^='{PLUGIN}']")


def test_the_user_of_flask_login_is_named_as_the_guide_shows() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    name, *lines = inspect.getsource(signed_in_staff).rstrip().splitlines()
    assert lines[0].strip().startswith('"""')
    assert "\n".join((name, *lines[1:])) in guide


def test_htmx_2_of_the_host_is_byte_for_byte_the_released_file() -> None:
    file = STATIC / "htmx-2.0.11.min.js"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == HTMX_SHA256
    assert file.with_name(f"{file.name}.sha256").read_text() == f"{HTMX_SHA256}  {file.name}\n"
    assert re.search(r'version:"2\.0\.11"', file.read_text())
    assert "Zero-Clause BSD" in file.with_name("htmx-2.0.11.LICENSE").read_text()
