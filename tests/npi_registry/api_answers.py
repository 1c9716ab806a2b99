"""Answers of the NPI Registry, as its API gives them."""

from typing import Any

NPI = "1234567893"


def record(**changes: Any) -> dict[str, Any]:
    return {
        "number": NPI,
        "enumeration_type": "NPI-1",
        "basic": {"first_name": "ANA", "middle_name": "--", "last_name": "ORTIZ", "credential": "SLP", "status": "A"},
        "addresses": [
            {"address_purpose": "MAILING", "city": "ALBANY", "state": "NY"},
            {"address_purpose": "LOCATION", "city": "TROY", "state": "NY"},
        ],
        "taxonomies": [
            {"desc": "Specialist", "primary": False},
            {"desc": "Speech-Language Pathologist", "primary": True},
        ],
    } | changes


def found(*records: dict[str, Any]) -> dict[str, Any]:
    return {"result_count": len(records), "results": list(records)}


def errors(*numbers_and_words: tuple[Any, str]) -> dict[str, Any]:
    return {
        "Errors": [{"number": number, "field": "number", "description": words} for number, words in numbers_and_words]
    }
