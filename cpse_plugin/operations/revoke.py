"""Revoke."""

from typing import Any

from sqlalchemy.orm import Session

from ..domain.portal_records import InvitationStatus
from ..models import ProviderRow
from ..portal.gateway import NotOnPortal
from ..services.history import HistoryAction, record
from .invitations import UNKNOWN_INVITATION, InvitationChange, Listed, count_open, invitation_sentences
from .kind import Look, NotDone, Operation, Seen
from .links import GONE


class Revoke(InvitationChange[Listed | None]):
    """An invitation revoked: DELETE on the Portal, which voids the link."""

    name = "revoke"
    label = "Revoking an invitation"
    question = "Revoke the invitation?"
    consequence = "The e-mailed link cannot be used any more. The person can be invited anew later."
    button = "Revoke"
    is_grave = True
    statuses = (InvitationStatus.SENT,)
    done = "The invitation was revoked"
    history = HistoryAction("revoked", "Invitation revoked", invitation_sentences)

    def call(self, operation: Operation) -> Listed | None:
        """Revoke it."""
        content = operation.content
        self._gateway.revoke_invitation(content["portal_id"], content["invitation_id"], acting_user=operation.actor)
        return None

    def repeat(self, operation: Operation) -> Listed | None:
        """Revoke it, and read what is there now: what was there before is long ago."""
        self.call(operation)
        return self.listed_if_it_can_be(operation)

    def look(self, operation: Operation) -> Look[Listed | None]:
        """The invitation's status."""
        try:
            listed = self.listed(operation)
        except NotOnPortal:
            return NotDone(GONE)
        invitation = listed.invitation(operation.content["invitation_id"])
        if invitation is None:
            return NotDone(UNKNOWN_INVITATION)
        if invitation.status is InvitationStatus.REVOKED:
            return Seen(listed)
        if invitation.status is InvitationStatus.ACCEPTED:
            return NotDone("It was accepted already.")
        return self.not_seen(operation)

    def complete(
        self, session: Session, row: ProviderRow, operation: Operation, answer: Listed | None
    ) -> dict[str, Any]:
        """Put it on record."""
        content = operation.content
        left = set(answer.open_ids if answer else content.get("open", ())) - {content["invitation_id"]}
        count_open(row, session, operation, left)
        kept = {"id": content["invitation_id"], "email": content["email"]}
        record(session, row.id, self.history, operation.actor, kept, str(operation.id))
        return kept
