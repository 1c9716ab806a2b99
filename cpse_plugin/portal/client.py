"""The CPSE Portal over HTTP, by the contract in `openapi.yaml`."""

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import msgspec
import requests

from ..domain.portal_records import (
    AdminUser,
    Invitation,
    NewInvitation,
    NewPortalProvider,
    PortalProvider,
    Profession,
)
from ..outbound import Bulkhead, Section, UnreadableAnswer, read_json, time_limit
from ..settings import Settings
from . import answers
from .exchange import Call, Exchange
from .gateway import NotOnPortal, PortalError, PortalOutcomeUnknown, PortalUnanswered
from .problems import PORTAL_ID, request_id_of

logger = logging.getLogger("cpse_plugin.portal")

_PAGE_SIZE = 50
_MAX_PAGES = 10
_LONGEST_KEPT = 3600.0
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=([0-9]{1,9})(?:$|[\s,])", re.IGNORECASE)
_NOT_KEPT = re.compile(r"no-store|no-cache", re.IGNORECASE)
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,200}"')
# The operations that answer with something made, or, where the same key came before, with the first answer again.
_MADE = frozenset({200, 201})
_VOID = frozenset({204})
_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class _KeptProfessions:
    professions: tuple[Profession, ...]
    etag: str | None
    fresh_until: float


@dataclass(frozen=True, slots=True)
class _Page:
    response: requests.Response
    providers: Sequence[PortalProvider]
    is_last: bool


class HttpPortalGateway:
    """A `PortalGateway` that speaks the contract; one is enough for a process, and threads may share it.

    `places` are those that its calls may take of the server's threads, without them a bulkhead of its own. Anybody may
    ask for a ping, so that it has places apart where `places_of_ping` are given.
    """

    def __init__(
        self, settings: Settings, places: Section | None = None, *, places_of_ping: Section | None = None
    ) -> None:
        self._exchange = Exchange(settings, places or Bulkhead(settings.upstream_calls).section())
        self._places_of_ping = places_of_ping
        self._deadline = settings.portal_timeout.deadline
        self._professions: _KeptProfessions | None = None

    def find_providers(self, *, npi: str | None, sed_code: str | None, acting_user: str) -> Sequence[PortalProvider]:
        """See `PortalGateway`. Reads ten pages, which are 500 providers, at the most.

        Pages that do not end, and hold no provider, are no answer: there might be one on the next.
        """
        query = {name: value for name, value in (("npi", npi), ("sed_code", sed_code)) if value}
        if not query:
            return ()
        query["limit"] = str(_PAGE_SIZE)
        found: dict[str, PortalProvider] = {}
        with time_limit(self._deadline):
            for page in self._pages(query, acting_user):
                found.update((provider.id, provider) for provider in page.providers if provider.id not in found)
        if not page.is_last and not found:
            raise _unreadable(page.response, "its pages of providers hold none and do not end")
        if not page.is_last:
            logger.warning("the Portal's pages of providers do not end; those read hold %d", len(found))
        return tuple(found.values())

    def _pages(self, query: dict[str, str], acting_user: str) -> Iterator[_Page]:
        """Ask for page after page, as long as there is a next one that was not asked for before."""
        cursors: set[str] = set()
        for _ in range(_MAX_PAGES):
            call = Call("findProviders", "GET", "/providers", acting_user=acting_user, query=query)
            response = self._exchange.answer(call)
            providers, cursor = _parsed(response, answers.provider_page)
            yield _Page(response, providers, is_last=cursor is None)
            if cursor is None or cursor in cursors:
                return
            cursors.add(cursor)
            query = query | {"cursor": cursor}

    def get_provider(self, portal_id: str, *, acting_user: str) -> PortalProvider | None:
        """See `PortalGateway`."""
        try:
            path = _path(portal_id)
            response = self._exchange.answer(Call("getProvider", "GET", path, acting_user=acting_user))
        except NotOnPortal:
            return None
        return _provider_called(portal_id, response)

    def add_provider(self, provider: NewPortalProvider, *, key: UUID, acting_user: str) -> PortalProvider:
        """See `PortalGateway`."""
        response = self._exchange.answer(
            Call(
                "addProvider",
                "POST",
                "/providers",
                acting_user=acting_user,
                expected=_MADE,
                content=msgspec.to_builtins(provider),
                key=key,
            )
        )
        return _parsed(response, answers.provider)

    def associate(self, portal_id: str, county_provider_id: str, *, acting_user: str) -> PortalProvider:
        """See `PortalGateway`."""
        response = self._exchange.answer(
            Call(
                "associateProvider",
                "PUT",
                _path(portal_id, "association"),
                acting_user=acting_user,
                content={"county_provider_id": county_provider_id},
            )
        )
        provider = _provider_called(portal_id, response)
        if provider.association is None or provider.association.county_provider_id != county_provider_id:
            raise _unreadable(response, "the provider that came back is not associated with this county provider")
        return provider

    def dissociate(self, portal_id: str, county_provider_id: str, *, acting_user: str) -> None:
        """See `PortalGateway`."""
        self._exchange.answer(
            Call(
                "dissociateProvider",
                "DELETE",
                _path(portal_id, "association"),
                acting_user=acting_user,
                expected=_VOID,
                query={"county_provider_id": county_provider_id},
            )
        )

    def list_admin_users(self, portal_id: str, *, acting_user: str) -> Sequence[AdminUser]:
        """See `PortalGateway`."""
        path = _path(portal_id, "admin-users")
        response = self._exchange.answer(Call("listAdminUsers", "GET", path, acting_user=acting_user))
        return _parsed(response, answers.admin_users)

    def list_invitations(self, portal_id: str, *, acting_user: str) -> Sequence[Invitation]:
        """See `PortalGateway`."""
        path = _path(portal_id, "invitations")
        response = self._exchange.answer(Call("listInvitations", "GET", path, acting_user=acting_user))
        return _parsed(response, answers.invitations)

    def invite_admin_user(
        self, portal_id: str, invitation: NewInvitation, *, key: UUID, acting_user: str
    ) -> Invitation:
        """See `PortalGateway`."""
        response = self._exchange.answer(
            Call(
                "inviteAdminUser",
                "POST",
                _path(portal_id, "invitations"),
                acting_user=acting_user,
                expected=_MADE,
                content=msgspec.to_builtins(invitation),
                key=key,
            )
        )
        return _parsed(response, answers.invitation)

    def resend_invitation(self, portal_id: str, invitation_id: str, *, key: UUID, acting_user: str) -> Invitation:
        """See `PortalGateway`."""
        path = _path(portal_id, "invitations", invitation_id, "resend")
        response = self._exchange.answer(
            Call("resendInvitation", "POST", path, acting_user=acting_user, expected=_MADE, key=key)
        )
        return _parsed(response, answers.invitation)

    def revoke_invitation(self, portal_id: str, invitation_id: str, *, acting_user: str) -> None:
        """See `PortalGateway`."""
        path = _path(portal_id, "invitations", invitation_id)
        self._exchange.answer(Call("revokeInvitation", "DELETE", path, acting_user=acting_user, expected=_VOID))

    def list_professions(self, *, acting_user: str) -> Sequence[Profession]:
        """See `PortalGateway`. The list is kept as long as the Portal allows, an hour at the most."""
        kept = self._professions
        if kept is not None and time.monotonic() < kept.fresh_until:
            return kept.professions
        asked_at = time.monotonic()
        response = self._exchange.answer(
            Call(
                "listProfessions",
                "GET",
                "/professions",
                acting_user=acting_user,
                expected=frozenset({200, 304}) if kept and kept.etag else frozenset({200}),
                etag=kept.etag if kept else None,
            )
        )
        if response.status_code == 304 and kept is not None:
            professions, etag = kept.professions, kept.etag
        else:
            professions = _parsed(response, answers.professions)
            etag = _etag(response)
        self._professions = _KeptProfessions(professions, etag, asked_at + _seconds_kept(response))
        return professions

    def ping(self) -> None:
        """See `PortalGateway`. Asks for the professions, which need no provider."""
        call = Call("listProfessions", "GET", "/professions", acting_user="cpse_plugin")
        self._exchange.answer(call, places=self._places_of_ping)


