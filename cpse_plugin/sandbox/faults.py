"""Servers that misbehave when they are told to.

`Faults` wraps a WSGI application. A test plans faults on it in process; over HTTP the same is done with
`POST /sandbox/faults` (JSON: `fault` is the name, the rest its settings, and `method`, `path`, `times`), `GET` lists
what is planned and `DELETE` takes it back. A fault meets the next `times` requests that fit its method and path.
"""

# Each fault answers as a WSGI application would, and few of them need all that they are given.
# ruff: noqa: ARG002

import base64
import json
import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed
from werkzeug.wrappers import Request, Response

from .server import DropConnection

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CONTROL_PATH = "/sandbox/faults"
EXPIRE_TOKENS = "cpse_sandbox.expire_tokens"
IGNORE_IDEMPOTENCY_KEYS = "cpse_sandbox.ignore_idempotency_keys"
WORK_SECONDS = "cpse_sandbox.work_seconds"
_MAINTENANCE = b"<!doctype html><title>Maintenance</title><h1>We are down for maintenance</h1><p>Back on Monday.</p>"


class Fault(Protocol):
    """One way to misbehave: a WSGI application around the one that it wraps. `name` is its name over HTTP."""

    name: ClassVar[str]

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]: ...


@dataclass(frozen=True, slots=True)
class Slow:
    """Wait before the work is done."""

    name: ClassVar[str] = "slow"
    seconds: float = 10

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        _pause(environ, self.seconds)
        return app(environ, start)


@dataclass(frozen=True, slots=True)
class Status:
    """Answer with a status, as problem details or with `body` as it is, instead of doing the work or `after` it."""

    name: ClassVar[str] = "status"
    code: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    type: str = "about:blank"
    detail: str = "The sandbox was told to answer so."
    body: str | None = None
    after: bool = False

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if self.after:
            Response.from_app(app, environ, buffered=True).close()
        if self.body is None:
            problem = {"type": self.type, "title": "Told to", "status": self.code, "detail": self.detail}
            response = Response(json.dumps(problem), self.code, content_type="application/problem+json")
        else:
            response = Response(self.body, self.code, content_type="text/plain; charset=utf-8")
        response.headers.update(self.headers)
        return response(environ, start)


@dataclass(frozen=True, slots=True)
class DropBefore:
    """Reset the connection; nothing was done."""

    name: ClassVar[str] = "drop_before"

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        raise DropConnection(reset=True)


@dataclass(frozen=True, slots=True)
class DropAfter:
    """Do the work and reset the connection, so that the caller does not learn that it was done."""

    name: ClassVar[str] = "drop_after"

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        Response.from_app(app, environ, buffered=True).close()
        raise DropConnection(reset=True)


@dataclass(frozen=True, slots=True)
class Body:
    """Answer with a body of one's choosing; over HTTP `text`, or `base64` for what is not UTF-8."""

    name: ClassVar[str] = "body"
    content: bytes = b"{}"
    status: int = 200
    content_type: str = "application/json"

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        return Response(self.content, self.status, content_type=self.content_type)(environ, start)


@dataclass(frozen=True, slots=True)
class Html:
    """Answer 200 with a maintenance page."""

    name: ClassVar[str] = "html"

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        return Response(_MAINTENANCE, content_type="text/html; charset=utf-8")(environ, start)


@dataclass(frozen=True, slots=True)
class Empty:
    """Answer with a status and nothing else."""

    name: ClassVar[str] = "empty"
    status: int = 200

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        return Response(b"", self.status, content_type="application/json")(environ, start)


@dataclass(frozen=True, slots=True)
class Truncated:
    """Do the work, and close the connection in the middle of the answer's body."""

    name: ClassVar[str] = "truncated"

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        whole = Response.from_app(app, environ, buffered=True)
        content = whole.get_data()
        whole.headers["Content-Length"] = str(max(len(content), 2))
        start(whole.status, whole.headers.to_wsgi_list())
        return [content[: len(content) // 2]]


@dataclass(frozen=True, slots=True)
class Drip:
    """Answer one byte at a time: the body after its headers, or the headers too, which then never end."""

    name: ClassVar[str] = "drip"
    interval: float = 0.5
    headers: bool = False
    length: int = 600

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if self.headers:
            self._drip_headers(environ)
        start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(self.length))])
        return self._drip_body(environ)

    def _drip_body(self, environ: "WSGIEnvironment") -> Iterator[bytes]:
        for _ in range(self.length):
            yield b" "
            _pause(environ, self.interval)

    def _drip_headers(self, environ: "WSGIEnvironment") -> None:
        connection = environ["werkzeug.socket"]
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        for _ in range(self.length):
            connection.sendall(b"x")
            _pause(environ, self.interval)
        raise DropConnection(reset=False)


