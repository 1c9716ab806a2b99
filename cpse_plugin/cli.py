"""`flask cpse ...`: the operator's commands."""

import csv
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from . import migrate
from .check_cli import check_command
from .domain.cells import harmless
from .npi_cli import npi_commands
from .operations.kind import Operation
from .outbound import COMMAND_SECONDS, time_budget
from .outbound.trace import new_request_id, traced
from .services.database import told_apart
from .services.directory import report_lines
from .services.directory_file import refuse
from .services.directory_text import DirectoryError
from .services.errors import CommitUnknown, DatabaseBusy, DatabaseRefused
from .services.history import HistoryEntry
from .web.parts import parts


class _Commands(AppGroup):
    """Gives each run of a command an id, which is in its lines of the log and goes on to the Portal.

    What the database does not do is said in one line.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        with traced(new_request_id()):
            try:
                with told_apart():
                    return super().invoke(ctx)
            except (DatabaseBusy, DatabaseRefused, CommitUnknown) as error:
                raise click.ClickException(f"the county's database cannot be used: {error}") from error


group = _Commands("cpse", help="The CPSE Portal plugin.")
database = AppGroup("db", help="The plugin's own tables; no table of the host is touched.")
provider_commands = AppGroup("providers", help="The county's providers.")
session_commands = AppGroup("sessions", help="The sessions of staff who signed in at the identity provider.")
group.add_command(database)
group.add_command(session_commands)
group.add_command(provider_commands)
group.add_command(npi_commands)
group.add_command(check_command)


@database.command("upgrade")
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the tables to the version that the code needs."""
    migrate.upgrade(parts().database.engine, revision)
    click.echo(f"The cpse tables are at {migrate.current(parts().database.engine)}.")


@database.command("downgrade")
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Take the tables back to REVISION; `base` removes them and what they hold."""
    migrate.downgrade(parts().database.engine, revision)
    click.echo(f"The cpse tables are at {migrate.current(parts().database.engine) or 'base'}.")


@database.command("current")
def current() -> None:
    """Say which version the tables have and which the code needs."""
    click.echo(f"tables: {migrate.current(parts().database.engine) or 'none'}, code: {migrate.head()}")


@database.command("check")
def check() -> None:
    """Fail where the tables are not as the code needs them."""
    found = migrate.differences(parts().database.engine)
    if found:
        raise click.ClickException("the tables differ from the models:\n" + "\n".join(found))
    click.echo("The cpse tables are as the code needs them.")


@provider_commands.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what the import would do, and do nothing.")
def import_providers(file: Path, dry_run: bool) -> None:
    """Bring in the county's providers from a CSV FILE of its Preschool database; safe to repeat.

    What it would do is said first. A file with a fault in any row changes nothing.
    """
    try:
        report = parts().directory.examine(file)
        for line in report_lines(report):
            click.echo(line)
        refuse(report.refused)
        if dry_run:
            click.echo("This was a dry run: nothing was changed.")
            return
        result = parts().directory.carry_out(report)
    except DirectoryError as error:
        raise click.ClickException(f"{file} cannot be used, and nothing was changed:\n{error}") from error
    click.echo(f"{result.added} added, {result.updated} updated, {result.unchanged} unchanged.")


@session_commands.command("end")
@click.option("--subject", help="The person's `sub` at the identity provider; without it, everybody is signed out.")
def end_sessions(subject: str | None) -> None:
    """Sign a person out at once, or everybody."""
    click.echo(f"{parts().sessions.end_all(subject)} sessions ended.")


@group.command("reconcile")
def reconcile() -> None:
    """Finish what a crash or a fault of the Portal left open; fails where something still needs a person."""
    operations = parts().operations
    with time_budget(COMMAND_SECONDS):
        finished = operations.resume()
        still_open = operations.open_for()
    for operation in finished:
        if not operation.is_open:
            click.echo(f"{'done' if operation.is_done else 'NOT DONE'}: {_told(operation)}")
    for operation in still_open:
        click.echo(f"not known yet: {_told(operation)}")
    if not finished and not still_open:
        click.echo("Nothing was left open.")
    if still_open or any(not operation.is_done for operation in finished):
        sys.exit(1)


def _told(operation: Operation) -> str:
    begun = f"{operation.created_at:%Y-%m-%d %H:%M:%S} UTC by {operation.actor}"
    reason = f" ({operation.failure})" if operation.failure else ""
    return f"{operation.kind.label}, provider {operation.provider_id}, begun {begun}{reason}"


@group.command("history")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    required=True,
    help="Entries of that moment (UTC) and later.",
)
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
def history(since: datetime, form: str) -> None:
    """Write the history to standard output, for an auditor: oldest first, one entry a line."""
    entries = (_flat(entry) for entry in parts().history.since(since.replace(tzinfo=UTC)))
    output = sys.stdout
    if form == "jsonl":
        for entry in entries:
            output.write(json.dumps(entry, ensure_ascii=False) + "\n")
        return
    # Quoted as a whole, a cell holds together where a spreadsheet separates by other signs than the comma.
    writer = csv.writer(output, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(_FIELDS)
    for entry in entries:
        cells = {**entry, "details": json.dumps(entry["details"], ensure_ascii=False)}
        writer.writerow([harmless(str(cells[name])) for name in _FIELDS])


_FIELDS = ("id", "at", "provider_id", "county_provider_id", "provider", "actor", "action", "operation_id", "details")


def _flat(entry: HistoryEntry) -> dict[str, object]:
    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "provider_id": entry.provider_id,
        "county_provider_id": entry.county_provider_id,
        "provider": entry.provider_name,
        "actor": entry.actor,
        "action": entry.action.value,
        "operation_id": entry.operation_id or "",
        "details": entry.details,
    }
