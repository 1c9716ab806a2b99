"""The discovery document: what it must say to be believed, and by which name the provider goes."""

from typing import Any

import pytest

from cpse_plugin.sandbox.identity_provider import discovery_document
from cpse_plugin.sign_in.errors import ProviderUnavailable
from cpse_plugin.sign_in.issuer import is_same
from cpse_plugin.sign_in.metadata import ProviderMetadata, issuer_of, read_metadata

from .world import DISCOVERY, EDITOR, Browser, World

ISSUER = "https://idp.example"


def test_the_issuer_is_the_discovery_address_without_its_end() -> None:
    assert issuer_of(f"{ISSUER}/tenant/.well-known/openid-configuration?appid=7") == f"{ISSUER}/tenant"


def metadata(**changes: Any) -> ProviderMetadata:
    document = {name: value for name, value in {**discovery_document(ISSUER), **changes}.items() if value is not ...}
    return read_metadata(document, ISSUER)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://idp.example.evil"},
        {"issuer": ISSUER + "//"},
        {"issuer": "https://idp.example/Tenant"},
        {"issuer": "https://idp.example:8443"},
        {"issuer": "http://idp.example"},
        {"issuer": None},
        {"issuer": [ISSUER]},
        {"issuer": {}},
        {"authorization_endpoint": ...},
        {"authorization_endpoint": "http://idp.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "//idp.example/authorize"},
        {"authorization_endpoint": "https:///authorize"},
        {"authorization_endpoint": "https://idp.example/authorize#x"},
        {"authorization_endpoint": "https://user@idp.example/authorize"},
        {"authorization_endpoint": "https://idp.example/a b"},
        {"authorization_endpoint": "https://[idp.example/authorize"},
        {"authorization_endpoint": 7},
        {"token_endpoint": "http://idp.example/token"},
        {"token_endpoint": "http://127.0.0.1.evil.example/token"},
        {"token_endpoint": ...},
        {"jwks_uri": "http://idp.example/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": ...},
        {"end_session_endpoint": "http://idp.example/end"},
        {"end_session_endpoint": "javascript:alert(1)"},
        {"response_types_supported": ["token"]},
        {"response_types_supported": "code"},
        {"code_challenge_methods_supported": ["plain"]},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
    ],
)
def test_metadata_that_cannot_be_trusted_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ProviderUnavailable):
        metadata(**changes)


@pytest.mark.parametrize(
    ("configured", "named"),
    [
        ("https://idp.example", "https://IDP.Example"),
        ("https://IDP.example/Tenant", "https://idp.example/Tenant"),
        ("https://idp.example", "https://idp.example:443/"),
        ("https://idp.example:443/tenant", "HTTPS://idp.example/tenant"),
        ("http://localhost:80", "http://LOCALHOST"),
        ("https://[::1]:443", "https://[::1]"),
    ],
)
def test_an_issuer_may_be_written_in_capitals_and_with_the_usual_port(configured: str, named: str) -> None:
    document = {**discovery_document(ISSUER), "issuer": named}
    assert read_metadata(document, configured).issuer == named
    assert is_same(configured + "/x", named.rstrip("/") + "/x")
    assert not is_same(configured, configured + "/")


@pytest.mark.parametrize(
    "issuer", ["https://idp.example.evil", "https://x@idp.example", 7, None, "https://idp\t.example"]
)
def test_an_issuer_that_does_not_fit_is_told_with_both_values(issuer: object) -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        read_metadata({**discovery_document(ISSUER), "issuer": issuer}, ISSUER)
    assert f"where '{ISSUER}' is expected" in caught.value.reason
    assert not isinstance(issuer, str) or issuer.replace("\t", " ") in caught.value.reason


def test_host_capitals_and_the_usual_port_are_the_same_all_the_way(world: World, browser: Browser) -> None:
    """In the discovery document, the answer that the browser brings, the id_token and a logout token."""
    shouted = world.provider_url.replace("http://", "HTTP://")
    world.tampered.answer_once(DISCOVERY, {**discovery_document(world.provider_url), "issuer": shouted})
    world.forge(lambda claims, header: claims.update(iss=claims["iss"].replace("http", "Http")))
    assert browser.sign_in().status_code == 302
    told = world.idp.tell_signed_out(sub=EDITOR)
    assert told is not None
    assert told.status_code == 200


def test_metadata_as_providers_have_it() -> None:
    assert metadata(issuer=ISSUER + "/").issuer == ISSUER + "/"
    assert metadata(end_session_endpoint=...).end_session_endpoint is None
    assert metadata(code_challenge_methods_supported=...).authorization_endpoint == f"{ISSUER}/authorize"
    assert metadata(authorization_response_iss_parameter_supported=...).names_itself is False
    assert metadata(authorization_response_iss_parameter_supported="true").names_itself is True
    assert not metadata(token_endpoint_auth_methods_supported=...).secret_in_form
    assert not metadata(
        token_endpoint_auth_methods_supported=["client_secret_post", "client_secret_basic"]
    ).secret_in_form
    assert metadata(token_endpoint_auth_methods_supported=["client_secret_post"]).secret_in_form
