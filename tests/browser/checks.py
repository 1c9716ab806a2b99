"""What holds of every page that a person can come to, as the browser shows it."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Frame, Locator, Page

AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
_AXE_SOURCE = AXE.read_text(encoding="utf-8")

# Everything that axe knows, the rules of good practice too.
_RUN_AXE = "() => axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations)"

_WIDTHS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"

# What stands in a box and reaches out of it on the left or right. Text for screen readers alone is clipped on purpose.
_OUT_OF_ITS_BOX = """() => {
  const found = [];
  for (const box of document.querySelectorAll('.cpse-table-wrap, .cpse-panel, .cpse-dialog, .cpse-main, main')) {
    const outer = box.getBoundingClientRect();
    for (const element of box.querySelectorAll('*')) {
      const inner = element.getBoundingClientRect();
      const hidden = element.closest('.cpse-visually-hidden, .visually-hidden, noscript') || !inner.width;
      if (!hidden && (inner.left < outer.left - 1 || inner.right > outer.right + 1)) {
        found.push(`${element.tagName} "${element.textContent.trim().slice(0, 40)}" in .${box.className}`);
      }
    }
  }
  return found;
}"""

_COLORS = """(element) => {
  const colors = [getComputedStyle(element).color];
  for (let behind = element; behind; behind = behind.parentElement) {
    const color = getComputedStyle(behind).backgroundColor;
    if (!/^rgba\\(.*, 0\\)$/.test(color)) return [...colors, color];
  }
  return [...colors, 'rgb(255, 255, 255)'];
}"""


def violations(page: Page | Frame) -> list[str]:
    """What axe-core finds wrong on the page, one line for each rule and element.

    The debugger brings axe in, so that the page's Content-Security-Policy stays as it is.
    """
    if page.evaluate("() => typeof axe") == "undefined":
        page.evaluate(_AXE_SOURCE)
    found: list[dict[str, Any]] = page.evaluate(_RUN_AXE)
    return [f"{rule['id']}: {node['html'][:120]} ({rule['help']})" for rule in found for node in rule["nodes"]]


def assert_accessible(page: Page | Frame) -> None:
    """Hold the page to every rule of axe-core."""
    found = violations(page)
    assert not found, f"{page.url} ({page.title()}): " + "\n".join(found)


def assert_fits(page: Page) -> None:
    """Hold the page to its window: nothing to scroll sideways, nothing that sticks out of the box it stands in."""
    content, window = page.evaluate(_WIDTHS)
    assert content <= window, f"{page.url} is {content} px wide in a window of {window} px"
    sticking_out = page.evaluate(_OUT_OF_ITS_BOX)
    assert not sticking_out, f"{page.url} at {window} px: {sticking_out}"


def colors_of(element: Locator) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The color of an element's text and the one behind it, each as red, green and blue."""
    text, behind = (tuple(map(float, re.findall(r"[\d.]+", color)[:3])) for color in element.evaluate(_COLORS))
    return text, behind


def contrast_of(element: Locator) -> float:
    """The contrast of an element's text as WCAG 2 measures it, from 1 to 21."""
    darker, lighter = sorted(_luminance(color) for color in colors_of(element))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: tuple[float, ...]) -> float:
    shares = (value / 255 for value in color)
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
