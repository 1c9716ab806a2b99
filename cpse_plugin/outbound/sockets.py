"""Connections that know when the call ends.

The timeout of requests is for one operation of the socket: a peer that sends one byte now and then is never too slow
for it. Here each operation may wait only as long as the whole call has left, so the deadline holds wherever the other
side dawdles: in the name, the connection, the TLS handshake, the headers or the body.
"""

import queue
import socket
import ssl
import sys
import threading
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family
from urllib3.util.ssl_ import create_urllib3_context, resolve_cert_reqs

from .deadline import current_limit, seconds_allowed, time_limit

# The fields of an answer of `socket.getaddrinfo`: family, type, protocol, canonical name, address.
_Address = tuple[int, int, int, str, Any]


class _BoundedSocket(socket.socket):
    """A socket whose operations end with the call; `settimeout` still says how long one of them may wait."""

    _patience: float | None = None

    def settimeout(self, value: float | None, /) -> None:
        self._patience = value
        super().settimeout(value)

    def _arm(self) -> None:
        super().settimeout(seconds_allowed(self._patience))

    def connect(self, address: Any, /) -> None:
        self._arm()
        super().connect(address)

    def recv(self, *args: Any) -> bytes:
        self._arm()
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        self._arm()
        return super().recv_into(*args)

    def send(self, *args: Any) -> int:
        self._arm()
        return super().send(*args)

    def sendall(self, *args: Any) -> None:
        self._arm()
        super().sendall(*args)


class _BoundedTLSSocket(_BoundedSocket, ssl.SSLSocket):
    """The same under TLS; CPython bounds a handshake as a whole by the timeout that it starts with."""

    def do_handshake(self, block: bool = False) -> None:
        self._arm()
        super().do_handshake(block)


class _BoundedConnection(HTTPConnection):
    """An HTTP connection over a bounded socket, which notes a failure on the way to the other side."""

    def connect(self) -> None:
        try:
            super().connect()
        except Exception:
            # Whatever it was, it came before the request, which is what a caller must know. It goes on as it is.
            limit = current_limit()
            if limit is not None:
                limit.connecting_failed = True
            raise

    def _new_conn(self) -> socket.socket:
        """Open the socket as urllib3 does and raise what urllib3 raises."""
        try:
            sock = _connected(self._dns_host, self.port, self.timeout, self.socket_options or ())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out") from error
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error
        sys.audit("http.client.connect", self, self.host, self.port)
        return sock


class _BoundedTLSConnection(_BoundedConnection, HTTPSConnection):
    """The same for `https`."""

    def connect(self) -> None:
        # A context for each connection: urllib3 writes the verification mode into the context that it is given.
        self.ssl_context = create_urllib3_context(cert_reqs=resolve_cert_reqs(self.cert_reqs))
        self.ssl_context.sslsocket_class = _BoundedTLSSocket
        super().connect()


class _BoundedPool(HTTPConnectionPool):
    ConnectionCls = _BoundedConnection


class _BoundedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTLSConnection


POOL_CLASSES: dict[str, type[HTTPConnectionPool]] = {"http": _BoundedPool, "https": _BoundedTLSPool}


def _connected(host: str, port: int, seconds: float | None, options: Any) -> socket.socket:
    """Return a socket that is connected to one of the host's addresses, tried in order.

    `seconds` is for all of it together: a host with many dead addresses takes no longer than one with a single one.
    """
    with time_limit(seconds or 60):
        failure: OSError = OSError("the name has no address")
        for family, kind, protocol, _, address in _addresses(host.strip("[]"), port):
            sock = _BoundedSocket(family, kind, protocol)
            try:
                for option in options:
                    sock.setsockopt(*option)
                sock.settimeout(seconds)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise failure


def _addresses(host: str, port: int) -> list[_Address]:
    """Resolve a name within the call's time.

    The system's resolver takes no time limit and waits half a minute for a dead name server. So it is asked in a
    thread of its own, which is left to itself when the time is up.
    """
    answers: queue.SimpleQueue[list[_Address] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="cpse-plugin-resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds_allowed(None))
    except queue.Empty:
        raise TimeoutError(f"no name server told the address of {host} in time") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
