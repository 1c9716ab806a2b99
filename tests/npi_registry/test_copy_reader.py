"""Questions to the local copy: look-ups, search by name, many threads, a file that is missing or broken."""

import random
import threading
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cpse_plugin.domain.identifiers import Npi
from cpse_plugin.domain.registry import NpiRecord, ProviderKind
from cpse_plugin.domain.text import fold_words
from cpse_plugin.npi_registry.copy import LocalCopy, import_file
from cpse_plugin.npi_registry.copy.cut import SEPARATOR, fold_ascii, name_entry
from cpse_plugin.npi_registry.copy.names import entries
from cpse_plugin.npi_registry.copy.verify import compare
from cpse_plugin.npi_registry.gateway import NameQuery, RegistryUnavailable

from . import nppes_files as nppes
from .nppes_files import organization, person, row, text_of, zipped
from .test_copy_import import imported, silent

PEOPLE = [
    person("1841293990", "SMITH", "JOHN", state="NY"),
    person("1205839255", "SMITH", "JOHNNY", state="VT"),
    person("1073516027", "SMITHERS", "JOHN", state="NY"),
    person("1245233295", "SMITH-JONES", "MARY", state="NY"),
    person("1699778746", "O'BRIEN", "ÁINE", state="NY"),
    organization("1477556462", "SMITH PEDIATRIC THERAPY, INC.", state="NY"),
    organization("1811990948", "SMITH", state="NJ"),
    organization("1306849450", "-", state="NJ"),
    row("1891798849", deactivated="11/13/2017"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> LocalCopy:
    return imported(tmp_path_factory.mktemp("copy"), text_of(PEOPLE))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (
            NameQuery("smith"),
            [
                "JOHN SMITH",
                "JOHNNY SMITH",
                "SMITH",
                "MARY SMITH-JONES",
                "JOHN SMITHERS",
                "SMITH PEDIATRIC THERAPY, INC.",
            ],
        ),
        (NameQuery("SMITH", "john"), ["JOHN SMITH", "JOHNNY SMITH", "JOHN SMITHERS"]),
        (NameQuery("smi", "jo", state="ny"), ["JOHN SMITH", "JOHN SMITHERS"]),
        (NameQuery("smith", state="VT"), ["JOHNNY SMITH"]),
        (NameQuery("smith", kind=ProviderKind.ORGANIZATION), ["SMITH", "SMITH PEDIATRIC THERAPY, INC."]),
        (NameQuery("Smith Pediatric Therapy Inc"), ["SMITH PEDIATRIC THERAPY, INC."]),
        (NameQuery("smith", "john", kind=ProviderKind.ORGANIZATION), []),
        (NameQuery("O’Brien", "aine"), ["ÁINE O'BRIEN"]),
        (NameQuery("s"), []),
        (NameQuery(""), []),
        (NameQuery("nobody"), []),
        (NameQuery("%_"), []),
    ],
)
def test_search(copy: LocalCopy, query: NameQuery, names: list[str]) -> None:
    found = copy.search(query)
    assert found is not None
    assert [record.name for record in found.records] == names


def test_search_gives_fifty_at_most_the_best_first(tmp_path: Path) -> None:
    from tests.bench.nppes import npi

    rows = [person(npi(number), "SMITHSON" if number % 2 else "SMITH", f"A{number:03}") for number in range(120)]
    found = imported(tmp_path, text_of(rows)).search(NameQuery("smith"))
    assert found is not None
    assert len(found.records) == 50
    assert all(record.name.endswith("SMITH") for record in found.records)


def test_without_the_index_search_says_so(tmp_path: Path) -> None:
    copy = imported(tmp_path, text_of(PEOPLE), searchable=False)
    assert copy.search(NameQuery("smith")) is None
    assert copy.look_up(Npi("1841293990")).record is not None


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_folding_in_the_import_is_the_folding_of_the_search(text: str) -> None:
    folded = fold_ascii(text)
    assert folded == fold_words(text) or (not folded and not any(character.isalnum() for character in text))


