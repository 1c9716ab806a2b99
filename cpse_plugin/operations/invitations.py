"""What the operations on invitations have in common."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy.orm import Session

from ..domain.access import Action, Staff
from ..domain.email_address import mailbox_of
from ..domain.portal_records import Invitation, InvitationStatus, associated_number
from ..domain.providers import CountyProvider
from ..models import ProviderRow
from ..outbound import at_once
from ..portal.gateway import InvitationClosed, NotOnPortal, PortalError
from ..services.errors import BelongsToAnother, LinkChanged, NotFound, NotLinked
from ..services.history import HistoryAction, record
from ..services.records import keep_counts
from .kind import Answer, NotSeen, Operation, OperationKind
from .links import belongs_to_another

UNKNOWN_INVITATION = "The CPSE Portal does not have this invitation any more."


def invitation_sentences(details: Mapping[str, Any]) -> Iterator[str]:
    """What the history says of an invitation. Entries of earlier versions have the address alone."""
    therapist = " (therapist / service provider)" if details.get("is_therapist") else ""
    person = f"{details['person']}{therapist}, " if details.get("person") else ""
    yield f"{person}{details['email']}"
    yield from details.get("notices") or ()


@dataclass(frozen=True, slots=True)
class Listed:
    """The invitations of a Portal provider, as the Portal had them before the call."""

    portal_id: str
    invitations: tuple[Invitation, ...]

    @property
    def open_ids(self) -> list[str]:
        """The ids of those that a person can still follow."""
        return [item.id for item in self.invitations if item.status is InvitationStatus.SENT]

    def invitation(self, invitation_id: str) -> Invitation | None:
        """The one of this id."""
        return next((item for item in self.invitations if item.id == invitation_id), None)


@dataclass(frozen=True, slots=True)
class Made:
    """An invitation that was made or sent again, and where it was read all that are there now."""

    invitation: Invitation
    listed: Listed | None = None


class InvitationOperation(OperationKind[Listed, Answer]):
    """An operation on the invitation of an address: of one address only one of them is under way at a time."""

    permission = Action.INVITE

    def read(self, provider: CountyProvider, said: Mapping[str, Any], staff: Staff) -> Listed:
        """The invitations there are. Raises `NotLinked`, and `BelongsToAnother` where the Portal provider is not this
        provider's any more.
        """
        if provider.link is None:
            raise NotLinked(f"provider {provider.id}")
        portal_id, user = provider.link.portal_id, staff.acting_user
        portal, invitations = at_once(
            lambda: self._gateway.get_provider(portal_id, acting_user=user),
            lambda: tuple(self._gateway.list_invitations(portal_id, acting_user=user)),
        )
        if portal is None:
            raise NotOnPortal(f"provider {portal_id}")
        holder = associated_number(portal)
        if holder != provider.county_provider_id:
            raise BelongsToAnother(portal_id, holder)
        return Listed(portal_id, invitations)

    def decide(self, session: Session, row: ProviderRow, said: Mapping[str, Any], known: Listed) -> dict[str, Any]:
        """Keep what was there before the call, by which its doing is told from what was there already."""
        if row.link is None:
            raise NotLinked(f"provider {row.id}")
        if row.link.portal_id != known.portal_id:
            raise LinkChanged(f"provider {row.id}")
        return {"portal_id": known.portal_id, "open": known.open_ids}

    def listed(self, operation: Operation) -> Listed:
        """The invitations there are now. Raises `PortalError`."""
        portal_id = operation.content["portal_id"]
        found = self._gateway.list_invitations(portal_id, acting_user=operation.actor)
        return Listed(portal_id, tuple(found))

    def listed_if_it_can_be(self, operation: Operation) -> Listed | None:
        """The same after a call that has succeeded, which nothing may spoil any more."""
        try:
            return self.listed(operation)
        except PortalError:
            return None

    def not_seen(self, operation: Operation) -> NotSeen:
        """Nothing is to be seen of the operation; it is not repeated where the Portal provider changed hands."""
        portal = self._gateway.get_provider(operation.content["portal_id"], acting_user=operation.actor)
        holder = associated_number(portal)
        if holder == operation.county_provider_id:
            return NotSeen()
        return NotSeen(belongs_to_another(holder) if holder else "The CPSE Portal has ended the association.")


class InvitationChange(InvitationOperation[Answer]):
    """An operation on an invitation that is there; the form says `invitation_id`."""

    # The invitations with which it can be done.
    statuses: ClassVar[tuple[InvitationStatus, ...]]

    def target(self, provider_id: int, said: Mapping[str, Any], known: Listed | None) -> str | None:
        """The invitation's address."""
        return None if known is None else address_target(provider_id, _found(known, said).email)

    def read(self, provider: CountyProvider, said: Mapping[str, Any], staff: Staff) -> Listed:
        """The invitations there are. Raises `NotFound`, and `InvitationClosed` where it was accepted already."""
        known = super().read(provider, said, staff)
        if _found(known, said).status is InvitationStatus.ACCEPTED:
            raise InvitationClosed("the invitation was accepted already")
        return known

    def decide(self, session: Session, row: ProviderRow, said: Mapping[str, Any], known: Listed) -> dict[str, Any]:
        """Keep the address, and when the invitation was sent last."""
        invitation = _found(known, said)
        own = {"email": invitation.email, "sent_at": invitation.sent_at.isoformat()}
        return {**super().decide(session, row, said, known), **own}


def address_target(provider_id: int, email: str) -> str:
    """The target of all operations on the invitation of an address."""
    return f"invitation:{provider_id}:{mailbox_of(email)}"


def count_open(row: ProviderRow, session: Session, operation: Operation, open_ids: set[str]) -> None:
    """Count the invitations that are open now, so that the list of providers shows how far the provider is."""
    keep_counts(
        session,
        row,
        operation.content["portal_id"],
        active_admins=row.active_admins,
        open_invitations=len(open_ids),
    )


def record_made(
    session: Session, row: ProviderRow, operation: Operation, made: Made, action: HistoryAction
) -> dict[str, Any]:
    """Put an invitation on record that was made or sent again."""
    invitation, content = made.invitation, operation.content
    before = {*content.get("open", ()), invitation.id}
    count_open(row, session, operation, set(made.listed.open_ids) if made.listed else before)
    kept = {
        "id": invitation.id,
        "person": f"{invitation.first_name} {invitation.last_name}",
        "email": invitation.email,
        "is_therapist": invitation.therapist is not None,
        "sent_at": invitation.sent_at.isoformat(),
        "expires_at": invitation.expires_at.isoformat(),
        "notices": [notice.detail for notice in invitation.notices],
    }
    record(session, row.id, action, operation.actor, kept, str(operation.id))
    return kept


def _found(known: Listed, said: Mapping[str, Any]) -> Invitation:
    invitation = known.invitation(said["invitation_id"])
    if invitation is None:
        raise NotFound(f"invitation {said['invitation_id']}")
    return invitation
