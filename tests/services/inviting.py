"""Invitations in the tests of operations: sent, and looked for on both sides."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from cpse_plugin.domain.access import Staff
from cpse_plugin.domain.portal_records import NewInvitation
from cpse_plugin.operations.kind import OperationState
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.services.history import HistoryAction
from cpse_plugin.web.parts import Parts
from tests.world import INVITER, READER, by_number

INVITATIONS = r"/invitations$"
NIA = NewInvitation("Nia", "New", "nia@new.example")


def invite(
    cpse: Parts, operation_id: UUID | None = None, staff: Staff = INVITER, person: NewInvitation = NIA
) -> dict[str, Any]:
    provider = by_number(cpse, "TC-1015")
    return cpse.admin_users.invite(provider.id, person, operation_id=operation_id or uuid4(), staff=staff)


def invited(portal: Portal, email: str = NIA.email) -> int:
    """How many invitations of an address the Portal has, of whatever status."""
    return int(portal.store.all("SELECT count(*) FROM invitation WHERE email = ?", email)[0][0])


def keys(portal: Portal, path: str = INVITATIONS) -> list[str]:
    """The Idempotency-Keys of the calls that came in, in their order."""
    return [call.headers["idempotency-key"] for call in portal.faults.received("POST", path)]


def told(cpse: Parts, number: str) -> list[HistoryAction]:
    return [entry.action for entry in cpse.history.of_provider(by_number(cpse, number).id, READER)]


def open_operations(cpse: Parts) -> list[tuple[str, OperationState]]:
    return [(operation.kind.name, operation.state) for operation in cpse.operations.open_for()]


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread
