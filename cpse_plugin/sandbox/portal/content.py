"""Reading of what is sent to the Portal: every fault of a body at once, each with a pointer to its field."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from email_validator import EmailNotValidError, validate_email

from ...domain.identifiers import is_npi
from ...domain.portal_records import NewInvitation, NewPortalProvider, Therapist
from ...domain.providers import Address, ProviderType
from .problems import FieldFault, Problem, invalid_content

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LONGEST_REF = 64
_LONGEST_NUMBER = 64
_MOST_QUERIES = 500


class _Reader:
    """An object of the body. Faults are gathered in a list that it shares with the objects within."""

    def __init__(self, data: Mapping[str, Any], pointer: str, faults: list[FieldFault]) -> None:
        self.faults = faults
        self._data = data
        self._pointer = pointer
        self._read: set[str] = set()

    @classmethod
    def of_body(cls, data: Any) -> "_Reader":
        """The body itself. Raises a 422 `Problem` where it is no object."""
        faults: list[FieldFault] = []
        reader = cls._of(data, "#", faults)
        if reader is None:
            raise invalid_content(faults)
        return reader

    @classmethod
    def _of(cls, data: Any, pointer: str, faults: list[FieldFault]) -> "_Reader | None":
        if isinstance(data, dict):
            return cls(data, pointer, faults)
        faults.append(FieldFault(pointer, "must be an object"))
        return None

    def text(
        self, name: str, length: int, *, required: bool = False, check: Callable[[str], str | None] | None = None
    ) -> str | None:
        """A text; where it is not `required` it may be null or missing. `check` says what is wrong with it."""
        value = self._data.get(name)
        self._read.add(name)
        if value is None:
            if required:
                self._fault(name, "is required" if name not in self._data else "must be a text")
            return None
        if not isinstance(value, str):
            fault: str | None = "must be a text"
        elif not 1 <= len(value) <= length:
            fault = "must not be empty" if not value else f"must have {length} characters at most"
        elif _CONTROL.search(value):
            fault = "must not have control characters"
        else:
            fault = check(value) if check else None
        if fault:
            self._fault(name, fault)
            return None
        return str(value)

    def object(self, name: str) -> "_Reader | None":
        """An object within; None where it is null, missing or no object."""
        self._read.add(name)
        value = self._data.get(name)
        return None if value is None else self._of(value, f"{self._pointer}/{name}", self.faults)

    def list(self, name: str, most: int) -> list["_Reader"]:
        """A list of one object or more."""
        self._read.add(name)
        value = self._data.get(name)
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            self._fault(name, f"must be a list of 1 to {most} objects")
            return []
        readers = [self._of(item, f"{self._pointer}/{name}/{place}", self.faults) for place, item in enumerate(value)]
        return [reader for reader in readers if reader is not None]

    def end(self) -> None:
        """Complain of the members that nobody asked for."""
        for name in self._data:
            if name not in self._read:
                self._fault(name.replace("~", "~0").replace("/", "~1"), "is not known here")

    def _fault(self, name: str, detail: str) -> None:
        self.faults.append(FieldFault(f"{self._pointer}/{name}", detail))


def read_new_provider(data: Any) -> NewPortalProvider:
    """Read the schema NewProvider. Raises a 422 `Problem`."""
    reader = _Reader.of_body(data)
    name = reader.text("name", 200, required=True)
    kind = reader.text("type", 20, required=True, check=_check_type)
    number = reader.text("county_provider_id", _LONGEST_NUMBER, required=True)
    npi = reader.text("npi", 10, check=check_npi)
    sed_code = reader.text("sed_code", 12, check=check_sed_code)
    phone = reader.text("phone", 30)
    address = _read_address(reader.object("address"))
    reader.end()
    if reader.faults or name is None or kind is None or number is None:
        raise invalid_content(reader.faults)
    return NewPortalProvider(number, name, ProviderType(kind), npi, sed_code, address, phone)


def read_new_invitation(data: Any, professions: frozenset[str]) -> NewInvitation:
    """Read the schema NewInvitation. Raises a 422 `Problem`."""
    reader = _Reader.of_body(data)
    first_name = reader.text("first_name", 100, required=True)
    last_name = reader.text("last_name", 100, required=True)
    email = reader.text("email", 254, required=True, check=_check_email)
    therapist: Therapist | None = None
    within = reader.object("therapist")
    if within is not None:
        therapist = Therapist(
            npi=within.text("npi", 10, check=check_npi),
            profession=within.text(
                "profession", 20, check=lambda code: None if code in professions else "is no profession of the Portal"
            ),
            license_number=within.text("license_number", 20),
        )
        within.end()
    reader.end()
    if reader.faults or first_name is None or last_name is None or email is None:
        raise invalid_content(reader.faults)
    return NewInvitation(first_name, last_name, email, therapist)


def read_county_provider_id(data: Any) -> str:
    """Read the body of associateProvider. Raises a 422 `Problem`."""
    reader = _Reader.of_body(data)
    number = reader.text("county_provider_id", _LONGEST_NUMBER, required=True)
    reader.end()
    if reader.faults or number is None:
        raise invalid_content(reader.faults)
    return number


def read_association_query(values: Mapping[str, str]) -> str | None:
    """Read the query of dissociateProvider. Raises a 400 `Problem`."""
    number = values.get("county_provider_id")
    if number is not None and not 1 <= len(number) <= _LONGEST_NUMBER:
        raise Problem(400, "Bad request", detail=f"county_provider_id must have 1 to {_LONGEST_NUMBER} characters.")
    return number


def read_match_queries(data: Any) -> list[tuple[str, str | None, str | None]]:
    """Read the body of matchProviders as (ref, NPI, SED code). Raises a 422 `Problem`."""
    reader = _Reader.of_body(data)
    queries = []
    for item in reader.list("queries", _MOST_QUERIES):
        ref = item.text("ref", _LONGEST_REF, required=True)
        npi = item.text("npi", 10, check=check_npi)
        sed_code = item.text("sed_code", 12, check=check_sed_code)
        item.end()
        queries.append((ref or "", npi, sed_code))
    reader.end()
    if reader.faults:
        raise invalid_content(reader.faults)
    return queries


def read_search(values: Mapping[str, str]) -> tuple[str | None, str | None, int, str | None]:
    """Read the query of findProviders as (NPI, SED code, limit, cursor). Raises a 400 `Problem`."""
    npi, sed_code = values.get("npi"), values.get("sed_code")
    if npi is None and sed_code is None:
        raise Problem(400, "Bad request", detail="Give npi, sed_code or both.")
    for name, value, check in (("npi", npi, check_npi), ("sed_code", sed_code, check_sed_code)):
        fault = check(value) if value is not None else None
        if fault:
            raise Problem(400, "Bad request", detail=f"{name} {fault}.")
    limit = values.get("limit", "50")
    if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= 200:
        raise Problem(400, "Bad request", detail="limit must be a number from 1 to 200.")
    return npi, sed_code, int(limit), values.get("cursor")


def check_npi(text: str) -> str | None:
    """Say what is wrong with an NPI."""
    return None if is_npi(text) else "is no NPI: ten digits, the first 1 or 2, the last the check digit"


def check_sed_code(text: str) -> str | None:
    """Say what is wrong with a SED code."""
    return None if re.fullmatch(r"[0-9]{12}", text) else "is no SED code: twelve digits"


def _check_type(text: str) -> str | None:
    return None if text in tuple(ProviderType) else "must be agency or individual"


def _check_email(text: str) -> str | None:
    try:
        validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return "is no e-mail address"
    return None


def _read_address(reader: _Reader | None) -> Address | None:
    if reader is None:
        return None
    line1 = reader.text("line1", 100, required=True)
    line2 = reader.text("line2", 100)
    city = reader.text("city", 60, required=True)
    state = reader.text("state", 2, required=True, check=_matching(r"[A-Z]{2}", "must be two capital letters"))
    postal_code = reader.text(
        "postal_code", 10, required=True, check=_matching(r"[0-9]{5}(-[0-9]{4})?", "must be a ZIP code")
    )
    if line1 is None or city is None or state is None or postal_code is None:
        return None
    return Address(line1, city, state, postal_code, line2)


def _matching(pattern: str, complaint: str) -> Callable[[str], str | None]:
    return lambda text: None if re.fullmatch(pattern, text) else complaint
