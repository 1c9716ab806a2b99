"""A Portal that cannot prove who it is gets neither the client's secret nor a token."""

import json
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from socket import socket

import pytest

from cpse_plugin.portal.client import HttpPortalGateway
from cpse_plugin.portal.gateway import PortalNotAsked

from ..outbound.certificates import make_server_certificate
from ..outbound.servers import RawServer, raw_server
from .samples import STAFF, page, settings, token_answer


def whole_request(connection: ssl.SSLSocket) -> bytes:
    """The headers and the body, which come one after the other."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    while length is not None and len(body) < int(length[1]):
        body += connection.recv(65_536)
    return head + body


def serving(context: ssl.SSLContext) -> Callable[[RawServer, socket], None]:
    """A Portal behind this certificate, which answers a token first and then a page without providers."""

    def script(server: RawServer, connection: socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            server.requests.append(whole_request(secured))
            content = json.dumps(token_answer() if b"/oauth/token" in server.requests[-1] else page()).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            secured.sendall(head.encode() + content)

    return script


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def find(host: str, port: int) -> None:
    gateway = HttpPortalGateway(settings(CPSE_PORTAL_URL=f"https://{host}:{port}/v1"))
    gateway.find_providers(npi="1234567893", sed_code=None, acting_user=STAFF)


def test_a_portal_with_a_certificate_that_is_trusted_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = make_server_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    with raw_server(serving(context), reads=False) as server:
        find("127.0.0.1", server.port)
        assert b"Authorization: Basic" in server.requests[0]
        assert b"Authorization: Bearer canary-token-1" in server.requests[1]


@pytest.mark.parametrize(("host", "trusts"), [("127.0.0.1", False), ("localhost", True)], ids=["self-signed", "other"])
def test_a_portal_that_cannot_prove_who_it_is_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, trusts: bool
) -> None:
    """Signed by nobody whom this machine trusts; or by somebody trusted, and for another host."""
    context, trusted = make_server_certificate(tmp_path)
    if trusts:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    with raw_server(serving(context), reads=False) as server:
        with pytest.raises(PortalNotAsked, match="CERTIFICATE_VERIFY_FAILED"):
            find(host, server.port)
        assert server.requests == []


def test_nothing_in_the_package_switches_the_check_off() -> None:
    package = Path(__file__).parents[2] / "cpse_plugin"
    words = ("verify=False", "CERT_NONE", "check_hostname = False", "disable_warnings", "_create_unverified_context")
    found = [
        (path.name, word)
        for path in package.rglob("*.py")
        for word in words
        if word in path.read_text(encoding="utf-8")
    ]
    assert found == []
