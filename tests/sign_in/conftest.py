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


@pytest.fixture
def window(world: World) -> Browser:
    """The window in which the editor has signed in."""
    browser = world.browser()
    browser.sign_in()
    return browser


@pytest.fixture
def frame(world: World) -> Browser:
    """The frame, in which nobody has signed in."""
    return world.browser()