def _path(portal_id: str, *rest: str) -> str:
    """Return the path of a provider or of something under it.

    An id comes from an address that anybody can write. One that no provider of the Portal can have is not sent, so it
    cannot lead to another path either.
    """
    if not all(PORTAL_ID.match(part) for part in (portal_id, *rest)):
        raise NotOnPortal("the id has not the form of the Portal's ids")
    return "/".join(("/providers", portal_id, *rest))


def _provider_called(portal_id: str, response: requests.Response) -> PortalProvider:
    """Read a provider, which must be the one that was asked for."""
    provider = _parsed(response, answers.provider)
    if provider.id != portal_id:
        raise _unreadable(response, "another provider came back than the one that was asked for")
    return provider


def _parsed(response: requests.Response, read: Callable[[object], _Record]) -> _Record:
    try:
        return read(read_json(response))
    except UnreadableAnswer as error:
        raise _unreadable(response, str(error)) from error


def _unreadable(response: requests.Response, why: str) -> PortalError:
    kind = PortalUnanswered if response.request.method == "GET" else PortalOutcomeUnknown
    error = kind(
        f"HTTP {response.status_code}, but the answer cannot be used: {why}", request_id=request_id_of(response)
    )
    logger.warning("%s (request %s)", error.detail, error.request_id)
    return error


def _etag(response: requests.Response) -> str | None:
    etag = response.headers.get("ETag", "")
    return etag if _ETAG.fullmatch(etag) else None


def _seconds_kept(response: requests.Response) -> float:
    directives = response.headers.get("Cache-Control", "")
    age = _MAX_AGE.search(directives)
    if age is None or _NOT_KEPT.search(directives):
        return 0.0
    return min(float(age[1]), _LONGEST_KEPT)
