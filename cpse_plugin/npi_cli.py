"""`flask cpse npi ...`: the local copy of the NPI Registry."""

import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from .npi_registry.copy import CopyError, CopyInfo, LocalCopy, import_file, info_of, update_file
from .npi_registry.copy.verify import compare
from .web.parts import parts

npi_commands = AppGroup("npi", help="The local copy of the NPI Registry.")

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FORCE = click.option("--force", is_flag=True, help="Take a file that is older than the copy, or much smaller.")
_FAILURES_IN_A_ROW = 3
_BETWEEN_DRAWINGS = 0.2
# The lowest priority that there is.
_LOWEST = 19


@npi_commands.command("import")
@click.argument("file", type=_FILE)
@click.option(
    "--names", is_flag=True, help="With an index of names, to search by name in the copy: larger, and takes longer."
)
@_FORCE
def import_command(file: Path, *, names: bool, force: bool) -> None:
    """Make the copy anew from the monthly FILE of CMS, straight from its zip.

    The old copy answers until the new one is complete and checked. Ctrl-C ends the import and leaves the old copy.
    """
    _stand_back()
    progress = _Progress()
    try:
        made = import_file(file, _path(), searchable=names, force=force, progress=progress.show)
    except CopyError as error:
        raise click.ClickException(f"{error}. Nothing was changed.") from error
    finally:
        progress.end()
    click.echo(f"{made.rows:,} providers as of {made.as_of}, in {progress.elapsed:.0f} s.")


@npi_commands.command("update")
@click.argument("file", type=_FILE)
@_FORCE
def update_command(file: Path, *, force: bool) -> None:
    """Bring a weekly FILE of CMS into the copy, entirely or not at all; safe to repeat."""
    _stand_back()
    try:
        done = update_file(file, _path(), force=force)
    except CopyError as error:
        raise click.ClickException(f"{error}. Nothing was changed.") from error
    if done.gap:
        click.echo(
            "Warning: a file is missing between the copy and this one; what changed then is not in the copy.", err=True
        )
    click.echo(f"{done.rows:,} providers, {done.added:,} of them new. {_summary(done.copy)}")


@npi_commands.command("status")
def status() -> None:
    """Say of what day the copy is, how large it is, and which files went into it."""
    path = _path()
    info = _info(path)
    click.echo(_summary(info))
    click.echo(f"{path}, {path.stat().st_size / 1e6:,.0f} MB, {_searched(info)}")
    if not info.has_all_names:
        click.echo(
            "An earlier version made it: names are without Jr. or III, organizations without the names under which "
            "they do business. Import the next monthly file."
        )
    for file in info.files:
        click.echo(f"  {file.applied_at:%Y-%m-%d %H:%M} UTC  {file.name}  {file.rows:,} rows")


@npi_commands.command("verify")
@click.argument("count", type=click.IntRange(1, 1000))
def verify(count: int) -> None:
    """Compare COUNT random entries of the copy with the NPI Registry; fails where they differ.

    Registry data changes every day: a difference in an entry that was changed since the copy's day is none.
    """
    path = _path()
    _info(path)
    same = different = not_asked = in_a_row = 0
    for comparison in compare(LocalCopy(path), parts().registry.api, count):
        in_a_row = in_a_row + 1 if comparison.failure else 0
        not_asked += comparison.failure is not None
        different += bool(comparison.differences)
        same += not comparison.failure and not comparison.differences
        for words in (*comparison.differences, *([comparison.failure] if comparison.failure else ())):
            click.echo(f"{comparison.npi}: {words}")
        if in_a_row == _FAILURES_IN_A_ROW:
            raise click.ClickException("the NPI Registry cannot be asked at present; try again later")
    click.echo(f"{same} the same, {different} different, {not_asked} could not be asked.")
    if different or not_asked:
        sys.exit(1)


def _stand_back() -> None:
    """Let the pages of the intranet come first: an import would take all of a small server's processor."""
    with suppress(OSError, AttributeError):  # Windows has no nice().
        os.nice(_LOWEST)


def _path() -> Path:
    path = parts().settings.npi_local_copy
    if path is None:
        raise click.ClickException("CPSE_NPI_LOCAL_COPY is not set; it names the file of the local copy")
    return path


def _info(path: Path) -> CopyInfo:
    try:
        info = info_of(path)
    except CopyError as error:
        raise click.ClickException(str(error)) from error
    if info is None:
        raise click.ClickException(f"there is no copy at {path} yet; `flask cpse npi import` makes one")
    return info


def _summary(info: CopyInfo) -> str:
    days = (datetime.now(UTC).date() - info.as_of).days
    return f"The copy has {info.rows:,} providers, as of {info.as_of} ({days} days ago)."


def _searched(info: CopyInfo) -> str:
    if info.searchable:
        return "names can be searched in it"
    return "without the index to search it by name, which `import --names` makes"


class _Progress:
    """A line that says how far the import is; nothing where nobody watches."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def show(self, rows: int, share: float) -> None:
        """Draw the line, a few times a second at most."""
        if self._watched and share and time.monotonic() - self._drawn > _BETWEEN_DRAWINGS:
            self._drawn = time.monotonic()
            left = round(self.elapsed * (1 - share) / share)
            bar = "#" * round(share * 30)
            line = f"[{bar:<30}] {share:4.0%}  {rows:>10,} rows  {left // 60}:{left % 60:02} left"
            click.echo(f"\r{line}\x1b[K", nl=False, err=True)

    def end(self) -> None:
        """Leave the line."""
        if self._watched:
            click.echo(err=True)
