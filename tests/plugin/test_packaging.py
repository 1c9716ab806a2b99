"""The package as a county gets it: built, installed in an empty environment, and mounted into the host of the guide.

Once with the newest versions of what it needs, and once with the lowest that it allows. pip finds the packages as it is
configured on this machine.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "mounting.md"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NOT_SOURCE = shutil.ignore_patterns(
    ".*_cache", ".git", ".venv", ".hypothesis", "__pycache__", "var", "built", "test-results"
)
# What the style and the script of the pages are built of, and by.
BUILT_OF = ("assets/building/", "style/", "static/js/", "static/icon.svg", "static/vendor/htmx-4.0.1.esm")
# One of each kind of file that is no Python module, in case a whole kind were missing here, too.
KINDS = {
    "cpse_plugin/py.typed",
    "cpse_plugin/portal/openapi.yaml",
    "cpse_plugin/templates/cpse/page.html",
    "cpse_plugin/static/built/manifest.json",
    "cpse_plugin/static/vendor/htmx-4.0.1.LICENSE",
    "cpse_plugin/sandbox/data/county_providers.csv",
    "cpse_plugin/sandbox/data/portal.json",
    "cpse_plugin/migrations/env.py",
    "cpse_plugin/migrations/versions/0001_providers_links_operations.py",
}
PROVIDERS = "county_provider_id,name\nTC-1,Bright Harbor Preschool Services\n"
# What a person at a browser does first, as far as it can be done without one.
VISIT = """
import json, re, sys, warnings
warnings.simplefilter("error")
from intranet import app
person = app.test_client()
page = person.get("/cpse/providers", environ_overrides={"REMOTE_USER": "ann"})
files = re.findall(r'(?:href|src)="(/cpse/[^"]+[.](?:css|js|svg)[^"]*)"', page.text)
provider = re.search(r'href="(/cpse/providers/[0-9]+)"', page.text)[1]
profile = person.get(provider, environ_overrides={"REMOTE_USER": "ann"}).text
form = {name: re.search(rf'name="{name}"[^>]* value="([^"]*)"', profile)[1] for name in ("csrf_token", "version")}
saved = person.post(
    provider, data={**form, "type": "agency", "npi": "1999101011"}, environ_overrides={"REMOTE_USER": "ann"}
)
nobody = app.test_client().get("/cpse/providers", follow_redirects=True)
json.dump({
    "status": page.status_code,
    "text": page.text,
    "files": {file: person.get(file).status_code for file in files},
    "saved": [saved.status_code, "1999101011" in person.get(provider, environ_overrides={"REMOTE_USER": "ann"}).text],
    "nobody": nobody.status_code,
}, sys.stdout)
"""


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a program to its end; returns what it wrote, and fails with it where the program does."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, which is built from this working tree."""
    folder = tmp_path_factory.mktemp("build")
    source = shutil.copytree(ROOT, folder / "source", ignore=NOT_SOURCE)
    run(sys.executable, "-m", "build", "--outdir", folder / "dist", source)
    (built,) = (folder / "dist").glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = tuple(f"cpse_plugin/{path}" for path in BUILT_OF)
    package = {path.relative_to(ROOT).as_posix() for path in files_below(ROOT / "cpse_plugin")}
    assert all(any(name.startswith(source) for name in package) for source in sources)
    package = {name for name in package if not name.startswith(sources)}
    migrations = {f"cpse_plugin/{path.relative_to(ROOT).as_posix()}" for path in files_below(ROOT / "migrations")}
    assert held == package | migrations
    assert held >= KINDS


def test_the_wheel_is_built_with_what_the_checkout_is_built_with() -> None:
    building = {Requirement(text) for text in PYPROJECT["build-system"]["requires"]}
    extra = {Requirement(text) for text in PYPROJECT["project"]["optional-dependencies"]["assets"]}
    assert {str(item) for item in building - extra} == {"hatchling>=1.27"}
    assert extra < building
    at_run_time = {Requirement(text).name for text in PYPROJECT["project"]["dependencies"]}
    assert at_run_time & {item.name for item in extra} == set()


