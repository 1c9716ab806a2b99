"""One line in the log for each request of the plugin, and the request's id in every other line.

The line is a JSON object, written by the logger `cpse_plugin.request` at INFO; `docs/operation.md` lists its fields.
Handlers, levels and formats are the host's: nothing here touches a logger that is not the plugin's own.
"""

import json
import logging
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from ..outbound.trace import Trace, enter, new_request_id, request_id
from ..sign_in import known_staff
from .htmx import is_htmx

LOGGER_NAME = "cpse_plugin.request"
HEADER = "X-Request-ID"
_log = logging.getLogger(LOGGER_NAME)
# What a proxy makes of it: hexadecimal digits, a UUID, and the like. Anything else could be meant for whoever reads it.
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# No page's path is longer; what somebody makes up does not fill the log.
_LONGEST_PATH = 500
_ENVIRON_KEY = "cpse_plugin.request_log"
_as_json = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(slots=True)
class _Entry:
    """What is known of a request until its line is written. `outer` is the trace that goes on after it."""

    trace: Trace
    outer: Trace | None
    error: str | None = None
    is_written: bool = False
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=time.perf_counter)


def register(parent: Blueprint) -> None:
    """Watch the plugin's own requests, and no others. Register before anything else that looks at them."""
    # This hook comes before all others, the host's `before_request` too, so that what those refuse has a line as well.
    parent.url_value_preprocessor(_begin)
    # Of these the first one registered runs last.
    parent.after_request(_finish)
    parent.teardown_request(_end)


def note_error(error: Exception) -> None:
    """Let the line of this request name the error; the first one is what went wrong, later ones follow from it."""
    entry = _entry()
    if entry is not None and entry.error is None:
        entry.error = type(error).__name__


def name_requests_in_log() -> None:
    """Let every line that the plugin's loggers write while a request is served end with the request's id.

    A filter of a logger sees only what is written to that very logger, so each of them has it. Safe to repeat.
    """
    for name in list(logging.root.manager.loggerDict):
        if f"{name}.".startswith("cpse_plugin.") and name != LOGGER_NAME:
            logging.getLogger(name).addFilter(_NAMING)


class _Naming(logging.Filter):
    """Puts the id behind the message, and on the record as `cpse_request_id` for a format of the host's own."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        name = request_id()
        record.cpse_request_id = name
        if name is not None and isinstance(record.args, tuple | None):
            # The message stays a template with arguments, by which tools that gather errors tell them apart.
            template = str(record.msg) if record.args else str(record.msg).replace("%", "%%")
            record.msg, record.args = f"{template} [request_id=%s]", (*(record.args or ()), name)
        return True


_NAMING = _Naming()


def _entry() -> _Entry | None:
    found: _Entry | None = request.environ.get(_ENVIRON_KEY)
    return found


def _begin(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    brought = request.headers.get(HEADER, "")
    trace = Trace(brought if _SANE_ID.fullmatch(brought) else new_request_id())
    request.environ[_ENVIRON_KEY] = _Entry(trace, outer=enter(trace))


def _finish(response: Response) -> Response:
    entry = _entry()
    if entry is not None:
        response.headers[HEADER] = entry.trace.request_id
        _write(entry, response.status_code)
    return response


def _end(error: BaseException | None) -> None:
    """Write the line where no answer was made, and leave nothing behind in a thread that goes on to another request."""
    entry = _entry()
    if entry is None:
        return
    if error is not None and not entry.is_written:
        entry.error = entry.error or type(error).__name__
        _write(entry, 500)
    enter(entry.outer)


def _write(entry: _Entry, status: int) -> None:
    entry.is_written = True
    if not _log.isEnabledFor(logging.INFO):
        return
    staff = known_staff()
    line: dict[str, object] = {
        "at": entry.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "request_id": entry.trace.request_id,
        "method": request.method,
        "endpoint": request.endpoint,
        # Without the query, which on the way back from the identity provider holds a code.
        "path": (request.script_root + request.path)[:_LONGEST_PATH],
        "status": status,
        "ms": _milliseconds_since(entry.started),
        "subject": staff.subject if staff is not None else None,
        "htmx": is_htmx(),
        "upstream": [
            {
                "peer": call.peer,
                "method": call.method,
                "path": call.path,
                "status": call.status,
                "ms": call.milliseconds,
            }
            for call in entry.trace.calls
        ],
    }
    if entry.error is not None:
        line["error"] = entry.error
    # JSON's own escapes keep whatever stands in an address on this one line, and in ASCII.
    _log.info("%s", _as_json(line))


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
