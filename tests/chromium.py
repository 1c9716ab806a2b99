"""Finds the Chromium that the browser tests drive, and installs Debian's where there is none.

`python -m tests.chromium` is run before the tests. It ends with 0 where a browser is there, and says what to do where
none can be had: the browser tests fail without one, they are never left out.
"""

# What it does is for a person to read.
# ruff: noqa: T201

import os
import shutil
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = "CPSE_CHROMIUM"
# Playwright drives all of them; its own build need not be downloaded.
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HELP = (
    "The browser tests need Chromium or Google Chrome and found none. Install one (on Debian: apt-get install "
    f"chromium), or name its program in the environment variable {ENVIRONMENT}."
)


def find_chromium() -> str | None:
    """The program of a Chromium on this machine; None where there is none."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return named if Path(named).is_file() else None
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


def install() -> bool:
    """Install Debian's package; say whether that could be tried and ended well."""
    as_root = _as_root()
    if as_root is None:
        return False
    print("There is no Chromium on this machine; installing Debian's package chromium.", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"])
    return all(_succeeds([*as_root, *command], environment) for command in commands)


def _as_root() -> list[str] | None:
    """What to put before a command of apt-get to run it as root; None where that cannot be done."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    may_sudo = shutil.which("sudo") is not None and _succeeds(["sudo", "-n", "true"])
    # sudo passes no environment on unless it is told to.
    return ["sudo", "-n", "DEBIAN_FRONTEND=noninteractive"] if may_sudo else None


def _succeeds(command: list[str], environment: dict[str, str] | None = None) -> bool:
    return subprocess.run(command, env=environment, check=False, stdin=subprocess.DEVNULL).returncode == 0


def main() -> int:
    """Make sure of a browser; the result is the exit status."""
    if not find_chromium() and (os.environ.get(ENVIRONMENT) or not install() or not find_chromium()):
        print(HELP, file=sys.stderr)
        return 1
    print(f"Browser for the tests: {find_chromium()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
