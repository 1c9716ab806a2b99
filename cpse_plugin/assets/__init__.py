"""The files that browsers get, as they were built: one stylesheet, one script, htmx, and the icon.

A wheel has them. In a checkout `make assets` builds them from their sources, by `building`, which no wheel has.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
# Where they are in the package.
BUILT = Path("static", "built")
# Says under which name each file was built, and from which sources.
MANIFEST = "manifest.json"
ICON, HTMX, SCRIPT, STYLE = "icon.svg", "htmx.js", "cpse.js", "cpse.css"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class AssetsNotBuilt(RuntimeError):
    """The files are missing, or were built from other sources than those that are there."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file. Its name has the first twelve hexadecimal digits of its content's SHA-256 in it.

    `gzipped` is None where compression gains nothing. The content is kept in memory, 0.1 MB in all: a server that has
    started goes on answering with what its pages name while another version is installed over it.
    """

    name: str
    content: bytes
    gzipped: bytes | None
    version: str

    @property
    def mimetype(self) -> str:
        """The media type, without parameters."""
        return TYPES[Path(self.name).suffix]


def version_of(content: bytes) -> str:
    """The first twelve hexadecimal digits of the SHA-256."""
    return hashlib.sha256(content).hexdigest()[:12]


def built_name(source: str, version: str) -> str:
    """`cpse.css` as `cpse-0123456789ab.css`."""
    path = Path(source)
    return f"{path.stem}-{version}{path.suffix}"


def digest_of_sources(package: Path = _PACKAGE) -> str | None:
    """What changes with any of the sources and with how they are built; None where there are none, as in a wheel."""
    folders = [package / "style", package / "static" / "js", package / "assets" / "building"]
    if not all(folder.is_dir() for folder in folders):
        return None
    files = [
        path for folder in (*folders, package / "static" / "vendor") for path in folder.iterdir() if path.is_file()
    ]
    digest = hashlib.sha256()
    for path in sorted((*files, package / "static" / ICON)):
        # The length keeps what belongs to one file from counting for the next.
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def find(package: Path = _PACKAGE) -> Mapping[str, Asset]:
    """The files by the names of their sources, such as `cpse.css`. Raises `AssetsNotBuilt`."""
    built = package / BUILT
    try:
        manifest = json.loads((built / MANIFEST).read_bytes())
        found = {source: _read(built / name) for source, name in manifest["files"].items()}
    except FileNotFoundError as error:
        raise AssetsNotBuilt("The style and the script of the pages have not been built; run `make assets`.") from error
    if digest_of_sources(package) not in (None, manifest["sources"]):
        raise AssetsNotBuilt(
            "The style and the script of the pages were built from other sources than these; run `make assets`."
        )
    return found


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    gzipped = path.with_name(f"{path.name}.gz")
    return Asset(path.name, content, gzipped.read_bytes() if gzipped.exists() else None, version_of(content))
