"""Invite as Admin."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from ..domain.email_address import mailbox_of
from ..domain.portal_records import Invitation, InvitationStatus, NewInvitation, Therapist
from ..models import ProviderRow
from ..portal.gateway import InvitationPending, NotOnPortal
from ..services.history import HistoryAction
from .invitations import InvitationOperation, Listed, Made, address_target, invitation_sentences, record_made
from .kind import Look, NotDone, Operation, Seen
from .links import GONE

# The Portal's clock and ours need not agree. Only operations of an earlier version, which kept nothing of what was
# there before, are told by clocks.
CLOCK_SKEW = timedelta(seconds=60)


class Invite(InvitationOperation[Made]):
    """An invitation: POST to the Portal, which e-mails the link. The form says the `invitation`."""

    name = "invite"
    label = "Inviting an admin user"
    question = "Invite New Admin User"
    button = "Invite as Admin"
    done = "The invitation was sent"
    history = HistoryAction("invited", "Admin user invited", invitation_sentences)

    def target(self, provider_id: int, said: Mapping[str, Any], known: Listed | None) -> str:
        """The address."""
        return address_target(provider_id, said["invitation"]["email"])

    def decide(self, session: Session, row: ProviderRow, said: Mapping[str, Any], known: Listed) -> dict[str, Any]:
        """Keep which invitations the mailbox has already.

        Raises `InvitationPending` where one is open under another writing of the address: whether the Portal knows that
        the two are one mailbox is not said anywhere.
        """
        email = said["invitation"]["email"]
        mailbox = mailbox_of(email)
        same = [item for item in known.invitations if mailbox_of(item.email) == mailbox]
        for item in same:
            if item.status is InvitationStatus.SENT and item.email.casefold() != email.casefold():
                raise InvitationPending("the mailbox has an open invitation", invitation_id=item.id)
        before = [item.id for item in same]
        return {**super().decide(session, row, said, known), "before": before}

    def call(self, operation: Operation) -> Made:
        """Invite the person."""
        content = dict(operation.content["invitation"])
        content["therapist"] = Therapist(**content["therapist"]) if content["therapist"] else None
        made = self._gateway.invite_admin_user(
            operation.content["portal_id"], NewInvitation(**content), key=operation.id, acting_user=operation.actor
        )
        return Made(made)

    def repeat(self, operation: Operation) -> Made:
        """Invite the person, and read what is there now: what was there before is long ago."""
        made = self.call(operation)
        return Made(made.invitation, self.listed_if_it_can_be(operation))

    def look(self, operation: Operation) -> Look[Made]:
        """The invitation of this address that was not there before the call; it may be accepted by now."""
        try:
            listed = self.listed(operation)
        except NotOnPortal:
            return NotDone(GONE)
        mailbox = mailbox_of(operation.content["invitation"]["email"])
        recorded = {earlier.get("id") for earlier in operation.earlier}
        for item in listed.invitations:
            if mailbox_of(item.email) == mailbox and item.id not in recorded and _is_new(item, operation):
                return Seen(Made(item, listed))
        return self.not_seen(operation)

    def complete(self, session: Session, row: ProviderRow, operation: Operation, answer: Made) -> dict[str, Any]:
        """Put the invitation on record."""
        return record_made(session, row, operation, answer, self.history)


def _is_new(invitation: Invitation, operation: Operation) -> bool:
    before = operation.content.get("before")
    if before is None:
        return invitation.created_at >= operation.created_at - CLOCK_SKEW
    return invitation.id not in before
