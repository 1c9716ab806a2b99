"""Cuts the rows of an NPPES file down to what the local copy keeps, and sorts what it has cut.

The import runs this file as a process of its own, twice, because most of its work is done here. Therefore it uses the
standard library alone and imports nothing of the package: importing the package would load Flask and SQLAlchemy into
each of the processes, which costs more time than a weekly file takes to read and more memory than all of the cutting.

A row becomes one text, its NPI first: `NPI kind | name | first name | middle name | credential | taxonomy code | city |
state | deactivated | reactivated | addition`, with the separator below for the bars and without what is empty at its
end. An organization has its name where a person has the last name, and its *Doing Business As* name where a person has
the suffix of the name, as the addition. What is known of a deactivated NPI is the date.
"""

import csv
import json
import os
import signal
import string
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

SEPARATOR = "\x1f"
KEY_LENGTH = 48
_NPI_LENGTH = 10
_SEPARATORS_WITH_ADDITION = 10
_BUCKET = 3
_ROWS_IN_MEMORY = 40_000
_LINES_OF_A_ROW = 50
_BETWEEN = '","'
DOING_BUSINESS_AS = "3"
_SWITCHES = frozenset({"", "Y", "N", "X"})

_TAXONOMIES = 15
_COLUMNS = {
    "npi": "NPI",
    "kind": "Entity Type Code",
    "organization": "Provider Organization Name (Legal Business Name)",
    "last": "Provider Last Name (Legal Name)",
    "first": "Provider First Name",
    "middle": "Provider Middle Name",
    "credential": "Provider Credential Text",
    "city": "Provider Business Practice Location Address City Name",
    "state": "Provider Business Practice Location Address State Name",
    "updated": "Last Update Date",
    "deactivated": "NPI Deactivation Date",
    "reactivated": "NPI Reactivation Date",
    "suffix": "Provider Name Suffix Text",
    "other": "Provider Other Organization Name",
    "other_type": "Provider Other Organization Name Type Code",
}


class MissingColumns(ValueError):
    """The header lacks columns; the text names them."""


class UnreadableRow(ValueError):
    """A row is not what the header promises; the text says which row and why."""


class Layout(NamedTuple):
    """Where in a row the needed columns stand. `taxonomies` pairs each taxonomy code with its primary switch."""

    columns: int
    npi: int
    kind: int
    organization: int
    last: int
    first: int
    middle: int
    credential: int
    city: int
    state: int
    updated: int
    deactivated: int
    reactivated: int
    suffix: int
    other: int
    other_type: int
    taxonomies: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, header: Sequence[str]) -> "Layout":
        """Find the columns by their names. Raises `MissingColumns`."""
        at = {name.strip(): position for position, name in enumerate(header)}
        pairs = [
            (f"Healthcare Provider Taxonomy Code_{n}", f"Healthcare Provider Primary Taxonomy Switch_{n}")
            for n in range(1, _TAXONOMIES + 1)
        ]
        missing = [name for name in (*_COLUMNS.values(), *pairs[0]) if name not in at]
        if missing:
            raise MissingColumns(", ".join(missing))
        taxonomies = [(at[code], at[switch]) for code, switch in pairs if code in at and switch in at]
        return cls(columns=len(header), taxonomies=taxonomies, **{key: at[name] for key, name in _COLUMNS.items()})


