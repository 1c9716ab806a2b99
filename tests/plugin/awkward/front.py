"""What stands in front of the intranet: a proxy that serves it below `/intranet`."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.middleware.http_proxy import ProxyMiddleware
from werkzeug.serving import make_server
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from cpse_plugin.sandbox.server import LOOPBACK, LoopbackServer, listen
from tests.pages.laws import parse

from . import SCRIPT_NAME

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "intranet.tamarack.example"


class Front:
    """What a proxy makes of each request, without a socket: it takes the prefix away and says so in headers."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(f"{SCRIPT_NAME}/"):
            return _nothing_else(environ, start)
        inner = {
            **environ,
            "PATH_INFO": environ["PATH_INFO"].removeprefix(SCRIPT_NAME),
            "HTTP_HOST": "127.0.0.1:8000",
            "wsgi.url_scheme": "http",
            "HTTP_X_FORWARDED_HOST": environ["HTTP_HOST"],
            "HTTP_X_FORWARDED_PROTO": environ["wsgi.url_scheme"],
            "HTTP_X_FORWARDED_PREFIX": SCRIPT_NAME,
        }
        return self._app(inner, start)


class FrontClient(Client):
    """A browser that knows the intranet by the address that the proxy has."""

    def __init__(self, app: Flask) -> None:
        super().__init__(Front(app))
        self.intranet = app

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Make a request; an address is one below the host, such as `/intranet/apps/cpse/`."""
        if isinstance(args[0], str):
            kwargs.setdefault("base_url", f"https://{HOST}")
            # As browsers do, and Flask-WTF wants to see it where a form comes over HTTPS.
            kwargs.setdefault("environ_overrides", {"HTTP_REFERER": f"https://{HOST}{SCRIPT_NAME}/"})
        return super().open(*args, **kwargs)

    def log_in(self, user: int) -> None:
        """Sign in at the intranet."""
        self.send("/log-in", user=str(user), next=f"{SCRIPT_NAME}/")

    def send(self, address: str, **fields: str) -> TestResponse:
        """Send a form of the intranet's own, with the token of a page that was opened just before."""
        page = parse(self.get(f"{SCRIPT_NAME}/log-in").text)
        token = str(page.select("input[name=csrf_token]")[0]["value"])
        sent = self.post(f"{SCRIPT_NAME}{address}", data={"csrf_token": token, **fields})
        assert sent.status_code == 302, sent.text
        return sent

    def session(self) -> dict[str, Any]:
        """What the intranet's session holds."""
        held: dict[str, Any] = self.get(f"{SCRIPT_NAME}/session").get_json()
        return held


@contextmanager
def behind_proxy(app: Flask) -> Iterator[str]:
    """Serve the intranet, and a proxy that passes on to it what is below `/intranet`; gives that address.

    The proxy's client wants each connection closed after its answer, as Werkzeug's own server does.
    """
    intranet = make_server(LOOPBACK, 0, app, threaded=True)
    thread = threading.Thread(target=intranet.serve_forever, name="awkward-intranet", daemon=True)
    thread.start()
    listener = listen()
    own = f"{LOOPBACK}:{listener.getsockname()[1]}"
    headers = {"X-Forwarded-Host": own, "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": SCRIPT_NAME}
    target = {"target": f"http://{LOOPBACK}:{intranet.port}", "remove_prefix": True, "headers": headers}
    proxy = ProxyMiddleware(_nothing_else, {f"{SCRIPT_NAME}/": target})
    with LoopbackServer("awkward-proxy", proxy, listener=listener):
        yield f"http://{own}{SCRIPT_NAME}"
    intranet.shutdown()
    thread.join()
    intranet.server_close()


_nothing_else = Response("nothing but the intranet is here", 404)
