"""The sign-in with an OpenID provider that this project did not write, in the whole intranet and over real HTTP."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from bs4 import BeautifulSoup
from joserfc.jwk import ECKey, KeyParameters, OKPKey, RSAKey

from cpse_plugin.sandbox.runner import ROLE_MAP, Sandbox

from .real_provider import CLIENT_ID, CLIENT_SECRET, Key, NoNode, RealProvider, real_provider

LIST = "/cpse/providers"


@pytest.fixture(scope="module")
def provider() -> Iterator[RealProvider]:
    try:
        with real_provider() as running:
            yield running
    except NoNode as missing:
        pytest.skip(f"NOT RUN: the sign-in with a real identity provider; {missing}")


def new_key(kid: str, alg: str = "RS256") -> Key:
    parameters: KeyParameters = {"kid": kid, "alg": alg, "use": "sig"}
    if alg == "ES256":
        return ECKey.generate_key("P-256", parameters, private=True)
    return RSAKey.generate_key(2048, parameters, private=True)


@dataclass
class County:
    """An intranet whose staff sign in at the real provider."""

    provider: RealProvider
    sandbox: Sandbox

    @property
    def url(self) -> str:
        return self.sandbox.intranet_url

    def configure(self, *keys: Key, **changes: Any) -> None:
        """See `RealProvider.configure`."""
        self.provider.configure(self.url, keys, **changes)


@pytest.fixture
def changes() -> dict[str, str]:
    """What a test wants of the settings; a test parametrises it."""
    return {}


@pytest.fixture
def county(provider: RealProvider, changes: dict[str, str]) -> Iterator[County]:
    settings = {
        "CPSE_OIDC_DISCOVERY_URL": f"{provider.url}/.well-known/openid-configuration",
        "CPSE_OIDC_CLIENT_ID": CLIENT_ID,
        "CPSE_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "CPSE_ROLE_MAP": ROLE_MAP,
        **changes,
    }
    with Sandbox(settings=settings) as sandbox:
        made = County(provider, sandbox)
        made.configure(new_key("first"))
        yield made


class Person(requests.Session):
    """Somebody at a browser; redirects are followed by hand."""

    def __init__(self, county: County) -> None:
        super().__init__()
        self.county = county
        self.trust_env = False

    def open(self, address: str) -> requests.Response:
        absolute = requests.compat.urljoin(self.county.url, address)
        return self.get(absolute, allow_redirects=False, timeout=20)

    def sign_in(self, who: str = "elliot") -> requests.Response:
        """Go from the list of providers to the identity provider and back; returns the answer to the way back."""
        begun = self.open(self.open(LIST).headers["Location"])
        callback = self.county.provider.choose(self, begun.headers["Location"], who)
        return self.open(callback)

    def is_in(self) -> bool:
        return self.open(LIST).status_code == 200

    def sign_out_here(self) -> str:
        """Send the form Sign out; returns the address of the way on, at the provider."""
        form = BeautifulSoup(self.open(LIST).text, "html.parser").select_one('form[action="/cpse/sign-out"]')
        assert form is not None
        data = {str(field["name"]): str(field["value"]) for field in form.select("input[name]")}
        page = self.post(f"{self.county.url}/cpse/sign-out", data=data, timeout=20)
        way_on = BeautifulSoup(page.text, "html.parser").select_one("main a")
        assert way_on is not None
        return str(way_on["href"])


@pytest.fixture
def person(county: County) -> Person:
    return Person(county)


def test_a_person_signs_in(person: Person) -> None:
    assert person.sign_in().headers["Location"] == LIST
    page = person.open(LIST)
    assert page.status_code == 200
    assert "Elliot Marsh" in page.text


def test_a_person_without_a_role_is_told_so(person: Person) -> None:
    answer = person.open(person.sign_in("vernon").headers["Location"])
    assert answer.status_code == 403
    assert "Preschool Editors" in answer.text
    assert not person.is_in()


def test_a_provider_that_tells_of_people_at_userinfo_alone(county: County, person: Person) -> None:
    county.configure(new_key("first"), conform=True)
    assert person.sign_in().headers["Location"] == LIST
    page = person.open(LIST)
    assert page.status_code == 200
    assert "Elliot Marsh" in page.text


@pytest.mark.parametrize("conform", [False, True])
@pytest.mark.parametrize("changes", [{"CPSE_OIDC_SCOPES": "groups"}])
def test_groups_behind_a_scope_of_their_own(county: County, person: Person, conform: bool) -> None:
    county.configure(new_key("first"), conform=conform, apart=True, scope="openid profile email groups")
    assert person.sign_in().headers["Location"] == LIST
    assert person.is_in()


def test_groups_behind_a_scope_that_nobody_asks_for_are_not_told(county: County, person: Person) -> None:
    county.configure(new_key("first"), apart=True)
    answer = person.open(person.sign_in().headers["Location"])
    assert answer.status_code == 403
    assert "did not tell your groups" in answer.text


@pytest.mark.parametrize("changes", [{"CPSE_OIDC_CLIENT_SECRET": "a:secret with 100% of + and ~, long enough"}])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_of_any_characters_is_taken(
    county: County, person: Person, method: str, changes: dict[str, str]
) -> None:
    secret = changes["CPSE_OIDC_CLIENT_SECRET"]
    county.configure(new_key("first"), client_secret=secret, token_endpoint_auth_method=method, only=method)
    assert person.sign_in().headers["Location"] == LIST


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256"])
def test_every_algorithm_of_the_list_is_taken(county: County, person: Person, alg: str) -> None:
    county.configure(new_key("first", alg), id_token_signed_response_alg=alg)
    assert person.sign_in().status_code == 302
    assert person.is_in()


def test_an_algorithm_that_is_not_on_the_list_is_refused(county: County, person: Person) -> None:
    """The provider offers RS256 too, so nothing is wrong until the token comes."""
    edwards = OKPKey.generate_key("Ed25519", {"kid": "edwards", "alg": "EdDSA", "use": "sig"}, private=True)
    county.configure(new_key("first"), edwards, id_token_signed_response_alg="EdDSA")
    assert person.sign_in().status_code == 502
    assert not person.is_in()


def test_signing_out_ends_the_session_at_the_provider_too(county: County, person: Person) -> None:
    person.sign_in()
    back = county.provider.confirm_sign_out(person, person.sign_out_here())
    assert back == f"{county.url}/cpse/signed-out"
    assert person.open(back).status_code == 200
    assert not person.is_in()
    # Who comes to the provider next is asked who they are.
    begun = person.open(person.open(LIST).headers["Location"])
    assert "/interaction/" in person.open(begun.headers["Location"]).headers["Location"]


def sign_out_at_the_provider_alone(county: County, person: Person) -> None:
    """As after signing out in another of the county's applications: the intranet hears of it from the provider."""
    county.provider.confirm_sign_out(person, f"{county.provider.url}/session/end?client_id={CLIENT_ID}")


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_signing_out_at_the_provider_ends_the_session_here(county: County, person: Person, alg: str) -> None:
    county.configure(new_key("first", alg), id_token_signed_response_alg=alg)
    colleague, elsewhere = Person(county), Person(county)
    for each in (person, colleague, elsewhere):
        each.sign_in()
    sign_out_at_the_provider_alone(county, person)
    assert not person.is_in()
    # The same person's session in another browser, which the provider knows apart, goes on.
    assert elsewhere.is_in()
    assert colleague.is_in()


