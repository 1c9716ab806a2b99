"""What was built is the same to a browser as its sources are."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import cpse_plugin
from cpse_plugin import assets
from cpse_plugin.assets.building.script import script
from cpse_plugin.assets.building.style import IMPORTANT_LAYERS, LAYERS_AS_WRITTEN

PACKAGE = Path(cpse_plugin.__file__).parent
_RULES = """(css) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return [...sheet.cssRules].map((rule) => rule.cssText);
}"""
# Each module says when it is evaluated and what it sees of the others.
MODULES = {
    "first": """
import { COUNT, next } from './second.js';
import { came } from './waiting.js';
import Third from './third.js';
import './alone.js';
import {
  Box,
} from './second.js';

const secret = 'first'; // a name that others have too
seen.push(`first ${COUNT} ${next()} ${next()} ${Third} ${came} ${new Box().open()} ${secret} ${hoisted()}`);
function hoisted() { return 'hoisted  //  not a comment'; }
""",
    "second": """
/* Comes first: the others need it. */
const secret = 'second';
let count = 0;
export const COUNT = 3;
export function next() { return (count += 1); }
export class Box {
  #inside = secret.replace(/[/'"`]/g, '');

  open() { return this.#inside; }
}
seen.push('second');
""",
    "third": "const secret = 'third';\nseen.push(secret);\nexport default secret;\n",
    "waiting": """
import { COUNT } from './second.js';
seen.push(`waiting ${COUNT}`);
export const came = await new Promise((resolve) => setTimeout(() => resolve('came'), 20));
seen.push(came);
""",
    "alone": "seen.push('alone');\n",
}


@pytest.fixture
def page(browser: Browser) -> Page:
    return browser.new_page()


def test_the_built_stylesheet_has_the_rules_of_the_sources(page: Page) -> None:
    layers = {**IMPORTANT_LAYERS, **LAYERS_AS_WRITTEN}
    sources = [f"@layer {', '.join(layers)};"]
    for layer, names in layers.items():
        texts = ((PACKAGE / "style" / f"{name}.css").read_text(encoding="utf-8") for name in names)
        sources.append(f"@layer {layer} {{ {''.join(texts)} }}")
    rules = rules_of(page, "\n".join(sources))
    assert len(rules) > 200
    assert rules_of(page, assets.find()["cpse.css"].content.decode()) == rules


def rules_of(page: Page, css: str) -> list[str]:
    """The rules as the browser has read them, a line each; beside commas it leaves space as it finds it."""
    lines: list[str] = page.evaluate(_RULES, css)
    return re.sub(r"\s*,\s*", ",", "\n".join(lines).replace(" !important", "")).splitlines()


def test_modules_put_together_do_what_the_modules_do(page: Page, tmp_path: Path) -> None:
    for name, text in MODULES.items():
        (tmp_path / f"{name}.js").write_text(text, encoding="utf-8")
    apart = seen(page, tmp_path, (tmp_path / "first.js").read_text(encoding="utf-8"))
    together = seen(page, tmp_path, script(tmp_path / "first.js", {}))
    assert apart[-1] == "first 3 1 2 third came second first hoisted  //  not a comment"
    assert (together[-1], sorted(together)) == (apart[-1], sorted(apart))
    # Whoever does not need what one module waits for, does not wait for it.
    for order in (apart, together):
        assert order.index("second") < order.index("waiting 3")
        assert order.index("alone") < order.index("came")


def seen(page: Page, folder: Path, text: str) -> list[str]:
    """What a module says, in the order in which it is evaluated with all that it imports."""
    files = {
        f"/{name}": (folder / name).read_text(encoding="utf-8") for name in (path.name for path in folder.iterdir())
    }
    files["/"] = '<!doctype html><script>var seen = []</script><script type="module" src="/entry.js"></script>'
    files["/entry.js"] = text
    page.route(
        "http://localhost/**",
        lambda route: route.fulfill(
            body=files.get(path := route.request.url.removeprefix("http://localhost"), ""),
            content_type="text/html" if path == "/" else "text/javascript",
        ),
    )
    page.goto("http://localhost/")
    page.wait_for_function("() => seen.some((line) => line.startsWith('first'))")
    page.unroute_all()
    found: list[str] = page.evaluate("() => seen")
    return found
