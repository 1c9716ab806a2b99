"""In an awkward intranet: forms, sessions and loggers, and two intranets in one process."""

import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask

import cpse_plugin
from cpse_plugin.sandbox.identity_provider import create_identity_provider
from cpse_plugin.sandbox.server import LoopbackServer, listen
from cpse_plugin.settings import SettingsError
from cpse_plugin.web.parts import Parts
from tests.databases import Databases
from tests.pages.access_table import methods, rules
from tests.pages.client import PageClient
from tests.pages.laws import parse
from tests.world import by_number, parts_of

from .awkward import PLUGIN, SCRIPT_NAME, awkward_host
from .awkward.front import HOST, FrontClient
from .awkward.models import EDGAR, INES, move_in
from .conftest import MakeAwkward

BACK_CHANNEL = "cpse.back_channel_logout"
CLIENT_ID, CLIENT_SECRET = "tamarack-intranet", "only for tests"
IVO = {"sub": "ivo", "name": "Ivo Iver", "email": "ivo@tamarack.example", "groups": ["Editors"]}
FORM = "form#cpse-profile"


def refused_without_token(app: Flask, client: FrontClient) -> dict[str, int]:
    """What each of the plugin's forms answers when it is sent without a token."""
    values = {"provider_id": by_number(parts_of(app), "TC-1004").id, "invitation_id": "none"}
    statuses: dict[str, int] = {}
    for rule in rules(app):
        if methods(rule) != ("POST",):
            continue
        address = rule.build(dict(values), append_unknown=False)
        assert address is not None
        sent = client.post(f"{SCRIPT_NAME}{address[1]}", data={"portal_id": "P-20188"})
        statuses[rule.endpoint] = sent.status_code
        if rule.endpoint != BACK_CHANNEL:
            assert "This page is too old" in sent.text, rule.endpoint
    return statuses


def assert_all_are_protected(statuses: dict[str, int], back_channel: int = 400) -> None:
    assert len(statuses) > 8
    assert statuses.pop(BACK_CHANNEL) == back_channel
    assert set(statuses.values()) == {400}


def test_every_form_of_ours_needs_a_token(awkward: Flask, inviter: PageClient, browser: FrontClient) -> None:
    assert_all_are_protected(refused_without_token(awkward, browser))
    sent = browser.post(f"{PLUGIN}/sign-in/back-channel-logout", data={"logout_token": "x"})
    # Not the token of a form is what it misses.
    assert (sent.status_code, sent.get_json()["error"]) == (400, "invalid_request")


def test_every_form_of_ours_needs_a_token_where_the_host_checks_what_it_picks(make_awkward: MakeAwkward) -> None:
    app = make_awkward(settings={"WTF_CSRF_CHECK_DEFAULT": False})
    move_in(app)
    client = FrontClient(app)
    client.log_in(INES)
    assert_all_are_protected(refused_without_token(app, client))
    # The host's own views are as the host has them.
    assert client.post(f"{SCRIPT_NAME}/log-out").status_code == 302


def test_the_exemptions_of_the_host_stay_and_so_do_its_protected_views(browser: FrontClient) -> None:
    for exempt in ("/payments", "/api/pupils"):
        assert browser.post(f"{SCRIPT_NAME}{exempt}").text == "taken"
    refused = browser.post(f"{SCRIPT_NAME}/basket", data={"item": "chalk"})
    assert (refused.status_code, "The intranet says 400" in refused.text) == (400, True)


def test_a_host_may_switch_the_tokens_off_for_its_own_tests(make_awkward: MakeAwkward) -> None:
    app = make_awkward(settings={"WTF_CSRF_ENABLED": False})
    assert FrontClient(app).post(f"{PLUGIN}/sign-out").status_code == 303


def test_the_session_of_the_host_stays_as_it_was(browser: FrontClient, awkward: Flask) -> None:
    browser.log_in(INES)
    browser.send("/basket", item="chalk")
    before = browser.session()
    assert {"_user_id", "_id", "basket"} <= before.keys()
    page = PageClient(browser)
    profile = page.get(f"{PLUGIN}/providers/{by_number(parts_of(awkward), 'TC-1004').id}")
    assert page.submit(profile, FORM, npi="1999101011").status == 200
    assert browser.session() == before
    # The intranet has signed her in, and it signs her out.
    assert not profile.has(".cpse-account")
    token = profile.fields(FORM)["csrf_token"]
    assert browser.post(f"{PLUGIN}/sign-out", data={"csrf_token": token}).status_code == 303
    assert browser.session() == before


@pytest.fixture
def identity_provider() -> Iterator[str]:
    """The address of an identity provider that knows the intranet by the address of its proxy."""
    listener = listen()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    here = f"https://{HOST}{PLUGIN}"
    app = create_identity_provider(
        url, [IVO], CLIENT_ID, CLIENT_SECRET, [f"{here}/sign-in/callback"], [f"{here}/signed-out"]
    )
    with LoopbackServer("identity-provider", app, listener=listener):
        yield url


