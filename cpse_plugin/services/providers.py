"""The list of the county's providers and the profile of each."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.orm.exc import StaleDataError

from ..domain.access import Action, Staff, require
from ..domain.providers import CountyProvider, Profile, ProviderType, SetUpStatus
from ..domain.spelling import search_words
from ..domain.text import clean_text
from ..models import LinkRow, ProviderRow
from .database import Database, now
from .errors import StaleProfile
from .history import PROFILE_CHANGED, profile_changes, record
from .records import county_provider, provider_row, refresh_derived
from .records import profile as stored_profile

PAGE_SIZE = 25
COUNT_LIMIT = 1000
_MAX_WORDS = 8


class SortKey(StrEnum):
    """What the list can be sorted by."""

    NAME = "name"
    TYPE = "type"
    NPI = "npi"
    SED_CODE = "sed-code"
    STATUS = "status"


_COLUMNS: dict[SortKey, InstrumentedAttribute[Any]] = {
    SortKey.NAME: ProviderRow.sort_name,
    SortKey.TYPE: ProviderRow.type,
    SortKey.NPI: ProviderRow.npi,
    SortKey.SED_CODE: ProviderRow.sed_code,
    SortKey.STATUS: ProviderRow.status,
}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What part of the list is asked for.

    A page is named by the provider at its edge (`after` or `before`), not by a number: it costs the same at every
    depth, and rows that come or go elsewhere do not shift it.
    """

    text: str = ""
    status: SetUpStatus | None = None
    sort: SortKey = SortKey.NAME
    descending: bool = False
    after: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class ProviderSummary:
    """A row of the list."""

    id: int
    name: str
    type: ProviderType | None
    npi: str
    sed_code: str
    status: SetUpStatus


@dataclass(frozen=True, slots=True)
class ProviderPage:
    """A page of the list. `total` stops at `COUNT_LIMIT + 1`, since an exact count would cost more than the page."""

    rows: tuple[ProviderSummary, ...]
    total: int
    has_previous: bool
    has_next: bool

    @property
    def total_label(self) -> str:
        """The number of providers as it stands on the screen."""
        return f"{COUNT_LIMIT:,}+" if self.total > COUNT_LIMIT else f"{self.total:,}"


class Providers:
    """Finds the county's providers and saves their profiles."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, query: ListQuery, staff: Staff) -> ProviderPage:
        """One page of the list."""
        require(staff, Action.VIEW)
        conditions = _conditions(query)
        with self._database.read() as session:
            edge, backwards = _edge(session, query)
            column = _COLUMNS[query.sort]
            descending = query.descending != backwards
            statement = (
                select(
                    ProviderRow.id,
                    ProviderRow.name,
                    ProviderRow.type,
                    ProviderRow.npi,
                    ProviderRow.sed_code,
                    ProviderRow.status,
                )
                .where(*conditions)
                .order_by(*_order(column, descending=descending))
                .limit(PAGE_SIZE + 1)
            )
            if edge is not None:
                statement = statement.where(_beyond(column, edge, descending=descending))
            found = session.execute(statement).all()
            bounded = select(ProviderRow.id).where(*conditions).limit(COUNT_LIMIT + 1).subquery()
            total = session.execute(select(func.count()).select_from(bounded)).scalar_one()
        more = len(found) > PAGE_SIZE
        rows = [
            ProviderSummary(
                row.id, row.name, ProviderType(row.type) if row.type else None, row.npi, row.sed_code, row.status
            )
            for row in found[:PAGE_SIZE]
        ]
        if backwards:
            rows.reverse()
        return ProviderPage(
            rows=tuple(rows),
            total=total,
            has_previous=more if backwards else edge is not None,
            has_next=True if backwards else more,
        )

    def get(self, provider_id: int, staff: Staff) -> CountyProvider:
        """One provider. Raises `NotFound`."""
        require(staff, Action.VIEW)
        return self.read(provider_id)

    def read(self, provider_id: int) -> CountyProvider:
        """The same for a use case that has asked for its own permission. Raises `NotFound`."""
        with self._database.read() as session:
            return county_provider(provider_row(session, provider_id))

    def by_county_ids(self, county_provider_ids: list[str]) -> dict[str, CountyProvider]:
        """The providers of these numbers of the Preschool database, by number; unknown ones are left out."""
        if not county_provider_ids:
            return {}
        with self._database.read() as session:
            rows = session.scalars(select(ProviderRow).where(ProviderRow.county_provider_id.in_(county_provider_ids)))
            return {row.county_provider_id: county_provider(row) for row in rows}

    def linked_to(self, portal_ids: list[str]) -> dict[str, CountyProvider]:
        """The providers that these Portal providers are linked to on record, by the Portal's ids."""
        if not portal_ids:
            return {}
        statement = select(ProviderRow, LinkRow.portal_id).join(LinkRow).where(LinkRow.portal_id.in_(portal_ids))
        with self._database.read() as session:
            return {portal_id: county_provider(row) for row, portal_id in session.execute(statement)}

    def apply(self, provider_id: int, profile: Profile, *, version: int, staff: Staff) -> CountyProvider:
        """Save the profile. Raises `NotFound`, and `StaleProfile` where it was changed since `version`."""
        require(staff, Action.EDIT_PROFILE)
        try:
            with self._database.write() as session:
                row = provider_row(session, provider_id, lock=True)
                if row.version != version:
                    raise StaleProfile(county_provider(row))
                before = stored_profile(row)
                row.type = profile.type or ""
                row.npi = profile.npi or ""
                row.sed_code = profile.sed_code or ""
                row.uses_portal = profile.uses_portal
                refresh_derived(row)
                changes = profile_changes(before, profile)
                if changes:
                    row.updated_at = now()
                    row.updated_by = staff.acting_user
                    record(session, row.id, PROFILE_CHANGED, staff.acting_user, {"changes": changes})
                session.flush()
                return county_provider(row)
        except StaleDataError:
            raise StaleProfile(self.read(provider_id)) from None


def _conditions(query: ListQuery) -> list[ColumnElement[bool]]:
    words = search_words(clean_text(query.text, 200))[:_MAX_WORDS]
    conditions: list[ColumnElement[bool]] = [
        or_(*(ProviderRow.search_text.contains(spelling, autoescape=True) for spelling in word)) for word in words
    ]
    if query.status is not None:
        conditions.append(ProviderRow.status == query.status)
    return conditions


def _edge(session: Session, query: ListQuery) -> tuple[tuple[object, int] | None, bool]:
    """The sort value and id of the provider at the page's edge; None where there is no such provider any more."""
    backwards = query.before is not None
    anchor = query.before if backwards else query.after
    if anchor is None or not 0 < anchor < 2**31:
        return None, False
    row = session.execute(select(_COLUMNS[query.sort], ProviderRow.id).where(ProviderRow.id == anchor)).first()
    return ((row[0], row[1]), backwards) if row else (None, False)


def _order(column: InstrumentedAttribute[Any], *, descending: bool) -> tuple[ColumnElement[Any], ...]:
    return (column.desc(), ProviderRow.id.desc()) if descending else (column.asc(), ProviderRow.id.asc())


def _beyond(column: InstrumentedAttribute[Any], edge: tuple[object, int], *, descending: bool) -> ColumnElement[bool]:
    value, provider_id = edge
    if descending:
        return or_(column < value, and_(column == value, ProviderRow.id < provider_id))
    return or_(column > value, and_(column == value, ProviderRow.id > provider_id))
