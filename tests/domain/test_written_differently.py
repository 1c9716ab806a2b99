"""Two values that may be one, written in two ways: what is the same, what is written differently, what is different."""

import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from cpse_plugin.domain import postal
from cpse_plugin.domain.differences import FieldComparison, Outcome, compare
from cpse_plugin.domain.providers import Address, ProviderType

from .test_differences import ADDRESS, COUNTY, PORTAL

SAME, WRITTEN, DIFFERENT = Outcome.SAME, Outcome.WRITTEN_DIFFERENTLY, Outcome.DIFFERENT


def of_names(county: str, portal: str, provider_type: ProviderType | None = ProviderType.AGENCY) -> FieldComparison:
    profile = replace(COUNTY.profile, type=provider_type)
    fields = compare(replace(COUNTY, name=county, profile=profile), replace(PORTAL, name=portal, type=profile.type))
    return fields[0]


def of_addresses(county: Address, portal: Address) -> FieldComparison:
    return compare(replace(COUNTY, address=county), replace(PORTAL, address=portal))[4]


def of_streets(county: str, portal: str) -> FieldComparison:
    return of_addresses(replace(ADDRESS, line1=county), replace(ADDRESS, line1=portal))


def of_phones(county: str, portal: str) -> FieldComparison:
    return compare(replace(COUNTY, phone=county), replace(PORTAL, phone=portal))[5]


@pytest.mark.parametrize(
    ("county", "portal", "outcome"),
    [
        ("Step by Step, Inc.", "STEP BY STEP INC", SAME),
        ("A.B.C. Kids", "ABC Kids", SAME),
        ("Łukasz & Ødegård", "LUKASZ & ODEGARD", SAME),
        ("Smith & Jones", "Smith and Jones", WRITTEN),
        ("St. Mary's Home", "Saint Marys Home", WRITTEN),
        ("Main Street Preschool", "Main St. Preschool", WRITTEN),
        ("Bright Harbor, Inc.", "Bright Harbor Incorporated", WRITTEN),
        ("ABC LLC", "ABC Limited Liability Company", WRITTEN),
        ("A.B.C. Therapy Ctr., L.L.C.", "ABC Therapy Center LLC", WRITTEN),
        ("Bright Co.", "Bright Company", WRITTEN),
        ("Kids Corp", "Kids Corporation", WRITTEN),
        ("Day Care Centre", "Daycare Ctr", WRITTEN),
        ("Speech Assoc.", "Speech Associates", WRITTEN),
        ("Speech Assoc.", "Speech Association", WRITTEN),
        ("N. Shore Kids", "North Shore Kids", WRITTEN),
        ("First Steps", "1st Steps", WRITTEN),
        ("Mt. Hope School", "Mount Hope School", WRITTEN),
        ("Troy CSD", "Troy Central School District", WRITTEN),
        ("O’Brien Svcs", "OBrien Services", WRITTEN),
        ("Dr. Martin Preschool", "Doctor Martin Preschool", WRITTEN),
        ("Speech Associates", "Speech Association", DIFFERENT),
        ("Main Saint", "Main St", DIFFERENT),
        ("Street Mary", "St Mary", DIFFERENT),
        ("Dr. Martin", "Martin Drive", DIFFERENT),
        ("Smith & Jones", "Smith Jones", DIFFERENT),
        ("A+ Kids", "A Kids", DIFFERENT),
        ("Bright Harbor Inc", "Bright Harbor LLC", DIFFERENT),
        ("Bright Harbor Inc", "Bright Harbor", DIFFERENT),
        ("24/7 Kids", "247 Kids", DIFFERENT),
        ("Step by Step 1-2", "Step by Step 12", DIFFERENT),
        ("Step 1½", "Step 11/2", DIFFERENT),
        ("Kids²", "Kids 3", DIFFERENT),
        ("Smith, Jones", "Jones Smith", DIFFERENT),
    ],
)
def test_names_of_agencies(county: str, portal: str, outcome: Outcome) -> None:
    assert of_names(county, portal).outcome is of_names(portal, county).outcome is outcome