@pytest.fixture
def signed_in_elsewhere(make_awkward: MakeAwkward, identity_provider: str) -> FrontClient:
    """A browser in an intranet whose people sign in to the plugin at an identity provider."""
    app = make_awkward(
        names_its_user=False,
        settings={
            "CPSE_OIDC_DISCOVERY_URL": f"{identity_provider}/.well-known/openid-configuration",
            "CPSE_OIDC_CLIENT_ID": CLIENT_ID,
            "CPSE_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "CPSE_ROLE_MAP": {"Editors": "editor"},
        },
    )
    move_in(app)
    return FrontClient(app)


def sign_in(browser: FrontClient) -> None:
    """Go to the identity provider, be Ivo there, and come back."""
    begun = browser.get(f"{PLUGIN}/sign-in")
    chosen = requests.post(begun.headers["Location"], data={"person": "ivo"}, allow_redirects=False, timeout=20)
    back = urlsplit(chosen.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"https://{HOST}{PLUGIN}/sign-in/callback"
    address = f"{back.path}?{back.query}"
    # The intranet's cookie is strict: a browser keeps it back where another site has led here.
    arrived = FrontClient(browser.intranet).get(address, headers={"Sec-Fetch-Site": "cross-site"})
    assert led_to(arrived.text) == address
    assert browser.get(address).headers["Location"] == f"{PLUGIN}/providers"


def led_to(page: str) -> str:
    """Where a page leads by itself."""
    return str(parse(page).select("meta[http-equiv=refresh]")[0]["content"]).partition("url=")[2]


def test_signing_in_and_out_at_an_identity_provider_adds_and_takes_away_our_keys_alone(
    signed_in_elsewhere: FrontClient,
) -> None:
    browser = signed_in_elsewhere
    browser.log_in(EDGAR)
    browser.send("/basket", item="chalk")
    before = browser.session()
    sign_in(browser)
    during = browser.session()
    page = PageClient(browser).get(f"{PLUGIN}/providers")
    # Edgar of the intranet and Ivo of the identity provider: only the latter counts here, and the former stays there.
    assert "Ivo Iver" in page.text
    assert {key: value for key, value in during.items() if not key.startswith("cpse_")} == before
    assert any(key.startswith("cpse_") for key in during)
    PageClient(browser).submit(page, ".cpse-account form")
    assert browser.session() == before


def logging_as_it_is() -> dict[str, object]:
    """How logging is set up in this process, without the loggers of the plugin."""
    named = {
        name: (logger.level, list(logger.handlers), list(logger.filters), logger.propagate, logger.disabled)
        for name, logger in logging.Logger.manager.loggerDict.items()
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in ("tests", "werkzeug", "flask", "sqlalchemy")
    }
    root = logging.getLogger()
    return {
        **named,
        "root": (root.level, list(root.handlers), list(root.filters)),
        "logger class": logging.getLoggerClass(),
    }


def test_mounting_leaves_the_logging_of_the_host_as_it_is(make_awkward: MakeAwkward) -> None:
    make_awkward(mounted=False).logger.warning("the host's logger is there")
    before = logging_as_it_is()
    app = make_awkward()
    app.test_client().get("/apps/cpse/providers")
    assert logging_as_it_is() == before
    ours = [name for name in logging.Logger.manager.loggerDict if name.partition(".")[0] == "cpse_plugin"]
    # Where the lines go and from which level on is the host's to say.
    assert [name for name in ours if logging.getLogger(name).handlers or logging.getLogger(name).level] == []


def test_what_the_plugin_logs_bears_its_name(
    inviter: PageClient, awkward: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    inviter.get(f"{PLUGIN}/providers/{by_number(parts_of(awkward), 'TC-1013').id}/matches")
    monkeypatch.setitem(awkward.view_functions, "cpse.providers", lambda: "declares no permission")
    inviter.get(f"{PLUGIN}/providers")
    package = Path(cpse_plugin.__file__).parent
    ours = {record.name for record in caplog.records if Path(record.pathname).is_relative_to(package)}
    assert "cpse_plugin" in ours
    assert [name for name in ours if name.partition(".")[0] != "cpse_plugin"] == []


@pytest.fixture
def two(make_awkward: MakeAwkward, databases: Databases) -> tuple[Flask, Flask]:
    """Two intranets in one process, each with prefix, layout, settings and database of its own."""
    one = make_awkward()
    other = make_awkward(
        url_prefix="/preschool",
        database_url=databases.fresh(),
        settings={
            "CPSE_COUNTY_NAME": "Kestrel County",
            "CPSE_BASE_TEMPLATE": "cpse/base.html",
            "CPSE_FRAME_ANCESTORS": "https://kestrel.example",
            "SECRET_KEY": "another one",
        },
    )
    for app in (one, other):
        move_in(app)
    return one, other


def test_two_intranets_in_one_process_do_not_meet(two: tuple[Flask, Flask]) -> None:
    here, there = PLUGIN, f"{SCRIPT_NAME}/preschool"
    ines, edgar = (FrontClient(app) for app in two)
    ines.log_in(INES)
    edgar.log_in(EDGAR)
    # In turn, twice, so that what one leaves behind would show at the other.
    for _ in range(2):
        mine = PageClient(ines).get(f"{here}/providers")
        assert ["Tamarack County" in mine.text, "Kestrel County" in mine.text] == [True, False]
        assert [mine.has(".intranet-menu"), f"{there}/" in mine.html] == [True, False]
        theirs = PageClient(edgar).get(f"{there}/providers")
        assert ["Tamarack County" in theirs.text, "Kestrel County" in theirs.text] == [False, True]
        assert [theirs.has(".intranet-menu"), f"{here}/" in theirs.html] == [False, False]
    assert ines.get(f"{there}/providers").status_code == 404
    assert edgar.get(f"{here}/providers").status_code == 404


def test_what_is_saved_in_one_intranet_is_not_in_the_other(two: tuple[Flask, Flask]) -> None:
    one, other = (parts_of(app) for app in two)
    client = FrontClient(two[0])
    client.log_in(INES)
    before = by_number(other, "TC-1004")
    page = PageClient(client)
    answer = page.submit(page.get(f"{PLUGIN}/providers/{before.id}"), FORM, npi="1999101011")
    assert answer.status == 200
    assert by_number(one, "TC-1004").profile.npi != before.profile.npi
    assert by_number(other, "TC-1004") == before


def test_a_session_of_one_intranet_is_nobody_in_the_other(two: tuple[Flask, Flask]) -> None:
    client, stranger = (FrontClient(app) for app in two)
    client.log_in(INES)
    cookie = client.get_cookie("intranet", domain=HOST, path=SCRIPT_NAME)
    assert cookie is not None
    stranger.set_cookie("intranet", cookie.value, domain=HOST, path=SCRIPT_NAME)
    assert (
        stranger.get(f"{SCRIPT_NAME}/preschool/providers")
        .headers["Location"]
        .startswith(f"{SCRIPT_NAME}/preschool/sign-in")
    )


def test_being_mounted_twice_is_refused_and_the_first_mount_goes_on(awkward: Flask, browser: FrontClient) -> None:
    rules_before = list(awkward.url_map.iter_rules())
    with pytest.raises(SettingsError, match="mounted on this application already; call init_app once"):
        cpse_plugin.Cpse(awkward, url_prefix="/again", staff_loader=lambda: None)
    assert list(awkward.url_map.iter_rules()) == rules_before
    browser.log_in(INES)
    assert browser.get(f"{PLUGIN}/providers").status_code == 200


def test_a_host_whose_only_databases_are_for_other_things_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^SQLALCHEMY_DATABASE_URI is required, or a bind called cpse"):
        awkward_host(settings={"SQLALCHEMY_DATABASE_URI": None, "SQLALCHEMY_BINDS": {"archive": "sqlite://"}})


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("CPSE_PORTAL_CLIENT_SECRET", None, "CPSE_PORTAL_CLIENT_SECRET or CPSE_PORTAL_PRIVATE_KEY is required"),
        ("CPSE_PORTAL_URL", "http://portal.example/v1", "CPSE_PORTAL_URL: must begin with https://"),
        ("CPSE_BASE_TEMPLATE", 7, "CPSE_BASE_TEMPLATE: must be text"),
    ],
)
def test_a_setting_that_is_wrong_stops_the_start_and_mounts_nothing(key: str, value: object, named: str) -> None:
    app = awkward_host(mounted=False, settings={key: value})
    rules_before = list(app.url_map.iter_rules())
    with pytest.raises(SettingsError, match=f"^{named}"):
        cpse_plugin.Cpse().init_app(app, staff_loader=lambda: None)
    assert "cpse" not in app.extensions
    assert list(app.url_map.iter_rules()) == rules_before


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_what_the_plugin_commits_commits_nothing_of_the_host(make_awkward: MakeAwkward) -> None:
    """On PostgreSQL; SQLite has one writer at a time, and here the host is one already."""
    app = make_awkward()
    move_in(app)
    cpse: Parts = parts_of(app)
    models = app.extensions["awkward"]

    @app.before_request
    def begin_something() -> None:
        models.add_pupil("Quin Quist")

    client = FrontClient(app)
    client.log_in(INES)
    page = PageClient(client)
    answer = page.submit(page.get(f"{PLUGIN}/providers/{by_number(cpse, 'TC-1004').id}"), FORM, npi="1999101011")
    assert answer.status == 200
    with app.app_context():
        assert models.pupils() == ["Pia Park"]