def test_a_logout_that_another_key_has_signed_ends_nothing(county: County, person: Person) -> None:
    person.sign_in()
    kept = new_key("kept")
    county.configure(new_key("stolen"), published=[kept])
    sign_out_at_the_provider_alone(county, person)
    assert person.is_in()


def test_a_key_that_the_provider_has_just_begun_to_use_is_fetched(county: County, person: Person) -> None:
    person.sign_in()
    county.configure(new_key("second"))
    another = Person(county)
    assert another.sign_in().status_code == 302
    assert another.is_in()
    # Who was signed in stays so.
    assert person.is_in()


def test_a_new_key_under_an_old_name_is_fetched_too(county: County, person: Person) -> None:
    person.sign_in()
    county.configure(new_key("first"))
    assert Person(county).sign_in().status_code == 302


def test_a_key_that_the_provider_has_taken_back_is_refused(
    county: County, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    stolen, kept = new_key("stolen"), new_key("kept")
    county.configure(stolen, kept)
    assert person.sign_in().status_code == 302
    # The thief answers in the provider's place, whose key set no longer has the key, and the hour of the old one ends.
    county.configure(stolen, published=[kept])
    monkeypatch.setattr("cpse_plugin.sign_in.kept.KEPT_FOR", 0.0)
    victim = Person(county)
    assert victim.sign_in().status_code == 502
    assert not victim.is_in()


def test_the_lock_file_names_no_host_to_install_from() -> None:
    lock = json.loads((Path(__file__).parent / "oidc_provider" / "package-lock.json").read_text(encoding="utf-8"))
    packages = [entry for path, entry in lock["packages"].items() if path]
    assert [entry for entry in packages if "resolved" in entry or "integrity" not in entry] == []