def cutter(layout: Layout) -> Callable[[str], list[str]]:
    """Make the function that turns a text of whole lines into cut rows; it raises `UnreadableRow`.

    A line is split only as far as the primary switch of its first taxonomy, by the three characters between two quoted
    cells. What comes out is believed where it looks right: ten digits, a kind, a date and a switch in their places, and
    no quote. Any other line is left to the csv module, with as many of the lines behind it as its row takes.
    """
    (_, npi_at, kind_at, organization_at, last_at, first_at, middle_at, credential_at) = layout[:8]
    (city_at, state_at, updated_at, deactivated_at, reactivated_at) = layout[8:13]
    (suffix_at, other_at, other_type_at) = layout[13:16]
    taxonomies = layout.taxonomies
    code_at, switch_at = taxonomies[0]
    splits = max(*layout[1:16], code_at, switch_at) + 1
    s = SEPARATOR

    def packed(cells: list[str]) -> str:
        kind = cells[kind_at]
        if kind == "":
            return f"{cells[npi_at]}{s}{s}{s}{s}{s}{s}{s}{s}{cells[deactivated_at]}{s}"
        switch = cells[switch_at]
        taxonomy = cells[code_at] if switch == "Y" else primary(cells) if switch else ""
        if kind == "1":
            row = (
                f"{cells[npi_at]}1{s}{cells[last_at]}{s}{cells[first_at]}{s}{cells[middle_at]}"
                f"{s}{cells[credential_at]}{s}{taxonomy}{s}{cells[city_at]}{s}{cells[state_at]}"
            )
            addition = cells[suffix_at]
        else:
            row = (
                f"{cells[npi_at]}{kind}{s}{cells[organization_at]}{s}{s}{s}{s}"
                f"{taxonomy}{s}{cells[city_at]}{s}{cells[state_at]}"
            )
            addition = cells[other_at] if cells[other_type_at] == DOING_BUSINESS_AS else ""
        deactivated = cells[deactivated_at]
        if deactivated or addition:
            row = f"{row}{s}{deactivated}{s}{cells[reactivated_at] if deactivated else ''}"
        return f"{row}{s}{addition}" if addition else row

    def primary(cells: list[str]) -> str:
        for code, switch in taxonomies:
            if switch >= len(cells) - 1:
                rest = cells.pop()
                cells += rest.split(_BETWEEN, switch + 1 - len(cells))
            if cells[switch] == "Y":
                return cells[code]
        return ""

    def cut(text: str) -> list[str]:
        rows: list[str] = []
        add = rows.append
        lines = iter(_lines(text))
        for line in lines:
            cells = line[1:].split(_BETWEEN, splits)
            if len(cells) > splits and cells[switch_at] in _SWITCHES and _is_whole(line):
                kind = cells[kind_at]
                npi = cells[npi_at]
                dated = cells[updated_at] if kind else cells[deactivated_at]
                if len(npi) == _NPI_LENGTH and npi.isdigit() and kind in ("1", "2", "") and dated[2:3] == "/":
                    try:
                        row = packed(cells)
                    except IndexError:
                        row = '"'
                    if '"' not in row:
                        add(row)
                        continue
            if line:
                add(packed(_checked(_row_of(line, lines, layout.columns), layout)))
        return rows

    return cut


def _is_whole(line: str) -> bool:
    """Whether a line begins and ends as a row does; one that a cell breaks off behind a quote of its own does not."""
    return line[0] == '"' and line[-1] == '"' and (line[-2] != '"' or line.endswith('",""'))


def _lines(text: str) -> list[str]:
    # Not splitlines(): it breaks lines at half a dozen other characters, which stand in some names.
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if SEPARATOR in text:
        text = text.replace(SEPARATOR, " ")
    return text.split("\n")


def _row_of(line: str, following: Iterator[str], columns: int) -> list[str]:
    """Read a row that begins with `line` the slow way, taking lines from `following` until it is whole."""
    taken = line
    for _ in range(_LINES_OF_A_ROW):
        with suppress(csv.Error):
            rows = list(csv.reader([taken], strict=True))
            if len(rows) == 1 and len(rows[0]) >= columns:
                return [" ".join(cell.split("\n")) for cell in rows[0]]
        more = next(following, None)
        if more is None:
            break
        taken += "\n" + more
    raise UnreadableRow(f"the row that begins with {line[:40]!r} does not parse")


def _checked(cells: list[str], layout: Layout) -> list[str]:
    """Make sure that a row read the slow way is one of a provider."""
    npi, kind = cells[layout.npi], cells[layout.kind]
    if len(cells) != layout.columns:
        raise UnreadableRow(f"the row of NPI {npi[:20]!r} has {len(cells)} columns, not {layout.columns}")
    if len(npi) != _NPI_LENGTH or not (npi.isascii() and npi.isdigit()):
        raise UnreadableRow(f"the row that begins with {','.join(cells)[:40]!r} has no NPI")
    if kind not in ("1", "2") and not (kind == "" and cells[layout.deactivated]):
        raise UnreadableRow(f"the row of NPI {npi} is of the unknown kind {kind[:20]!r}")
    return cells


_FOLDED = {
    code: character.lower() if character.isalnum() else " " for code, character in enumerate(map(chr, range(128)))
}
_LETTERS = frozenset(string.ascii_letters)


def fold_ascii(value: str) -> str:
    """What the domain's `fold_words` makes of an ASCII text, several times as fast; empty for one of signs alone."""
    return value.lower() if value.isalpha() else " ".join(value.translate(_FOLDED).split())


def name_entry(row: str) -> str | None:
    """The entry of a cut row in the index of names: key, state and NPI. None where that takes more than this.

    A row does that is to be folded by the domain, and one of an organization with a second name.
    """
    if not row.isascii() or (row[_NPI_LENGTH] == "2" and row.count(SEPARATOR) == _SEPARATORS_WITH_ADDITION):
        return None
    kind, name, first, _, _, _, _, state = row.split(SEPARATOR)[:8]
    folded, folded_first = fold_ascii(name), fold_ascii(first)
    if not folded or (first and not folded_first):
        return None
    key = f"{kind[-1]}{folded},{folded_first}" if first else f"{kind[-1]}{folded}"
    return f"{key[:KEY_LENGTH]}{SEPARATOR}{state}{SEPARATOR}{row[:_NPI_LENGTH]}"


