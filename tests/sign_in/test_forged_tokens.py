"""No forged or misused id_token signs anybody in, whatever the provider's metadata says of itself.

All of them meet the metadata that say the most dangerous things; where the metadata say less, one of each kind is
enough, because it is the same code that reads the token.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import requests
from joserfc.jwk import ECKey

from cpse_plugin.sandbox.identity_provider import discovery_document

from .forgeries import CERTIFICATE, FORGERIES, ONE_OF_EACH_KIND, Forgery, by, other_alg
from .world import CLIENT_ID, DISCOVERY, EDITOR, World, running_world

Document = dict[str, Any]


def _as_it_is(document: Document) -> Document:
    return document


def _lists_whatever_there_is(document: Document) -> Document:
    return {**document, "id_token_signing_alg_values_supported": ["none", "HS256", "RS512", "PS384", "EdDSA", "RS256"]}


def _lists_nothing(document: Document) -> Document:
    return {name: document[name] for name in document if name != "id_token_signing_alg_values_supported"}


def _without_issuer(document: Document) -> Document:
    return {name: document[name] for name in document if name != "issuer"}


def _of_another_issuer(document: Document) -> Document:
    return {**document, "issuer": "https://evil.example"}


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A provider whose metadata are as a test's parameter makes them."""
    with running_world() as running:
        publish(running, request.param)
        yield running


hardest_metadata = pytest.mark.parametrize("world", [_lists_whatever_there_is], indirect=True, scope="module")
other_metadata = pytest.mark.parametrize("world", [_as_it_is, _lists_nothing], indirect=True, scope="module")


def publish(world: World, change: Callable[[Document], Document]) -> None:
    world.tampered.answer_once(DISCOVERY, change(discovery_document(world.provider_url)))
    world.client.inspect()


@pytest.fixture
def honest(world: World) -> Iterator[World]:
    """The world without forgery, before and after the test."""
    world.forge(None)
    yield world
    world.forge(None)


def attempt(world: World, change: Callable[[Document, Document], str | None]) -> tuple[requests.Response, Any]:
    browser = world.browser()
    address = browser.go_to_provider()
    world.forge(change)
    response = browser.open(browser.choose(address))
    return response, browser.who()


@hardest_metadata
@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forged_token_signs_nobody_in(honest: World, forgery: Forgery, caplog: pytest.LogCaptureFixture) -> None:
    is_refused(honest, forgery, caplog)


@other_metadata
@pytest.mark.parametrize("forgery", ONE_OF_EACH_KIND, ids=lambda forgery: forgery.name)
def test_metadata_that_say_less_open_no_door_either(
    honest: World, forgery: Forgery, caplog: pytest.LogCaptureFixture
) -> None:
    is_refused(honest, forgery, caplog)


def is_refused(world: World, forgery: Forgery, caplog: pytest.LogCaptureFixture) -> None:
    response, who = attempt(world, partial(forgery.make, idp=world.idp))

    assert who is None
    assert response.status_code == 502
    assert "You are not signed in" in response.text
    assert forgery.reason in caplog.text


def _unchanged(claims: Document, header: Document) -> None:
    pass


def _audience_as_a_list(claims: Document, header: Document) -> None:
    claims.update({"aud": [CLIENT_ID], "azp": CLIENT_ID})


def _without_type(claims: Document, header: Document) -> None:
    del header["typ"]


def _without_kid(claims: Document, header: Document) -> None:
    del header["kid"]


def _without_hash(claims: Document, header: Document) -> None:
    del claims["at_hash"]


def _slightly_late(claims: Document, header: Document) -> None:
    claims["exp"] = claims["iat"] - 20


def _slightly_early(claims: Document, header: Document) -> None:
    claims.update({"iat": claims["iat"] + 20, "nbf": claims["iat"] + 20})


def _broken_seconds(claims: Document, header: Document) -> None:
    claims["iat"] += 0.5


def _far_end(claims: Document, header: Document) -> None:
    claims["exp"] = 10**400


def _certificate_of_nobody(claims: Document, header: Document) -> None:
    header.update({"x5c": [CERTIFICATE], "x": "unknown members do not count"})


HONEST = (
    _unchanged,
    _audience_as_a_list,
    _without_type,
    _without_kid,
    _without_hash,
    _slightly_late,
    _slightly_early,
    _broken_seconds,
    _far_end,
    _certificate_of_nobody,
)


@hardest_metadata
@pytest.mark.parametrize("change", HONEST)
def test_a_token_in_order_signs_the_person_in(
    honest: World, change: Callable[[Document, Document], str | None]
) -> None:
    signs_in(honest, change)


@other_metadata
@pytest.mark.parametrize("change", [_unchanged, _without_type, _without_kid])
def test_a_token_in_order_signs_the_person_in_where_the_metadata_say_less(
    honest: World, change: Callable[[Document, Document], str | None]
) -> None:
    signs_in(honest, change)


def signs_in(world: World, change: Callable[[Document, Document], str | None]) -> None:
    response, who = attempt(world, change)

    assert response.status_code == 302, response.text
    assert who["subject"] == EDITOR


def test_every_algorithm_of_the_list_is_taken() -> None:
    elliptic = ECKey.generate_key("P-256", auto_kid=True)
    with running_world() as world:
        # The provider says of its own key that it is for RS256 alone; here it is published without that.
        rsa = {name: value for name, value in world.idp.key.as_dict(private=False).items() if name != "alg"}
        world.tampered.answer_once("/jwks", {"keys": [rsa, elliptic.as_dict(private=False)]})
        for make in (other_alg("RS256"), other_alg("PS256"), by(elliptic, "ES256", kid_of_provider=False)):
            response, who = attempt(world, partial(make, idp=world.idp))
            assert response.status_code == 302, response.text
            assert who["subject"] == EDITOR


@pytest.mark.parametrize("change", [_without_issuer, _of_another_issuer])
def test_a_provider_of_another_name_is_not_even_asked(change: Callable[[Document], Document]) -> None:
    with running_world() as world:
        document = change(discovery_document(world.provider_url))
        world.tampered.answer_once(DISCOVERY, document)
        browser = world.browser()

        refused = browser.open("/cpse/sign-in")

        assert refused.status_code == 502
        assert "cpse_sign_ins" not in browser.open("/session").json()
        world.clock.ahead = 6
        assert browser.sign_in().status_code == 302
