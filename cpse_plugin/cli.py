"""`flask cpse ...`: the operator's commands."""

from pathlib import Path

import click
from flask.cli import AppGroup

from . import migrate
from .services.directory import DirectoryError
from .web.parts import parts

group = AppGroup("cpse", help="The CPSE Portal plugin.")
database = AppGroup("db", help="The plugin's own tables; no table of the host is touched.")
provider_commands = AppGroup("providers", help="The county's providers.")
group.add_command(database)
group.add_command(provider_commands)


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
def import_providers(file: Path) -> None:
    """Bring in the county's providers from a CSV FILE of its Preschool database; safe to repeat."""
    try:
        result = parts().directory.import_file(file)
    except DirectoryError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{result.added} added, {result.updated} updated, {result.unchanged} unchanged.")