@pytest.mark.parametrize(
    ("county", "portal", "outcome"),
    [
        ("Smith, John", "John Smith", WRITTEN),
        ("SMITH, JOHN A.", "John A Smith", WRITTEN),
        ("Jane Smith, MS, CCC-SLP", "Jane Smith", WRITTEN),
        ("Jane Smith OTR/L", "Smith, Jane", WRITTEN),
        ("Dr. Jane Smith", "Jane Smith, Ph.D.", WRITTEN),
        ("O'Brien, Mary Ann", "Mary Ann OBrien", WRITTEN),
        ("Núñez, José", "Jose Nunez", WRITTEN),
        ("de la Cruz, Maria", "Maria de la Cruz", WRITTEN),
        ("Smith Jr., John", "John Smith Junior", WRITTEN),
        ("Smith John", "John Smith", DIFFERENT),
        ("Smith, John Jr.", "John Smith", DIFFERENT),
        ("John Smith II", "Smith, John III", DIFFERENT),
        ("John A Smith", "Smith, John", DIFFERENT),
        ("Jane Smith (Jones)", "Smith, Jane", DIFFERENT),
        ("Jane Smith, SLP, P.C.", "Jane Smith", DIFFERENT),
        ("Smith, Jane", "Jane Smyth", DIFFERENT),
    ],
)
def test_names_of_people(county: str, portal: str, outcome: Outcome) -> None:
    for one, other in ((county, portal), (portal, county)):
        assert of_names(one, other, ProviderType.INDIVIDUAL).outcome is outcome
        assert of_names(one, other, None).outcome is outcome


@pytest.mark.parametrize(
    ("county", "portal", "outcome"),
    [
        ("100 Main St.", "100 MAIN ST", SAME),
        ("P.O. Box 12", "PO Box 12", SAME),
        ("100 Main St #5", "100 Main St, 5", SAME),
        ("100 Main Street", "100 Main St", WRITTEN),
        ("100 Main St Ste 5", "100 Main Street, Suite 5", WRITTEN),
        ("100 Main St # 5", "100 Main Street Suite 5", WRITTEN),
        ("100 Main St Apt. 5", "100 Main St Apartment 5", WRITTEN),
        ("Suite 5, 100 Main St", "100 Main Street, Ste 5", WRITTEN),
        ("12 N. Main St", "12 North Main Street", WRITTEN),
        ("12 Main St N.E.", "12 Main Street Northeast", WRITTEN),
        ("Post Office Box 12", "P.O. Box 12", WRITTEN),
        ("RR 2 Box 30", "Rural Route 2 Box 30", WRITTEN),
        ("12 St. James Street", "12 Saint James St", WRITTEN),
        ("10 E 5 St", "10 East 5th Street", WRITTEN),
        ("10 E Fifth St", "10 East 5th Street", WRITTEN),
        ("100 Main St, 3rd Floor", "100 Main Street, Fl 3", WRITTEN),
        ("100 Main St, Third Floor", "100 Main Street, Fl 3", WRITTEN),
        ("One Main St", "1 Main Street", WRITTEN),
        ("12½ Main St", "12 1/2 Main Street", WRITTEN),
        ("12 Lake Crescent", "12 Lake Cres", WRITTEN),
        ("c/o Kids, 12 Main St", "Care of Kids, 12 Main Street", WRITTEN),
        ("2-10 River Rd", "210 River Rd", DIFFERENT),
        ("2-10 River Rd", "210 River Road", DIFFERENT),
        ("1/2 River Rd", "12 River Rd", DIFFERENT),
        ("1.2 River Rd", "12 River Rd", DIFFERENT),
        ("1 2 River Rd", "12 River Rd", DIFFERENT),
        ("12½ Main St", "121/2 Main Street", DIFFERENT),
        ("100 Main St Apt 1", "100 Main Street Apt 2", DIFFERENT),
        ("100 Main St Apt 5", "100 Main St Ste 5", DIFFERENT),
        ("100 Main St Ste 5-6", "100 Main St Ste 56", DIFFERENT),
        ("12 North St", "12 N St", DIFFERENT),
        ("12 Main St", "12 S Main St", DIFFERENT),
        ("10 E 5 St", "10 W 5 St", DIFFERENT),
        ("12 Main Saint", "12 Main St", DIFFERENT),
        ("4 Dr Martin", "4 Martin Dr", DIFFERENT),
        ("100 Main St", "100 Main Ave", DIFFERENT),
        ("Main & 5th", "Main & 6th", DIFFERENT),
        ("PO Box 12", "12 Box St", DIFFERENT),
        ("1 Main St, Suite 10", "11 Main Street, Suite 0", DIFFERENT),
    ],
)
def test_streets(county: str, portal: str, outcome: Outcome) -> None:
    assert of_streets(county, portal).outcome is of_streets(portal, county).outcome is outcome


