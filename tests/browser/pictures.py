"""Makes the README's pictures from a running sandbox: `python -m tests.browser.pictures`."""

# What it does is for a person to read.
# ruff: noqa: T201

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from cpse_plugin.sandbox.runner import Sandbox
from tests.chromium import HELP, find_chromium

from .conftest import ARGUMENTS, WIDE, hosts_of
from .desk import Desk, Watch

FOLDER = Path(__file__).parents[2] / "docs" / "images"


def main() -> int:
    """Write the pictures; the result is the exit status."""
    program = find_chromium()
    if program is None:
        print(HELP, file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with Sandbox() as sandbox, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        context = browser.new_context(reduced_motion="reduce")
        desk = Desk.open(context, sandbox, Watch(hosts_of(sandbox)), scripted=True)
        desk.sign_in()
        _take(desk, "providers", height=840)
        desk.open_provider("Granite Hills Therapies")
        desk.page.locator("#cpse-npi-name p").first.wait_for()
        desk.button("Link to Selected Existing CPSE Portal Provider").click()
        desk.button("Continue Association").wait_for()
        _take(desk, "confirm-the-match", height=1020)
        desk.open_provider("Beacon Point School")
        desk.link("Provider Admin Users").click()
        desk.link("Retrieve Admin Users").click()
        desk.page.get_by_role("table", name="Provider Admin Users").wait_for()
        _take(desk, "provider-admin-users", height=780)
        browser.close()
    return 0


def _take(desk: Desk, name: str, *, height: int) -> None:
    desk.settle()
    desk.page.set_viewport_size({"width": WIDE, "height": height})
    desk.page.evaluate("() => scrollTo(0, 0)")
    # Where the pointer rests would show as a hover.
    desk.page.mouse.move(0, 0)
    path = FOLDER / f"{name}.png"
    desk.page.screenshot(path=path)
    print(f"{path.relative_to(FOLDER.parents[1])}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    sys.exit(main())
