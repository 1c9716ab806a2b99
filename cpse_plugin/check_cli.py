"""`flask cpse check`: whether everything that the plugin needs is in order."""

import sys

import click
from flask import current_app
from flask.cli import with_appcontext

from .check import Mark, findings
from .web.parts import parts

_WIDTH = max(len(mark) for mark in Mark)


@click.command("check")
@with_appcontext
def check_command() -> None:
    """Say in plain words whether database, Portal, identity provider and registry are in order; fails where not."""
    wrong = 0
    for finding in findings(parts(), current_app):
        click.echo(f"{finding.mark:<{_WIDTH}}  {finding.name}: {finding.text}")
        wrong += finding.mark is Mark.NOT_OK
    if wrong:
        click.echo(f"{wrong} NOT OK.")
        sys.exit(1)
    click.echo("All is in order.")
