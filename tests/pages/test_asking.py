"""What every kind of operation has in the pages, taken from the register."""

from typing import Any

import pytest
from flask import Flask

from cpse_plugin.operations.kind import OperationKind
from cpse_plugin.operations.register import ALL
from cpse_plugin.web.access import declared_access

KINDS = [pytest.param(kind, id=kind.name) for kind in ALL]


@pytest.mark.parametrize("kind", KINDS)
def test_an_operation_has_an_address_that_asks_for_its_permission(
    intranet: Flask, kind: type[OperationKind[Any, Any]]
) -> None:
    endpoint = f"cpse.{kind.name.replace('-', '_')}"
    (rule,) = intranet.url_map.iter_rules(endpoint)
    assert "POST" in (rule.methods or ())
    assert declared_access(intranet.view_functions[endpoint]) is kind.permission


@pytest.mark.parametrize("kind", KINDS)
def test_an_operation_has_all_its_words(kind: type[OperationKind[Any, Any]]) -> None:
    words = (kind.label, kind.question, kind.button, kind.done, kind.history.label)
    assert all(words)
    assert not kind.done.endswith(".")
