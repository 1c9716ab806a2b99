"""How each kind of operation is carried out: the call to the Portal, a look whether it was done, the local change.

A look matters where the Portal keeps no Idempotency-Keys, or no longer this one: what was done is read, not repeated.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..domain.portal_records import (
    Invitation,
    NewInvitation,
    NewPortalProvider,
    PortalProvider,
    Therapist,
)
from ..domain.providers import Address, ProviderType
from ..models import LinkRow
from ..portal.gateway import NotOnPortal, PortalGateway
from .database import now
from .history import HistoryAction, record
from .operations import Handler, Operation, OperationKind
from .records import keep_counts, provider_row, refresh_derived, refuse_second_link

# The Portal's clock and ours need not agree to the second.
_CLOCK_SKEW = timedelta(seconds=30)


def all_handlers(gateway: PortalGateway) -> dict[OperationKind, Handler[Any]]:
    """The handlers of all kinds of operations, on one gateway."""
    return {
        OperationKind.LINK: LinkHandler(gateway),
        OperationKind.ADD_PROVIDER: AddProviderHandler(gateway),
        OperationKind.UNLINK: UnlinkHandler(gateway),
        OperationKind.INVITE: InviteHandler(gateway),
        OperationKind.SEND_AGAIN: SendAgainHandler(gateway),
        OperationKind.REVOKE: RevokeHandler(gateway),
    }


class _OnGateway:
    def __init__(self, gateway: PortalGateway) -> None:
        self._gateway = gateway


class LinkHandler(_OnGateway, Handler[PortalProvider]):
    """A link: PUT of the association, then the link's row."""

    def call(self, operation: Operation) -> PortalProvider:
        """Associate the two on the Portal."""
        content = operation.content
        return self._gateway.associate(content["portal_id"], content["county_provider_id"], acting_user=operation.actor)

    def look(self, operation: Operation) -> PortalProvider | None:
        """The Portal provider, where it is associated with the county's."""
        portal = self._gateway.get_provider(operation.content["portal_id"], acting_user=operation.actor)
        return portal if _is_associated(portal, operation) else None

    def complete(self, session: Session, operation: Operation, answer: PortalProvider) -> dict[str, Any]:
        """Put the link on record."""
        details = {key: operation.content[key] for key in ("rule", "differences")}
        return _record_link(session, operation, answer, HistoryAction.LINKED, details)


class AddProviderHandler(_OnGateway, Handler[PortalProvider]):
    """An addition: POST of the provider, associated at once, then the link's row."""

    def call(self, operation: Operation) -> PortalProvider:
        """Add the provider to the Portal."""
        content = dict(operation.content)
        content["type"] = ProviderType(content["type"])
        content["address"] = Address(**content["address"]) if content["address"] else None
        return self._gateway.add_provider(NewPortalProvider(**content), key=operation.id, acting_user=operation.actor)

    def look(self, operation: Operation) -> PortalProvider | None:
        """The Portal provider with the same NPI or SED code that is associated with the county's."""
        content = operation.content
        found = self._gateway.find_providers(
            npi=content["npi"], sed_code=content["sed_code"], acting_user=operation.actor
        )
        return next((portal for portal in found if _is_associated(portal, operation)), None)

    def complete(self, session: Session, operation: Operation, answer: PortalProvider) -> dict[str, Any]:
        """Put the link on record."""
        return _record_link(session, operation, answer, HistoryAction.ADDED, {})


class UnlinkHandler(_OnGateway, Handler[bool]):
    """The end of a link: DELETE of the association, then of the link's row."""

    def call(self, operation: Operation) -> bool:
        """End the association on the Portal; one whose provider is gone has ended with it."""
        try:
            content = operation.content
            self._gateway.dissociate(content["portal_id"], content["county_provider_id"], acting_user=operation.actor)
        except NotOnPortal:
            return True
        return True

    def look(self, _: Operation) -> bool | None:
        """Nothing: a DELETE may be repeated, so there is no need to read first."""
        return None

    def complete(self, session: Session, operation: Operation, _: bool) -> dict[str, Any]:
        """Take the link off the record; the history keeps it."""
        row = provider_row(session, operation.provider_id, lock=True)
        portal_id = operation.content["portal_id"]
        if row.link is not None and row.link.portal_id == portal_id:
            row.link = None
            row.active_admins = row.open_invitations = 0
            refresh_derived(row)
        details = {"portal_id": portal_id, "reason": operation.content["reason"]}
        record(session, row.id, HistoryAction.UNLINKED, operation.actor, details, str(operation.id))
        return {"portal_id": portal_id}