@dataclass(frozen=True, slots=True)
class Huge:
    """Answer with a JSON document of many megabytes, streamed without a length."""

    name: ClassVar[str] = "huge"
    megabytes: int = 400

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        start("200 OK", [("Content-Type", "application/json")])
        return self._stream()

    def _stream(self) -> Iterator[bytes]:
        yield b'{"items": [], "next_cursor": "'
        megabyte = b"x" * 1_000_000
        for _ in range(self.megabytes):
            yield megabyte
        yield b'"}'


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the caller to another address, with whatever credentials it takes along."""

    name: ClassVar[str] = "redirect"
    location: str = "http://127.0.0.1:9/"
    status: int = 302

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        return Response(b"", self.status, headers={"Location": self.location})(environ, start)


@dataclass(frozen=True, slots=True)
class ExpireTokens:
    """The Portal revokes every token it has granted so far, and then reads the request."""

    name: ClassVar[str] = "expire_tokens"

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        return app({**environ, EXPIRE_TOKENS: True}, start)


@dataclass(frozen=True, slots=True)
class IgnoreIdempotencyKeys:
    """The Portal carries a repeated call out a second time."""

    name: ClassVar[str] = "ignore_idempotency_keys"

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        return app({**environ, IGNORE_IDEMPOTENCY_KEYS: True}, start)


@dataclass(frozen=True, slots=True)
class SlowWork:
    """The Portal reads the request, takes its Idempotency-Key, and is slow from there on."""

    name: ClassVar[str] = "slow_work"
    seconds: float = 10

    def answer(self, app: "WSGIApplication", environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        return app({**environ, WORK_SECONDS: self.seconds}, start)


_KINDS: dict[str, type[Any]] = {
    kind.name: kind
    for kind in (
        Slow,
        Status,
        DropBefore,
        DropAfter,
        Body,
        Html,
        Empty,
        Truncated,
        Drip,
        Huge,
        Redirect,
        ExpireTokens,
        IgnoreIdempotencyKeys,
        SlowWork,
    )
}


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it came over the wire; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Plan:
    fault: Fault
    method: str | None
    path: re.Pattern[str] | None
    left: int | None

    def meets(self, environ: "WSGIEnvironment") -> bool:
        return (self.method is None or self.method == environ["REQUEST_METHOD"]) and (
            self.path is None or self.path.search(environ["PATH_INFO"]) is not None
        )


class Faults:
    """A WSGI application that does as it is told, and otherwise what the application in it does.

    `requests` holds the latest requests as they came over the wire, those that met a fault too.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app
        self._lock = threading.Lock()
        self._plans: list[_Plan] = []
        self.requests: deque[ReceivedRequest] = deque(maxlen=1000)

    def plan(self, fault: Fault, *, method: str | None = None, path: str | None = None, times: int | None = 1) -> None:
        """Let the next `times` requests (None: all from now on) meet the fault.

        `path` is a regular expression that is looked for in the path. Plans are tried in the order made.
        """
        pattern = re.compile(path) if path else None
        with self._lock:
            self._plans.append(_Plan(fault, method.upper() if method else None, pattern, times))

    def clear(self) -> None:
        """Take every plan back and forget the requests seen so far."""
        with self._lock:
            self._plans.clear()
            self.requests.clear()

    def received(self, method: str | None = None, path: str = "") -> list[ReceivedRequest]:
        """The requests seen, oldest first, with this method and with this regular expression in their path."""
        seen = list(self.requests)
        return [item for item in seen if method in (None, item.method) and re.search(path, item.path)]

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Record the request and answer it, with the fault planned for it if there is one."""
        if environ["PATH_INFO"] == CONTROL_PATH:
            return self._control(environ)(environ, start)
        self._record(environ)
        fault = self._take(environ)
        return self._app(environ, start) if fault is None else fault.answer(self._app, environ, start)

    def _record(self, environ: "WSGIEnvironment") -> None:
        request = Request(environ)
        body = request.get_data(cache=False)
        environ["wsgi.input"] = BytesIO(body)
        headers = {name.lower(): value for name, value in request.headers}
        self.requests.append(
            ReceivedRequest(request.method, request.path, request.query_string.decode("latin-1"), headers, body)
        )

    def _take(self, environ: "WSGIEnvironment") -> Fault | None:
        with self._lock:
            for position, plan in enumerate(self._plans):
                if not plan.meets(environ):
                    continue
                if plan.left is not None:
                    self._plans[position : position + 1] = [replace(plan, left=plan.left - 1)] if plan.left > 1 else []
                return plan.fault
        return None

    def _control(self, environ: "WSGIEnvironment") -> Response | HTTPException:
        request = Request(environ)
        try:
            if request.method == "POST":
                self._plan_from(request.get_json())
            elif request.method == "DELETE":
                self.clear()
            elif request.method != "GET":
                raise MethodNotAllowed(["GET", "POST", "DELETE"])
        except HTTPException as error:
            return error
        return Response(json.dumps({"planned": self._described()}), content_type="application/json")

    def _plan_from(self, wish: Any) -> None:
        if not isinstance(wish, dict) or wish.get("fault") not in _KINDS:
            raise BadRequest(f"fault must be one of: {', '.join(_KINDS)}")
        settings = {key: value for key, value in wish.items() if key not in ("fault", "method", "path", "times")}
        try:
            if "text" in settings:
                settings["content"] = str(settings.pop("text")).encode()
            if "base64" in settings:
                settings["content"] = base64.b64decode(settings.pop("base64"))
            fault = _KINDS[wish["fault"]](**settings)
            self.plan(fault, method=wish.get("method"), path=wish.get("path"), times=wish.get("times", 1))
        except (TypeError, ValueError, re.error) as error:
            raise BadRequest(str(error)) from error

    def _described(self) -> list[dict[str, Any]]:
        with self._lock:
            plans = list(self._plans)
        return [
            {
                "fault": plan.fault.name,
                "method": plan.method,
                "path": plan.path.pattern if plan.path else None,
                "times": plan.left,
                **{key: _readable(value) for key, value in asdict(plan.fault).items()},  # type: ignore[call-overload]
            }
            for plan in plans
        ]


def _readable(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _pause(environ: "WSGIEnvironment", seconds: float) -> None:
    """Wait, but not beyond the end of the server."""
    stopping: threading.Event = environ.get("cpse_sandbox.stopping") or threading.Event()
    if stopping.wait(seconds):
        raise DropConnection(reset=True)
