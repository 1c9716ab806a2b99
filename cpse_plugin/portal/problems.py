"""What the Portal's refusals and failures mean: from RFC 9457 problem details to the exceptions of the gateway.

The rule behind it: of a change it is only believed that it was *not* carried out where the contract says so, by a
problem document that it defines for this operation and status, or where the status itself says that the call was turned
away at the door (401, 403, 429). Anything else may have been written by something in between while the Portal did its
work, or by a Portal that broke off in the middle, and says nothing of the effect.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import msgspec
import requests

from ..domain.text import clean_text
from ..outbound import UnreadableAnswer, read_as, reason, was_sent
from ..outbound.json_answers import Filled, Rows, Shown
from .gateway import (
    AdminExists,
    AlreadyAssociated,
    CredentialConflict,
    FieldError,
    InvalidContent,
    InvitationClosed,
    InvitationPending,
    KeyReused,
    NotOnPortal,
    PortalAccessRefused,
    PortalBusy,
    PortalError,
    PortalNotAsked,
    PortalOutcomeUnknown,
    PortalRefused,
    PortalUnanswered,
    ProviderExists,
    StillInProgress,
)

_TYPE_PREFIX = "urn:cpse:problem:"
# The type of a problem of which the status says it all.
_UNNAMED = "about:blank"
_IN_USE = "idempotency-key-in-use"
# The ids of providers and of invitations.
PORTAL_ID = re.compile(r"\A[A-Za-z0-9_-]{1,64}\Z")
PortalId = Annotated[str, msgspec.Meta(pattern=PORTAL_ID.pattern)]


class Pointer(Shown):
    """A JSON Pointer in its plain form: `/therapist/npi` for `#/therapist/npi`; empty where there is none."""

    @classmethod
    def _read(cls, value: object) -> str:
        pointer = super()._read(value) or ""
        return clean_text(unquote(pointer[1:]), 200) if pointer.startswith("#") else pointer


class _Id(Shown):
    @classmethod
    def _read(cls, value: object) -> str | None:
        return value if isinstance(value, str) and PORTAL_ID.match(value) else None


class Pointed(msgspec.Struct):
    """A sentence about a member of what was sent."""

    detail: Filled
    pointer: Pointer = Pointer()


class Problem(msgspec.Struct):
    """Problem details as the contract has them."""

    type: Shown | None = None
    title: Shown | None = None
    status: Any = msgspec.UNSET
    detail: Shown | None = None
    errors: Rows[Pointed] = Rows()
    provider_ids: Rows[PortalId] = Rows()
    county_provider_id: Shown | None = None
    invitation_id: _Id | None = None

    @property
    def field_errors(self) -> tuple[FieldError, ...]:
        """The refusals of single fields."""
        return msgspec.convert(self.errors, tuple[FieldError, ...], from_attributes=True)

    @property
    def kind(self) -> str:
        """The type without the contract's prefix."""
        return (self.type or "").removeprefix(_TYPE_PREFIX)

    def is_own(self, status: int) -> bool:
        """Whether the Portal itself wrote them, in an answer of this HTTP status.

        What stands between can write some of its own, with types of its own: then they say nothing of what the Portal
        did.
        """
        named = self.type or ""
        return (named == _UNNAMED or named.startswith(_TYPE_PREFIX)) and self.status in (msgspec.UNSET, status)


def request_id_of(response: requests.Response) -> str | None:
    """How the exchange is called in the logs: by the Portal's name for it, else by the one that it was sent with."""
    sent = response.request.headers if response.request is not None else {}
    for headers in (response.headers, sent):
        name = clean_text(headers.get("X-Request-Id") or "", 100)
        if name:
            return name
    return None