class InviteHandler(_OnGateway, Handler[Invitation]):
    """An invitation: POST to the Portal, which e-mails the link."""

    def call(self, operation: Operation) -> Invitation:
        """Invite the person."""
        content = dict(operation.content["invitation"])
        content["therapist"] = Therapist(**content["therapist"]) if content["therapist"] else None
        return self._gateway.invite_admin_user(
            operation.content["portal_id"], NewInvitation(**content), key=operation.id, acting_user=operation.actor
        )

    def look(self, operation: Operation) -> Invitation | None:
        """The invitation of this address that was made after the operation began; it may be accepted by now."""
        email = operation.content["invitation"]["email"].casefold()
        recorded = {earlier.get("id") for earlier in operation.earlier}
        for invitation in _invitations(self._gateway, operation):
            made_since = invitation.created_at >= operation.created_at - _CLOCK_SKEW
            if invitation.email.casefold() == email and made_since and invitation.id not in recorded:
                return invitation
        return None

    def complete(self, session: Session, operation: Operation, answer: Invitation) -> dict[str, Any]:
        """Put the invitation on record, and count it so that the list of providers shows how far the provider is."""
        row = provider_row(session, operation.provider_id, lock=True)
        keep_counts(session, row.id, row.active_admins, row.open_invitations + 1)
        return _record_invitation(session, operation, answer, HistoryAction.INVITED)


class SendAgainHandler(_OnGateway, Handler[Invitation]):
    """An invitation sent again: POST to the Portal, which voids the earlier link."""

    def call(self, operation: Operation) -> Invitation:
        """Send it again."""
        content = operation.content
        return self._gateway.resend_invitation(
            content["portal_id"], content["invitation_id"], key=operation.id, acting_user=operation.actor
        )

    def look(self, operation: Operation) -> Invitation | None:
        """The invitation, where it was sent after the operation began."""
        invitation = _invitation(self._gateway, operation)
        if invitation is None or invitation.sent_at < operation.created_at - _CLOCK_SKEW:
            return None
        recorded = {(earlier.get("id"), earlier.get("sent_at")) for earlier in operation.earlier}
        return None if (invitation.id, invitation.sent_at.isoformat()) in recorded else invitation

    def complete(self, session: Session, operation: Operation, answer: Invitation) -> dict[str, Any]:
        """Put it on record."""
        return _record_invitation(session, operation, answer, HistoryAction.SENT_AGAIN)


class RevokeHandler(_OnGateway, Handler[bool]):
    """An invitation revoked: DELETE on the Portal, which voids the link."""

    def call(self, operation: Operation) -> bool:
        """Revoke it."""
        content = operation.content
        self._gateway.revoke_invitation(content["portal_id"], content["invitation_id"], acting_user=operation.actor)
        return True

    def look(self, _: Operation) -> bool | None:
        """Nothing: a DELETE may be repeated, so there is no need to read first."""
        return None

    def complete(self, session: Session, operation: Operation, _: bool) -> dict[str, Any]:
        """Put it on record."""
        row = provider_row(session, operation.provider_id, lock=True)
        keep_counts(session, row.id, row.active_admins, max(0, row.open_invitations - 1))
        kept = {"id": operation.content["invitation_id"], "email": operation.content["email"]}
        record(session, row.id, HistoryAction.REVOKED, operation.actor, kept, str(operation.id))
        return kept


def _is_associated(portal: PortalProvider | None, operation: Operation) -> bool:
    if portal is None or portal.association is None:
        return False
    return portal.association.county_provider_id == str(operation.content["county_provider_id"])


def _invitations(gateway: PortalGateway, operation: Operation) -> list[Invitation]:
    return list(gateway.list_invitations(operation.content["portal_id"], acting_user=operation.actor))


def _invitation(gateway: PortalGateway, operation: Operation) -> Invitation | None:
    wanted = operation.content["invitation_id"]
    return next((item for item in _invitations(gateway, operation) if item.id == wanted), None)


def _record_link(
    session: Session, operation: Operation, portal: PortalProvider, action: HistoryAction, details: dict[str, Any]
) -> dict[str, Any]:
    """Put a link that the Portal has confirmed on record. Raises `AlreadyLinked` where there is another one."""
    row = provider_row(session, operation.provider_id, lock=True)
    refuse_second_link(session, row, portal.id)
    if row.link is None:
        row.link = LinkRow(portal_id=portal.id, linked_at=now(), linked_by=operation.actor)
        row.active_admins = row.open_invitations = 0
        refresh_derived(row)
        try:
            with session.begin_nested():
                session.flush()
        except IntegrityError:
            # Somebody linked the Portal provider between our look and our insert; say who has it.
            session.expire_all()
            refuse_second_link(session, provider_row(session, operation.provider_id), portal.id)
            raise
    kept = {"portal_id": portal.id, "name": portal.name}
    record(session, row.id, action, operation.actor, {**kept, **details}, str(operation.id))
    return kept


def _record_invitation(
    session: Session, operation: Operation, invitation: Invitation, action: HistoryAction
) -> dict[str, Any]:
    kept = {
        "id": invitation.id,
        "person": f"{invitation.first_name} {invitation.last_name}",
        "email": invitation.email,
        "is_therapist": invitation.therapist is not None,
        "sent_at": invitation.sent_at.isoformat(),
        "expires_at": invitation.expires_at.isoformat(),
        "notices": [notice.detail for notice in invitation.notices],
    }
    record(session, operation.provider_id, action, operation.actor, kept, str(operation.id))
    return kept
