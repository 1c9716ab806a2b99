"""The files that browsers get: the vendored one is the released one, and our own styles reach nothing of a host's."""

import hashlib
import re
from pathlib import Path

import cpse_plugin

STATIC = Path(cpse_plugin.__file__).parent / "static"
HTMX = STATIC / "vendor" / "htmx-4.0.1.esm.min.js"
RELEASED_SHA256 = "df982506d1529a193f6073f568ec821d4ae8db761bdb0ef07bd6a3d5eace0b2e"
# What may stand where a selector stands and is no selector.
AT_RULES = ("@layer", "@media", "@container", "@keyframes")


def test_htmx_is_byte_for_byte_the_released_file() -> None:
    assert hashlib.sha256(HTMX.read_bytes()).hexdigest() == RELEASED_SHA256


def test_the_checksum_beside_htmx_is_the_one_that_sha256sum_checks() -> None:
    assert HTMX.with_name(HTMX.name + ".sha256").read_text() == f"{RELEASED_SHA256}  {HTMX.name}\n"


def test_htmx_says_the_version_that_its_name_says() -> None:
    assert 'this.version="4.0.1"' in HTMX.read_text()


def test_htmx_comes_with_its_licence() -> None:
    assert "Zero-Clause BSD" in HTMX.with_name("htmx-4.0.1.LICENSE").read_text()


def test_every_style_of_ours_stands_below_our_own_element() -> None:
    css = re.sub(r"/\*.*?\*/", "", (STATIC / "cpse.css").read_text(), flags=re.DOTALL)
    prelude = re.findall(r"([^{};]+)\{", re.sub(r"@keyframes [^{]+\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", css))
    selectors = [rule.strip() for rule in prelude if not rule.strip().startswith(AT_RULES)]
    assert len(selectors) > 100
    strays = [rule for rule in selectors for one in _top_level(rule) if not re.match(r"\.cpse(?![\w-])", one)]
    assert strays == []


def test_our_own_files_ask_for_nothing_that_a_strict_policy_refuses() -> None:
    css = (STATIC / "cpse.css").read_text()
    script = (STATIC / "cpse.js").read_text()
    assert "url(" not in css
    assert "@import" not in css
    assert not re.search(r"\beval\(|new Function|innerHTML\s*=|\.style\b|\.cssText", script)


def _top_level(selector_list: str) -> list[str]:
    """Split a list of selectors at its commas, not at those within brackets."""
    depth, parts = 0, [""]
    for character in selector_list:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]
