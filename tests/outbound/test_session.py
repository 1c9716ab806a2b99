"""Every call ends in time and size, goes to one server only, and tells whether it was sent."""

import gzip
import os
import resource
import socket
import ssl
import struct
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from cpse_plugin.outbound import (
    USER_AGENT,
    AnswerTooLarge,
    BoundedSession,
    DeadlineExceeded,
    NotSent,
    reason,
    time_limit,
    was_sent,
)
from cpse_plugin.settings import Timeout

from .certificates import make_server_certificate
from .servers import SMALL_ANSWER, RawServer, answering, free_port, raw_server

MEGABYTE = 1_000_000
# Each single wait may take this long; a server that sends a byte every 0.1 seconds is never too slow for it.
PATIENT = Timeout(5, 30)
# The whole call; the servers below would dawdle for minutes.
LIMIT = 0.7
GENEROUS = 5.0


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def session() -> Iterator[BoundedSession]:
    with BoundedSession(PATIENT) as made:
        yield made


def drip_body(server: RawServer, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n")
    server.dripping(connection, b"x" * 2000)


def drip_chunks(server: RawServer, connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    server.dripping(connection, b"1\r\nx\r\n" * 400)


def drip_headers(server: RawServer, connection: socket.socket) -> None:
    server.dripping(connection, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 2000)


def endless_continue(server: RawServer, connection: socket.socket) -> None:
    server.dripping(connection, b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def never_answer(server: RawServer, connection: socket.socket) -> None:
    server.stopping.wait(60)


@pytest.mark.parametrize("script", [drip_body, drip_chunks, drip_headers, endless_continue, never_answer])
def test_a_peer_that_dawdles_is_cut_off(session: BoundedSession, script: object) -> None:
    with raw_server(script) as server:  # type: ignore[arg-type]
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded) as caught, time_limit(LIMIT):
            session.post(server.url, json={})
    assert time.monotonic() - started < GENEROUS
    assert was_sent(caught.value)


def test_the_sessions_own_deadline_holds_without_a_limit_around_it() -> None:
    timeout = Timeout(1, 0.5)
    with raw_server(drip_body) as server, BoundedSession(timeout) as session:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            session.get(server.url)
    assert time.monotonic() - started < timeout.deadline + 2


@pytest.mark.parametrize(
    "greeting",
    [b"", b"\x16\x03\x03\x40\x00" + b"\x00" * 2000],
    ids=["silent", "dripping"],
)
def test_a_peer_that_dawdles_in_the_tls_handshake_is_cut_off(session: BoundedSession, greeting: bytes) -> None:
    def script(server: RawServer, connection: socket.socket) -> None:
        server.dripping(connection, greeting)
        server.stopping.wait(60)

    with raw_server(script) as server:
        started = time.monotonic()
        with pytest.raises(requests.RequestException) as caught, time_limit(LIMIT):
            session.post(f"https://127.0.0.1:{server.port}/", json={})
    assert time.monotonic() - started < GENEROUS
    assert not was_sent(caught.value)


def test_a_proxy_that_dawdles_is_cut_off_before_anything_is_sent(
    session: BoundedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(drip_headers) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded) as caught, time_limit(LIMIT):
            session.post("https://portal.example/", json={})
        assert proxy.requests[0].startswith(b"CONNECT portal.example:443")
    assert time.monotonic() - started < GENEROUS
    assert not was_sent(caught.value)


def test_a_name_server_that_does_not_answer_holds_nobody_up(
    session: BoundedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: released.wait(30) and [])
    started = time.monotonic()
    with pytest.raises(requests.RequestException) as caught, time_limit(LIMIT):
        session.post("http://portal.example/", json={})
    released.set()
    assert time.monotonic() - started < GENEROUS
    assert not was_sent(caught.value)


def test_several_calls_share_one_limit(session: BoundedSession) -> None:
    with raw_server(never_answer) as server, time_limit(LIMIT):
        with pytest.raises(DeadlineExceeded):
            session.get(server.url)
        with pytest.raises(DeadlineExceeded, match="no time was left") as caught:
            session.get(server.url)
        assert len(server.requests) == 1
    assert not was_sent(caught.value)


def test_an_answer_of_400_megabytes_is_cut_off_with_flat_memory(session: BoundedSession) -> None:
    sent: list[int] = []

    def script(server: RawServer, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 400000000\r\n\r\n")
        for _ in range(400):
            connection.sendall(bytes(MEGABYTE))
            sent.append(MEGABYTE)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with raw_server(script) as server, pytest.raises(AnswerTooLarge) as caught:
        session.get(server.url)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert was_sent(caught.value)
    assert sum(sent) < 50 * MEGABYTE
    assert grown < 40 * MEGABYTE


def gzip_bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(400)) + packer.flush()


@pytest.mark.parametrize("layers", [1, 2])
def test_an_answer_that_unpacks_to_400_megabytes_is_cut_off(session: BoundedSession, layers: int) -> None:
    packed = gzip_bomb()
    for _ in range(layers - 1):
        packed = gzip.compress(packed)
    encodings = ", ".join(["gzip"] * layers)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encodings}\r\nContent-Length: {len(packed)}\r\n\r\n"
    with raw_server(answering(head.encode() + packed)) as server:
        tracemalloc.start()
        try:
            with pytest.raises(AnswerTooLarge):
                session.get(server.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 20 * MEGABYTE


def test_an_answer_that_is_just_not_too_large_is_read(session: BoundedSession) -> None:
    body = b"x" * 2 * MEGABYTE
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with raw_server(answering(head + body)) as server:
        assert session.get(server.url).content == body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_no_token_goes_elsewhere(session: BoundedSession, status: int) -> None:
    with raw_server(answering(SMALL_ANSWER)) as elsewhere:
        head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
        with raw_server(answering(head.encode())) as server:
            answer = session.get(server.url, headers={"Authorization": "Bearer canary"}, allow_redirects=True)
        assert answer.status_code == status
        assert b"Bearer canary" in server.requests[0]
        assert elsewhere.requests == []


def test_the_body_of_a_redirect_is_bounded_too(session: BoundedSession) -> None:
    def script(server: RawServer, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 400000000\r\n\r\n")
        for _ in range(400):
            connection.sendall(bytes(MEGABYTE))

    with raw_server(script) as server, pytest.raises(AnswerTooLarge):
        session.get(server.url)


def test_a_refused_connection_was_not_sent(session: BoundedSession) -> None:
    with pytest.raises(NotSent) as caught:
        session.post(f"http://127.0.0.1:{free_port()}/", json={})
    assert not was_sent(caught.value)
    assert "refused" in reason(caught.value)


def test_a_name_that_does_not_exist_was_not_sent(session: BoundedSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NotSent) as caught:
        session.post("http://portal.example/", json={})
    assert not was_sent(caught.value)


def test_a_reset_after_the_request_may_have_been_sent(session: BoundedSession) -> None:
    def script(server: RawServer, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with raw_server(script) as server, pytest.raises(requests.ConnectionError) as caught:
        session.post(server.url, json={"county": "01"})
    assert was_sent(caught.value)
    assert len(server.requests) == 1


def test_an_answer_that_breaks_off_may_have_been_sent(session: BoundedSession) -> None:
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    with raw_server(answering(broken)) as server, pytest.raises(requests.RequestException) as caught:
        session.post(server.url, json={})
    assert was_sent(caught.value)


def test_what_is_not_sent_again_by_itself_is_a_post(session: BoundedSession) -> None:
    with raw_server(lambda server, connection: None) as server, pytest.raises(requests.ConnectionError):
        session.post(server.url, json={})
    assert len(server.requests) == 1


def serve_tls(context: ssl.SSLContext) -> object:
    def script(server: RawServer, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            server.requests.append(secured.recv(65_536))
            secured.sendall(SMALL_ANSWER)

    return script


def test_tls_works_with_a_certificate_that_the_environment_trusts(
    session: BoundedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = make_server_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    with raw_server(serve_tls(context), reads=False) as server:  # type: ignore[arg-type]
        assert session.get(f"https://127.0.0.1:{server.port}/").json() == {}


def test_tls_with_a_certificate_that_nobody_trusts_is_refused_before_anything_is_sent(
    session: BoundedSession, tmp_path: Path
) -> None:
    context, _ = make_server_certificate(tmp_path)
    with raw_server(serve_tls(context), reads=False) as server:  # type: ignore[arg-type]
        with pytest.raises(requests.RequestException) as caught:
            session.post(f"https://127.0.0.1:{server.port}/", json={}, headers={"Authorization": "Bearer canary"})
        assert not was_sent(caught.value)
        assert server.requests == []


def test_tls_bodies_that_drip_are_cut_off(
    session: BoundedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = make_server_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))

    def script(server: RawServer, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65_536)
            drip_body(server, secured)

    with raw_server(script, reads=False) as server:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded) as caught, time_limit(LIMIT):
            session.get(f"https://127.0.0.1:{server.port}/")
    assert time.monotonic() - started < GENEROUS
    assert was_sent(caught.value)


def test_the_proxy_of_the_environment_is_used(session: BoundedSession, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(answering(SMALL_ANSWER)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert session.get("http://portal.example/v1").json() == {}
        assert proxy.requests[0].startswith(b"GET http://portal.example/v1 ")


def test_the_proxy_is_not_used_where_the_environment_says_so(
    session: BoundedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(answering(SMALL_ANSWER)) as proxy, raw_server(answering(SMALL_ANSWER)) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        session.get(server.url)
        assert proxy.requests == []
        assert len(server.requests) == 1


def test_netrc_does_not_take_the_place_of_the_token(
    session: BoundedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with raw_server(answering(SMALL_ANSWER)) as server:
        session.get(server.url, headers={"Authorization": "Bearer canary"})
        assert b"Authorization: Bearer canary" in server.requests[0]


def test_no_cookie_is_kept(session: BoundedSession) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with raw_server(answering(answer)) as server:
        session.get(server.url)
        session.get(server.url)
        assert b"cookie" not in server.requests[1].lower()


def test_requests_name_the_plugin(session: BoundedSession) -> None:
    with raw_server(answering(SMALL_ANSWER)) as server:
        session.get(server.url)
        assert f"User-Agent: {USER_AGENT}\r\n".encode() in server.requests[0]
    assert USER_AGENT.startswith("cpse_plugin/")


def test_a_file_of_certificates_that_is_missing_is_an_error_like_any_other(
    session: BoundedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.devnull + "/missing.pem")
    with pytest.raises(requests.RequestException, match="missing"):
        session.get(f"https://127.0.0.1:{free_port()}/")