def files_below(folder: Path) -> list[Path]:
    """The source files of a folder."""
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def test_the_wheel_says_what_pyproject_says(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = HeaderParser().parsestr(archive.read(name).decode("utf-8"))
    project = PYPROJECT["project"]
    assert (metadata["Name"], metadata["Version"]) == (project["name"], project["version"])
    assert metadata["Requires-Python"] == project["requires-python"]
    needed = {Requirement(text) for text in metadata.get_all("Requires-Dist", []) if ";" not in text}
    assert {str(item) for item in needed} == {str(Requirement(text)) for text in project["dependencies"]}
    assert "# cpse_plugin" in str(metadata.get_payload())


def lowest() -> dict[str, Version]:
    """The lowest version of everything that the package names."""
    found = (Requirement(text) for text in PYPROJECT["project"]["dependencies"])
    bounds = ((item.name, [one.version for one in item.specifier if one.operator == ">="]) for item in found)
    return {canonicalize_name(name): Version(bound) for name, (bound,) in bounds}


@dataclass(frozen=True)
class County:
    """A folder with an environment in which only the wheel was installed, and with the guide's host."""

    folder: Path
    python: Path

    def flask(self, *command: str) -> str:
        """Run a command of the host's `flask`."""
        return self.run("-m", "flask", "--app", "intranet", *command)

    def run(self, *arguments: str) -> str:
        """Run the environment's Python in the folder; nothing of this checkout is in sight."""
        secrets = {"SECRET_KEY": "only for tests", "CPSE_PORTAL_CLIENT_SECRET": "only for tests too"}
        return run(self.python, *arguments, cwd=self.folder, PYTHONPATH="", **secrets)

    def versions(self) -> dict[str, Version]:
        """The version of each package that is installed."""
        code = "from importlib.metadata import *; [print(d.name, d.version) for d in distributions()]"
        lines = self.run("-c", code).splitlines()
        return {canonicalize_name(name): Version(version) for name, version in map(str.split, lines)}


@pytest.fixture(scope="session", params=["newest", "lowest"])
def county(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> County:
    """A county's developer has installed the wheel and copied the host from the guide."""
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    bounds = folder / "constraints.txt"
    pinned = lowest() if request.param == "lowest" else {}
    bounds.write_text("".join(f"{name}=={version}\n" for name, version in pinned.items()), encoding="ascii")
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-compile",
    )
    run(*pip, "--constraint", bounds, wheel)
    (folder / "intranet.py").write_text(host_of_the_guide(), encoding="utf-8")
    (folder / "providers.csv").write_text(PROVIDERS, encoding="utf-8")
    county = County(folder, python)
    assert pinned.items() <= county.versions().items()
    return county


def host_of_the_guide() -> str:
    """The first program in docs/mounting.md."""
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert found is not None
    return found[1]


def test_the_host_of_the_guide_is_as_short_as_it_says() -> None:
    assert len([line for line in host_of_the_guide().splitlines() if line.strip()]) <= 20


def test_the_host_of_the_guide_works_with_what_was_installed(county: County) -> None:
    assert "The cpse tables are at" in county.flask("cpse", "db", "upgrade")
    assert "as the code needs them" in county.flask("cpse", "db", "check")
    assert "1 added" in county.flask("cpse", "providers", "import", "providers.csv")
    seen = json.loads(county.run("-c", VISIT))
    assert seen["status"] == 200
    assert "Ann Archer" in seen["text"]
    assert "Bright Harbor Preschool Services" in seen["text"]
    assert len(seen["files"]) >= 2
    assert set(seen["files"].values()) == {200}
    assert seen["saved"] == [303, True]
    # Nobody whom the host does not name gets in.
    assert seen["nobody"] == 403
