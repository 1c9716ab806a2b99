"""What somebody types finds what is stored, however either of them is written."""

import pytest
from sqlalchemy import select

from cpse_plugin.models import ProviderRow
from cpse_plugin.services.providers import ListQuery
from cpse_plugin.services.records import refresh_derived
from cpse_plugin.web.parts import Parts
from tests.world import READER

STORED = [
    "Siobhán O'Brien",
    "O Brien Therapy",
    "St. Mary's Home",
    "Saint Anne’s House, Inc.",
    "A.B.C. Kids",
    "D E F Kids",
    "Mc Donald Speech",
    "Łukasz Nowak",
    "Ødegaard & Sons",
    "Straßer Ægir",
    "Bird Song Centre",
    "Jo-Ann Smith-Jones",
    "First Steps Assoc.",
    "2-10 River School",
    "???",
]  # fmt: skip


@pytest.fixture
def county(cpse: Parts) -> Parts:
    """A county whose first providers have these names, as an import would store them."""
    with cpse.database.write() as session:
        rows = session.scalars(select(ProviderRow).order_by(ProviderRow.id).limit(len(STORED))).all()
        for row, name in zip(rows, STORED, strict=True):
            row.name = name
            refresh_derived(row)
    return cpse


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("OBrien", "Siobhán O'Brien"),
        ("o’brien siobhan", "Siobhán O'Brien"),
        ("O Brien siob", "Siobhán O'Brien"),
        ("OBrien ther", "O Brien Therapy"),
        ("St Marys", "St. Mary's Home"),
        ("Saint Mary's", "St. Mary's Home"),
        ("StMarys", "St. Mary's Home"),
        ("saint mar", "St. Mary's Home"),
        ("St Annes", "Saint Anne’s House, Inc."),
        ("St. Anne's", "Saint Anne’s House, Inc."),
        ("StAnnes", "Saint Anne’s House, Inc."),
        ("house incorporated", "Saint Anne’s House, Inc."),
        ("ABC Kids", "A.B.C. Kids"),
        ("A.B.C. Kids", "A.B.C. Kids"),
        ("abckids", "A.B.C. Kids"),
        ("DEF Kids", "D E F Kids"),
        ("d.e.f. kids", "D E F Kids"),
        ("McDonald", "Mc Donald Speech"),
        ("Mc Donald", "Mc Donald Speech"),
        ("Lukasz", "Łukasz Nowak"),
        ("ŁUKASZ", "Łukasz Nowak"),
        ("Odegaard", "Ødegaard & Sons"),
        ("odegaard and sons", "Ødegaard & Sons"),
        ("odegaard & sons", "Ødegaard & Sons"),
        ("strasser", "Straßer Ægir"),
        ("aegir", "Straßer Ægir"),
        ("ＢＩＲＤ ｓｏｎｇ", "Bird Song Centre"),
        ("birdsong ctr", "Bird Song Centre"),
        ("birdsong center", "Bird Song Centre"),
        ("joann smith jones", "Jo-Ann Smith-Jones"),
        ("1st steps association", "First Steps Assoc."),
        ("First Steps Associates", "First Steps Assoc."),
        ("2-10 river", "2-10 River School"),
        ("???", "???"),
    ],
)
def test_what_is_typed_finds_what_is_stored(county: Parts, text: str, name: str) -> None:
    found = [row.name for row in county.providers.page(ListQuery(text=text), READER).rows]
    assert name in found
    # Siobhán O'Brien has a namesake in the county, and there is a firm.
    assert len(found) <= 3


@pytest.mark.parametrize(
    "text", ["OBrian", "210 river", "saint annes llc", "one steps", "St. Elsewhere", "a.b.d. kids"]
)
def test_what_is_not_there_is_not_found(county: Parts, text: str) -> None:
    assert county.providers.page(ListQuery(text=text), READER).total == 0


@pytest.mark.parametrize("text", ["tc-1004", "TC1004", "tc 1004", "tc–1004"])
def test_a_number_of_the_preschool_database_is_found_as_people_write_it(cpse: Parts, text: str) -> None:
    assert cpse.providers.page(ListQuery(text=text), READER).total == 1


@pytest.mark.parametrize("text", ["1999-101-045", "199 910 1045", "0499-3188-0104"])
def test_an_identifier_is_found_in_groups(cpse: Parts, text: str) -> None:
    assert [row.name for row in cpse.providers.page(ListQuery(text=text), READER).rows] == [
        "Willow Bend Therapy Group PLLC"
    ]


def test_the_list_is_sorted_without_accents(county: Parts) -> None:
    names = [row.name for row in county.providers.page(ListQuery(), READER).rows]
    assert names.index("Jo-Ann Smith-Jones") < names.index("Łukasz Nowak") < names.index("Mc Donald Speech")
