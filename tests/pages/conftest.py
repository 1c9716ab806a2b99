"""A browser before the county's host, and the addresses of its pages."""

from collections.abc import Callable

import pytest
from flask import Flask

from cpse_plugin.web.parts import Parts
from tests.world import by_number

from .client import PageClient

BothDatabases = pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"])
Address = Callable[..., str]


@pytest.fixture
def page(intranet: Flask) -> PageClient:
    return PageClient(intranet.test_client())


@pytest.fixture
def address(cpse: Parts) -> Address:
    """Gives the address of a page of the provider with a number of the Preschool database, such as TC-1004."""

    def of(number: str, *rest: str) -> str:
        return "/".join(("/cpse/providers", str(by_number(cpse, number).id), *rest))

    return of
