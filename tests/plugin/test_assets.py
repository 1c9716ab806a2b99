"""The files that browsers get: how they are built of their sources, noticed to be old, and served."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import cpse_plugin
from cpse_plugin import assets
from cpse_plugin.assets import AssetsNotBuilt, building

from .hosts import host

ROOT = Path(cpse_plugin.__file__).parents[1]
YEAR = "public, max-age=31536000, immutable"
# Of style and of script, as it goes over the wire.
MOST_BYTES = 6_500
WORDS = "run `make assets`"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package's folder, to be changed."""
    return shutil.copytree(ROOT / "cpse_plugin", tmp_path / "cpse_plugin", ignore=shutil.ignore_patterns("built"))


@pytest.fixture
def client() -> FlaskClient:
    return host(staff_loader=lambda: None).test_client()


def built(package: Path) -> dict[str, bytes]:
    """What a build of the package makes."""
    building.build(package)
    return {path.name: path.read_bytes() for path in (package / assets.BUILT).iterdir()}


# --- building ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cpse.css", "cpse.js"])
def test_what_every_page_needs_is_small(name: str) -> None:
    compressed = assets.find()[name].gzipped
    assert compressed is not None
    assert 1_000 < len(compressed) <= MOST_BYTES


def test_the_same_sources_make_the_same_bytes(package: Path) -> None:
    assert built(package) == built(package)


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("style/words.css", {"cpse.css"}),
        ("static/js/rows.js", {"cpse.js"}),
        # The script names htmx, so it changes along.
        ("static/js/htmx.js", {"cpse.js", "htmx.js"}),
        ("static/icon.svg", {"icon.svg"}),
    ],
)
def test_a_file_has_another_name_when_a_source_of_it_changes(package: Path, source: str, changed: set[str]) -> None:
    def names() -> dict[str, str]:
        found: dict[str, str] = json.loads(built(package)["manifest.json"])["files"]
        return found

    before = names()
    words = {".css": ".cpse b { top: 0 }", ".js": "console.log(1);\n", ".svg": "<!-- 1 -->"}[Path(source).suffix]
    with (package / source).open("a", encoding="utf-8") as file:
        file.write(words)
    assert {name for name, is_now in names().items() if is_now != before[name]} == changed
    # What was built before is gone.
    assert len(built(package)) == 2 * len(before) + 1


def test_htmx_is_in_the_built_file_to_the_letter(package: Path) -> None:
    released = (package / "static" / "vendor" / "htmx-4.0.1.esm.min.js").read_text(encoding="utf-8")
    assert released.removesuffix("export default htmx;") in assets.find()["htmx.js"].content.decode()


# --- missing and old --------------------------------------------------------------------------------------------------


def test_files_of_other_sources_are_noticed_by_what_stands_in_the_sources(package: Path) -> None:
    with pytest.raises(AssetsNotBuilt, match=WORDS):
        assets.find(package)
    building.build(package)
    before = assets.find(package)
    rows = package / "static" / "js" / "rows.js"
    text = rows.read_text(encoding="utf-8")
    rows.write_text(f"{text}\n// More.\n", encoding="utf-8")
    with pytest.raises(AssetsNotBuilt, match=WORDS):
        assets.find(package)
    # It is the content that counts, and not when it was written.
    rows.write_text(text, encoding="utf-8")
    assert assets.find(package) == before
    (package / "style" / "more.css").touch()
    building.build_if_old(package)
    assert assets.find(package) == before


def test_a_manifest_without_its_files_is_as_good_as_none(package: Path) -> None:
    building.build(package)
    for path in (package / assets.BUILT).glob("cpse-*"):
        path.unlink()
    with pytest.raises(AssetsNotBuilt, match=WORDS):
        assets.find(package)


def test_a_package_without_its_sources_takes_what_was_built(package: Path) -> None:
    """As a wheel is."""
    building.build(package)
    before = assets.find(package)
    for folder in ("style", "static/js", "assets/building"):
        shutil.rmtree(package / folder)
    assert assets.find(package) == before


def python(package: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python with a copy of the package in the place of this one."""
    command = [sys.executable, "-W", "ignore", *words]
    return subprocess.run(command, cwd=package.parent, capture_output=True, text=True, timeout=120, check=False)


def test_a_checkout_that_was_not_built_says_what_to_run_and_the_sandbox_builds_it(package: Path) -> None:
    shutil.copytree(ROOT / "tests" / "plugin", package.parent / "tests" / "plugin")
    mount = "from tests.plugin.hosts import host; host()"
    refused = python(package, "-c", mount)
    assert refused.stderr.strip().rpartition("\n")[2].endswith(f"{WORDS}.")
    done = python(package, "-c", f"from cpse_plugin.sandbox.runner import Sandbox; Sandbox().stop(); {mount}")
    assert done.returncode == 0, done.stderr


# --- serving ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cpse.css", "cpse.js", "htmx.js", "icon.svg"])
def test_anybody_gets_a_file_and_keeps_it_for_a_year(client: FlaskClient, name: str) -> None:
    asset = assets.find()[name]
    answer = client.get(f"/cpse/static/{asset.name}")
    assert (answer.status_code, answer.data) == (200, asset.content)
    assert answer.mimetype == asset.mimetype
    assert answer.headers["Cache-Control"] == YEAR
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8, *;q=0.1", "*"])
def test_who_takes_it_compressed_gets_it_so(client: FlaskClient, accepted: str) -> None:
    asset = assets.find()["cpse.css"]
    answer = client.get(f"/cpse/static/{asset.name}", headers={"Accept-Encoding": accepted})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.data) == asset.content
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert answer.headers["Cache-Control"] == YEAR


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "*;q=0"])
def test_nobody_gets_it_compressed_who_does_not_take_it_so(client: FlaskClient, accepted: str) -> None:
    asset = assets.find()["cpse.css"]
    answer = client.get(f"/cpse/static/{asset.name}", headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer.headers
    assert answer.data == asset.content
    # A cache in between must not hand one form to somebody who takes the other.
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_file_that_is_there_already_is_not_sent_again(client: FlaskClient) -> None:
    address = f"/cpse/static/{assets.find()['cpse.js'].name}"
    tags = []
    for taken in ({}, {"Accept-Encoding": "gzip"}):
        tags.append(client.get(address, headers=taken).headers["ETag"])
        again = client.get(address, headers={**taken, "If-None-Match": tags[-1]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Cache-Control"] == YEAR
        assert again.headers["Vary"] == "Accept-Encoding"
    assert len(set(tags)) == 2


def test_a_page_of_the_version_before_gets_the_present_file_and_keeps_nothing(client: FlaskClient) -> None:
    answer = client.get("/cpse/static/cpse-0123456789ab.css")
    assert (answer.status_code, answer.data) == (200, assets.find()["cpse.css"].content)
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_server_goes_on_while_another_version_is_installed_over_it(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    building.build(package)
    monkeypatch.setattr(assets.find, "__defaults__", (package,))
    client = host(staff_loader=lambda: None).test_client()
    monkeypatch.undo()
    shutil.rmtree(package / assets.BUILT)
    for asset in assets.find().values():
        assert client.get(f"/cpse/static/{asset.name}").data == asset.content
