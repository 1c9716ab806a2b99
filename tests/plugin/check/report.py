"""What `flask cpse check` printed, and the names of its lines."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine

from cpse_plugin.sandbox.portal.oauth import SCOPES
from cpse_plugin.sandbox.runner import Sandbox

TOKEN, ANSWERS = "Portal, token", "Portal, answers"
SCOPE_LINES = [f"Portal, scope {scope}" for scope in SCOPES]
DATABASE, MIGRATIONS, PROVIDER = "database", "migrations", "identity provider"
COPY, API, LIMITS = "NPI Registry, local copy", "NPI Registry, API", "rate limits"
IN_ORDER = {
    DATABASE: "ok",
    MIGRATIONS: "ok",
    TOKEN: "ok",
    **dict.fromkeys(SCOPE_LINES, "ok"),
    ANSWERS: "ok",
    PROVIDER: "ok",
    COPY: "not used",
    API: "ok",
    LIMITS: "warning",
}
_LINE = re.compile(r"(ok|warning|not used|NOT OK) +([^:]+): (.+)")


class Report:
    """What the command printed, and how it ended."""

    def __init__(self, output: str, exit_code: int) -> None:
        *lines, self.summary = output.splitlines()
        found = [_LINE.fullmatch(line) for line in lines]
        assert all(found), output
        self.marks = {line[2]: line[1] for line in found if line}
        self.texts = {line[2]: line[3] for line in found if line}
        self.exit_code = exit_code

    @property
    def not_ok(self) -> set[str]:
        return {name for name, mark in self.marks.items() if mark == "NOT OK"}


Check = Callable[..., Report]


def given(sandbox: Sandbox) -> dict[str, Any]:
    """The settings with which the sandbox made its own intranet."""
    names = ("SECRET_KEY", "SQLALCHEMY_DATABASE_URI", "SESSION_COOKIE_SECURE", "TRUSTED_HOSTS")
    return {key: value for key, value in sandbox.intranet.config.items() if key.startswith("CPSE_") or key in names}


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()
