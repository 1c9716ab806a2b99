"""From the Portal's JSON to the records of the domain.

What the county's work rests on must be there and have the contract's form; what is only shown, an address or a phone
number, may be absent or odd. Unknown members are passed over. Every string is cleaned.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from ..domain.portal_records import (
    AdminStatus,
    AdminUser,
    Association,
    Invitation,
    InvitationStatus,
    Notice,
    PortalProvider,
    PortalStatus,
    Profession,
    Therapist,
)
from ..domain.providers import Address, ProviderType
from ..domain.text import clean_text
from .problems import pointer_path

logger = logging.getLogger("cpse_plugin.portal")

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NPI = re.compile(r"[12][0-9]{9}")
_SED_CODE = re.compile(r"[0-9]{12}")
_Record = TypeVar("_Record")
_Word = TypeVar("_Word", bound=StrEnum)
_Object = Mapping[str, object]


class UnexpectedForm(ValueError):
    """An answer, or a part of it, has not the contract's form; the text says what is wrong and quotes no content."""


def is_portal_id(text: str) -> bool:
    """Whether the Portal's ids of providers and invitations have this form."""
    return _ID.fullmatch(text) is not None


def provider_page(content: object) -> tuple[tuple[PortalProvider, ...], str | None]:
    """Read a `ProviderPage`: its providers and where the next page begins, which is None after the last."""
    cursor = _object(content).get("next_cursor")
    if cursor is not None and not (isinstance(cursor, str) and 0 < len(cursor) <= 200):
        logger.warning("the Portal's next_cursor has not the form that it must have; this page counts as the last")
        cursor = None
    return _items(content, provider, lambda item: item.id), cursor


def admin_users(content: object) -> tuple[AdminUser, ...]:
    """Read the list of a provider's admin users."""
    return _items(content, admin_user, lambda item: item.id)


def invitations(content: object) -> tuple[Invitation, ...]:
    """Read the list of a provider's invitations."""
    return _items(content, invitation, lambda item: item.id)


def professions(content: object) -> tuple[Profession, ...]:
    """Read the list of professions."""
    return _items(content, profession, lambda item: item.code)


def provider(content: object) -> PortalProvider:
    """Read a `Provider`."""
    fields = _object(content)
    return PortalProvider(
        id=_id(fields, "id"),
        name=_required(fields, "name", 200),
        type=_nullable(fields, "type", lambda: _word(fields, "type", ProviderType)),
        npi=_nullable(fields, "npi", lambda: _matching(fields, "npi", _NPI)),
        sed_code=_nullable(fields, "sed_code", lambda: _matching(fields, "sed_code", _SED_CODE)),
        address=_address(fields.get("address")),
        phone=_optional(fields, "phone", 30),
        status=_word(fields, "status", PortalStatus),
        association=_nullable(fields, "association", lambda: _association(fields["association"])),
        updated_at=_moment(fields, "updated_at"),
    )


def admin_user(content: object) -> AdminUser:
    """Read an `AdminUser`."""
    fields = _object(content)
    return AdminUser(
        id=_required(fields, "id", 64),
        username=_required(fields, "username", 200),
        first_name=_string(fields, "first_name", 100),
        last_name=_string(fields, "last_name", 100),
        email=_string(fields, "email", 254),
        therapist=_therapist(fields.get("therapist")),
        status=_word(fields, "status", AdminStatus),
        last_signed_in_at=_nullable(fields, "last_signed_in_at", lambda: _moment(fields, "last_signed_in_at")),
    )


def invitation(content: object) -> Invitation:
    """Read an `Invitation`."""
    fields = _object(content)
    return Invitation(
        id=_id(fields, "id"),
        first_name=_string(fields, "first_name", 100),
        last_name=_string(fields, "last_name", 100),
        email=_required(fields, "email", 254),
        therapist=_therapist(fields.get("therapist")),
        status=_word(fields, "status", InvitationStatus),
        notices=_notices(fields.get("notices")),
        invited_by=_optional(fields, "invited_by", 254),
        created_at=_moment(fields, "created_at"),
        sent_at=_moment(fields, "sent_at"),
        expires_at=_moment(fields, "expires_at"),
    )


