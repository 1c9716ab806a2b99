"""While the identity provider keeps its answers back, the intranet goes on, on a server of eight threads."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from flask import Flask
from joserfc.jwk import RSAKey

from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.sandbox.identity_provider import create_identity_provider
from cpse_plugin.sandbox.identity_provider_grants import LOGOUT_EVENT, IdentityProvider
from cpse_plugin.sandbox.server import LoopbackServer, listen
from cpse_plugin.services.sign_in_sessions import SignInSessions
from cpse_plugin.settings import Timeout

from ..pooled_server import PooledServer
from .world import CLIENT_ID, CLIENT_SECRET, DISCOVERY, STAFF, Tampered, parts_of, query_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

THREADS = 8
PEOPLE = 40
LIST = "/cpse/providers?q=bright"
LOGOUT = "/cpse/sign-in/back-channel-logout"


class Hanging(Tampered):
    """An identity provider that can be made to keep all its answers back."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.waiting = 0
        self.most_waiting = 0
        self._counting = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        with self._counting:
            self.waiting += 1
            self.most_waiting = max(self.waiting, self.most_waiting)
        try:
            self.may_answer.wait(30)
            return super().__call__(environ, start_response)
        finally:
            with self._counting:
                self.waiting -= 1


class County:
    """A host on eight threads, and its identity provider."""

    def __init__(self, app: Flask, url: str, provider: Hanging, idp: IdentityProvider) -> None:
        self.app = app
        self.url = url
        self.provider = provider
        self.idp = idp

    def person(self, subject: str, *, role_age: timedelta = timedelta()) -> requests.Session:
        """Somebody's browser; the role was confirmed so long ago."""
        parts = parts_of(self.app)
        then = SignInSessions(parts.database, parts.sessions.limits, clock=lambda: datetime.now(UTC) - role_age)
        session_id = then.begin(Staff(subject, subject, None, Role.EDITOR))
        serializer = self.app.session_interface.get_signing_serializer(self.app)  # type: ignore[attr-defined]
        browser = requests.Session()
        browser.trust_env = False
        browser.cookies["session"] = serializer.dumps({"cpse_session": session_id})
        return browser

    def colleague_reads_the_list(self) -> None:
        """Somebody whose role was confirmed just now looks at the list while the others wait."""
        answer = self.person("colleague").get(self.url + LIST, timeout=8)
        assert answer.status_code == 200
        assert "Bright Harbor" in answer.text

    def hang(self) -> None:
        """Let the provider keep its answers back from now on."""
        self.provider.may_answer.clear()

    def forged(self, **changes: Any) -> str:
        """A logout token as the provider would make it, signed with another key."""
        now = int(time.time())
        claims = {
            "iss": self.idp.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_urlsafe(8),
            "sub": "colleague",
            "events": {LOGOUT_EVENT: {}},
            **changes,
        }
        return FORGER.sign(claims, {"alg": "RS256", "kid": secrets.token_hex(4), "typ": "logout+jwt"})


class _Forger(IdentityProvider):
    def __init__(self) -> None:
        self._keys = [RSAKey.generate_key(2048, {"kid": "forged"})]


