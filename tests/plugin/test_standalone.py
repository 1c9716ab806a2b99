"""The stand-alone host, for a county without a Flask application."""

from typing import Any

import pytest

import wsgi
from cpse_plugin.settings import SettingsError
from cpse_plugin.standalone import create_app

from .hosts import SETTINGS

OIDC: dict[str, Any] = {
    "CPSE_OIDC_DISCOVERY_URL": "http://127.0.0.1:9/.well-known/openid-configuration",
    "CPSE_OIDC_CLIENT_ID": "county",
    "CPSE_OIDC_CLIENT_SECRET": "only for tests too",
    "CPSE_ROLE_MAP": {"Preschool staff": "editor"},
    "TRUSTED_HOSTS": "intranet.county.example",
}


def cookie(**settings: Any) -> str:
    """The session's cookie as a browser is given it."""
    client = create_app({**SETTINGS, **OIDC, **settings}).test_client()
    return client.get("/cpse/signed-out", base_url="https://intranet.county.example").headers["Set-Cookie"]


def test_the_sessions_cookie_is_for_this_host_over_tls_and_for_no_script() -> None:
    name, *flags = cookie().split("; ")
    assert name.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(flags)
    assert not [flag for flag in flags if flag.startswith("Domain")]


def test_a_site_that_may_frame_the_pages_gets_the_cookie_for_it() -> None:
    framed = cookie(CPSE_FRAME_ANCESTORS="'self' https://county.sharepoint.example")
    assert {"SameSite=None", "Partitioned", "Secure", "HttpOnly"} <= set(framed.split("; "))
    for no_site in ("'self'", " 'self' ", "'none'", "", " "):
        assert "SameSite=Lax" in cookie(CPSE_FRAME_ANCESTORS=no_site)


def test_a_county_may_name_the_cookie_and_a_host_without_tls_gets_one_that_works() -> None:
    assert cookie(SESSION_COOKIE_NAME="county").startswith("county=")
    plain = cookie(SESSION_COOKIE_SECURE=False)
    assert plain.startswith("session=")
    assert "Secure" not in plain


@pytest.mark.parametrize("key", ["SECRET_KEY", "SQLALCHEMY_DATABASE_URI", "TRUSTED_HOSTS"])
def test_what_it_cannot_do_without_stops_the_start_by_name(key: str) -> None:
    with pytest.raises(SettingsError, match=f"{key} is required"):
        create_app({**SETTINGS, **OIDC, key: ""})


def test_old_keys_are_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {**SETTINGS, **OIDC, "CPSE_ROLE_MAP": '{"Preschool staff": "editor"}', "SECRET_KEY_FALLBACKS": "older  old"}
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    assert wsgi.create_app().config["SECRET_KEY_FALLBACKS"] == ["older", "old"]


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/", 302),
        ("GET", "/nothing", 404),
        ("POST", "/", 405),
        ("GET", "/cpse//providers", 308),
        ("GET", "/cpse/nothing", 404),
        ("DELETE", "/cpse/providers", 405),
        ("GET", "/cpse/signed-out", 200),
    ],
)
def test_every_answer_has_the_headers_of_the_pages(method: str, address: str, status: int) -> None:
    client = create_app({**SETTINGS, **OIDC}).test_client()
    answer = client.open(address, method=method, base_url="https://intranet.county.example")
    assert answer.status_code == status
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert status < 400 or "<h1>" in answer.text


def test_a_request_for_another_host_is_refused_in_words_and_with_the_same_headers() -> None:
    settings = {**SETTINGS, **OIDC, "TRUSTED_HOSTS": ["intranet.county.example"]}
    for address in ("/", "/cpse/providers", "/nothing"):
        answer = create_app(settings).test_client().get(address, base_url="https://evil.example")
        assert (answer.status_code, "<h1>Bad Request</h1>" in answer.text) == (400, True)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("trusted", "host", "status"),
    [
        ("intranet.county.example", "intranet.county.example:8443", 302),
        ("Intranet.county.example, other.example", "other.example", 302),
        (["a.example", "b.example"], "b.example", 302),
        (".county.example", "intranet.county.example", 302),
        (".county.example", "evilcounty.example", 400),
        ("intranet.county.example", "evil.example", 400),
    ],
)
def test_it_answers_to_its_own_names_alone(trusted: str | list[str], host: str, status: int) -> None:
    client = create_app({**SETTINGS, **OIDC, "TRUSTED_HOSTS": trusted}).test_client()
    for address in ("/", "/cpse/providers"):
        assert client.get(address, base_url=f"https://{host}").status_code == status


def test_the_health_refuses_another_host_name_in_json() -> None:
    answer = create_app({**SETTINGS, **OIDC}).test_client().get("/cpse/health", base_url="https://evil.example")
    assert (answer.status_code, answer.is_json) == (400, True)


@pytest.mark.parametrize("wrong", ["https://intranet.county.example", "intranet.county.example:443", "a.example,", "*"])
def test_what_is_no_host_name_stops_the_start(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"^TRUSTED_HOSTS: must be host names"):
        create_app({**SETTINGS, **OIDC, "TRUSTED_HOSTS": wrong})


def test_who_gives_the_hosts_under_their_old_name_is_told_the_new_one() -> None:
    with pytest.raises(SettingsError, match=r"^CPSE_TRUSTED_HOSTS is no setting any more: .*TRUSTED_HOSTS\.$"):
        create_app({**SETTINGS, **OIDC, "TRUSTED_HOSTS": None, "CPSE_TRUSTED_HOSTS": "intranet.county.example"})
