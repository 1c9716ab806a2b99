"""From the answers of the NPI Registry's API, version 2.1, to the records of the domain.

The form has drifted over the years: numbers are integers or strings, members are absent, empty or `--`, dates are
written in two ways. What identifies a provider must be readable; the rest is read where it is there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

from ..domain.registry import NpiRecord, ProviderKind
from ..domain.text import clean_text

_DEACTIVATED = 15
_NPI = re.compile(r"[0-9]{10}")
_DOING_BUSINESS_AS = ("3", "doing business as")
_ACTIVE = ("A", "ACTIVE")
_DATE_FORMS = ("%Y-%m-%d", "%m/%d/%Y")
_Object = Mapping[str, object]


class UnexpectedForm(ValueError):
    """The answer, or a record in it, cannot be read."""


class ErrorsAnswered(Exception):
    """The registry answered with errors, which it does with HTTP 200; the text is what it says."""


def look_up_answer(content: object, npi: str) -> NpiRecord | None:
    """Read the answer to a look-up of one NPI; None where the registry says that it has no such NPI.

    Raises `ErrorsAnswered`, or `UnexpectedForm` for everything else that is not a clear answer about this NPI.
    """
    if isinstance(content, dict) and "Errors" in content:
        errors = list(_errors(content["Errors"]))
        if any(number == _DEACTIVATED and _is_about(words, npi) for number, words in errors):
            return NpiRecord(npi=npi, kind=None, name="", active=False)
        raise _errors_answered(errors)
    found = records(content)
    if any(record.npi != npi for record in found):
        raise UnexpectedForm("the answer is about another NPI")
    return found[0] if found else None


def search_answer(content: object) -> tuple[NpiRecord, ...]:
    """Read the answer to a search by name.

    Raises `ErrorsAnswered`, or `UnexpectedForm` for everything else that is not a list of records.
    """
    if isinstance(content, dict) and "Errors" in content:
        raise _errors_answered(_errors(content["Errors"]))
    return records(content)


def records(content: object) -> tuple[NpiRecord, ...]:
    """Read all the records of an answer that holds results."""
    fields = _object(content)
    results = fields.get("results")
    count = _integer(fields.get("result_count"))
    if not isinstance(results, list) or count is None or (count > 0) != bool(results):
        raise UnexpectedForm("the answer has neither results nor a count of none")
    return tuple(_record(_object(result)) for result in results)


def _errors(content: object) -> Iterator[tuple[int | None, str]]:
    for error in content if isinstance(content, list) else ():
        if isinstance(error, dict):
            yield _integer(error.get("number")), _text(error, "description") or "no description"


def _errors_answered(errors: Iterable[tuple[int | None, str]]) -> ErrorsAnswered:
    said = "; ".join(f"{words} ({number})" for number, words in errors)
    return ErrorsAnswered(clean_text(said, 300) or "an error without words")


def _is_about(words: str, npi: str) -> bool:
    """Whether an error is about this NPI: it names it, or it names none."""
    named = _NPI.findall(words)
    return npi in named or not named


def _record(result: _Object) -> NpiRecord:
    basic = _object(result.get("basic"))
    kind = _kind(result, basic)
    location = _location(result)
    deactivated_on, reactivated_on = _date(basic, "deactivation_date"), _date(basic, "reactivation_date")
    said = _text(basic, "status")
    status = said if said and said.upper() not in _ACTIVE else None
    name = _name(kind, basic)
    return NpiRecord(
        npi=_npi(result.get("number")),
        kind=kind,
        name=name,
        credential=_text(basic, "credential"),
        # A status that is not known says nothing of a deactivation; its date does.
        active=(said is not None and status is None) or deactivated_on is None or reactivated_on is not None,
        deactivated_on=deactivated_on,
        reactivated_on=reactivated_on,
        primary_taxonomy=_primary_taxonomy(result),
        city=_text(location, "city"),
        state=_text(location, "state"),
        suffix=_text(basic, "name_suffix") if kind is ProviderKind.INDIVIDUAL else None,
        doing_business_as=_doing_business_as(result, name) if kind is ProviderKind.ORGANIZATION else (),
        status=status,
    )


def _npi(value: object) -> str:
    text = str(value) if isinstance(value, str | int) else ""
    if not _NPI.fullmatch(text):
        raise UnexpectedForm("a record has no NPI")
    return text


def _kind(result: _Object, basic: _Object) -> ProviderKind:
    """The kind that the record names; where it names none, the one that its name is given for."""
    named = result.get("enumeration_type")
    for kind in ProviderKind:
        if named == kind.value:
            return kind
    if named:
        raise UnexpectedForm("a record is of a kind that is not known")
    return ProviderKind.ORGANIZATION if _text(basic, "organization_name") else ProviderKind.INDIVIDUAL


def _name(kind: ProviderKind, basic: _Object) -> str:
    """The name in reading order. `basic.name`, which older answers have, puts a person's last name first."""
    if kind is ProviderKind.ORGANIZATION:
        name = _text(basic, "organization_name") or _text(basic, "name")
    else:
        parts = (_text(basic, part) for part in ("first_name", "middle_name", "last_name"))
        name = " ".join(part for part in parts if part) or _text(basic, "name")
    if not name:
        raise UnexpectedForm("a record has no name")
    return name


def _doing_business_as(result: _Object, name: str) -> tuple[str, ...]:
    found = (
        _text(other, "organization_name")
        for other in _objects(result.get("other_names"))
        if str(other.get("code")) in _DOING_BUSINESS_AS or str(other.get("type")).lower() in _DOING_BUSINESS_AS
    )
    return tuple(dict.fromkeys(other for other in found if other and other != name))


def _location(result: _Object) -> _Object:
    """The address where the provider practices; it stands before or after the mailing address."""
    addresses = _objects(result.get("addresses"))
    return next((address for address in addresses if address.get("address_purpose") == "LOCATION"), {})


def _primary_taxonomy(result: _Object) -> str | None:
    taxonomies = _objects(result.get("taxonomies"))
    return next((_text(taxonomy, "desc") for taxonomy in taxonomies if taxonomy.get("primary") is True), None)


def _object(content: object) -> _Object:
    if not isinstance(content, dict):
        raise UnexpectedForm(f"a JSON object was expected, not {type(content).__name__}")
    return content


def _objects(content: object) -> list[_Object]:
    return [item for item in content if isinstance(item, dict)] if isinstance(content, list) else []


def _text(fields: _Object, name: str) -> str | None:
    """A text, cleaned; None where it is absent, empty, `--` or of another type."""
    value = fields.get(name)
    text = clean_text(value, 300) if isinstance(value, str) else ""
    return text if text.strip("-") else None


def _integer(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _date(fields: _Object, name: str) -> date | None:
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(_text(fields, name) or "", form).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None