def retry_after(response: requests.Response) -> float | None:
    """Seconds to wait by the header `Retry-After`, which is a number or a date; None where it is absent or odd."""
    value = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(value) if not value or value[0].isdigit() else _seconds_until(parsedate_to_datetime(value))
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def _seconds_until(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((aware - datetime.now(UTC)).total_seconds(), 0.0)


def from_failure(error: requests.RequestException, request_id: str | None, *, changes: bool) -> PortalError:
    """Return the meaning of a call that brought no answer; `changes` says whether it was to change something."""
    if not was_sent(error):
        return PortalNotAsked(f"could not be reached ({reason(error)})", request_id=request_id)
    kind = PortalOutcomeUnknown if changes else PortalUnanswered
    return kind(f"no answer ({reason(error)})", request_id=request_id)


def from_response(response: requests.Response, operation: str, *, changes: bool) -> PortalError:
    """Return the meaning of an answer other than the operation's success.

    `operation` is the contract's `operationId`; `changes` says whether the call was to change something.
    """
    status, request_id, problem = response.status_code, request_id_of(response), read_problem(response)
    summary = _summary(response, problem)
    if status in (401, 403):
        return PortalAccessRefused(summary, request_id=request_id)
    if status == 429 or (status == 503 and "Retry-After" in response.headers and not changes):
        # A proxy too answers 503 with Retry-After, when the Portal went away in the middle of its work.
        return PortalBusy(summary, retry_after=retry_after(response), request_id=request_id)
    if problem is not None and problem.is_own(status):
        make = _maker(status, problem.kind, operation)
        if make is not None:
            return make(problem, summary, request_id)
    if changes and problem is not None and (status, problem.kind) == (409, _IN_USE):
        return StillInProgress(summary, request_id=request_id)
    if changes:
        return PortalOutcomeUnknown(summary, request_id=request_id)
    if 400 <= status < 500:
        return PortalNotAsked(f"{summary}, not in the Portal's form; is its address right?", request_id=request_id)
    return PortalUnanswered(summary, request_id=request_id)


def read_problem(response: requests.Response) -> Problem | None:
    """Return the problem details of an answer, or None where it has none."""
    try:
        problem = read_as(response, Problem)
    except UnreadableAnswer:
        return None
    return problem if problem.type or problem.title else None


def _summary(response: requests.Response, problem: Problem | None) -> str:
    """Say in one line for the log what was answered."""
    parts = [f"HTTP {response.status_code}"]
    if problem is not None:
        parts += [part for part in (problem.kind, problem.detail or problem.title) if part]
    elif 300 <= response.status_code < 400:
        # The address alone without its query, which may hold anything.
        host = urlsplit(clean_text(response.headers.get("Location") or "", 200).split("?")[0]).netloc
        parts.append(f"redirect to {host or 'another address'}, not followed")
    return ": ".join(parts)


def _maker(status: int, kind: str, operation: str) -> "_Maker | None":
    """What the contract defines a problem of this status and kind to mean for an operation; None where it does not."""
    if status == 409 and operation == "resendInvitation" and kind != _IN_USE:
        # Accepted or revoked already, and the contract gives it no type.
        return _plain(InvitationClosed)
    if status == 409:
        return _CONFLICTS.get((operation, kind))
    if status in (404, 410):
        return _plain(NotOnPortal) if operation not in _WITHOUT_PROVIDER else None
    if status == 422 and kind == "idempotency-key-reused":
        return _plain(KeyReused)
    return _plain(InvalidContent) if status in (400, 422) else None


_Maker = Callable[[Problem, str, str | None], PortalError]


def _refusal(kind: Callable[..., PortalRefused], **arguments: str) -> _Maker:
    """Make an exception whose arguments are members of the problem; they are given by name."""

    def make(problem: Problem, summary: str, request_id: str | None) -> PortalError:
        members = {argument: getattr(problem, member) for argument, member in arguments.items()}
        return kind(summary, title=problem.title or "", request_id=request_id, **members)

    return make


_plain = partial(_refusal, errors="field_errors")
_already_associated = _refusal(AlreadyAssociated, county_provider_id="county_provider_id")
# The conflicts of the contract, each with the operation that can meet it.
_CONFLICTS: dict[tuple[str, str], _Maker] = {
    ("addProvider", "provider-exists"): _refusal(ProviderExists, portal_ids="provider_ids"),
    ("associateProvider", "already-associated"): _already_associated,
    ("dissociateProvider", "already-associated"): _already_associated,
    ("inviteAdminUser", "invitation-pending"): _refusal(InvitationPending, invitation_id="invitation_id"),
    ("inviteAdminUser", "admin-exists"): _plain(AdminExists),
    ("inviteAdminUser", "credential-conflict"): _plain(CredentialConflict),
    ("revokeInvitation", "invitation-accepted"): _plain(InvitationClosed),
}
# Nothing that an address under one provider names can be missing for these.
_WITHOUT_PROVIDER = frozenset({"findProviders", "addProvider", "listProfessions"})
