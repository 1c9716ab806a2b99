"""What the Portal's refusals and failures mean: from RFC 9457 problem details to the exceptions of the gateway.

The rule behind it: of a change it is only believed that it was *not* carried out where the contract says so, by a
problem document that it defines for this operation and status, or where the status itself says that the call was turned
away at the door (401, 403, 429). Anything else may have been written by something in between while the Portal did its
work, or by a Portal that broke off in the middle, and says nothing of the effect.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urlsplit

import requests

from ..domain.text import clean_text
from ..outbound import UnreadableAnswer, read_json, reason, was_sent
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
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_ITEMS = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """Problem details as the contract has them; `kind` is the type without the contract's prefix.

    `is_own` says whether the Portal itself wrote them. What stands between can write some of its own, with types of its
    own: then they say nothing of what the Portal did.
    """

    kind: str
    is_own: bool
    title: str
    detail: str
    errors: tuple[FieldError, ...]
    provider_ids: tuple[str, ...]
    county_provider_id: str | None
    invitation_id: str | None


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
    if problem is not None and problem.is_own:
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
        content = read_json(response)
    except UnreadableAnswer:
        return None
    if not isinstance(content, dict) or not ({"type", "title"} & content.keys()):
        return None
    named = _text(content, "type")
    has_own_type = named == _UNNAMED or named.startswith(_TYPE_PREFIX)
    return Problem(
        kind=named.removeprefix(_TYPE_PREFIX),
        is_own=has_own_type and content.get("status", response.status_code) == response.status_code,
        title=_text(content, "title"),
        detail=_text(content, "detail"),
        errors=tuple(_field_errors(content.get("errors"))),
        provider_ids=tuple(_ids(content.get("provider_ids"))),
        county_provider_id=_text(content, "county_provider_id") or None,
        invitation_id=next(iter(_ids([content.get("invitation_id")])), None),
    )


def _text(content: Mapping[str, object], name: str) -> str:
    value = content.get(name)
    return clean_text(value, 500) if isinstance(value, str) else ""


def _ids(value: object) -> list[str]:
    if not isinstance(value, list):
        return []
    return [item for item in value[:_MAX_ITEMS] if isinstance(item, str) and _ID.fullmatch(item)]


def _field_errors(value: object) -> list[FieldError]:
    if not isinstance(value, list):
        return []
    return [
        FieldError(pointer_path(_text(item, "pointer")), _text(item, "detail"))
        for item in value[:_MAX_ITEMS]
        if isinstance(item, dict) and _text(item, "detail")
    ]


def pointer_path(pointer: str) -> str:
    """Return a JSON Pointer in its plain form: `/therapist/npi` for `#/therapist/npi`."""
    return clean_text(unquote(pointer[1:]), 200) if pointer.startswith("#") else pointer


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


def _plain(kind: type[PortalRefused]) -> _Maker:
    def make(problem: Problem, summary: str, request_id: str | None) -> PortalError:
        return kind(summary, errors=problem.errors, title=problem.title, request_id=request_id)

    return make


def _provider_exists(problem: Problem, summary: str, request_id: str | None) -> PortalError:
    return ProviderExists(summary, portal_ids=problem.provider_ids, title=problem.title, request_id=request_id)


def _already_associated(problem: Problem, summary: str, request_id: str | None) -> PortalError:
    return AlreadyAssociated(
        summary, county_provider_id=problem.county_provider_id, title=problem.title, request_id=request_id
    )


def _invitation_pending(problem: Problem, summary: str, request_id: str | None) -> PortalError:
    return InvitationPending(summary, invitation_id=problem.invitation_id, title=problem.title, request_id=request_id)


# The conflicts of the contract, each with the operation that can meet it.
_CONFLICTS: dict[tuple[str, str], _Maker] = {
    ("addProvider", "provider-exists"): _provider_exists,
    ("associateProvider", "already-associated"): _already_associated,
    ("dissociateProvider", "already-associated"): _already_associated,
    ("inviteAdminUser", "invitation-pending"): _invitation_pending,
    ("inviteAdminUser", "admin-exists"): _plain(AdminExists),
    ("inviteAdminUser", "credential-conflict"): _plain(CredentialConflict),
    ("revokeInvitation", "invitation-accepted"): _plain(InvitationClosed),
}
# Nothing that an address under one provider names can be missing for these.
_WITHOUT_PROVIDER = frozenset({"findProviders", "addProvider", "listProfessions"})
