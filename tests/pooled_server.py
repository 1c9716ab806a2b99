"""A server with a fixed number of threads, as production servers have, around a WSGI application.

A connection serves one request and is closed; the next one waits until a thread is free.
"""

import socket
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler

from cpse_plugin.sandbox.server import LOOPBACK

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class PooledServer:
    """Serves an application on a free port of this machine with `threads` threads."""

    def __init__(self, app: "WSGIApplication", threads: int) -> None:
        self._server = _Server(app, threads)
        self._main = ThreadPoolExecutor(1)
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._main.submit(self._server.serve_forever, 0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._main.shutdown()
        self._server.threads.shutdown()
        self._server.server_close()


class _Server(BaseWSGIServer):
    request_queue_size = 128

    def __init__(self, app: "WSGIApplication", threads: int) -> None:
        self.threads = ThreadPoolExecutor(threads)
        super().__init__(LOOPBACK, 0, app, handler=_Quiet)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.threads.submit(self._serve, request, client_address)

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Keep the lines of each request to itself."""
