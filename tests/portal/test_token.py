"""The token: how the plugin signs in for it, how long it is used, and what comes of a refusal."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote_plus

import pytest
import requests
import responses
from responses import matchers

from cpse_plugin.outbound import NotSent
from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.portal.gateway import PortalAccessRefused, PortalBusy, PortalNotAsked
from cpse_plugin.portal.token import TokenSource
from cpse_plugin.sandbox.portal import Portal, PortalClient
from cpse_plugin.sandbox.server import LoopbackServer, listen
from cpse_plugin.sandbox.world import load_world

from .samples import BASE, KEY, SECRET, STAFF, TOKEN_URL, problem, provider, settings, token_answer

ONE = f"{BASE}/providers/prv_1"
INVITATIONS = f"{ONE}/invitations"
SCOPE = "providers.read providers.write admins.read admins.invite"


@pytest.fixture
def mocked() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


class Clock:
    """The clock that tokens are measured with."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return time.time()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("cpse_plugin.portal.token.time", made)
    return made


def granted(mocked: responses.RequestsMock, **changes: Any) -> responses.BaseResponse:
    """A token endpoint that grants another token each time."""
    numbers = iter(range(1, 1000))

    def grant(_: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps(token_answer(next(numbers), **changes))

    mocked.add_callback(responses.POST, TOKEN_URL, grant, content_type="application/json")
    return mocked.registered()[-1]


def used(mocked: responses.RequestsMock) -> list[str]:
    """The tokens that calls were made with, in order."""
    return [
        call.request.headers["Authorization"].removeprefix("Bearer ")
        for call in mocked.calls
        if call.request.url != TOKEN_URL
    ]


def get(gateway: HttpPortalGateway) -> None:
    gateway.get_provider("prv_1", acting_user=STAFF)


def test_the_client_signs_in_with_its_secret(gateway: HttpPortalGateway, mocked: responses.RequestsMock) -> None:
    basic = base64.b64encode(f"albany:{SECRET}".encode()).decode()
    mocked.post(
        TOKEN_URL,
        json=token_answer(),
        match=[
            matchers.header_matcher({"Authorization": f"Basic {basic}"}),
            matchers.urlencoded_params_matcher({"grant_type": "client_credentials", "scope": SCOPE}),
        ],
    )
    mocked.get(ONE, json=provider())
    get(gateway)
    assert used(mocked) == ["canary-token-1"]


def test_the_token_endpoint_may_be_elsewhere(mocked: responses.RequestsMock) -> None:
    elsewhere = mocked.post("https://login.example/token", json=token_answer())
    mocked.get(ONE, json=provider())
    get(HttpPortalGateway(settings(CPSE_PORTAL_TOKEN_URL="https://login.example/token")))
    assert elsewhere.call_count == 1


def test_a_token_is_fetched_once_and_renewed_before_it_ends(
    gateway: HttpPortalGateway, mocked: responses.RequestsMock, clock: Clock
) -> None:
    endpoint = granted(mocked, expires_in=3600)
    mocked.get(ONE, json=provider())
    get(gateway)
    clock.now += 3539
    get(gateway)
    assert endpoint.call_count == 1
    clock.now += 2
    get(gateway)
    assert endpoint.call_count == 2
    assert used(mocked) == ["canary-token-1", "canary-token-1", "canary-token-2"]


@pytest.mark.parametrize(
    ("expires_in", "still_good", "no_longer"),
    [(100, 89, 91), ("100", 89, 91), (None, 269, 271), (10**12, 86_339, 86_341)],
)
def test_the_life_of_a_token(
    gateway: HttpPortalGateway,
    mocked: responses.RequestsMock,
    clock: Clock,
    expires_in: object,
    still_good: int,
    no_longer: int,
) -> None:
    endpoint = granted(mocked, expires_in=expires_in)
    mocked.get(ONE, json=provider())
    get(gateway)
    start = clock.now
    clock.now = start + still_good
    get(gateway)
    assert endpoint.call_count == 1
    clock.now = start + no_longer
    get(gateway)
    assert endpoint.call_count == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_after_a_401_there_is_one_new_token_and_one_more_call(
    gateway: HttpPortalGateway, mocked: responses.RequestsMock, method: str
) -> None:
    endpoint = granted(mocked)
    url = ONE if method == "GET" else f"{INVITATIONS}/inv_1/resend"
    mocked.add(method, url, json=problem("token", 401), status=401)
    mocked.add(method, url, json=problem("gone", 404), status=404)
    if method == "GET":
        get(gateway)
    else:
        with pytest.raises(Exception, match="gone"):
            gateway.resend_invitation("prv_1", "inv_1", key=KEY, acting_user=STAFF)
        keys = [call.request.headers["Idempotency-Key"] for call in mocked.calls if call.request.url == url]
        assert keys == [str(KEY)] * 2
    assert endpoint.call_count == 2
    assert used(mocked) == ["canary-token-1", "canary-token-2"]


def test_after_a_second_401_access_is_refused(gateway: HttpPortalGateway, mocked: responses.RequestsMock) -> None:
    endpoint = granted(mocked)
    refused = mocked.get(ONE, json=problem("token", 401), status=401)
    with pytest.raises(PortalAccessRefused):
        get(gateway)
    assert (refused.call_count, endpoint.call_count) == (2, 2)


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {"error": "invalid_client", "error_description": "Unknown\u202e client"}, "status": 401},
        {"json": {"error": "unauthorized_client"}, "status": 400},
        {"json": {"error": "invalid_scope"}, "status": 400},
        {"json": {"error": "invalid_client"}, "status": 200},
        {"body": "<html>Forbidden</html>", "status": 403},
        {"json": {"error": {"code": "invalid_client", "message": "No such client"}}, "status": 401},
        {"json": {"error": ["invalid_client"], "error_description": {"text": 7}}, "status": 400},
        {"json": {"error": 7, "error_description": None}, "status": 403},
        {"json": {"error": "invalid_client", "error_description": ["unknown", None]}, "status": 401},
        {"body": b'\xef\xbb\xbf{"error": "invalid_client"}', "status": 401},
        {"json": {"title": "Bad Request"}, "status": 400},
    ],
)
def test_a_client_that_is_refused_is_a_matter_for_the_operator(
    gateway: HttpPortalGateway, mocked: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    mocked.post(TOKEN_URL, **answer)
    with pytest.raises(PortalAccessRefused) as caught:
        get(gateway)
    assert "\u202e" not in caught.value.detail


@pytest.mark.parametrize(
    "answer",
    [
        {"body": NotSent("connection refused")},
        {"body": requests.ReadTimeout("too slow")},
        {"status": 500},
        {"json": {"error": "server_error"}, "status": 500},
        {"json": {"error": "temporarily_unavailable"}, "status": 400},
        {"json": {}},
        {"json": []},
        {"body": "null"},
        {"body": ""},
        {"body": "<html>Hello</html>"},
        {"body": b"[" * 200_000},
        {"body": '{"access_token": "a", "expires_in": NaN}'},
        {"json": token_answer(access_token=None)},
        {"json": token_answer(access_token="")},
        {"json": token_answer(access_token=["a"])},
        {"json": token_answer(access_token="a b")},
        {"json": token_answer(access_token="a\r\nX-Evil: 1")},
        {"json": token_answer(access_token="é")},
        {"json": token_answer(token_type="mac")},
        {"json": token_answer(token_type=7)},
        {"json": token_answer(expires_in="abc")},
        {"json": token_answer(expires_in=[1])},
        {"json": token_answer(expires_in=True)},
        {"json": token_answer(expires_in=-1)},
        {"json": token_answer(expires_in="-1")},
        {"json": token_answer(expires_in="nan")},
        {"body": '{"access_token": "a", "token_type": "Bearer", "expires_in": ' + "9" * 400 + "}"},
        {"json": token_answer(access_token=7)},
        {"json": token_answer(access_token="a\n")},
        {"json": token_answer(scope=7)},
        {"json": token_answer(scope=[7])},
        {"json": {"error": {"code": "overloaded"}}, "status": 500},
        {"json": {"error": ["overloaded"]}, "status": 502},
        {"json": {"access_token": None}, "status": 201},
        {"body": b'\xef\xbb\xbf{"access_token": 7}'},
        {"body": '{"access_token": "a", "expires_in": 1e999}'},
        {"json": token_answer(), "status": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"json": token_answer(), "status": 404},
    ],
    ids=repr,
)
def test_without_a_token_the_portal_is_not_asked(
    gateway: HttpPortalGateway, mocked: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    mocked.post(TOKEN_URL, **answer)
    one = mocked.get(ONE, json=provider())
    with pytest.raises(PortalNotAsked) as caught:
        get(gateway)
    assert not isinstance(caught.value, PortalAccessRefused)
    assert one.call_count == 0


@pytest.mark.parametrize(
    "answer",
    [
        {"json": token_answer(), "status": 201},
        {"body": b"\xef\xbb\xbf" + json.dumps(token_answer()).encode()},
        {"json": token_answer(expires_in=None, scope=None, token_type="BEARER")},
        {"json": token_answer(expires_in=0)},
        {"json": token_answer(scope=SCOPE.split(), error=None, more={"of": ["it"]})},
    ],
    ids=["created", "byte order mark", "nothing told", "no life", "scope in a list"],
)
def test_a_token_that_can_be_used_is_used(
    gateway: HttpPortalGateway, mocked: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    mocked.post(TOKEN_URL, **answer)
    mocked.get(ONE, json=provider())
    get(gateway)
    assert used(mocked) == ["canary-token-1"]


def test_what_an_endpoint_repeats_of_a_secret_is_not_told(mocked: responses.RequestsMock) -> None:
    secret = "100% se:cret+é"
    for words in (secret, quote_plus(secret)):
        mocked.post(TOKEN_URL, json={"error": "invalid_client", "error_description": f"wrong: {words}"}, status=401)
        with pytest.raises(PortalAccessRefused) as caught:
            get(HttpPortalGateway(settings(CPSE_PORTAL_CLIENT_SECRET=secret)))
        assert "wrong: ***" in caught.value.detail
        mocked.reset()


@pytest.mark.parametrize("secret", ["a:b", "100%", "a+b", "a b", "é", "%2B", "a~b.c-d_e", ":% +é&=/?#"])
def test_a_secret_of_any_characters_is_taken(secret: str) -> None:
    """By a Portal that decodes the header as RFC 6749 says."""
    listener = listen()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    clients = [PortalClient("tamarack: intranet+1", "tamarack", secret=secret)]
    portal = Portal(base_url=base, clients=clients, smtp_port=9, seed=load_world().portal)
    known = {"CPSE_PORTAL_URL": f"{base}/v1", "CPSE_PORTAL_CLIENT_ID": "tamarack: intranet+1"}
    with LoopbackServer("portal", portal.faults, listener=listener):
        assert TokenSource(settings(**known, CPSE_PORTAL_CLIENT_SECRET=secret)).current()
        with pytest.raises(PortalAccessRefused):
            TokenSource(settings(**known, CPSE_PORTAL_CLIENT_SECRET=secret + "x")).current()
    portal.close()


@pytest.mark.parametrize("status", [429, 503])
def test_a_token_endpoint_that_asks_to_wait(
    gateway: HttpPortalGateway, mocked: responses.RequestsMock, status: int
) -> None:
    mocked.post(TOKEN_URL, status=status, headers={"Retry-After": "7"})
    with pytest.raises(PortalBusy) as caught:
        get(gateway)
    assert caught.value.retry_after == 7


def test_after_a_refusal_the_token_endpoint_is_left_alone_for_a_moment(
    gateway: HttpPortalGateway, mocked: responses.RequestsMock, clock: Clock
) -> None:
    refusing = mocked.post(TOKEN_URL, json={"error": "invalid_client"}, status=401)
    mocked.get(ONE, json=provider())
    for _ in range(3):
        with pytest.raises(PortalAccessRefused, match="invalid_client"):
            get(gateway)
    assert refusing.call_count == 1
    mocked.remove(refusing)
    granted(mocked)
    clock.now += 5.1
    get(gateway)
    assert used(mocked) == ["canary-token-1"]


def test_a_failure_of_another_kind_is_remembered_for_a_second(
    gateway: HttpPortalGateway, mocked: responses.RequestsMock, clock: Clock
) -> None:
    failing = mocked.post(TOKEN_URL, status=500)
    for _ in range(2):
        with pytest.raises(PortalNotAsked):
            get(gateway)
    assert failing.call_count == 1
    clock.now += 1.1
    with pytest.raises(PortalNotAsked):
        get(gateway)
    assert failing.call_count == 2


def together(action: Callable[[], object], times: int) -> list[BaseException | None]:
    """Do something in several threads at once and return how each of them fared."""
    outcomes: list[BaseException | None] = []
    start = threading.Barrier(times)

    def run() -> None:
        start.wait(10)
        try:
            action()
            outcomes.append(None)
        except PortalNotAsked as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return outcomes


def slow_endpoint(mocked: responses.RequestsMock, status: int, content: dict[str, Any]) -> responses.BaseResponse:
    """A token endpoint that takes long enough for every thread to come and ask."""

    def answer(_: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        time.sleep(0.3)
        return status, {}, json.dumps(content)

    mocked.add_callback(responses.POST, TOKEN_URL, answer, content_type="application/json")
    return mocked.registered()[-1]


def test_many_threads_fetch_one_token(gateway: HttpPortalGateway, mocked: responses.RequestsMock) -> None:
    endpoint = slow_endpoint(mocked, 200, token_answer())
    mocked.get(ONE, json=provider())
    assert together(lambda: get(gateway), 8) == [None] * 8
    assert endpoint.call_count == 1


def test_many_threads_whose_token_was_revoked_fetch_one_new_token(
    gateway: HttpPortalGateway, mocked: responses.RequestsMock
) -> None:
    endpoint = granted(mocked)

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        if request.headers["Authorization"] == "Bearer canary-token-1":
            return 401, {}, json.dumps(problem("token", 401))
        return 200, {}, json.dumps(provider())

    mocked.add_callback(responses.GET, ONE, answer)
    assert together(lambda: get(gateway), 8) == [None] * 8
    assert endpoint.call_count == 2


def test_many_threads_hear_of_one_refusal(gateway: HttpPortalGateway, mocked: responses.RequestsMock) -> None:
    endpoint = slow_endpoint(mocked, 401, {"error": "invalid_client"})
    outcomes = together(lambda: get(gateway), 8)
    assert all(isinstance(outcome, PortalAccessRefused) for outcome in outcomes)
    assert len({id(outcome) for outcome in outcomes}) == 8
    assert endpoint.call_count == 1