def profession(content: object) -> Profession:
    """Read one of the professions."""
    fields = _object(content)
    return Profession(code=_required(fields, "code", 20), name=_required(fields, "name", 200))


def _items(
    content: object, read: Callable[[object], _Record], identity: Callable[[_Record], str]
) -> tuple[_Record, ...]:
    """Read the members of a list answer, each id once.

    One that cannot be read is left out and logged, so that one bad row does not take the others along. Where none can
    be read the whole answer cannot: an empty list would say that there is nothing.
    """
    rows = _object(content).get("items")
    if not isinstance(rows, list):
        raise UnexpectedForm("items is no list")
    records: dict[str, _Record] = {}
    for row in rows:
        try:
            record = read(row)
        except UnexpectedForm as error:
            logger.warning("left out one item of the Portal's answer: %s", error)
        else:
            records.setdefault(identity(record), record)
    if rows and not records:
        raise UnexpectedForm(f"none of the {len(rows)} items can be read")
    return tuple(records.values())


def _object(content: object) -> _Object:
    if not isinstance(content, dict):
        raise UnexpectedForm(f"a JSON object was expected, not {type(content).__name__}")
    return content


def _string(fields: _Object, name: str, length: int) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise UnexpectedForm(f"{name} is no text" if name in fields else f"{name} is missing")
    return clean_text(value, length)


def _required(fields: _Object, name: str, length: int) -> str:
    value = _string(fields, name, length)
    if not value:
        raise UnexpectedForm(f"{name} is empty")
    return value


def _optional(fields: _Object, name: str, length: int) -> str | None:
    """A text that is only shown; one of another type counts as absent."""
    value = fields.get(name)
    return (clean_text(value, length) or None) if isinstance(value, str) else None


def _nullable(fields: _Object, name: str, read: Callable[[], _Record]) -> _Record | None:
    """A member that must be there and may be null, which says that there is none."""
    if name not in fields:
        raise UnexpectedForm(f"{name} is missing")
    return None if fields[name] is None else read()


def _matching(fields: _Object, name: str, pattern: re.Pattern[str]) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise UnexpectedForm(f"{name} has not the form that it must have")
    return value


def _id(fields: _Object, name: str) -> str:
    return _matching(fields, name, _ID)


def _word(fields: _Object, name: str, words: type[_Word]) -> _Word:
    value = fields.get(name)
    if not isinstance(value, str) or value not in {word.value for word in words}:
        raise UnexpectedForm(f"{name} is none of the words that it may be")
    return words(value)


def _moment(fields: _Object, name: str) -> datetime:
    """A date and time, in UTC; one without an offset is taken to be in UTC."""
    value = fields.get(name)
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None:
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise UnexpectedForm(f"{name} is no date and time")


def _association(content: object) -> Association:
    fields = _object(content)
    return Association(_required(fields, "county_provider_id", 64), _moment(fields, "since"))


def _address(content: object) -> Address | None:
    """An address, which is shown and compared; one without its parts counts as absent."""
    try:
        fields = _object(content)
        return Address(
            line1=_required(fields, "line1", 100),
            line2=_optional(fields, "line2", 100),
            city=_required(fields, "city", 60),
            state=_required(fields, "state", 2),
            postal_code=_required(fields, "postal_code", 10),
        )
    except UnexpectedForm:
        return None


def _therapist(content: object) -> Therapist | None:
    if not isinstance(content, dict):
        return None
    return Therapist(
        npi=_optional(content, "npi", 10),
        profession=_optional(content, "profession", 20),
        license_number=_optional(content, "license_number", 20),
    )


def _notices(content: object) -> tuple[Notice, ...]:
    rows: Sequence[object] = content if isinstance(content, list) else ()
    return tuple(
        Notice(pointer_path(_optional(row, "pointer", 200) or ""), detail)
        for row in rows
        if isinstance(row, dict) and (detail := _optional(row, "detail", 500))
    )
