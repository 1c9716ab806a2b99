"""A setting that is wrong stops the start and is named; a secret is never shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from cpse_plugin.domain.access import Role
from cpse_plugin.settings import Settings, SettingsError, Timeout

LEAST = {
    "CPSE_COUNTY_NAME": "Albany",
    "CPSE_PORTAL_URL": "https://portal.example/v1",
    "CPSE_PORTAL_CLIENT_ID": "albany",
    "CPSE_PORTAL_CLIENT_SECRET": "canary-secret",
}
OIDC = {
    "CPSE_OIDC_DISCOVERY_URL": "https://login.example/.well-known/openid-configuration",
    "CPSE_OIDC_CLIENT_ID": "cpse",
    "CPSE_OIDC_CLIENT_SECRET": "canary-oidc-secret",
    "CPSE_ROLE_MAP": '{"Preschool": "editor"}',
}
PEM = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----"


def read(**changes: Any) -> Settings:
    return Settings.from_config(LEAST | changes)


def test_the_least_that_is_needed() -> None:
    settings = read()
    assert settings.county_name == "Albany"
    assert settings.portal_token_url == "https://portal.example/v1/oauth/token"
    assert settings.portal_scope == "providers.read providers.write admins.read admins.invite"
    assert settings.portal_timeout == Timeout(3.05, 10)
    assert settings.portal_timeout.deadline == 12
    assert settings.npi_registry_url == "https://npiregistry.cms.hhs.gov/api/"
    assert not settings.uses_oidc


def test_other_settings_of_the_host_do_not_matter() -> None:
    assert read(SECRET_KEY="x", DEBUG=True, CPSEX="y") == read()


@pytest.mark.parametrize("key", ["CPSE_COUNTY_NAME", "CPSE_PORTAL_URL", "CPSE_PORTAL_CLIENT_ID"])
@pytest.mark.parametrize("absent", [None, ""])
def test_a_required_setting_that_is_missing_is_named(key: str, absent: str | None) -> None:
    with pytest.raises(SettingsError, match=f"{key} is required"):
        read(**{key: absent})


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(SettingsError, match="CPSE_PORTAL_ADDRESS is no setting"):
        read(CPSE_PORTAL_ADDRESS="https://portal.example")


@pytest.mark.parametrize(
    ("key", "instead"),
    [
        ("CPSE_NPI_CACHE_HOURS", "24 hours"),
        ("CPSE_PROXIES", "ProxyFix"),
        ("CPSE_ROLE_CHECK_MINUTES", "15 minutes"),
        ("CPSE_TIME_ZONE", "New York"),
        ("CPSE_TRUSTED_HOSTS", "Flask's own TRUSTED_HOSTS"),
    ],
)
def test_a_setting_that_there_is_no_more_says_what_to_do_instead(key: str, instead: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{key} is no setting any more: .*{instead}.*\.$"):
        read(**{key: "1"})


def test_an_empty_setting_counts_as_not_given() -> None:
    assert read(CPSE_PORTAL_SCOPE="", CPSE_PORTAL_TIMEOUT="", CPSE_OIDC_DISCOVERY_URL="") == read()


def test_white_space_around_a_value_does_not_count() -> None:
    assert read(CPSE_COUNTY_NAME=" Albany\n", CPSE_PORTAL_URL=" https://portal.example/v1/ ") == read()


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("CPSE_COUNTY_NAME", 7, "text"),
        ("CPSE_PORTAL_URL", "portal.example/v1", "https://"),
        ("CPSE_PORTAL_URL", "ftp://portal.example", "https://"),
        ("CPSE_PORTAL_URL", "https://", "https://"),
        ("CPSE_PORTAL_URL", "http://portal.example/v1", "this machine alone"),
        ("CPSE_PORTAL_TOKEN_URL", "http://portal.example/token", "this machine alone"),
        ("CPSE_PORTAL_TOKEN_AUDIENCE", "portal", "issuer, token-endpoint or an address"),
        ("CPSE_PORTAL_TOKEN_AUDIENCE", 7, "text"),
        ("CPSE_NPI_REGISTRY_URL", "//registry.example", "https://"),
        ("CPSE_PORTAL_TIMEOUT", "10", "two numbers"),
        ("CPSE_PORTAL_TIMEOUT", "1,2,3", "two numbers"),
        ("CPSE_PORTAL_TIMEOUT", "a,b", "two numbers"),
        ("CPSE_PORTAL_TIMEOUT", "0,10", "above 0"),
        ("CPSE_PORTAL_TIMEOUT", "nan,10", "above 0"),
        ("CPSE_PORTAL_TIMEOUT", "3,inf", "at most"),
        ("CPSE_PORTAL_TIMEOUT", 10, "two numbers"),
        ("CPSE_ROLE_MAP", "{", "JSON"),
        ("CPSE_ROLE_MAP", '["editor"]', "object"),
        ("CPSE_ROLE_MAP", '{"Preschool": 1}', "object"),
        ("CPSE_ROLE_MAP", '{"Preschool": "admin"}', "'admin' is no role"),
        ("CPSE_OIDC_DISCOVERY_URL", "login.example", "https://"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(key: str, value: object, says: str) -> None:
    with pytest.raises(SettingsError, match=f"{key}: .*{says}"):
        read(**{key: value})


@pytest.mark.parametrize("host", ["127.0.0.1:8001", "localhost:8001", "[::1]:8001"])
def test_plain_http_is_for_this_machine(host: str) -> None:
    assert read(CPSE_PORTAL_URL=f"http://{host}/v1").portal_url == f"http://{host}/v1"


def test_a_timeout() -> None:
    assert read(CPSE_PORTAL_TIMEOUT="1.5, 20").portal_timeout == Timeout(1.5, 20)


@pytest.mark.parametrize("text", [PEM, '{"kty": "EC"}', f"\n{PEM}\n"])
def test_a_private_key_as_text(text: str) -> None:
    settings = read(CPSE_PORTAL_CLIENT_SECRET=None, CPSE_PORTAL_PRIVATE_KEY=text)
    assert settings.portal_private_key == text.strip()


def test_a_private_key_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "portal.pem"
    path.write_text(PEM + "\n")
    settings = read(CPSE_PORTAL_CLIENT_SECRET=None, CPSE_PORTAL_PRIVATE_KEY=str(path))
    # What the file holds may change; where it is does not.
    assert settings.portal_private_key == path


def test_a_private_key_in_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"CPSE_PORTAL_PRIVATE_KEY: .+No such file"):
        read(CPSE_PORTAL_CLIENT_SECRET=None, CPSE_PORTAL_PRIVATE_KEY=str(tmp_path / "missing.pem"))


@pytest.mark.parametrize(
    ("given", "audience"),
    [
        ({}, "https://portal.example"),
        ({"CPSE_PORTAL_URL": "https://portal.example/cpse/v1/"}, "https://portal.example/cpse"),
        ({"CPSE_PORTAL_URL": "https://portal.example/api"}, "https://portal.example/api"),
        ({"CPSE_PORTAL_TOKEN_AUDIENCE": "issuer"}, "https://portal.example"),
        ({"CPSE_PORTAL_TOKEN_AUDIENCE": "token-endpoint"}, "https://portal.example/v1/oauth/token"),
        ({"CPSE_PORTAL_TOKEN_AUDIENCE": "https://login.example/"}, "https://login.example/"),
    ],
)
def test_whom_an_assertion_for_the_portals_token_is_for(given: dict[str, str], audience: str) -> None:
    assert read(**given).portal_assertion_audience == audience


def test_an_assertion_for_the_portal_goes_to_no_other_host_unasked() -> None:
    key = {"CPSE_PORTAL_CLIENT_SECRET": None, "CPSE_PORTAL_PRIVATE_KEY": PEM}
    elsewhere = {"CPSE_PORTAL_TOKEN_URL": "https://login.example/token"}
    with pytest.raises(SettingsError, match="CPSE_PORTAL_TOKEN_AUDIENCE is required"):
        read(**key, **elsewhere)
    named = read(**key, **elsewhere, CPSE_PORTAL_TOKEN_AUDIENCE="token-endpoint")
    assert named.portal_assertion_audience == "https://login.example/token"
    assert read(**elsewhere).portal_token_url == "https://login.example/token"


def test_one_way_to_sign_in_at_the_portal_is_needed_and_not_two() -> None:
    with pytest.raises(SettingsError, match="CPSE_PORTAL_CLIENT_SECRET or CPSE_PORTAL_PRIVATE_KEY is required"):
        read(CPSE_PORTAL_CLIENT_SECRET=None)
    with pytest.raises(SettingsError, match="exclude each other"):
        read(CPSE_PORTAL_PRIVATE_KEY=PEM)


def test_a_gateway_of_the_countys_own_needs_no_secret() -> None:
    settings = read(CPSE_PORTAL_CLIENT_SECRET=None, CPSE_PORTAL_GATEWAY="county.portal:Gateway")
    assert settings.portal_gateway == "county.portal:Gateway"


def test_sign_in_by_openid_connect() -> None:
    settings = read(**OIDC)
    assert settings.uses_oidc
    assert settings.role_map == {"Preschool": Role.EDITOR}
    assert read(**OIDC | {"CPSE_ROLE_MAP": {"Preschool": "editor"}}) == settings


@pytest.mark.parametrize("key", ["CPSE_OIDC_CLIENT_ID", "CPSE_OIDC_CLIENT_SECRET", "CPSE_ROLE_MAP"])
def test_what_openid_connect_needs_is_named(key: str) -> None:
    with pytest.raises(SettingsError, match=f"{key} is required with CPSE_OIDC_DISCOVERY_URL"):
        read(**OIDC | {key: None})


def test_secrets_are_not_shown() -> None:
    assert "canary" not in repr(read(**OIDC))
    assert "canary" not in repr(read(CPSE_PORTAL_CLIENT_SECRET=None, CPSE_PORTAL_PRIVATE_KEY=PEM))


def test_the_text_of_a_key_that_cannot_be_read_is_not_shown() -> None:
    for key in ("canary" * 20, json.dumps(["canary"]), "canary\x00"):
        with pytest.raises(SettingsError) as caught:
            read(CPSE_PORTAL_CLIENT_SECRET=None, CPSE_PORTAL_PRIVATE_KEY=key)
        assert "canary" not in str(caught.value)
