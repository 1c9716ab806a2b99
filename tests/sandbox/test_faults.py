"""Each fault does what it says, as a client meets it."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests
from flask import Flask, request

from cpse_plugin.sandbox.faults import (
    Body,
    Drip,
    DropAfter,
    DropBefore,
    Empty,
    Fault,
    Faults,
    Html,
    Huge,
    Redirect,
    Slow,
    Status,
    Truncated,
)
from cpse_plugin.sandbox.server import LoopbackServer

TIMEOUT = 10


class Target:
    """A server that counts what it did."""

    def __init__(self) -> None:
        self.done = 0
        app = Flask(__name__)
        app.add_url_rule("/work", "work", self._work, methods=["GET", "POST"])
        app.add_url_rule("/other", "other", self._work)
        self.faults = Faults(app)
        self.server = LoopbackServer("target", self.faults)
        self.url = f"{self.server.url}/work"

    def _work(self) -> dict[str, object]:
        self.done += 1
        return {"done": self.done, "sent": request.get_data(as_text=True)}


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()
    with target.server:
        yield target


def test_without_a_plan_nothing_is_amiss(target: Target) -> None:
    assert requests.post(target.url, data="x", timeout=TIMEOUT).json() == {"done": 1, "sent": "x"}


def test_slow_waits_and_then_does_the_work(target: Target) -> None:
    target.faults.plan(Slow(0.3))
    begun = time.monotonic()
    assert requests.get(target.url, timeout=TIMEOUT).json()["done"] == 1
    assert time.monotonic() - begun >= 0.3


def test_a_slow_answer_does_not_hold_up_the_end(target: Target) -> None:
    target.faults.plan(Slow(600))
    failed: list[Exception] = []

    def ask() -> None:
        try:
            requests.get(target.url, timeout=60)
        except requests.ConnectionError as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not target.faults.requests:
        thread.join(0.01)
    target.server.stop()
    thread.join(TIMEOUT)
    assert (len(failed), target.done) == (1, 0)


def test_a_status_is_answered_as_problem_details(target: Target) -> None:
    target.faults.plan(Status(429, headers={"Retry-After": "7"}, type="urn:x", detail="Wait."))
    answer = requests.get(target.url, timeout=TIMEOUT)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {"type": "urn:x", "title": "Told to", "status": 429, "detail": "Wait."}
    assert target.done == 0


def test_a_status_may_have_any_body(target: Target) -> None:
    target.faults.plan(Status(502, body="Bad Gateway"))
    answer = requests.get(target.url, timeout=TIMEOUT)
    assert (answer.status_code, answer.text) == (502, "Bad Gateway")


@pytest.mark.parametrize(("fault", "done"), [(DropBefore(), 0), (DropAfter(), 1)])
def test_a_dropped_connection_is_reset(target: Target, fault: Fault, done: int) -> None:
    target.faults.plan(fault)
    with socket.create_connection(("127.0.0.1", target.server.port), timeout=TIMEOUT) as connection:
        connection.sendall(b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert target.done == done


def test_a_maintenance_page_is_html(target: Target) -> None:
    target.faults.plan(Html())
    answer = requests.get(target.url, timeout=TIMEOUT)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>" in answer.text


def test_a_truncated_answer_ends_before_its_length(target: Target) -> None:
    target.faults.plan(Truncated())
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        requests.get(target.url, timeout=TIMEOUT)
    assert target.done == 1


def test_an_empty_answer_has_no_body(target: Target) -> None:
    target.faults.plan(Empty(201))
    answer = requests.get(target.url, timeout=TIMEOUT)
    assert (answer.status_code, answer.content) == (201, b"")


@pytest.mark.parametrize(
    "content", [b"[" * 200_000, b'{"id": NaN}', b"\xef\xbb\xbf{}", b'{"name": "\xe9"}', b'{"name": "\\ud800"}', b"null"]
)
def test_any_body_can_be_answered(target: Target, content: bytes) -> None:
    target.faults.plan(Body(content, status=201))
    answer = requests.get(target.url, timeout=TIMEOUT)
    assert (answer.status_code, answer.content) == (201, content)


def test_a_body_drips(target: Target) -> None:
    target.faults.plan(Drip(interval=0.02, length=10))
    with requests.get(target.url, stream=True, timeout=TIMEOUT) as answer:
        begun = time.monotonic()
        assert b"".join(answer.iter_content(1)) == b" " * 10
        assert time.monotonic() - begun >= 0.15


def test_headers_drip_and_never_end(target: Target) -> None:
    target.faults.plan(Drip(interval=0.001, headers=True, length=20))
    with socket.create_connection(("127.0.0.1", target.server.port), timeout=TIMEOUT) as connection:
        connection.sendall(b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while piece := connection.recv(100):
            received += piece
    assert received == b"HTTP/1.1 200 OK\r\nX-Drip: " + b"x" * 20


def test_a_huge_answer_comes_in_pieces(target: Target) -> None:
    target.faults.plan(Huge(megabytes=3))
    with requests.get(target.url, stream=True, timeout=TIMEOUT) as answer:
        assert "Content-Length" not in answer.headers
        assert len(json.loads(b"".join(answer.iter_content(100_000)))["next_cursor"]) == 3_000_000


def test_a_caller_who_leaves_a_huge_answer_ends_it(target: Target) -> None:
    before = set(threading.enumerate())
    target.faults.plan(Huge(megabytes=100_000))
    with requests.get(target.url, stream=True, timeout=TIMEOUT) as answer:
        next(answer.iter_content(1000))
    target.server.stop()
    left = set(threading.enumerate()) - before
    assert not [thread for thread in left if "process_request_thread" in thread.name]


def test_a_redirect_leads_elsewhere(target: Target) -> None:
    target.faults.plan(Redirect("http://elsewhere.example/", status=307))
    answer = requests.get(target.url, allow_redirects=False, timeout=TIMEOUT)
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://elsewhere.example/")


def test_a_plan_is_for_its_method_path_and_number(target: Target) -> None:
    target.faults.plan(Status(503), method="post", path="^/wo", times=2)
    assert requests.get(target.url, timeout=TIMEOUT).status_code == 200
    assert requests.get(f"{target.server.url}/other", timeout=TIMEOUT).status_code == 200
    assert [requests.post(target.url, timeout=TIMEOUT).status_code for _ in range(3)] == [503, 503, 200]


def test_plans_are_met_in_their_order_and_can_be_taken_back(target: Target) -> None:
    target.faults.plan(Status(500))
    target.faults.plan(Status(503), times=None)
    assert [requests.get(target.url, timeout=TIMEOUT).status_code for _ in range(4)] == [500, 503, 503, 503]
    target.faults.clear()
    assert requests.get(target.url, timeout=TIMEOUT).status_code == 200


def test_one_plan_is_met_once_by_many_at_once(target: Target) -> None:
    target.faults.plan(Status(503), times=5)
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(requests.get(target.url, timeout=TIMEOUT).status_code))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (answers.count(503), answers.count(200)) == (5, 15)


def test_requests_are_recorded_as_they_came(target: Target) -> None:
    target.faults.plan(DropBefore(), method="POST")
    requests.get(target.url, params={"a": "1"}, headers={"X-Own": "y"}, timeout=TIMEOUT)
    with pytest.raises(requests.ConnectionError):
        requests.post(target.url, data=b"\x00body", timeout=TIMEOUT)
    first, second = target.faults.requests
    assert (first.method, first.path, first.query, first.headers["x-own"]) == ("GET", "/work", "a=1", "y")
    assert (second.method, second.body) == ("POST", b"\x00body")
    assert target.faults.received("POST", "work") == [second]
    assert target.faults.received(path="other") == []


@pytest.mark.parametrize(
    ("wish", "status", "content"),
    [
        ({"fault": "status", "code": 418, "body": "tea"}, 418, b"tea"),
        ({"fault": "body", "text": '{"é": 1}', "status": 202}, 202, '{"é": 1}'.encode()),
        ({"fault": "body", "base64": base64.b64encode(b"\xff\xfe").decode()}, 200, b"\xff\xfe"),
        ({"fault": "empty", "method": "GET", "path": "work$", "times": 1}, 200, b""),
    ],
)
def test_faults_are_planned_over_http_too(target: Target, wish: dict[str, object], status: int, content: bytes) -> None:
    control = f"{target.server.url}/sandbox/faults"
    planned = requests.post(control, json=wish, timeout=TIMEOUT)
    assert planned.json()["planned"][0]["fault"] == wish["fault"]
    assert requests.get(control, timeout=TIMEOUT).json() == planned.json()
    answer = requests.get(target.url, timeout=TIMEOUT)
    assert (answer.status_code, answer.content) == (status, content)
    assert requests.get(control, timeout=TIMEOUT).json() == {"planned": []}
    assert [item.path for item in target.faults.requests] == ["/work"]


def test_faults_are_taken_back_over_http(target: Target) -> None:
    control = f"{target.server.url}/sandbox/faults"
    requests.post(control, json={"fault": "drop_before", "times": None}, timeout=TIMEOUT)
    assert requests.delete(control, timeout=TIMEOUT).json() == {"planned": []}
    assert requests.get(target.url, timeout=TIMEOUT).status_code == 200


@pytest.mark.parametrize(
    "wish",
    [
        {"fault": "earthquake"},
        {},
        [],
        {"fault": "slow", "hours": 1},
        {"fault": "empty", "path": "("},
        {"fault": "body", "base64": "é"},
    ],
)
def test_a_wish_that_cannot_be_read_is_refused(target: Target, wish: object) -> None:
    control = f"{target.server.url}/sandbox/faults"
    assert requests.post(control, json=wish, timeout=TIMEOUT).status_code == 400
    assert requests.get(control, timeout=TIMEOUT).json() == {"planned": []}
    assert requests.put(control, timeout=TIMEOUT).status_code == 405
