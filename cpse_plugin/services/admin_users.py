"""The people who administer a provider on the CPSE Portal, and the invitations to become one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from ..domain.access import Action, Staff, require
from ..domain.portal_records import (
    AdminStatus,
    AdminUser,
    Invitation,
    InvitationStatus,
    NewInvitation,
    Profession,
    Therapist,
)
from ..domain.providers import CountyProvider, set_up_status
from ..models import ProviderRow
from ..portal.gateway import PortalGateway
from .database import Database
from .errors import NotLinked
from .operations import Handler, Intention, Operation, OperationKind, Operations
from .providers import Providers
from .records import profile


@dataclass(frozen=True, slots=True)
class AdminUsers:
    """What the Portal answered about a provider's admin users."""

    admins: tuple[AdminUser, ...]
    invitations: tuple[Invitation, ...]

    @property
    def open_invitations(self) -> tuple[Invitation, ...]:
        """Invitations that a person can still follow."""
        return tuple(item for item in self.invitations if item.status is InvitationStatus.SENT)

    @property
    def active_admins(self) -> int:
        """How many people can sign in at present."""
        return sum(admin.status is AdminStatus.ACTIVE for admin in self.admins)


class AdminUserService:
    """Retrieves admin users and invites new ones."""

    def __init__(
        self, database: Database, gateway: PortalGateway, providers: Providers, operations: Operations
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._providers = providers
        self._operations = operations

    def retrieve(self, provider: CountyProvider, staff: Staff) -> AdminUsers:
        """The admin users and invitations as the Portal has them now. Raises `NotLinked`, `PortalError`."""
        require(staff, Action.VIEW)
        portal_id = _portal_id(provider)
        found = AdminUsers(
            admins=tuple(self._gateway.list_admin_users(portal_id, acting_user=staff.acting_user)),
            invitations=tuple(self._gateway.list_invitations(portal_id, acting_user=staff.acting_user)),
        )
        self._note_progress(provider, found)
        return found

    def professions(self, staff: Staff) -> Sequence[Profession]:
        """The Portal's list of professions, in its order. Raises `PortalError`."""
        return self._gateway.list_professions(acting_user=staff.acting_user)

    def invite(
        self, provider_id: int, invitation: NewInvitation, *, operation_id: UUID, staff: Staff
    ) -> dict[str, Any]:
        """Invite a person; return the invitation's `id`, `email`, `expires_at` and `notices`.

        Raises `NotLinked`, `OperationInProgress`, and `PortalError` (`InvitationPending`, `AdminExists`,
        `CredentialConflict` and `InvalidContent` among them).
        """
        require(staff, Action.INVITE)
        self._operations.resume(provider_id)
        provider = self._providers.get(provider_id, staff)
        intention = Intention(
            OperationKind.INVITE,
            provider_id,
            target=f"invitation:{provider_id}:{invitation.email.casefold()}",
            content={"portal_id": _portal_id(provider), "invitation": asdict(invitation)},
        )
        with self._database.write() as session:
            operation = self._operations.begin(session, intention, operation_id, staff)
        return self._operations.carry_out(operation).result

    def _note_progress(self, provider: CountyProvider, found: AdminUsers) -> None:
        with self._database.write() as session:
            _keep_counts(session, provider.id, found.active_admins, len(found.open_invitations))


class InviteHandler(Handler[Invitation]):
    """Carries out an invitation: POST to the Portal, which e-mails the link."""

    def __init__(self, gateway: PortalGateway) -> None:
        self._gateway = gateway

    def call(self, operation: Operation) -> Invitation:
        """Invite the person."""
        content = dict(operation.content["invitation"])
        content["therapist"] = Therapist(**content["therapist"]) if content["therapist"] else None
        return self._gateway.invite_admin_user(
            operation.content["portal_id"], NewInvitation(**content), key=operation.id, acting_user=operation.actor
        )

    def complete(self, session: Session, operation: Operation, answer: Invitation) -> dict[str, Any]:
        """Count the open invitation, so that the list of providers shows how far the provider is."""
        row = session.get_one(ProviderRow, operation.provider_id)
        _keep_counts(session, row.id, row.active_admins, row.open_invitations + 1)
        return {
            "id": answer.id,
            "email": answer.email,
            "expires_at": answer.expires_at.isoformat(),
            "notices": [notice.detail for notice in answer.notices],
        }


def _portal_id(provider: CountyProvider) -> str:
    if provider.link is None:
        raise NotLinked(f"provider {provider.id}")
    return provider.link.portal_id


def _keep_counts(session: Session, provider_id: int, active_admins: int, open_invitations: int) -> None:
    """Keep the counts that the list of providers shows.

    This is no edit of the profile, so it leaves the row's version alone: a colleague's open form stays good.
    """
    row = session.get_one(ProviderRow, provider_id)
    status = set_up_status(
        profile(row),
        linked=row.link is not None,
        active_admins=active_admins,
        open_invitations=open_invitations,
    )
    session.execute(
        update(ProviderRow)
        .where(ProviderRow.id == provider_id)
        .values(status=status, active_admins=active_admins, open_invitations=open_invitations)
        .execution_options(synchronize_session=False)
    )
