"""The server keeps connections open as a production server does, and ends with all of them."""

import logging
import socket
import threading
from collections.abc import Iterator

import pytest
import requests
from flask import Flask, Response, request

from cpse_plugin.sandbox.server import DropConnection, LoopbackServer, PortInUse, listen

app = Flask(__name__)
app.config["PROPAGATE_EXCEPTIONS"] = True


@app.route("/echo", methods=["GET", "POST"])
def echo() -> str:
    return request.get_data(as_text=True) or "nothing"


@app.route("/ignore", methods=["POST"])
def ignore() -> str:
    return "not read"


@app.get("/stream")
def stream() -> Response:
    return Response(iter([b"one ", b"", b"two"]))


@app.get("/drop")
def drop() -> str:
    raise DropConnection(reset=True)


@app.get("/fail")
def fail() -> str:
    raise LookupError("on purpose")


@app.get("/empty")
def empty() -> tuple[str, int]:
    return "", 204


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer("test", app) as running:
        yield running


def raw(server: LoopbackServer, content: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(content)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def test_a_connection_serves_many_requests(server: LoopbackServer) -> None:
    two = b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\nPOST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
    last = b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(server, two + last)
    assert answer.count(b"HTTP/1.1 200") == 3
    assert answer.endswith(b"nothing")


def test_bodies_go_both_ways(server: LoopbackServer) -> None:
    with requests.Session() as http:
        assert http.post(f"{server.url}/echo", data=b"sent", timeout=5).text == "sent"
        assert http.post(f"{server.url}/echo", data=iter([b"in ", b"pieces"]), timeout=5).text == "in pieces"
        streamed = http.get(f"{server.url}/stream", timeout=5)
        assert (streamed.text, streamed.headers["Transfer-Encoding"]) == ("one two", "chunked")
        assert http.head(f"{server.url}/echo", timeout=5).headers["Content-Length"] == "7"
        assert http.get(f"{server.url}/empty", timeout=5).status_code == 204
        assert http.get(f"{server.url}/echo", timeout=5).text == "nothing"


@pytest.mark.parametrize("length", [b"many", b"-1", b"99999999999"])
def test_a_length_that_makes_no_sense_is_refused(server: LoopbackServer, length: bytes) -> None:
    answer = raw(server, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")


def test_a_dropped_connection_is_reset(server: LoopbackServer) -> None:
    with pytest.raises(ConnectionResetError):
        raw(server, b"GET /drop HTTP/1.1\r\nHost: x\r\n\r\n")


def test_a_fault_of_an_application_is_logged_and_answered(
    server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "cpse_plugin.sandbox.server"):
        assert requests.get(f"{server.url}/fail", timeout=5).status_code == 500
    assert "GET /fail failed" in caplog.text


def test_nothing_is_printed(server: LoopbackServer, capfd: pytest.CaptureFixture[str]) -> None:
    requests.get(f"{server.url}/echo", timeout=5)
    requests.get(f"{server.url}/nowhere", timeout=5)
    assert capfd.readouterr() == ("", "")


def test_stopping_ends_idle_connections_and_frees_the_port() -> None:
    before = threading.active_count()
    server = LoopbackServer("test", app).start()
    with requests.Session() as http:
        http.get(f"{server.url}/echo", timeout=5)
        assert threading.active_count() == before + 2
        server.stop()
        server.stop()
    assert threading.active_count() == before
    with LoopbackServer("again", app, port=server.port) as again:
        assert requests.get(f"{again.url}/echo", timeout=5).text == "nothing"


def test_a_server_that_was_never_started_can_be_stopped() -> None:
    server = LoopbackServer("test", app)
    server.stop()
    listen(server.port).close()


def test_a_port_in_use_is_named() -> None:
    with listen() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=str(port)):
            LoopbackServer("test", app, port)
