"""No version with a known hole is let in: by what the package asks for, or by what is installed here."""

import tomllib
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

# The first version in which the last hole that concerns a client or a web host like this one is closed.
FLOORS = {
    # CVE-2026-27962 (a key that comes with the token is trusted), CVE-2026-28802 (alg none), CVE-2026-28498 (at_hash
    # fails open), CVE-2025-68158 (state not bound to the browser), CVE-2026-44681.
    "authlib": "1.7.2",
    # What Authlib verifies signatures with; older versions take headers without bounds.
    "joserfc": "1.6.8",
    # CVE-2026-27205: answers that depend on the session without saying so to caches.
    "flask": "3.1.3",
    # CVE-2025-66221, CVE-2026-21860, CVE-2026-27199: names of devices on Windows.
    "werkzeug": "3.1.6",
    # CVE-2024-56201, CVE-2024-56326, CVE-2025-27516: ways out of the sandbox.
    "jinja2": "3.1.6",
    # CVE-2024-47081: credentials of .netrc sent to another host.
    "requests": "2.32.4",
    # Redirects that could not be switched off, and answers that unpack without end.
    "urllib3": "2.6.3",
}


def _requirements() -> dict[str, Requirement]:
    pyproject = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    found = (Requirement(text) for text in pyproject["project"]["dependencies"])
    return {requirement.name.lower(): requirement for requirement in found}


REQUIREMENTS = _requirements()


def test_no_version_below_the_floor_can_be_installed() -> None:
    lower = [
        f"{name} may be {item}"
        for name, floor in FLOORS.items()
        for item in REQUIREMENTS[name].specifier
        if item.operator != ">=" or Version(item.version) < Version(floor)
    ]
    assert lower == []


def test_what_is_installed_is_what_the_package_asks_for() -> None:
    """The other tests then speak of a set of versions that a county can have."""
    other = [
        f"{requirement}, and {version(name)} is installed"
        for name, requirement in REQUIREMENTS.items()
        if not requirement.specifier.contains(version(name), prereleases=True)
    ]
    assert other == []


def test_every_requirement_has_a_least_version_and_no_greatest() -> None:
    """A host must be able to take the next release that closes a hole without waiting for one of the plugin."""
    kinds = {name: {item.operator for item in requirement.specifier} for name, requirement in REQUIREMENTS.items()}
    assert {name: found for name, found in kinds.items() if found != {">="}} == {}
