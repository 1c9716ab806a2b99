"""What a person's first and second visit fetch, in Chromium: requests, and bytes as they go over the wire."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import brotli
from playwright.sync_api import Browser, Page, sync_playwright

from cpse_plugin import assets
from cpse_plugin.sandbox.runner import Sandbox
from tests.chromium import HELP, find_chromium

_MOST_BYTES = 6_500


@dataclass
class _Visit:
    """What was fetched: of each address the bytes, headers included, and what the browser had already."""

    fetched: dict[str, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    def in_words(self, name: str) -> Iterator[str]:
        """Lines for a person."""
        requests, size = len(self.fetched), sum(self.fetched.values())
        yield f"  {name:<34}{requests:>3} requests{size:>8} bytes   {len(self.kept)} files from the browser's cache"
        for address, length in self.fetched.items():
            yield f"    {address:<48}{length:>8} bytes"


def run() -> Iterator[str]:
    """Measure, and yield lines for a person."""
    program = find_chromium()
    if program is None:
        yield HELP
        return
    yield "What visits fetch, in Chromium; headers count"
    with Sandbox() as sandbox, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        page = _signed_in(browser, sandbox)
        yield from _go(page, f"{sandbox.intranet_url}/cpse/providers").in_words("first visit, the list")
        address = page.locator("a[data-cpse-row-link]").first.get_attribute("href")
        yield from _go(page, f"{sandbox.intranet_url}{address}").in_words("second visit, a provider")
        browser.close()
    yield "What every page needs"
    for name, asset in assets.find().items():
        compressed = len(asset.gzipped or asset.content)
        verdict = "" if name not in (assets.STYLE, assets.SCRIPT) else _verdict(compressed)
        smaller = len(brotli.compress(asset.content))
        yield f"  {name:<10}{len(asset.content):>7} bytes   gzip {compressed:>6}   brotli {smaller:>6}   {verdict}"


def _verdict(size: int) -> str:
    return f"(at most {_MOST_BYTES}: {'reached' if size <= _MOST_BYTES else 'MISSED'})"


def _signed_in(browser: Browser, sandbox: Sandbox) -> Page:
    """A window of somebody who has signed in, and whose browser has seen no page yet."""
    first = browser.new_context()
    page = first.new_page()
    page.goto(f"{sandbox.intranet_url}/cpse/providers")
    page.get_by_role("button", name="Ines Novak").click()
    page.wait_for_url("**/cpse/providers")
    fresh = browser.new_context(storage_state=first.storage_state())
    first.close()
    return fresh.new_page()


def _go(page: Page, address: str) -> _Visit:
    """Go to a page and wait until it asks for nothing more."""
    visit, addresses = _Visit(), dict[str, str]()
    debugger = page.context.new_cdp_session(page)

    def asked(event: dict[str, Any]) -> None:
        addresses[event["requestId"]] = _readable(event["request"]["url"])

    def had(event: dict[str, Any]) -> None:
        visit.kept.append(addresses.pop(event["requestId"]))

    def answered(event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            had(event)

    def came(event: dict[str, Any]) -> None:
        if event["requestId"] in addresses:
            visit.fetched[addresses.pop(event["requestId"])] = int(event["encodedDataLength"])

    debugger.on("Network.requestWillBeSent", asked)
    debugger.on("Network.requestServedFromCache", had)
    debugger.on("Network.responseReceived", answered)
    debugger.on("Network.loadingFinished", came)
    debugger.send("Network.enable")
    page.goto(address, wait_until="networkidle")
    debugger.detach()
    return visit


def _readable(address: str) -> str:
    """The path, without the folder of the files."""
    path = urlsplit(address).path
    return PurePosixPath(path).name if "/static/" in path else path
