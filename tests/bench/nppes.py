"""Makes files of the NPPES's real shape, of any size: 330 quoted columns, about a kilobyte a row, in a zip.

`python -m tests.bench.nppes FILE.zip --rows 1000000` writes one by hand.
"""

import argparse
import csv
import random
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

HEADER = Path(__file__).parent.parent / "npi_registry" / "nppes" / "header.csv"
_ROWS_AT_A_TIME = 2_000
_BETWEEN = '","'
# The modulus is prime, so that steps of the stride come to every number below it once, each far from the last.
_MODULUS = 99_999_989
_STRIDE = 61_631_817
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def _sums(doubled: tuple[bool, bool, bool]) -> list[int]:
    return [
        sum(_DOUBLED[int(digit)] if twice else int(digit) for digit, twice in zip(f"{group:03}", doubled, strict=True))
        for group in range(1000)
    ]


_OUTER, _INNER = _sums((True, False, True)), _sums((False, True, False))


def npi(number: int) -> str:
    """The NPI of the `number`th provider: each number below a hundred million has its own, in no order."""
    nine = 100_000_000 + number * _STRIDE % _MODULUS
    groups, last = divmod(nine, 1000)
    first, middle = divmod(groups, 1000)
    return f"{nine}{-(24 + _OUTER[first] + _INNER[middle] + _OUTER[last]) % 10}"


class Rows:
    """Rows of invented providers that are as long, as empty and as various as those of the real file."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self.header = next(csv.reader(HEADER.read_text(encoding="utf-8").splitlines()))
        self._lasts = self._words(20_000, 4, 11)
        self._firsts = self._words(3_000, 3, 9)
        self._middles = ["", "", *self._words(400, 1, 8), *"ABCDEFGHIJKLMNOPRSTW"]
        self._companies = self._words(15_000, 4, 10)
        self._credentials = ["", "", "MD", "M.D.", "DO", "RN", "LCSW", "PT", "DDS", "CCC-SLP", "OTR/L", "PHARMD", "NP"]
        self._cities = self._words(8_000, 5, 12)
        self._states = [
            "NY",
            "NY",
            "NY",
            "CA",
            "CA",
            "TX",
            "TX",
            "FL",
            "PA",
            "OH",
            "IL",
            "NC",
            "GA",
            "MI",
            "NJ",
            "WA",
            "WI",
        ]
        self._streets = self._words(6_000, 4, 11)
        self._taxonomies = [
            f"{self._random.randrange(101, 400)}{self._random.choice('ABCEGHLMNPRTVX')}"
            f"{self._random.randrange(100000):05}X"[:10]
            for _ in range(800)
        ]
        self._tails = [self._tail() for _ in range(4_000)]

    def row(self, number: int, *, deactivated: bool = False) -> str:
        """One row, with its line end."""
        choice, often = self._random.choice, self._often
        own = npi(number)
        if deactivated:
            return f'"{own}' + _BETWEEN * 39 + "03/03/2021" + _BETWEEN * 290 + '"\n'
        if number % 5 == 4:
            name = f"{often(self._companies)} {often(self._companies)} {choice(('INC', 'LLC', 'PC', 'SERVICES INC.'))}"
            official = f'","{often(self._lasts)}","{often(self._firsts)}","","PRESIDENT","5185550123","'
            head = f'"{own}","2","","<UNAVAIL>","{name}","","","","","","","","","","","","","","","",'
            sex = ""
        else:
            head = (
                f'"{own}","1","","","","{often(self._lasts)}","{often(self._firsts)}","{choice(self._middles)}","",'
                f'"","{choice(self._credentials)}","","","","","","","","","",'
            )
            official, sex = '","","","","","","', choice("FM")
        place = self._place()
        dates = f'"{self._date()}","{self._date()}","","","","{sex}'
        return f"{head}{place}{place}{dates}{official}{choice(self._tails)}"

    def _often(self, words: list[str]) -> str:
        """One of the words; the first of twenty thousand is as common as Smith is in the country, about 0.7 percent."""
        return words[int(len(words) * self._random.random() ** 2)]

    def _place(self) -> str:
        any_of = self._random
        return (
            f'"{any_of.randrange(1, 9999)} {any_of.choice(self._streets)} ST","","{any_of.choice(self._cities)}",'
            f'"{any_of.choice(self._states)}","{any_of.randrange(100000000, 999999999)}","US",'
            f'"{any_of.randrange(2000000000, 9999999999)}","",'
        )

    def _date(self) -> str:
        pick = self._random.randrange
        return f"{pick(1, 13):02}/{pick(1, 29):02}/{pick(2005, 2027)}"

    def _words(self, count: int, shortest: int, longest: int) -> list[str]:
        pick = self._random
        return [
            "".join(pick.choice("AAEEIIOOUBCDFGHKLLMMNNPRRSSTTVWYZ") for _ in range(pick.randint(shortest, longest)))
            for _ in range(count)
        ]

    def _tail(self) -> str:
        """Everything behind the authorized official: fifteen taxonomies, fifty other identifiers, and the end."""
        pick = self._random
        taxonomies = pick.choice((1, 1, 1, 1, 1, 1, 2, 2, 3, 4))
        primary = 0 if pick.random() < 0.7 else pick.randrange(taxonomies)
        cells: list[str] = []
        for place in range(15):
            if place < taxonomies:
                switch = "Y" if place == primary else "N"
                cells += [pick.choice(self._taxonomies), str(pick.randrange(10**6)), pick.choice(self._states), switch]
            else:
                cells += [""] * 4
        others = pick.choice((0, 0, 0, 0, 1, 1, 2, 4))
        for place in range(50):
            cells += [str(pick.randrange(10**8)), "05", pick.choice(self._states), ""] if place < others else [""] * 4
        cells += [pick.choice("NYX"), *[""] * 6, *["193200000X MULTI-SPECIALTY GROUP" if primary else ""], *[""] * 14]
        cells += [self._date()]
        return '","'.join(cells) + '"\n'


def lines(rows: int, *, first: int = 0, deactivated_every: int = 25) -> Iterator[bytes]:
    """The file's bytes, header first, in pieces of some megabytes."""
    maker = Rows(seed=first + 1)
    yield (",".join(f'"{name}"' for name in maker.header) + "\n").encode()
    for start in range(first, first + rows, _ROWS_AT_A_TIME):
        numbers = range(start, min(start + _ROWS_AT_A_TIME, first + rows))
        yield "".join(maker.row(number, deactivated=number % deactivated_every == 7) for number in numbers).encode()


def write(path: Path, rows: int, *, since: date | None = None, until: date = date(2026, 11, 8), first: int = 0) -> Path:
    """Write a zip such as CMS publishes: monthly, or weekly with a `since`. It holds a smaller file beside the data."""
    name = f"npidata_pfile_{since or date(2005, 5, 23):%Y%m%d}-{until:%Y%m%d}.csv"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr("othername_pfile_20050523-20261108.csv", '"NPI","Provider Other Organization Name"\n')
        archive.writestr(name.replace(".csv", "_fileheader.csv"), HEADER.read_text(encoding="utf-8"))
        with archive.open(name, "w", force_zip64=True) as member:
            for piece in lines(rows, first=first):
                member.write(piece)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    chosen = parser.parse_args()
    write(chosen.file, chosen.rows)
