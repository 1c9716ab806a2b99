"""A real Chromium and, for each test, a sandbox of its own."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, sync_playwright

from cpse_plugin.sandbox.runner import Sandbox
from tests.chromium import HELP, find_chromium

from .desk import Desk, OpenDesk, Watch

WIDE, NARROW = 1280, 400
HEIGHT = 900
ARGUMENTS = (
    # The tests' own machine is all that the browser may reach.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
)
_PICTURES = Path(__file__).parents[2] / "test-results"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser, with no window. It ends with these tests: Playwright's loop would be in the way of others'."""
    program = find_chromium()
    if program is None:
        pytest.fail(HELP, pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a sandbox that was started and stopped: starting from them is quicker than from nothing."""
    folder = tmp_path_factory.mktemp("sandbox")
    with Sandbox(folder):
        return folder


@pytest.fixture
def sandbox(first_day: Path, tmp_path: Path) -> Iterator[Sandbox]:
    """The whole small world as it is at its beginning."""
    with Sandbox(shutil.copytree(first_day, tmp_path / "sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def open_desk(browser: Browser, sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[OpenDesk]:
    """Opens windows, each with cookies of its own; at the end nothing may have gone wrong behind any of them."""
    desks: list[Desk] = []
    with ExitStack() as contexts:

        def open_desk(*, scripted: bool = True, width: int = WIDE, expected: tuple[str, ...] = ()) -> Desk:
            context = browser.new_context(
                viewport={"width": width, "height": HEIGHT}, permissions=["clipboard-read", "clipboard-write"]
            )
            contexts.callback(context.close)
            context.set_default_timeout(10_000)
            # Where no script may run, Chromium refuses to fetch one ahead, and calls the reason a policy.
            watch = Watch(hosts_of(sandbox), expected if scripted else (*expected, "csp")).over(context)
            desks.append(Desk.open(context, sandbox, watch, scripted=scripted))
            return desks[-1]

        yield open_desk
        # Taking a picture breaks a strict Content-Security-Policy, so the faults are gathered before.
        faults = [fault for desk in desks for fault in desk.watch.faults]
        if faults or request.node.stash.get(_FAILED, False):
            _take_pictures(request.node.name, desks)
    assert faults == []


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """A wide window with scripts."""
    return open_desk()


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def any_desk(open_desk: OpenDesk, request: pytest.FixtureRequest) -> Desk:
    """A wide window, once with scripts and once without."""
    return open_desk(scripted=request.param)


def hosts_of(sandbox: Sandbox) -> frozenset[str]:
    """The hosts of the sandbox, with their ports."""
    addresses = (sandbox.intranet_url, sandbox.mailbox_url, sandbox.portal.url, sandbox.identity_provider.url)
    return frozenset(urlsplit(address).netloc for address in addresses)


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Remember a failure, so that its windows can be kept as pictures."""
    report = yield
    if call.when == "call" and report.failed:
        item.stash[_FAILED] = True
    return report


def _take_pictures(name: str, desks: list[Desk]) -> None:
    _PICTURES.mkdir(exist_ok=True)
    for number, desk in enumerate(desks, start=1):
        desk.page.screenshot(path=_PICTURES / f"{name.replace('/', '-')}-{number}.png", full_page=True)
