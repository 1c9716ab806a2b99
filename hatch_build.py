"""Builds the style and the script of the pages when a wheel is made, and when a checkout is installed."""

import importlib
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsHook(BuildHookInterface[Any]):
    """The wheel then holds what was built, and not its sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build before the files are gathered."""
        # Without the package around it, which imports what is not there while a wheel is made.
        sys.path.insert(0, str(Path(self.root) / "cpse_plugin"))
        importlib.import_module("assets.building").build_if_old()
