"""The files that browsers get. Their address has a version in it, so that they can be kept for a year."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

STATIC = Path(__file__).resolve().parents[1] / "static"
SCRIPTS = tuple(sorted(f"js/{path.name}" for path in (STATIC / "js").glob("*.js")))
HTMX = "vendor/htmx-4.0.1.esm.min.js"


def version_of(contents: Iterable[bytes]) -> str:
    """The first twelve hexadecimal digits of the SHA-256 of what browsers get."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:12]


def static_version() -> str:
    """The version of all static files together: a script names the others relative to itself, so all have the same."""
    files = sorted(path for path in STATIC.rglob("*") if path.is_file())
    return version_of(content for path in files for content in (path.name.encode(), path.read_bytes()))
