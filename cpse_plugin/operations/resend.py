"""Send again."""

from typing import Any

from sqlalchemy.orm import Session

from ..domain.portal_records import Invitation, InvitationStatus
from ..models import ProviderRow
from ..portal.gateway import NotOnPortal
from ..services.history import HistoryAction
from .invitations import UNKNOWN_INVITATION, InvitationChange, Made, invitation_sentences, record_made
from .invite import CLOCK_SKEW
from .kind import Look, NotDone, Operation, Seen
from .links import GONE

_CLOSED = {
    InvitationStatus.ACCEPTED: "It was accepted already.",
    InvitationStatus.REVOKED: "It was revoked already.",
}


class Resend(InvitationChange[Made]):
    """An invitation sent again: POST to the Portal, which voids the earlier link."""

    name = "send-again"
    label = "Sending an invitation again"
    question = "Send the invitation again?"
    consequence = "The CPSE Portal e-mails a new link. The link sent before cannot be used any more."
    button = "Send again"
    statuses = (InvitationStatus.SENT, InvitationStatus.EXPIRED)
    done = "The invitation was sent again"
    history = HistoryAction("sent-again", "Invitation sent again", invitation_sentences)

    def call(self, operation: Operation) -> Made:
        """Send it again."""
        content = operation.content
        sent = self._gateway.resend_invitation(
            content["portal_id"], content["invitation_id"], key=operation.id, acting_user=operation.actor
        )
        return Made(sent)

    def repeat(self, operation: Operation) -> Made:
        """Send it again, and read what is there now: what was there before is long ago."""
        sent = self.call(operation)
        return Made(sent.invitation, self.listed_if_it_can_be(operation))

    def look(self, operation: Operation) -> Look[Made]:
        """The invitation, where it was sent since it was read before the call."""
        try:
            listed = self.listed(operation)
        except NotOnPortal:
            return NotDone(GONE)
        invitation = listed.invitation(operation.content["invitation_id"])
        if invitation is None:
            return NotDone(UNKNOWN_INVITATION)
        if _was_sent(invitation, operation):
            return Seen(Made(invitation, listed))
        closed = _CLOSED.get(invitation.status)
        return NotDone(closed) if closed else self.not_seen(operation)

    def complete(self, session: Session, row: ProviderRow, operation: Operation, answer: Made) -> dict[str, Any]:
        """Put it on record."""
        return record_made(session, row, operation, answer, self.history)


def _was_sent(invitation: Invitation, operation: Operation) -> bool:
    sent_at = invitation.sent_at.isoformat()
    if (invitation.id, sent_at) in {(earlier.get("id"), earlier.get("sent_at")) for earlier in operation.earlier}:
        return False
    before = operation.content.get("sent_at")
    if before is None:
        return invitation.sent_at >= operation.created_at - CLOCK_SKEW
    return bool(sent_at != before)
