"""The command, run in a host of its own beside a sandbox."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from cpse_plugin.sandbox.runner import Sandbox
from cpse_plugin.standalone import create_app
from tests.world import parts_of

from .report import (
    Check,
    Report,
    given,
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def check(sandbox: Sandbox, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Check]:
    """Runs the command in a host of its own, with settings over the sandbox's; nothing secret may ever be seen."""
    caplog.set_level(logging.INFO, "cpse_plugin")
    faults = (sandbox.portal.faults, sandbox.registry.faults, sandbox.identity_provider.faults)
    made: list[Flask] = []

    def run(app: Flask | None = None, **settings: Any) -> Report:
        own = app or create_app({**given(sandbox), **settings})
        made.append(own)
        result = own.test_cli_runner().invoke(args=["cpse", "check"])
        seen = "\n".join((result.output, *capfd.readouterr(), caplog.text))
        for key in ("SECRET_KEY", "CPSE_PORTAL_CLIENT_SECRET", "CPSE_OIDC_CLIENT_SECRET"):
            assert (own.config.get(key) or "no such secret") not in seen, key
        return Report(result.stdout, result.exit_code)

    yield run
    for app in made:
        parts_of(app).database.engine.dispose()
    for system in faults:
        system.clear()
