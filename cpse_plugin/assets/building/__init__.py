"""Builds what browsers get from its sources: when a wheel is made, and by `make assets` in a checkout.

Only the sandbox and the tests build while they run. The names of the files change with their content, and nothing here
depends on when a file was written: the same sources make the same bytes.
"""

import gzip
import json
import os
from pathlib import Path

from .. import (
    BUILT,
    HTMX,
    ICON,
    MANIFEST,
    SCRIPT,
    STYLE,
    AssetsNotBuilt,
    built_name,
    digest_of_sources,
    find,
    version_of,
)
from .script import script
from .style import stylesheet

PACKAGE = Path(__file__).resolve().parents[2]
_PART = ".part"


def build_if_old(package: Path = PACKAGE) -> None:
    """Build where files are missing or their sources have changed. Raises what `build` raises."""
    try:
        find(package)
    except AssetsNotBuilt:
        build(package)


def build(package: Path = PACKAGE) -> None:
    """Build everything from the sources in the package's folder. Raises `StyleError`, `ScriptError`.

    Two may build at once, as tests do in several processes: each file is there as a whole or not at all, and the
    manifest, which names the others, comes last.
    """
    built = package / BUILT
    built.mkdir(parents=True, exist_ok=True)
    files = {
        source: (built_name(source, version_of(content)), content) for source, content in _contents(package).items()
    }
    kept = {MANIFEST}
    for name, content in files.values():
        _write(built / name, content)
        kept.add(name)
        gzipped = gzip.compress(content, mtime=0)
        if len(gzipped) < len(content):
            _write(built / f"{name}.gz", gzipped)
            kept.add(f"{name}.gz")
    names = {source: name for source, (name, _) in files.items()}
    manifest = {"sources": digest_of_sources(package), "files": names}
    _write(built / MANIFEST, f"{json.dumps(manifest, indent=2)}\n".encode())
    for path in built.iterdir():
        if path.name not in kept and path.suffix != _PART:
            path.unlink(missing_ok=True)


def _contents(package: Path) -> dict[str, bytes]:
    """What each file has in it, by the name of its source."""
    modules = package / "static" / "js"
    htmx = script(modules / HTMX, {}).encode()
    return {
        STYLE: stylesheet(package / "style").encode(),
        SCRIPT: script(modules / SCRIPT, {HTMX: built_name(HTMX, version_of(htmx))}).encode(),
        HTMX: htmx,
        ICON: (package / "static" / ICON).read_bytes(),
    }


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}{_PART}")
    part.write_bytes(content)
    part.replace(path)
