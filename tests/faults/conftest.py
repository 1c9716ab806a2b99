"""Staff before the county's pages, with and without a script, and an impatient host."""

import pytest
from flask import Flask

from tests.conftest import MakeIntranet

from .seat import Seat


@pytest.fixture(params=["page", "htmx"])
def fragments(request: pytest.FixtureRequest) -> bool:
    """Whether the browser has htmx: what a person reads is told for a whole page and for a piece of one."""
    return bool(request.param == "htmx")


@pytest.fixture
def seat(intranet: Flask, fragments: bool) -> Seat:
    return Seat(intranet, fragments=fragments)


@pytest.fixture
def impatient_seat(make_intranet: MakeIntranet, database_url: str, fragments: bool) -> Seat:
    """At a host that gives a call three seconds in all, and one to each wait."""
    return Seat(make_intranet(database_url, CPSE_PORTAL_TIMEOUT="1,1"), fragments=fragments)