@given(st.tuples(*[st.text(st.characters(max_codepoint=300, exclude_characters=SEPARATOR), max_size=30)] * 2))
@example(("SMITH", "."))
def test_both_ways_to_an_entry_lead_to_the_same(names: tuple[str, str]) -> None:
    last, first = names
    packed = SEPARATOR.join(["1", last, first, "", "", "", "", "NY"])
    fast = name_entry("1841293990" + packed)
    assert fast is None or {tuple(fast.split(SEPARATOR))} == entries("1841293990", packed)


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 400])
def test_a_missing_or_broken_file_is_unavailable_and_heals(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "copy"
    if content is not None:
        path.write_bytes(content)
    copy = LocalCopy(path)
    for ask in (lambda: copy.look_up(Npi("1841293990")), lambda: copy.search(NameQuery("smith")), lambda: copy.as_of):
        with pytest.raises(RegistryUnavailable):
            ask()
    import_file(zipped(tmp_path / "in.zip", text_of(PEOPLE)), path, progress=silent)
    assert copy.look_up(Npi("1841293990")).record is not None


def test_half_a_file_is_unavailable_or_right(tmp_path: Path) -> None:
    """Never the answer that an NPI does not exist."""
    whole = imported(tmp_path, nppes.sample_text())
    records = {cells["NPI"]: whole.look_up(Npi(cells["NPI"])).record for cells in nppes.sample()}
    content = (tmp_path / "copy").read_bytes()
    half = tmp_path / "half"
    half.write_bytes(content[: len(content) // 2])
    copy = LocalCopy(half)
    unavailable = 0
    for npi, record in records.items():
        try:
            assert copy.look_up(Npi(npi)).record == record
        except RegistryUnavailable:
            unavailable += 1
    assert unavailable


def test_readers_see_one_file_or_the_next_while_it_is_replaced(tmp_path: Path) -> None:
    copy = imported(tmp_path, text_of([person("1841293990", "ROUND", "0")]))
    stop, wrong = threading.Event(), []

    def read() -> None:
        last = 0
        while not stop.is_set():
            record = copy.look_up(Npi("1841293990")).record
            round_seen = int(record.name.split()[0]) if record else -1
            if round_seen < last:
                wrong.append((last, record))
            last = round_seen

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(1, 6):
        file = zipped(tmp_path / "in.zip", text_of([person("1841293990", "ROUND", str(number))]))
        import_file(file, tmp_path / "copy", progress=silent)
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert copy.look_up(Npi("1841293990")).record == NpiRecord("1841293990", ProviderKind.INDIVIDUAL, "5 ROUND")


class Api:
    """A registry that has what it is given, and cannot be asked about the rest."""

    def __init__(self, records: dict[str, NpiRecord | None]) -> None:
        self.records = records

    def look_up(self, npi: Npi) -> NpiRecord | None:
        if npi.digits not in self.records:
            raise RegistryUnavailable("no answer")
        return self.records[npi.digits]

    def search(self, query: NameQuery) -> list[NpiRecord]:
        raise RegistryUnavailable("not asked here")

    def ping(self) -> None:
        raise RegistryUnavailable("not asked here")


def test_verify_names_what_differs(copy: LocalCopy) -> None:
    same = NpiRecord("1841293990", ProviderKind.INDIVIDUAL, "John Smith", state="NY")
    moved = NpiRecord("1205839255", ProviderKind.INDIVIDUAL, "JOHNNY SMITH", state="NY")
    api = Api({same.npi: same, moved.npi: moved, "1891798849": None, "1073516027": None})
    seen = {one.npi: one for one in compare(copy, api, 200, chance=random.Random(1))}
    assert seen["1841293990"].differences == ()
    assert seen["1205839255"].differences == ("state: 'VT' in the copy, 'NY' in the registry",)
    assert seen["1891798849"].differences == ()
    assert seen["1073516027"].differences == ("active in the copy, not in the registry",)
    assert seen["1477556462"].failure == "no answer"
