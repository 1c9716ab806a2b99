"""Every captured answer of the real registry is read rightly."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cpse_plugin.domain.identifiers import is_npi
from cpse_plugin.domain.registry import NpiRecord, ProviderKind
from cpse_plugin.npi_registry import answers

RESPONSES = Path(__file__).parent / "nppes" / "responses"


def person(
    npi: str, name: str, credential: str | None, taxonomy: str, city: str, state: str, **dates: Any
) -> NpiRecord:
    return NpiRecord(
        npi, ProviderKind.INDIVIDUAL, name, credential, primary_taxonomy=taxonomy, city=city, state=state, **dates
    )


def organization(npi: str, name: str, taxonomy: str, city: str, state: str, *known_as: str) -> NpiRecord:
    return NpiRecord(
        npi,
        ProviderKind.ORGANIZATION,
        name,
        primary_taxonomy=taxonomy,
        city=city,
        state=state,
        doing_business_as=known_as,
    )


CSP = organization("1568946812", "CSP ANESTHESIA LLC", "Anesthesiology", "VILLA RICA", "GA")
VASCULAR = "Surgery Vascular Surgery"

RECORDS: dict[str, list[NpiRecord]] = {
    "idx52522756344_npi1_1003127655": [
        person("1003127655", "MOUSTAFA MOATAZ ABOSHADY", "M.D.", "Hospitalist", "LOS ALAMITOS", "CA"),
    ],
    "idx61914378145_npi2_1770626038_2026-08": [
        organization("1770626038", "INOVA FAIRFAX HOSPITAL", "General Acute Care Hospital", "FALLS CHURCH", "VA"),
    ],
    "idx70454131979_npi1_1063837144_2026-10_abridged": [
        person("1063837144", "JACKELYN RAE KELLEY", "LCSW", "Social Worker, Clinical", "SAN FRANCISCO", "CA"),
    ],
    "ropensci-npi_api-1f9cef": [
        CSP,
        organization(
            "1932668134",
            "DENTISTRY FOR CHILDREN OF MARYLAND, LLC",
            "Clinic/Center Dental",
            "UPPER MARLBORO",
            "MD",
        ),
        organization("1326083494", "IVO HORAK OD PC", "Optometrist", "MARIETTA", "GA"),
        organization("1992885586", "MICHAEL D. RANDELL, M.D., P.C.", "Specialist", "ATLANTA", "GA", "OBGYN ATLANTA"),
        organization(
            "1740355304",
            "ATHLETIC SPINE REHABILITATION, LLC",
            "Physical Therapist",
            "MARIETTA",
            "GA",
            "FYZICAL THERAPY & BALANCE CENTERS",
        ),
        organization("1619003647", "WINSTON KYLE CARHEE JR", "Chiropractor", "ATLANTA", "GA", "PAIN 2 WELLNESS CENTER"),
        organization("1386801454", "QUARELLS CONSULTING, P.C.", "Psychologist Clinical", "SMYRNA", "GA"),
        organization("1447417639", "SUNCREST HOME HEALTH OF GEORGIA, INC", "Home Health", "SMYRNA", "GA"),
        organization("1417229741", "NORTHEAST ATLANTA VASCULAR CARE, LLC", VASCULAR, "ATLANTA", "GA"),
        organization("1598037822", "PREFERRED VASCULAR SERVICES NORTHWEST, LLC", VASCULAR, "MARIETTA", "GA"),
    ],
    "ropensci-npi_api-6d6b1d": [person("1437187390", "JUSTIN COOPER JEX", "D.P.M.", "Podiatrist", "NASHVILLE", "TN")],
    "ropensci-npi_api-8bdc8b": [CSP],
    "ropensci-npi_api-979d74": [
        person("1053975268", "KELSEY R SPRANG", "PSYD", "Psychologist Clinical", "ATLANTA", "GEORGIA"),
        person("1063410173", "ANTHONY EDWARD BARNES", "M.D", "Urology", "ATLANTA", "GA"),
    ],
    "ropensci-npi_api-a2f836": [],
    "ropensci-npi_api-a769af": [
        person(
            "1003142399",
            "SHAREE ROWELL",
            "MT",
            "Massage Therapist",
            "WASILLA",
            "AK",
            deactivated_on=date(2015, 1, 14),
            reactivated_on=date(2019, 2, 13),
        ),
        person(
            "1073979746",
            "JENNIFER ANNE TENORIO KETCHAM",
            None,
            "Nurse Anesthetist, Certified Registered",
            "ATLANTA",
            "GA",
        ),
    ],
}
ERRORS: dict[str, str] = {
    "idx62293353350_errors_07_09_2026-08": (
        "Field state requires additional search criteria (7); Enumeration_type requires additional search criteria (9)"
    ),
    "idx70454131979_error_06_2026-10": "NPI must be 10 digits (6)",
    "ropensci-npi_api-2feca8": "No valid search criteria provided (4)",
}
DEACTIVATED = {"idx13417322038_error_15_deactivated": "1669463816"}
FILES = sorted(RESPONSES.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_captured_answer_is_read_rightly(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    name = path.stem
    if name in RECORDS:
        found = list(answers.records(content))
        assert found == RECORDS[name]
        assert all(record.active and is_npi(record.npi) for record in found)
    elif name in DEACTIVATED:
        npi = DEACTIVATED[name]
        assert answers.look_up_answer(content, npi) == NpiRecord(npi, None, "", active=False)
    else:
        with pytest.raises(answers.ErrorsAnswered) as caught:
            answers.look_up_answer(content, "1234567893")
        assert str(caught.value) == ERRORS[name]


def test_every_expectation_has_its_file() -> None:
    assert {path.stem for path in FILES} == {*RECORDS, *ERRORS, *DEACTIVATED}


@pytest.mark.parametrize("name", [name for name, records in RECORDS.items() if len(records) == 1])
def test_a_captured_look_up_gives_its_one_record(name: str) -> None:
    content = json.loads((RESPONSES / f"{name}.json").read_text(encoding="utf-8"))
    (expected,) = RECORDS[name]
    assert answers.look_up_answer(content, expected.npi) == expected
