"""WSGI applications served on this machine alone, over real sockets.

Werkzeug's own handler closes the connection after each answer. This one keeps it open, as the production servers of
the real systems do, so that a client meets what it will meet there: an idle connection that is gone when it is used
again, and a body that ends before its announced length.
"""

import logging
import socket
import struct
import threading
from collections.abc import Iterable
from io import BytesIO
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from werkzeug.serving import DechunkedInput, ThreadedWSGIServer, WSGIRequestHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

LOOPBACK = "127.0.0.1"
_LOGGER = logging.getLogger("cpse_plugin.sandbox.server")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_LONGEST_BODY = 16 * 1024 * 1024


class DropConnection(Exception):
    """Raised by an application that wants its connection closed as it is; with `reset` the peer sees it torn down."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


class PortInUse(RuntimeError):
    """Another program listens on the port that a server was to have."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is in use by another program")
        self.port = port


def listen(port: int = 0) -> socket.socket:
    """Open a listening socket on loopback; 0 is any free port. Raises `PortInUse`."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortInUse(port) from error
    return listener


class LoopbackServer:
    """A WSGI application on a port of 127.0.0.1, each connection served by a thread of its own.

    The port is taken at once, so that `url` holds before `start`. Where the application has to know its own address,
    `listener` is a socket from `listen`, taken over and closed by the server.
    """

    def __init__(
        self, name: str, app: "WSGIApplication", port: int = 0, *, listener: socket.socket | None = None
    ) -> None:
        self.name = name
        with listener or listen(port) as own:
            self._server = _Server(app, own)
        self.port: int = self._server.port
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._thread = threading.Thread(target=self._serve, name=f"sandbox-{name}", daemon=True)
        self._started = False

    def start(self) -> Self:
        """Begin to answer."""
        self._started = True
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and every open connection, and wait for their threads. Safe to repeat."""
        self._server.stopping.set()
        if self._started:
            self._started = False
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.end_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.01)


class _Server(ThreadedWSGIServer):
    """Knows its open connections, so that they can be ended with it."""

    def __init__(self, app: "WSGIApplication", listener: socket.socket) -> None:
        self.stopping = threading.Event()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._connections_lock = threading.Lock()
        super().__init__(LOOPBACK, 0, app, handler=_Handler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._connections_lock:
            self._connections[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.pop(request, None)
        if _is_to_be_reset(request):
            # A FIN ahead of it would make the tear-down look like an orderly end.
            request.close()
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        _LOGGER.exception("a connection from %s failed", client_address)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        _LOGGER.debug("%s %s", type, message % args if args else message)

    def end_connections(self) -> None:
        with self._connections_lock:
            open_now = dict(self._connections)
        for connection, thread in open_now.items():
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                _LOGGER.debug("a connection had ended by itself")
            thread.join(timeout=5)


class _Handler(WSGIRequestHandler):
    """Answers one request after the other on the same connection."""

    protocol_version = "HTTP/1.1"
    # An answer goes out as headers and body; without this the second waits for the peer's delayed acknowledgement.
    disable_nagle_algorithm = True
    server: _Server

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ARG002
        _LOGGER.debug(message.rstrip(), *args)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002
        # Without the query: on the way back from the identity provider it holds a code.
        path = getattr(self, "path", "").partition("?")[0]
        _LOGGER.debug("%s %s %s", self.command, path, code)

    def run_wsgi(self) -> None:
        self.environ = environ = self.make_environ()
        try:
            body = self._read_body(environ)
        except ValueError:
            self.send_error(400)
            self.close_connection = True
            return
        environ["wsgi.input"] = BytesIO(body)
        environ["wsgi.input_terminated"] = True
        environ["cpse_sandbox.stopping"] = self.server.stopping
        answer = _Answer(self)
        try:
            answer.send(self.server.app(environ, answer.start))
        except DropConnection as drop:
            self.close_connection = True
            if drop.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        except ConnectionError:
            self.close_connection = True
        except Exception:
            # The applications answer their own errors; what comes here is a fault in the sandbox, and the peer must
            # not be left waiting for it.
            _LOGGER.exception("%s %s failed", self.command, self.path)
            self.close_connection = True
            if not answer.begun:
                self.send_error(500)

    def _read_body(self, environ: "WSGIEnvironment") -> bytes:
        """Read the whole body, whether the application wants it or not: the next request begins after it."""
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if isinstance(environ["wsgi.input"], DechunkedInput):
            return environ["wsgi.input"].read()
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not 0 <= length <= _LONGEST_BODY:
            raise ValueError("the body is too long")
        return self.rfile.read(length)


class _Answer:
    """The way of one answer from the application to the socket."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler
        self._head: tuple[int, str, list[tuple[str, str]]] | None = None
        self._chunked = False
        self._announced: int | None = None
        self._written = 0
        self.begun = False

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ARG002
        code, _, reason = status.partition(" ")
        self._head = int(code), reason, headers
        return self._write

    def send(self, chunks: Iterable[bytes]) -> None:
        try:
            for chunk in chunks:
                self._write(chunk)
            self._begin()
            if self._chunked:
                self._handler.wfile.write(b"0\r\n\r\n")
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        if self._announced is not None and self._written < self._announced and self._has_body:
            self._handler.close_connection = True

    @property
    def _has_body(self) -> bool:
        code = self._head[0] if self._head else 0
        return self._handler.command != "HEAD" and code >= 200 and code not in (204, 304)

    def _begin(self) -> None:
        if self.begun:
            return
        if self._head is None:
            raise RuntimeError("the application gave no status")
        self.begun = True
        code, reason, headers = self._head
        lengths = [int(value) for name, value in headers if name.lower() == "content-length"]
        self._announced = lengths[0] if lengths else None
        self._chunked = self._has_body and not lengths and self._handler.request_version >= "HTTP/1.1"
        self._handler.send_response(code, reason)
        for name, value in headers:
            self._handler.send_header(name, value)
        if self._chunked:
            self._handler.send_header("Transfer-Encoding", "chunked")
        elif self._has_body and not lengths:
            self._handler.send_header("Connection", "close")
        self._handler.end_headers()

    def _write(self, chunk: bytes) -> None:
        self._begin()
        if not chunk or not self._has_body:
            return
        self._written += len(chunk)
        if self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        self._handler.wfile.write(chunk)


def _is_to_be_reset(connection: socket.socket) -> bool:
    size = len(_RESET_ON_CLOSE)
    try:
        return connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, size) == _RESET_ON_CLOSE
    except OSError:
        return False
