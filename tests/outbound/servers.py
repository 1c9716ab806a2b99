"""Servers on loopback that misbehave on purpose, at the level of the socket."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Script = Callable[[socket.socket], None]
SMALL_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@dataclass
class RawServer:
    """What a test needs of a running server: its port, and the beginning of every request that came in."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def dripping(self, connection: socket.socket, text: bytes, every: float = 0.1) -> None:
        """Send byte after byte until the text, the peer or the test ends."""
        for number in range(len(text)):
            connection.sendall(text[number : number + 1])
            if self.stopping.wait(every):
                return


@contextmanager
def raw_server(script: Callable[[RawServer, socket.socket], None], *, reads: bool = True) -> Iterator[RawServer]:
    """Run `script` for each connection; `reads` says whether a request is read first."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(listener.getsockname()[1])

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if reads:
                server.requests.append(connection.recv(65_536))
            script(server, connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        server.stopping.set()
        # Closing alone does not wake a thread that waits in accept.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)


def answering(text: bytes) -> Callable[[RawServer, socket.socket], None]:
    """A script that sends one answer."""

    def script(server: RawServer, connection: socket.socket) -> None:
        connection.sendall(text)

    return script


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