@pytest.mark.parametrize(
    ("county", "portal", "outcome"),
    [
        ({"postal_code": "12888"}, {"postal_code": "12888-1234"}, SAME),
        ({"postal_code": "128881234"}, {"postal_code": "12888-1234"}, SAME),
        ({"postal_code": "12888-9999"}, {"postal_code": "12888-1234"}, DIFFERENT),
        ({"postal_code": ""}, {"postal_code": "12888"}, DIFFERENT),
        ({"postal_code": "128"}, {"postal_code": "12888"}, DIFFERENT),
        ({"postal_code": "1288"}, {"postal_code": "12888-1234"}, DIFFERENT),
        ({"postal_code": "128881"}, {"postal_code": "12888"}, DIFFERENT),
        ({"postal_code": "?"}, {"postal_code": "!"}, DIFFERENT),
        ({"city": "St. Johnsville"}, {"city": "Saint Johnsville"}, WRITTEN),
        ({"city": "N Tonawanda"}, {"city": "North Tonawanda"}, WRITTEN),
        ({"city": "Mt. Vernon"}, {"city": "Mount Vernon"}, WRITTEN),
        ({"city": "Ft. Plain", "line1": "1 Main St"}, {"city": "Fort Plain", "line1": "1 Main Street"}, WRITTEN),
        ({"city": "Troy"}, {"city": "Albany"}, DIFFERENT),
        ({"city": "Troy", "line1": "1 Main St"}, {"city": "Albany", "line1": "1 Main Street"}, DIFFERENT),
        ({"state": "NJ", "line1": "1 Main St"}, {"state": "NY", "line1": "1 Main Street"}, DIFFERENT),
        ({"line1": "1 Main St", "line2": "Suite 5"}, {"line1": "1 Main Street Ste 5"}, WRITTEN),
        ({"line1": "1", "line2": "2 Main St"}, {"line1": "12 Main St"}, DIFFERENT),
    ],
)
def test_addresses(county: dict[str, str], portal: dict[str, str], outcome: Outcome) -> None:
    one, other = replace(ADDRESS, **county), replace(ADDRESS, **portal)
    assert of_addresses(one, other).outcome is of_addresses(other, one).outcome is outcome


@pytest.mark.parametrize(
    ("county", "portal", "outcome"),
    [
        ("(518) 555-0100", "1-518-555-0100", SAME),
        ("518.555.0100 ext. 12", "(518) 555-0100 x12", SAME),
        ("518-555-0100 x1", "518-555-01001", DIFFERENT),
        ("518-555-0100 x12", "518-555-0100", DIFFERENT),
        ("518-555-KIDS", "518-555-DOGS", DIFFERENT),
    ],
)
def test_phones(county: str, portal: str, outcome: Outcome) -> None:
    assert of_phones(county, portal).outcome is of_phones(portal, county).outcome is outcome


@pytest.mark.parametrize(("county", "portal", "outcome"), [("0101-0001 0000", "010100010000", SAME)])
def test_identifiers_are_grouped_as_people_do_and_never_by_a_point(county: str, portal: str, outcome: Outcome) -> None:
    def of_codes(one: str, other: str) -> Outcome:
        profile = replace(COUNTY.profile, sed_code=one)
        return compare(replace(COUNTY, profile=profile), replace(PORTAL, sed_code=other))[3].outcome

    assert of_codes(county, portal) is outcome
    assert of_codes("01010001000.0", "010100010000") is DIFFERENT


