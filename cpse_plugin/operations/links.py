"""What the operations have in common that make or end a link."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..domain.access import Action
from ..domain.portal_records import PortalProvider, associated_number
from ..models import LinkRow, ProviderRow
from ..services.database import now
from ..services.errors import Contradiction
from ..services.history import HistoryAction, record
from ..services.records import county_provider, link_target, refresh_derived
from .kind import Answer, Known, Look, NotDone, NotSeen, Operation, OperationKind, Seen

NEXT_STEP = "Next, see who administers it: the tab Provider Admin Users."
GONE = "The CPSE Portal does not have this provider any more."


class LinkOperation(OperationKind[Known, Answer]):
    """An operation on a provider's link: of one provider only one of them is under way at a time."""

    permission = Action.LINK
    is_of_link = True
    # Whether it leaves the provider with a link; None where it depends.
    makes_link: ClassVar[bool | None] = None
    # What it says in front of the step that comes next, where a page takes the place of the box.
    remark: ClassVar[str] = ""

    def target(self, provider_id: int, _said: Mapping[str, Any], _known: Known | None) -> str:
        """The provider."""
        return link_target(provider_id)


def link_sentences(details: Mapping[str, Any]) -> Iterator[str]:
    """What the history says of a link that was made or ended."""
    if details.get("portal_id"):
        yield portal_provider_words(details, "portal_id")
    if details.get("rule"):
        yield f"Matched by {details['rule']}"
    for field in details.get("differences") or ():
        sides = f"county: {field['county'] or 'nothing'}; CPSE Portal: {field['portal'] or 'nothing'}"
        yield f"Accepted: {field['field']}, {field['outcome'].lower()} ({sides})"
    if details.get("belongs_to"):
        yield belongs_to_another(details["belongs_to"]).removesuffix(".")
    if details.get("reason"):
        yield f"Reason: {details['reason']}"


def portal_provider_words(details: Mapping[str, Any], number: str) -> str:
    """Name a Portal provider by what the history kept of it; `number` says where its number is."""
    return " ".join(["CPSE Portal provider", *filter(None, [details.get("name")]), f"(number {details[number]})"])


def belongs_to_another(number: str) -> str:
    """The words for an association that changed hands."""
    return f"The CPSE Portal has it associated with number {number} of the county."


def associated(portal: PortalProvider | None, operation: Operation) -> Look[PortalProvider]:
    """What a Portal provider, None where it is gone, tells of an association that an operation was to make."""
    if portal is None:
        return NotDone(GONE)
    holder = associated_number(portal)
    if holder is None:
        return NotSeen()
    return Seen(portal) if holder == operation.county_provider_id else NotDone(belongs_to_another(holder))


def refuse_contradiction(session: Session, row: ProviderRow, portal_id: str) -> None:
    """Raise `Contradiction` where either side of a link that the Portal has made has another link on record."""
    if row.link is not None and row.link.portal_id != portal_id:
        raise Contradiction(portal_id, county_provider(row))
    holder = other_holder(session, row, portal_id)
    if holder is not None:
        raise Contradiction(portal_id, county_provider(holder))


def other_holder(session: Session, row: ProviderRow, portal_id: str) -> ProviderRow | None:
    """The other provider that has the Portal provider on record here."""
    statement = select(ProviderRow).join(LinkRow).where(LinkRow.portal_id == portal_id, LinkRow.provider_id != row.id)
    return session.scalars(statement).first()


def other_link(session: Session, row: ProviderRow, portal_id: str) -> str:
    """In words, the link on record beside which the Portal is not asked for another one; empty where there is none."""
    if row.link is not None and row.link.portal_id != portal_id:
        return f"The county's record has it linked to number {row.link.portal_id} of the CPSE Portal."
    holder = other_holder(session, row, portal_id)
    return f"The county's record has it linked to {holder.name}." if holder is not None else ""


def put_link(session: Session, row: ProviderRow, portal_id: str, actor: str) -> None:
    """Put a link on record; the same link is left as it is. Raises `Contradiction`."""
    refuse_contradiction(session, row, portal_id)
    if row.link is not None:
        return
    try:
        with session.begin_nested():
            row.link = LinkRow(portal_id=portal_id, linked_at=now(), linked_by=actor)
            row.active_admins = row.open_invitations = 0
            refresh_derived(row)
            session.flush()
    except IntegrityError:
        # Somebody linked the Portal provider to another row, which is not held here, between our look and our insert.
        session.expire_all()
        refuse_contradiction(session, session.get_one(ProviderRow, row.id), portal_id)
        raise


def take_link(row: ProviderRow, portal_id: str) -> None:
    """Take a link off the record, where it is still there; the history keeps it."""
    if row.link is not None and row.link.portal_id == portal_id:
        row.link = None
        row.active_admins = row.open_invitations = 0
        refresh_derived(row)


def record_link(
    session: Session,
    row: ProviderRow,
    operation: Operation,
    portal: PortalProvider,
    action: HistoryAction,
    details: dict[str, Any],
) -> dict[str, Any]:
    """Put a link that the Portal has made on record, with its entry in the history. Raises `Contradiction`."""
    put_link(session, row, portal.id, operation.actor)
    kept = {"portal_id": portal.id, "name": portal.name}
    record(session, row.id, action, operation.actor, {**kept, **details}, str(operation.id))
    return kept
