"""The zip of an NPPES file, read from inside: nothing is ever unpacked to disk."""

import csv
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import IO

from .cut import Layout, MissingColumns
from .errors import CopyError

inflater: ModuleType = zlib
try:
    from isal import isal_zlib
except ImportError:
    pass
else:  # Inflates twice as fast and checks sums five times as fast.
    inflater = isal_zlib

_NAME = re.compile(r"npidata_pfile_(\d{8})-(\d{8})\.csv", re.IGNORECASE)
_OTHER_NAMES = re.compile(r"othername_pfile_\d{8}-\d{8}\.csv", re.IGNORECASE)
# The registry began on this day, and the monthly file, which holds everything, is named from it on.
_BEGINNING = date(2005, 5, 23)
_READ = 128 * 1024
_INFLATED = 1024 * 1024
_LONGEST_ROW = 4 * 1024 * 1024
_ROW_BEGINS = re.compile(rb'"\r?\n(?="\d{10}",")')
_LOCAL_HEADER = 30


@dataclass(frozen=True, slots=True)
class NppesFile:
    """The data file in a zip: what its name says of it, and where it lies; `other_names` is the file beside it."""

    path: Path
    name: str
    since: date
    until: date
    info: zipfile.ZipInfo
    other_names: zipfile.ZipInfo | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it holds the whole registry, as the monthly file does, and not a week's changes."""
        return self.since == _BEGINNING

    @contextmanager
    def reading(self) -> Iterator["Reading"]:
        """Open the data from its start."""
        with self.path.open("rb") as file:
            yield Reading(self, file)


def open_nppes(path: Path) -> NppesFile:
    """Look into a zip as CMS publishes it. Raises `CopyError` for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile:
        raise CopyError(f"{path.name} is no zip file, or only the first part of one; download it again") from None
    except OSError as error:
        raise CopyError(f"{path.name} cannot be read: {error.strerror}") from error
    found = [(match, info) for info in members if (match := _NAME.fullmatch(Path(info.filename).name))]
    if len(found) != 1:
        raise CopyError(f"{path.name} holds no NPPES data (npidata_pfile_....csv); is it the file of the NPI Registry?")
    match, info = found[0]
    since, until = _date(match[1]), _date(match[2])
    if until > latest_day():
        raise CopyError(f"{path.name} is of {until}, a day that is still to come; are its name and this clock right?")
    if since > until:
        raise CopyError(f"{path.name} ends on {until}, before it begins; is its name right?")
    if info.compress_type not in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED) or info.flag_bits & 1:
        raise CopyError(f"{path.name} is compressed in a way that cannot be read here; pack it anew with deflate")
    others = next((info for info in members if _OTHER_NAMES.fullmatch(Path(info.filename).name)), None)
    return NppesFile(path, info.filename, since, until, info, others)


def latest_day() -> date:
    """The last day that anything can be of; a clock, or a place west of it, may be a day behind."""
    return datetime.now(UTC).date() + timedelta(days=1)


def _date(digits: str) -> date:
    try:
        return datetime.strptime(digits, "%Y%m%d").date()  # noqa: DTZ007
    except ValueError:
        raise CopyError(f"the data file's name has {digits} where a date belongs") from None


class Reading:
    """One pass over the data. `share` tells how much of it is behind us; the layout is known once it has begun."""

    def __init__(self, nppes: NppesFile, file: IO[bytes]) -> None:
        self._nppes = nppes
        self._file = file
        self._left = nppes.info.compress_size
        self._pieces = self._inflated()
        self._carried, self.layout = self._header()

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return 1 - self._left / max(self._nppes.info.compress_size, 1)

    def chunks(self) -> Iterator[bytes]:
        """The rows behind the header, in chunks of about a megabyte that end where a row ends."""
        rest = self._carried
        for piece in self._pieces:
            data = rest + piece
            end = _last_row_begins(data)
            if end:
                yield data[:end]
                rest = data[end:]
            elif len(data) > _LONGEST_ROW:
                raise CopyError(f"{self._nppes.name} has a row that does not end: {data[:40]!r}")
            else:
                rest = data
        if rest.strip():
            yield rest.rstrip(b"\r\n")

    def _header(self) -> tuple[bytes, Layout]:
        data = b""
        while b"\n" not in data:
            piece = next(self._pieces, b"")
            if not piece or len(data) > _LONGEST_ROW:
                raise CopyError(f"{self._nppes.name} is empty or has no header")
            data += piece
        line, _, rest = data.partition(b"\n")
        try:
            header = next(csv.reader([line.decode("utf-8-sig")]))
            return rest, Layout.of(header)
        except MissingColumns as error:
            raise CopyError(f"{self._nppes.name} lacks columns: {error}") from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise CopyError(f"{self._nppes.name} has no readable header ({error})") from error

    def _inflated(self) -> Iterator[bytes]:
        """Inflate the member in bounded pieces, and hold its sum and size against those in the zip's directory."""
        info, checksum, size = self._nppes.info, 0, 0
        self._file.seek(info.header_offset)
        header = self._file.read(_LOCAL_HEADER)
        self._file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
        for piece in self._stored() if info.compress_type == zipfile.ZIP_STORED else self._deflated():
            checksum = inflater.crc32(piece, checksum)
            size += len(piece)
            yield piece
        if size != info.file_size or checksum != info.CRC:
            raise CopyError(f"{self._nppes.path.name} is damaged (its sum is wrong); download it again")

    def _stored(self) -> Iterator[bytes]:
        while self._left and (data := self._file.read(min(_INFLATED, self._left))):
            self._left -= len(data)
            yield data

    def _deflated(self) -> Iterator[bytes]:
        stream = inflater.decompressobj(-zlib.MAX_WBITS)
        try:
            while self._left and (data := self._file.read(min(_READ, self._left))):
                self._left -= len(data)
                while data:
                    yield stream.decompress(data, _INFLATED)
                    data = stream.unconsumed_tail
            yield stream.flush()
        except inflater.error as error:
            raise CopyError(f"{self._nppes.path.name} is damaged ({error}); download it again") from error


def _last_row_begins(data: bytes) -> int:
    """Where the last row of `data` begins; 0 where only one does. A line end in a cell is none of a row."""
    at = len(data)
    while (at := data.rfind(b'\n"', 0, at)) > 0:
        match = _ROW_BEGINS.match(data, at - 1) or _ROW_BEGINS.match(data, at - 2)
        if match:
            return match.end()
    return 0