def test_written_differently_is_neither_an_alarm_nor_silence() -> None:
    field = of_names("Smith & Jones", "Smith and Jones")
    assert (field.differs, field.agrees) == (False, False)
    assert (field.county, field.portal) == ("Smith & Jones", "Smith and Jones")


def marked(field: FieldComparison) -> tuple[str, str]:
    county, portal = (
        "".join(f"[{part.text}]" if part.differs else part.text for part in parts)
        for parts in (field.county_parts, field.portal_parts)
    )
    return county, portal


@pytest.mark.parametrize(
    ("field", "parts"),
    [
        (
            of_names("Step by Step Early Learning Inc", "Step by Step Learning Center Incorporated"),
            ("Step by Step [Early] Learning Inc", "Step by Step Learning [Center] Incorporated"),
        ),
        (
            of_streets("2-10 River Road", "210 River Rd"),
            ("[2-10] River Road, Albany, NY 12207", "[210] River Rd, Albany, NY 12207"),
        ),
        (
            of_addresses(replace(ADDRESS, line2="Suite 2"), ADDRESS),
            ("1 Main Street, [Suite 2,] Albany, NY 12207", "1 Main Street, Albany, NY 12207"),
        ),
        (
            of_addresses(replace(ADDRESS, postal_code="12208"), ADDRESS),
            ("1 Main Street, Albany, NY [12208]", "1 Main Street, Albany, NY [12207]"),
        ),
        (of_phones("(518) 555-0100", "518-555-0190"), ("(518) 555-01[0]0", "518-555-01[9]0")),
        (of_phones("518-555-0100", "5185550"), ("[518-555-0100]", "[5185550]")),
        (of_names("Main Saint", "Main St"), ("Main [Saint]", "Main [St]")),
        (of_names("Green Door", "Blue Window"), ("[Green Door]", "[Blue Window]")),
        (of_names("Smith & Jones", "Smith and Jones"), ("Smith & Jones", "Smith and Jones")),
        (of_names("Step", "Step"), ("Step", "Step")),
    ],
)
def test_the_part_that_differs_is_marked(field: FieldComparison, parts: tuple[str, str]) -> None:
    assert marked(field) == parts


def test_one_digit_among_twelve_is_marked() -> None:
    field = compare(COUNTY, replace(PORTAL, sed_code="010100010900"))[3]
    assert marked(field) == ("010100010[0]00", "010100010[9]00")


@pytest.mark.parametrize("text", ["", "?", "12", "\x00", "a" * 5000, "()", "1 " * 200, "李 12", "& & &", "St", "c/o"])
def test_whatever_is_no_address_and_no_name_is_compared_plainly(text: str) -> None:
    assert of_streets(text + "1", text + "1").outcome is SAME
    assert of_streets(text + "1", text + "2").outcome is DIFFERENT
    assert of_names(text + " x1", text + " x2", None).outcome is DIFFERENT


def test_where_the_library_fails_the_plain_comparison_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scourgify", None)
    monkeypatch.setitem(sys.modules, "nameparser", None)
    assert of_streets("12 N Main St, Unit 1", "12 N Main Street, Unit 1").outcome is WRITTEN
    assert of_streets("Suite 5, 100 Main St", "100 Main St, Suite 5").outcome is DIFFERENT
    assert of_names("Smith, John", "John Smith", ProviderType.INDIVIDUAL).outcome is DIFFERENT


def test_what_the_library_loses_is_not_lost() -> None:
    # It drops the second street of a corner.
    assert not postal.addresses_written_alike(
        replace(ADDRESS, line1="Main & 5th"), replace(ADDRESS, line1="Main & Elm")
    )


def test_many_threads_compare_at_once() -> None:
    wrong: list[int] = []

    def work(start: int) -> None:
        for number in range(start, start + 60):
            if (
                of_streets(f"{number} N Main St Ste {number}", f"{number} North Main St # {number}").outcome
                is not WRITTEN
            ):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(100, 900, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_libraries_are_loaded_when_they_are_first_needed() -> None:
    script = (
        "import sys, cpse_plugin\n"
        "from tests.domain.test_differences import COUNTY, PORTAL, compare\n"
        "compare(COUNTY, PORTAL)\n"
        "print(sorted({'scourgify', 'usaddress', 'nameparser', 'yaml'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
