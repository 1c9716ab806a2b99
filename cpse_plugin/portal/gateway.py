"""What the plugin asks of the CPSE Portal, and what can come of it.

The contract is `openapi.yaml` beside this file. A county whose Portal differs writes a class with these methods and
names it in the setting `CPSE_PORTAL_GATEWAY`.

Every method may raise `PortalError`. Its subclasses say what a caller must know: was the call carried out
(`PortalRefused`: no; `PortalNotAsked`: no; `PortalOutcomeUnknown`: nobody knows), and what can be done about it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from ..domain.portal_records import (
    AdminUser,
    Invitation,
    NewInvitation,
    NewPortalProvider,
    PortalProvider,
    Profession,
)


class PortalGateway(Protocol):
    """The operations of the contract that the plugin uses.

    `acting_user` names the member of staff on whose behalf a call is made. `key` is the Idempotency-Key: the same key
    with the same content is carried out once, however often it is sent within 24 hours.
    """

    def find_providers(self, *, npi: str | None, sed_code: str | None, acting_user: str) -> Sequence[PortalProvider]:
        """Providers that bear this NPI or this SED code, best match first. Without either there are none."""

    def get_provider(self, portal_id: str, *, acting_user: str) -> PortalProvider | None:
        """One provider, or None where the Portal does not have it."""

    def add_provider(self, provider: NewPortalProvider, *, key: UUID, acting_user: str) -> PortalProvider:
        """Add a provider and associate it with the county's at once. Raises `ProviderExists`, `InvalidContent`."""

    def associate(self, portal_id: str, county_provider_id: str, *, acting_user: str) -> PortalProvider:
        """Associate the county's provider; safe to repeat. Raises `AlreadyAssociated`, `NotOnPortal`."""

    def dissociate(self, portal_id: str, county_provider_id: str, *, acting_user: str) -> None:
        """End the association of the county's provider; safe to repeat, and where there is none.

        Raises `AlreadyAssociated` where it is another one's, and `NotOnPortal`. A Portal of an earlier version ends
        that one too, so read first.
        """

    def list_admin_users(self, portal_id: str, *, acting_user: str) -> Sequence[AdminUser]:
        """The people who administer the provider on the Portal. Raises `NotOnPortal`."""

    def list_invitations(self, portal_id: str, *, acting_user: str) -> Sequence[Invitation]:
        """Invitations of every status, newest first. Raises `NotOnPortal`."""

    def invite_admin_user(
        self, portal_id: str, invitation: NewInvitation, *, key: UUID, acting_user: str
    ) -> Invitation:
        """Invite a person.

        Raises `InvitationPending`, `AdminExists`, `CredentialConflict`, `InvalidContent`, `NotOnPortal`.
        """

    def resend_invitation(self, portal_id: str, invitation_id: str, *, key: UUID, acting_user: str) -> Invitation:
        """E-mail a new link; the earlier one is void from then on. Raises `InvitationClosed`, `NotOnPortal`."""

    def revoke_invitation(self, portal_id: str, invitation_id: str, *, acting_user: str) -> None:
        """Make the e-mailed link void; safe to repeat. Raises `InvitationClosed` where it was accepted already."""

    def list_professions(self, *, acting_user: str) -> Sequence[Profession]:
        """The professions that a therapist or service provider can have, in the order to show them."""

    def ping(self) -> None:
        """Make sure that the Portal grants a token and answers; raises `PortalError` where not."""


class PortalError(Exception):
    """A call to the Portal that did not come to its result.

    `detail` is for the log and holds no secret; `request_id` is what the exchange is called in the logs of both sides:
    the Portal's name for it, else the one that the call was sent with.
    """

    def __init__(self, detail: str, *, request_id: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.request_id = request_id


class PortalNotAsked(PortalError):
    """The Portal surely did not carry the call out: it could not be reached, or it turned the call away unread."""


class PortalUnanswered(PortalNotAsked):
    """The Portal was asked something, and no answer that can be used came back; the question was to change nothing."""


class PortalAccessRefused(PortalNotAsked):
    """The Portal does not accept the plugin's credentials, or their scope does not reach: a matter for the operator."""


class PortalClientRefused(PortalAccessRefused):
    """The token endpoint does not take the plugin for the client that it says it is: a wrong id, secret or key."""


class PortalBusy(PortalNotAsked):
    """The Portal asks to wait: 429, and for a call that reads 503 with Retry-After. `retry_after` is in seconds."""

    def __init__(self, detail: str, *, retry_after: float | None = None, request_id: str | None = None) -> None:
        super().__init__(detail, request_id=request_id)
        self.retry_after = retry_after


class PortalOutcomeUnknown(PortalError):
    """A call that changes something went out, and no answer that can be trusted came back.

    It may or may not have been carried out.
    """


@dataclass(frozen=True, slots=True)
class FieldError:
    """A refusal of one field: a JSON Pointer into what was sent, such as `/therapist/npi`, and words for the person."""

    pointer: str
    detail: str


class PortalRefused(PortalError):
    """The Portal understood the call and refused it: nothing was changed."""

    def __init__(
        self, detail: str, *, errors: Sequence[FieldError] = (), title: str = "", request_id: str | None = None
    ) -> None:
        super().__init__(detail, request_id=request_id)
        self.errors = tuple(errors)
        self.title = title


class NotOnPortal(PortalRefused):
    """The Portal does not have the provider (or the invitation) that the call is about."""


class InvalidContent(PortalRefused):
    """A field of the content is not acceptable; `errors` points at each."""


class ProviderExists(PortalRefused):
    """A provider with this NPI or SED code is on the Portal already; `portal_ids` names the ones that hold it."""

    def __init__(
        self, detail: str, *, portal_ids: Sequence[str] = (), title: str = "", request_id: str | None = None
    ) -> None:
        super().__init__(detail, title=title, request_id=request_id)
        self.portal_ids = tuple(portal_ids)


class AlreadyAssociated(PortalRefused):
    """Another provider of this county is associated with the Portal provider; `county_provider_id` names that one."""

    def __init__(
        self, detail: str, *, county_provider_id: str | None = None, title: str = "", request_id: str | None = None
    ) -> None:
        super().__init__(detail, title=title, request_id=request_id)
        self.county_provider_id = county_provider_id


class InvitationPending(PortalRefused):
    """The address has an open invitation for this provider; `invitation_id` names it."""

    def __init__(
        self, detail: str, *, invitation_id: str | None = None, title: str = "", request_id: str | None = None
    ) -> None:
        super().__init__(detail, title=title, request_id=request_id)
        self.invitation_id = invitation_id


class AdminExists(PortalRefused):
    """The address belongs to an admin user of this provider already."""


class CredentialConflict(PortalRefused):
    """The Portal knows the person with another NPI, profession or license; `errors` points at each that differs."""


class InvitationClosed(PortalRefused):
    """The invitation was accepted or revoked already."""


class KeyReused(PortalRefused):
    """The Idempotency-Key was used before for other content: a fault of the caller, never to be repeated as it is."""


class StillInProgress(PortalOutcomeUnknown):
    """The Portal is still working on the first call with this Idempotency-Key; ask again with the same key later."""
