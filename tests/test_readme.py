"""The README tells the truth: every setting, every command, and the five lines that mount the plugin."""

import re
from dataclasses import fields
from pathlib import Path

from click import Command, Group
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from cpse_plugin import cli
from cpse_plugin.settings import Settings

from .plugin.hosts import ANN, SETTINGS

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_in_the_table_and_no_other() -> None:
    table = _README.split("## Settings")[1].split("## ")[0]
    documented = set(re.findall(r"`(CPSE_[A-Z_]+)`", " ".join(re.findall(r"^\| (.*?) \|", table, flags=re.MULTILINE))))
    of_the_stand_alone_host = {"CPSE_PROXIES"}
    assert documented == {f"CPSE_{field.name.upper()}" for field in fields(Settings)} | of_the_stand_alone_host


def _commands(group: Group, prefix: str) -> list[str]:
    found: list[str] = []
    for name, command in group.commands.items():
        found += _commands(command, f"{prefix} {name}") if isinstance(command, Group) else [f"{prefix} {name}"]
    return found


def test_every_command_of_flask_cpse_is_named() -> None:
    assert isinstance(cli.group, Command)
    missing = [
        command
        for command in _commands(cli.group, "flask cpse")
        if command not in _README and f"`{command.rsplit(' ', 1)[1]}`" not in _README
    ]
    assert missing == []


def test_every_make_target_that_the_readme_names_is_there() -> None:
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"make ([a-z]+)", _README))
    assert {target for target in named if f"\n{target}:" not in makefile} == set()


def test_the_five_lines_mount_the_plugin() -> None:
    lines = re.search(r"```python\n(.*?)```", _README, flags=re.DOTALL)
    assert lines is not None
    app = Flask("county")
    app.config.update(SETTINGS)
    code = lines[1].replace('url_prefix="/cpse")', 'url_prefix="/cpse", staff_loader=staff_loader)')
    names = {"app": app, "SQLAlchemy": SQLAlchemy, "CSRFProtect": CSRFProtect, "staff_loader": lambda: ANN}
    exec(code, names)
    assert app.test_client().get("/cpse/").status_code == 302
