"""The files that browsers get: the vendored one is the released one, and our own ask for nothing that is refused."""

import hashlib
import re
from pathlib import Path

import cpse_plugin

STATIC = Path(cpse_plugin.__file__).parent / "static"
HTMX = STATIC / "vendor" / "htmx-4.0.1.esm.min.js"
RELEASED_SHA256 = "df982506d1529a193f6073f568ec821d4ae8db761bdb0ef07bd6a3d5eace0b2e"


def test_htmx_is_byte_for_byte_the_released_file() -> None:
    assert hashlib.sha256(HTMX.read_bytes()).hexdigest() == RELEASED_SHA256


def test_the_checksum_beside_htmx_is_the_one_that_sha256sum_checks() -> None:
    assert HTMX.with_name(HTMX.name + ".sha256").read_text() == f"{RELEASED_SHA256}  {HTMX.name}\n"


def test_htmx_says_the_version_that_its_name_says() -> None:
    assert 'this.version="4.0.1"' in HTMX.read_text()


def test_htmx_comes_with_its_licence() -> None:
    assert "Zero-Clause BSD" in HTMX.with_name("htmx-4.0.1.LICENSE").read_text()


def test_our_own_script_asks_for_nothing_that_a_strict_policy_refuses() -> None:
    scripts = {path.name: path.read_text() for path in (STATIC / "js").glob("*.js")}
    assert "cpse.js" in scripts
    # A custom property that a script sets through an element's own `style` is no inline style.
    refused = re.compile(r"\beval\(|new Function|innerHTML\s*=|\.style\b(?!\.setProperty\('--)|\.cssText")
    assert [name for name, script in scripts.items() if refused.search(script)] == []
