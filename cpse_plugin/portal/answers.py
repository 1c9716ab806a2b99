"""From the Portal's JSON to the records of the domain.

A structure here is the record of the same name as the Portal writes it. What the county's work rests on must be there
and have the contract's form; what is only shown, an address or a phone number, may be absent or odd.
"""

import logging
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec

from ..domain.portal_records import (
    AdminStatus,
    AdminUser,
    Invitation,
    InvitationStatus,
    PortalProvider,
    PortalStatus,
    Profession,
)
from ..domain.providers import ProviderType
from ..outbound import UnreadableAnswer, checked
from ..outbound.json_answers import Filled, Maybe, Member, Moment, Rows, Shown, Text, rows
from .problems import Pointed, PortalId

logger = logging.getLogger("cpse_plugin.portal")

_Npi = Annotated[str, msgspec.Meta(pattern=r"\A[12][0-9]{9}\Z")]
_SedCode = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{12}\Z")]
_LONGEST_CURSOR = 200
_Record = TypeVar("_Record")


class _Address(msgspec.Struct):
    line1: Filled
    city: Filled
    state: Filled
    postal_code: Filled
    line2: Shown | None = None


class _Association(msgspec.Struct):
    county_provider_id: Filled
    since: Moment


class _Provider(msgspec.Struct):
    id: PortalId
    name: Filled
    type: ProviderType | None
    npi: _Npi | None
    sed_code: _SedCode | None
    status: PortalStatus
    association: _Association | None
    updated_at: Moment
    address: Maybe[_Address] | None = None
    phone: Shown | None = None


class _Therapist(msgspec.Struct):
    npi: Shown | None = None
    profession: Shown | None = None
    license_number: Shown | None = None


class _AdminUser(msgspec.Struct):
    id: Filled
    username: Filled
    first_name: Text
    last_name: Text
    email: Text
    status: AdminStatus
    last_signed_in_at: Moment | None
    therapist: Maybe[_Therapist] | None = None


class _Invitation(msgspec.Struct):
    id: PortalId
    first_name: Text
    last_name: Text
    email: Filled
    status: InvitationStatus
    created_at: Moment
    sent_at: Moment
    expires_at: Moment
    therapist: Maybe[_Therapist] | None = None
    notices: Rows[Pointed] = Rows()
    invited_by: Shown | None = None


class _Profession(msgspec.Struct):
    code: Filled
    name: Filled


class _Cursor(str, metaclass=Member):
    @classmethod
    def _read(cls, value: object) -> str | None:
        if isinstance(value, str) and 0 < len(value) <= _LONGEST_CURSOR:
            return value
        logger.warning("the Portal's next_cursor has not the form that it must have; this page counts as the last")
        return None


class _Items(msgspec.Struct):
    items: list[Any]


class _Page(msgspec.Struct):
    next_cursor: _Cursor | None = None


def _record(kind: type[msgspec.Struct], record: type[_Record], content: object) -> _Record:
    return _as(record, checked(content, kind))


def _records(
    kind: type[msgspec.Struct], record: type[_Record], content: object, *, key: str = "id"
) -> tuple[_Record, ...]:
    """Read the members of a list answer, each id once.

    One that cannot be read is left out and logged, so that one bad row does not take the others along. Where none can
    be read the whole answer cannot: an empty list would say that there is nothing.
    """
    items = checked(content, _Items).items
    found: dict[str, _Record] = {}
    for row in rows(items, kind, lambda why: logger.warning("left out one item of the Portal's answer: %s", why)):
        found.setdefault(getattr(row, key), _as(record, row))
    if items and not found:
        raise UnreadableAnswer(f"none of the {len(items)} items can be read")
    return tuple(found.values())


def _as(record: type[_Record], answer: msgspec.Struct) -> _Record:
    return msgspec.convert(answer, record, from_attributes=True)


def provider_page(content: object) -> tuple[tuple[PortalProvider, ...], str | None]:
    """Read a `ProviderPage`: its providers and where the next page begins, which is None after the last."""
    return _records(_Provider, PortalProvider, content), checked(content, _Page).next_cursor


# Each reads the answer of its name, and raises `UnreadableAnswer` for anything else.
provider = partial(_record, _Provider, PortalProvider)
invitation = partial(_record, _Invitation, Invitation)
admin_users = partial(_records, _AdminUser, AdminUser)
invitations = partial(_records, _Invitation, Invitation)
professions = partial(_records, _Profession, Profession, key="code")
