"""From the answers of the NPI Registry's API, version 2.1, to the records of the domain.

The form has drifted over the years: numbers are integers or strings, members are absent, empty or `--`, dates are
written in two ways. What identifies a provider must be readable; the rest is read where it is there.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from ..domain.registry import NpiRecord, ProviderKind
from ..domain.text import clean_text
from ..outbound import UnreadableAnswer, checked
from ..outbound.json_answers import Member, Rows, Shown

_DEACTIVATED = 15
_NPI = re.compile(r"[0-9]{10}")
_DOING_BUSINESS_AS = 3
_ACTIVE = ("A", "ACTIVE")
_DATE_FORMS = ("%Y-%m-%d", "%m/%d/%Y")


class _Npi(str, metaclass=Member):
    @classmethod
    def _read(cls, value: object) -> str:
        text = str(value) if isinstance(value, str | int) else ""
        if not _NPI.fullmatch(text):
            raise ValueError("A record has no NPI")
        return text


class _Kind(str, metaclass=Member):
    @classmethod
    def _read(cls, value: object) -> str | None:
        if value and value not in tuple(ProviderKind):
            raise ValueError("A record is of a kind that is not known")
        return str(value) if value else None


class _Number(int, metaclass=Member):
    """A number, which some years' answers write as text."""

    @classmethod
    def _read(cls, value: object) -> int | None:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
            return int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


class _Day(date, metaclass=Member):
    @classmethod
    def _read(cls, value: object) -> date | None:
        for form in _DATE_FORMS:
            try:
                return datetime.strptime(Shown._read(value) or "", form).date()  # noqa: DTZ007
            except ValueError:
                continue
        return None


class _Error(msgspec.Struct):
    number: _Number | None = None
    description: Shown | None = None

    def is_about(self, npi: str) -> bool:
        """Whether it names this NPI, or none."""
        named = _NPI.findall(self.description or "")
        return npi in named or not named

    def __str__(self) -> str:
        return f"{self.description or 'no description'} ({self.number})"


class ErrorsAnswered(Exception):
    """The registry answered with errors, which it does with HTTP 200; the text is what it says."""

    def __init__(self, errors: Sequence[_Error]) -> None:
        super().__init__(clean_text("; ".join(map(str, errors)), 300) or "an error without words")
        self.errors = errors


class _Basic(msgspec.Struct):
    name: Shown | None = None
    organization_name: Shown | None = None
    first_name: Shown | None = None
    middle_name: Shown | None = None
    last_name: Shown | None = None
    name_suffix: Shown | None = None
    credential: Shown | None = None
    status: Shown | None = None
    deactivation_date: _Day | None = None
    reactivation_date: _Day | None = None


class _Address(msgspec.Struct):
    address_purpose: Any = None
    city: Shown | None = None
    state: Shown | None = None


class _Taxonomy(msgspec.Struct):
    primary: Any = None
    desc: Shown | None = None


class _OtherName(msgspec.Struct):
    code: _Number | None = None
    type: Shown | None = None
    organization_name: Shown | None = None


class _Result(msgspec.Struct):
    number: _Npi
    basic: _Basic
    enumeration_type: _Kind | None = None
    addresses: Rows[_Address] = Rows()
    taxonomies: Rows[_Taxonomy] = Rows()
    other_names: Rows[_OtherName] = Rows()


class _Answer(msgspec.Struct):
    result_count: _Number | None = None
    results: list[_Result] | None = None
    errors: Rows[_Error] | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="Errors")


def look_up_answer(content: object, npi: str) -> NpiRecord | None:
    """Read the answer to a look-up of one NPI; None where the registry says that it has no such NPI.

    Raises `ErrorsAnswered`, or `UnreadableAnswer` for everything else that is not a clear answer about this NPI.
    """
    try:
        found = records(content)
    except ErrorsAnswered as answered:
        if any(error.number == _DEACTIVATED and error.is_about(npi) for error in answered.errors):
            return NpiRecord(npi=npi, kind=None, name="", active=False)
        raise
    if any(record.npi != npi for record in found):
        raise UnreadableAnswer("the answer is about another NPI")
    return found[0] if found else None


def records(content: object) -> tuple[NpiRecord, ...]:
    """Read all the records of an answer. Raises `ErrorsAnswered`, or `UnreadableAnswer` where it has no clear ones."""
    answer = checked(content, _Answer)
    if answer.errors is not msgspec.UNSET:
        raise ErrorsAnswered(answer.errors)
    if answer.results is None or answer.result_count is None or (answer.result_count > 0) != bool(answer.results):
        raise UnreadableAnswer("the answer has neither results nor a count of none")
    return tuple(_record(result) for result in answer.results)


def _record(result: _Result) -> NpiRecord:
    basic = result.basic
    # Where the record names no kind, it is the one that its name is given for.
    guessed = ProviderKind.ORGANIZATION if basic.organization_name else ProviderKind.INDIVIDUAL
    kind = ProviderKind(result.enumeration_type or guessed)
    name = _name(kind, basic)
    status = basic.status if basic.status and basic.status.upper() not in _ACTIVE else None
    # It stands before or after the mailing address.
    practice = next((address for address in result.addresses if address.address_purpose == "LOCATION"), _Address())
    return NpiRecord(
        npi=result.number,
        kind=kind,
        name=name,
        credential=basic.credential,
        # A status that is not known says nothing of a deactivation; its date does.
        active=(basic.status is not None and status is None)
        or basic.deactivation_date is None
        or basic.reactivation_date is not None,
        deactivated_on=basic.deactivation_date,
        reactivated_on=basic.reactivation_date,
        primary_taxonomy=next((taxonomy.desc for taxonomy in result.taxonomies if taxonomy.primary is True), None),
        city=practice.city,
        state=practice.state,
        suffix=basic.name_suffix if kind is ProviderKind.INDIVIDUAL else None,
        doing_business_as=_doing_business_as(result, name) if kind is ProviderKind.ORGANIZATION else (),
        status=status,
    )


def _name(kind: ProviderKind, basic: _Basic) -> str:
    """The name in reading order. `basic.name`, which older answers have, puts a person's last name first."""
    if kind is ProviderKind.ORGANIZATION:
        parts = [basic.organization_name]
    else:
        parts = [basic.first_name, basic.middle_name, basic.last_name]
    name = " ".join(part for part in parts if part) or basic.name
    if not name:
        raise UnreadableAnswer("a record has no name")
    return name


def _doing_business_as(result: _Result, name: str) -> tuple[str, ...]:
    found = (
        other.organization_name
        for other in result.other_names
        if other.code == _DOING_BUSINESS_AS or (other.type or "").lower() == "doing business as"
    )
    return tuple(dict.fromkeys(other for other in found if other and other != name))