class _Buckets:
    """Rows on disk, apart by their first characters; each bucket fits into memory."""

    def __init__(self, directory: Path, kind: str, worker: int) -> None:
        self.kind = kind
        self._directory = directory
        self._worker = worker
        self._buckets: defaultdict[str, list[str]] = defaultdict(list)
        self._keys: set[str] = set()

    def add(self, rows: list[str]) -> None:
        buckets = self._buckets
        for row in rows:
            buckets[row[:_BUCKET]].append(row)

    def flush(self) -> list[str]:
        for key, rows in self._buckets.items():
            with bucket_file(self._directory, self.kind, key, self._worker).open("ab") as file:
                file.write(("\n".join(rows) + "\n").encode())
        self._keys.update(self._buckets)
        self._buckets.clear()
        return sorted(self._keys)


def bucket_file(directory: Path, kind: str, key: str, worker: int | None = None) -> Path:
    """The file of a bucket as one worker has cut it, or, without a worker, sorted and from all of them."""
    origin = "sorted" if worker is None else str(worker)
    return directory / f"{kind}-{key.encode().hex()}-{origin}"


def _sort(directory: Path, kind: str, key: str, workers: int) -> None:
    rows: list[str] = []
    for worker in range(workers):
        part = bucket_file(directory, kind, key, worker)
        with suppress(FileNotFoundError):
            rows += part.read_bytes().decode().split("\n")[:-1]
            part.unlink()
    rows.sort()
    bucket_file(directory, kind, key).write_bytes("\n".join(rows).encode())


class _Cutting:
    """What one process cuts, from the first chunk to the last."""

    def __init__(self, directory: Path, orders: dict[str, Any]) -> None:
        self._directory = directory
        self._search = orders["search"]
        self._cut = cutter(Layout(*orders["layout"]))
        self._rows, self._names, self._odd = self._all = [
            _Buckets(directory, kind, orders["worker"]) for kind in ("rows", "names", "odd")
        ]
        self._slots: dict[str, FileIO] = {}
        self._in_memory = 0
        # One for all chunks: to get and give back a megabyte a thousand times costs as much as to cut it.
        self._chunk = bytearray()

    def cut(self, slot: str, length: int) -> int:
        """Cut the chunk that stands in a slot; returns how many rows it had."""
        if slot not in self._slots:
            self._slots[slot] = (self._directory / slot).open("rb", buffering=0)
        self._slots[slot].seek(0)
        if length > len(self._chunk):
            self._chunk = bytearray(length)
        self._slots[slot].readinto(memoryview(self._chunk)[:length])
        rows = self._cut(str(memoryview(self._chunk)[:length], "utf-8", "replace"))
        self._rows.add(rows)
        if self._search:
            self._add_names([row for row in rows if row[_NPI_LENGTH] != SEPARATOR])
        self._in_memory += len(rows)
        if self._in_memory >= _ROWS_IN_MEMORY:
            self.flush()
        return len(rows)

    def flush(self) -> dict[str, object]:
        """Put everything on disk; returns the keys of all buckets so far."""
        self._in_memory = 0
        return {buckets.kind: buckets.flush() for buckets in self._all}

    def _add_names(self, rows: list[str]) -> None:
        entries = [name_entry(row) for row in rows]
        self._names.add([entry for entry in entries if entry])
        if None in entries:
            self._odd.add([row for row, entry in zip(rows, entries, strict=True) if entry is None])


def _work(directory: Path, orders: Iterator[dict[str, Any]], answer: Callable[[dict[str, object]], None]) -> None:
    """Do what the import orders, and answer each order with the outcome."""
    first = next(orders)
    cutting = _Cutting(directory, first)
    for order in orders:
        if "slot" in order:
            answer({"rows": cutting.cut(order["slot"], order["length"])})
        elif "kind" in order:
            _sort(directory, order["kind"], order["key"], first["workers"])
            answer({})
        else:
            answer(cutting.flush())


def _main() -> None:
    # The import itself answers Ctrl-C; it then closes the pipe, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def answer(content: dict[str, object]) -> None:
        sys.stdout.write(json.dumps(content) + "\n")
        sys.stdout.flush()

    try:
        _work(Path(sys.argv[1]), map(json.loads, sys.stdin), answer)
    except BrokenPipeError:
        # The import was killed, and nobody wants the rest.
        os._exit(1)
    except (UnreadableRow, OSError) as error:
        answer({"error": str(error)})


if __name__ == "__main__":
    _main()
