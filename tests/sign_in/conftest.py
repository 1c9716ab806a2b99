from collections.abc import Iterator

import pytest

from .world import Browser, World, running_world


@pytest.fixture
def world() -> Iterator[World]:
    with running_world() as running:
        yield running


@pytest.fixture
def browser(world: World) -> Browser:
    return world.browser()
