"""Translation between the rows of the tables and the objects of the domain."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ..domain.providers import Address, CountyProvider, Link, Profile, ProviderType, set_up_status
from ..domain.spelling import search_text
from ..domain.text import fold_words
from ..models import LinkRow, ProviderRow
from .errors import AlreadyLinked, NotFound

_LARGEST_ID = 2**31 - 1


def link_target(provider_id: int) -> str:
    """What all operations on a provider's link are about: of one provider only one of them is under way at a time."""
    return f"provider:{provider_id}"


def provider_row(session: Session, provider_id: int, *, lock: bool = False) -> ProviderRow:
    """The row of a provider; with `lock` nobody else changes it before this transaction ends. Raises `NotFound`.

    Whoever reads, decides and writes takes the lock first of all.
    """
    # An id beyond the column's range is no provider's, and databases refuse to compare with it.
    if not 0 < provider_id <= _LARGEST_ID:
        raise NotFound(f"provider {provider_id}")
    if lock:
        # The lock comes alone. In one statement with the link, PostgreSQL would wait for the row and then give it
        # anew, beside a link as it was before the wait. (SQLite has no such lock and needs none: it has one writer.)
        session.execute(select(ProviderRow.id).where(ProviderRow.id == provider_id).with_for_update())
    row = session.get(ProviderRow, provider_id, populate_existing=lock)
    if row is None:
        raise NotFound(f"provider {provider_id}")
    return row


def county_provider(row: ProviderRow) -> CountyProvider:
    """The domain's provider of a row."""
    return CountyProvider(
        id=row.id,
        county_provider_id=row.county_provider_id,
        name=row.name,
        profile=profile(row),
        address=address(row),
        phone=row.phone or None,
        status=row.status,
        version=row.version,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
        link=link(row.link) if row.link else None,
    )


def profile(row: ProviderRow) -> Profile:
    """The profile that a row holds."""
    return Profile(
        type=ProviderType(row.type) if row.type else None,
        npi=row.npi or None,
        sed_code=row.sed_code or None,
        uses_portal=row.uses_portal,
    )


def address(row: ProviderRow) -> Address | None:
    """The address that a row holds; one without street and city is none."""
    if not (row.address_line1 or row.city):
        return None
    return Address(row.address_line1, row.city, row.state, row.postal_code, row.address_line2 or None)


def link(row: LinkRow) -> Link:
    """The link that a row holds."""
    return Link(row.portal_id, row.linked_at, row.linked_by)


def refresh_derived(row: ProviderRow) -> None:
    """Bring the columns up to date that follow from the others: set-up status, order and search text."""
    row.sort_name = fold_words(row.name)[:200]
    row.search_text = search_text(row.name, row.npi, row.sed_code, row.county_provider_id)
    row.status = set_up_status(
        profile(row),
        linked=row.link is not None,
        active_admins=row.active_admins,
        open_invitations=row.open_invitations,
    )


def refuse_second_link(session: Session, row: ProviderRow, portal_id: str) -> None:
    """Raise `AlreadyLinked` where either side of a link to be made has another link; the same link is no obstacle."""
    if row.link is not None and row.link.portal_id != portal_id:
        raise AlreadyLinked(county_provider(row))
    holder = session.scalars(
        select(ProviderRow).join(LinkRow).where(LinkRow.portal_id == portal_id, LinkRow.provider_id != row.id)
    ).first()
    if holder is not None:
        raise AlreadyLinked(county_provider(holder))


def keep_counts(
    session: Session, row: ProviderRow, portal_id: str, *, active_admins: int, open_invitations: int
) -> None:
    """Keep the counts that the list of providers shows, as the Portal has them for `portal_id`.

    The row is held. Where it is linked to another Portal provider by now, they are none of its own. This is no edit of
    the profile, so it leaves the row's version alone: a colleague's open form stays good.
    """
    if row.link is None or row.link.portal_id != portal_id:
        return
    if (row.active_admins, row.open_invitations) == (active_admins, open_invitations):
        return
    status = set_up_status(profile(row), linked=True, active_admins=active_admins, open_invitations=open_invitations)
    session.execute(
        update(ProviderRow)
        .where(ProviderRow.id == row.id)
        .values(status=status, active_admins=active_admins, open_invitations=open_invitations)
        .execution_options(synchronize_session=False)
    )