FORGER = _Forger()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def county(make_intranet: Callable[..., Flask], database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[County]:
    # Longer than anybody waits for another's call, and no longer than it has to be.
    monkeypatch.setattr("cpse_plugin.sign_in.provider._TIMEOUT", Timeout(2, 2))
    listener = listen()
    provider_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = create_identity_provider(provider_url, STAFF, CLIENT_ID, CLIENT_SECRET, [], [])
    provider = Hanging(app)
    intranet = make_intranet(
        database_url,
        CPSE_OIDC_DISCOVERY_URL=provider_url + DISCOVERY,
        CPSE_OIDC_CLIENT_ID=CLIENT_ID,
        CPSE_OIDC_CLIENT_SECRET=CLIENT_SECRET,
        CPSE_ROLE_MAP={"Editors": "editor"},
        CPSE_UPSTREAM_CALLS="4",
    )
    with LoopbackServer("identity-provider", provider, listener=listener), PooledServer(intranet, THREADS) as server:
        yield County(intranet, server.url, provider, app.extensions["identity_provider"])
        provider.may_answer.set()


def at_once(actions: list[Callable[[], requests.Response]], meanwhile: Callable[[], None]) -> list[requests.Response]:
    """What came of all actions at the same time; none of them may hang for long."""
    with ThreadPoolExecutor(len(actions)) as pool:
        begun = [pool.submit(action) for action in actions]
        meanwhile()
        return [each.result(timeout=25) for each in begun]


def test_people_whose_role_is_due_go_on_and_so_does_a_colleague(county: County) -> None:
    people = [county.person(f"person-{number}", role_age=timedelta(minutes=16)) for number in range(PEOPLE)]
    county.hang()

    pages = at_once(
        [lambda person=person: person.get(county.url + LIST, timeout=25) for person in people],  # type: ignore[misc]
        county.colleague_reads_the_list,
    )

    # Nobody was sent to the provider, which still keeps its answers back, and nobody around in a circle.
    assert [page.status_code for page in pages] == [200] * PEOPLE
    assert all("Bright Harbor" in page.text and len(page.history) <= 3 for page in pages)
    # One asked, for everybody.
    assert county.provider.most_waiting == 1
    again = [person.get(county.url + LIST, timeout=10) for person in people[:3]]
    assert [len(page.history) for page in again] == [0, 0, 0]


def test_people_who_sign_in_are_told_at_once_and_a_colleague_reads_on(county: County) -> None:
    county.hang()

    pages = at_once(
        [lambda: requests.get(county.url + "/cpse/sign-in", timeout=25)] * PEOPLE, county.colleague_reads_the_list
    )

    assert {page.status_code for page in pages} <= {502, 503}
    assert all("You are not signed in" in page.text for page in pages)
    assert sum("is slow to answer just now" in page.text for page in pages) > 0
    assert county.provider.most_waiting == 1
    # What has failed is known for some seconds, and costs nobody a wait.
    assert "did not answer as it should" in requests.get(county.url + "/cpse/sign-in", timeout=2).text


def test_forged_logout_tokens_hold_nobody_up(county: County) -> None:
    county.hang()
    tokens = [county.forged() for _ in range(PEOPLE)]

    answers = at_once(
        [
            lambda token=token: requests.post(county.url + LOGOUT, data={"logout_token": token}, timeout=25)  # type: ignore[misc]
            for token in tokens
        ],
        county.colleague_reads_the_list,
    )

    assert [answer.status_code for answer in answers] == [400] * PEOPLE
    assert county.provider.most_waiting == 1


def test_forged_logout_tokens_make_nobody_fetch_keys_again_and_again(county: County) -> None:
    for _ in range(PEOPLE):
        answer = requests.post(county.url + LOGOUT, data={"logout_token": county.forged()}, timeout=25)
        assert answer.status_code == 400
    # Once to begin with, and once more for a key that is not among them.
    assert county.provider.calls["/jwks"] <= 2
    assert county.provider.calls[DISCOVERY] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"iat": 1},
        {"exp": 1},
        {"events": {}},
        {"jti": None},
        {"padding": "x" * 20_000},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_logout_token_that_cannot_count_makes_nobody_fetch_keys(county: County, changes: dict[str, Any]) -> None:
    answer = requests.post(county.url + LOGOUT, data={"logout_token": county.forged(**changes)}, timeout=25)
    assert answer.status_code == 400
    assert county.provider.calls["/jwks"] == 0


def test_a_token_endpoint_that_hangs_holds_few(county: County) -> None:
    """People come back from the provider, whose token endpoint hangs; each of them holds a code."""
    begun = []
    for number in range(12):
        browser = requests.Session()
        browser.trust_env = False
        address = browser.get(county.url + "/cpse/sign-in", allow_redirects=False, timeout=10).headers["Location"]
        state = query_of(address)["state"]
        begun.append((browser, f"/cpse/sign-in/callback?code=c{number}&state={state}&iss={county.idp.issuer}"))
    requests.post(county.url + LOGOUT, data={"logout_token": county.forged()}, timeout=10)
    county.hang()

    pages = at_once(
        [lambda person=person, way=way: person.get(county.url + way, timeout=25) for person, way in begun],  # type: ignore[misc]
        county.colleague_reads_the_list,
    )

    assert {page.status_code for page in pages} == {502, 503}
    assert county.provider.most_waiting <= 2
