"""A member of staff at a browser."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import BrowserContext, CDPSession, ConsoleMessage, Locator, Page, Request, expect

from cpse_plugin.sandbox.runner import Sandbox

from .checks import assert_accessible, assert_fits

# The focus has to stay with the person: where it was somewhere before a swap, it may not be on the body after it.
_WATCH_FOCUS = """
  window.lostFocus = [];
  const lost = () => !document.activeElement || document.activeElement === document.body;
  document.addEventListener('htmx:before:swap', ({detail: {ctx}}) => { ctx.hadFocus = !lost(); });
  document.addEventListener('htmx:after:swap', ({detail: {ctx}}) => setTimeout(() => {
    if (ctx.hadFocus && lost()) window.lostFocus.push(ctx.request?.action ?? 'a swap');
  }));
"""
_AT_REST = """() => !document.querySelector('[aria-busy=true], .htmx-request, cpse-root:not(:defined)')"""
_LOADS = 50
# What browsers ask every host for by themselves.
_BROWSERS_OWN = ("/favicon.ico",)


@dataclass
class Watch:
    """Gathers what must not happen behind the page: errors of scripts and of the console, requests to strangers.

    `expected` are words of console errors that a test brings about on purpose, such as the status of a refusal.
    """

    hosts: frozenset[str]
    expected: tuple[str, ...] = ()
    faults: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> Self:
        """Begin with everything that happens in a context."""
        context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))
        context.on("console", self._hear)
        context.on("request", self._see)
        context.on("requestfailed", self._miss)
        return self

    def _hear(self, message: ConsoleMessage) -> None:
        address = message.location.get("url", "")
        is_expected = any(words in message.text for words in self.expected)
        if message.type in ("error", "warning") and not is_expected and urlsplit(address).path not in _BROWSERS_OWN:
            self.faults.append(f"console: {message.text} ({address})")

    def _see(self, request: Request) -> None:
        if urlsplit(request.url).netloc not in self.hosts:
            self.faults.append(f"a request to {request.url}")

    def _miss(self, request: Request) -> None:
        # Aborted is what nobody waits for any longer: an older look-up, a page that was left.
        failure = request.failure or ""
        if "ERR_ABORTED" not in failure and not any(words in failure for words in self.expected):
            self.faults.append(f"{request.url}: {failure}")


@dataclass
class Desk:
    """One window. Without `scripted` no script of a page runs; the checks here run nevertheless."""

    page: Page
    sandbox: Sandbox
    watch: Watch
    scripted: bool
    debugger: CDPSession

    @classmethod
    def open(cls, context: BrowserContext, sandbox: Sandbox, watch: Watch, *, scripted: bool) -> "Desk":
        """Open a window in the context."""
        page = context.new_page()
        desk = cls(page, sandbox, watch, scripted, context.new_cdp_session(page))
        desk._let_scripts_run(scripted)
        page.add_init_script(_WATCH_FOCUS)
        return desk

    def check(self) -> None:
        """Hold the page to what holds of every page."""
        self.settle()
        if not self.scripted:
            # The page was read without scripts; axe needs them for itself.
            self._let_scripts_run(True)
        try:
            assert_accessible(self.page)
        finally:
            self._let_scripts_run(self.scripted)
        assert_fits(self.page)
        assert self.page.evaluate("() => window.lostFocus ?? []") == []
        assert self.watch.faults == []

    def settle(self) -> None:
        """Wait until nothing is under way."""
        if self.scripted:
            self.page.wait_for_function(_AT_REST)
        else:
            self.page.wait_for_load_state()

    def _let_scripts_run(self, run: bool) -> None:
        self.debugger.send("Emulation.setScriptExecutionDisabled", {"value": not run})

    def go(self, address: str) -> None:
        """Go to an address of the intranet, or to a whole one."""
        self.page.goto(address if "://" in address else self.sandbox.intranet_url + address)

    def button(self, name: str) -> Locator:
        """The button with exactly this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str) -> Locator:
        """The link with exactly this name."""
        return self.page.get_by_role("link", name=name, exact=True)

    def heading(self, name: str) -> Locator:
        """The heading with exactly this name."""
        return self.page.get_by_role("heading", name=name, exact=True)

    def field(self, label: str) -> Locator:
        """The control with exactly this label, whether it is optional or not."""
        exact = self.page.get_by_label(label, exact=True)
        return exact.or_(self.page.get_by_label(f"{label} (optional)", exact=True))

    def text(self, words: str) -> Locator:
        """The innermost element with these words."""
        return self.page.get_by_text(words)

    @property
    def address(self) -> str:
        """Path and query of the page."""
        parts = urlsplit(self.page.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    @property
    def has_focus(self) -> Locator:
        """What has the focus."""
        return self.page.locator("*:focus")

    # --- the ways that every test goes ---------------------------------------------------------------------------

    def sign_in(self, name: str = "Ines Novak") -> Self:
        """Sign in at the county's identity provider, from the one address that is printed."""
        self.go("/")
        self.page.get_by_role("button", name=name).click()
        expect(self.heading("CPSE Portal User Management")).to_be_visible()
        self.settle()
        return self

    def open_provider(self, name: str) -> None:
        """Search for a provider and open it; the Portal's part is there at the end."""
        self.go("/cpse/providers")
        self.field("Search").fill(name)
        if not self.scripted:
            self.button("Search").click()
        self.link(name).click()
        expect(self.heading("Provider Details")).to_be_visible()
        self.ask_portal()

    def ask_portal(self) -> None:
        """Bring the Portal's part of the page: it comes by itself, or by a link where no script runs."""
        if not self.scripted:
            link = self.page.get_by_role("link", name="Check the CPSE Portal for matches")
            link.or_(self.page.get_by_role("link", name="Show the CPSE Portal Details")).click()
        self.settle()
        expect(self.text("Asking the CPSE Portal…")).to_have_count(0)

    def wait_for_status(self, name: str, status: str) -> None:
        """Load the list until it shows a provider with this status; the server may still be at it."""
        row = self.page.get_by_role("row").filter(has=self.link(name), has_text=status)
        for _ in range(_LOADS):
            self.go(f"/cpse/providers?{urlencode({'q': name})}")
            if row.count():
                return
            self.page.wait_for_timeout(100)
        expect(row).to_be_visible()


OpenDesk = Callable[..., Desk]
