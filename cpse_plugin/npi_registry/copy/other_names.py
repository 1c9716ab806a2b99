"""The file of other names that CMS puts beside the data: the names under which organizations do business.

The data file has a column for one such name; where it says `<UNAVAIL>`, the names are here.
"""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator

from .archive import NppesFile
from .cut import DOING_BUSINESS_AS
from .errors import CopyError

_COLUMNS = ("NPI", "Provider Other Organization Name", "Provider Other Organization Name Type Code")


def other_names(nppes: NppesFile) -> Iterator[tuple[int, str]]:
    """Each NPI with a *Doing Business As* name, in the file's order; none without such a file. Raises `CopyError`."""
    if nppes.other_names is None:
        return
    name = nppes.other_names.filename
    try:
        with zipfile.ZipFile(nppes.path) as archive, archive.open(nppes.other_names) as file:
            rows = csv.reader(io.TextIOWrapper(file, "utf-8-sig", "replace", newline=""))
            header = [cell.strip() for cell in next(rows, [])]
            missing = [column for column in _COLUMNS if column not in header]
            if missing:
                raise CopyError(f"{name} lacks columns: {', '.join(missing)}")
            npi_at, name_at, type_at = (header.index(column) for column in _COLUMNS)
            for row in rows:
                if len(row) == len(header) and row[type_at] == DOING_BUSINESS_AS and row[npi_at].isdecimal():
                    yield int(row[npi_at]), row[name_at]
    except (zipfile.BadZipFile, zlib.error, csv.Error, EOFError) as error:
        raise CopyError(f"{name} is damaged ({error}); download the file again") from error
