"""The people who administer a provider on the CPSE Portal, and the invitations to become one."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from ..domain.access import Action, Staff, require
from ..domain.portal_records import (
    AdminStatus,
    AdminUser,
    Invitation,
    InvitationStatus,
    NewInvitation,
    Profession,
)
from ..domain.providers import CountyProvider
from ..portal.gateway import AdminExists, InvitationClosed, InvitationPending, PortalError, PortalGateway
from .association import CarriesOut
from .database import Database
from .errors import CommitUnknown, DatabaseBusy, DatabaseRefused, NotFound, NotLinked, ServiceError
from .providers import Providers
from .records import keep_counts, provider_row

_log = logging.getLogger("cpse_plugin")


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
        self, database: Database, gateway: PortalGateway, providers: Providers, operations: CarriesOut
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

        Raises `NotLinked`, `BelongsToAnother`, `OperationInProgress`, and `PortalError` (`InvitationPending`,
        `AdminExists`, `CredentialConflict` and `InvalidContent` among them).
        """
        return self._carried_out("invite", provider_id, {"invitation": asdict(invitation)}, operation_id, staff)

    def send_again(self, provider_id: int, invitation_id: str, *, operation_id: UUID, staff: Staff) -> dict[str, Any]:
        """Let the Portal e-mail a new link; return the invitation's `id`, `email`, `expires_at` and `notices`.

        Raises `NotFound`, `NotLinked`, `BelongsToAnother`, `OperationInProgress`, and `PortalError` (`InvitationClosed`
        among them).
        """
        return self._carried_out("send-again", provider_id, {"invitation_id": invitation_id}, operation_id, staff)

    def revoke(self, provider_id: int, invitation_id: str, *, operation_id: UUID, staff: Staff) -> dict[str, Any]:
        """Make the e-mailed link void; return the invitation's `id` and `email`.

        Raises `NotFound`, `NotLinked`, `BelongsToAnother`, `OperationInProgress`, and `PortalError` (`InvitationClosed`
        among them).
        """
        return self._carried_out("revoke", provider_id, {"invitation_id": invitation_id}, operation_id, staff)

    def invitation(self, provider: CountyProvider, invitation_id: str, staff: Staff) -> Invitation:
        """One invitation as the Portal has it now. Raises `NotFound`, `NotLinked`, `PortalError`."""
        require(staff, Action.VIEW)
        for item in self._gateway.list_invitations(_portal_id(provider), acting_user=staff.acting_user):
            if item.id == invitation_id:
                return item
        raise NotFound(f"invitation {invitation_id}")

    def _carried_out(
        self, name: str, provider_id: int, said: Mapping[str, Any], form: UUID, staff: Staff
    ) -> dict[str, Any]:
        try:
            done, _ = self._operations.carry_out(name, provider_id, said, form=form, staff=staff)
        except (InvitationClosed, InvitationPending, AdminExists):
            # Something has happened on the Portal that the list of providers does not show yet.
            with suppress(PortalError, ServiceError):
                self.retrieve(self._providers.read(provider_id), staff)
            raise
        result: dict[str, Any] = done.result
        return result

    def _note_progress(self, provider: CountyProvider, found: AdminUsers) -> None:
        try:
            with self._database.aside() as session:
                keep_counts(
                    session,
                    provider_row(session, provider.id, lock=True),
                    _portal_id(provider),
                    active_admins=found.active_admins,
                    open_invitations=len(found.open_invitations),
                )
        except (DatabaseBusy, DatabaseRefused, CommitUnknown) as error:
            # The list of providers shows the numbers of an earlier time; that is no reason to keep back these.
            _log.warning("the progress of provider %d was not noted: %s", provider.id, error)


def _portal_id(provider: CountyProvider) -> str:
    if provider.link is None:
        raise NotLinked(f"provider {provider.id}")
    return provider.link.portal_id
