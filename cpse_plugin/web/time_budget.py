"""Each request has one time budget, from its first hook to its last.

It is shorter than a browser's patience, so that it is the server that says what became of a change.
"""

from typing import Any

from flask import Blueprint, request

from ..outbound import budget

_ENVIRON_KEY = "cpse_plugin.time_budget"


def register(parent: Blueprint) -> None:
    """Give the plugin's own requests a budget. Register before whatever may wait."""
    parent.url_value_preprocessor(_open)
    parent.teardown_request(_close)


def _open(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    before = budget.enter(budget.Budget.of_request())
    request.environ[_ENVIRON_KEY] = (before,)


def _close(_: BaseException | None) -> None:
    """Leave nothing behind in a thread that goes on to another request."""
    opened = request.environ.pop(_ENVIRON_KEY, None)
    if opened is not None:
        budget.enter(opened[0])
