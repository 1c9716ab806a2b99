"""The six things that staff make the Portal do, each with how to see on the Portal whether it was done."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cpse_plugin.operations.add import Add
from cpse_plugin.operations.invite import Invite
from cpse_plugin.operations.kind import OperationKind
from cpse_plugin.operations.link import Link
from cpse_plugin.operations.resend import Resend
from cpse_plugin.operations.revoke import Revoke
from cpse_plugin.operations.unlink import Unlink
from cpse_plugin.sandbox.faults import ReceivedRequest
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.world import READER, associations_on, by_number

from .seat import Form, Seat


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the Portal. `effects` counts how often it was carried out there."""

    name: str
    number: str
    method: str
    path: str
    form: Callable[[Seat], Form]
    effects: Callable[[Portal], int]
    kind: type[OperationKind[Any, Any]]

    def sent(self, portal: Portal) -> list[ReceivedRequest]:
        """The requests for it that came in at the Portal."""
        return portal.faults.received(self.method, self.path)

    def on_record(self, cpse: Parts) -> int:
        """How many entries the county's history has of it."""
        entries = cpse.history.of_provider(by_number(cpse, self.number).id, READER)
        return sum(entry.action is self.kind.history for entry in entries)

    def __str__(self) -> str:
        return self.name


def _carried_out(operation: str) -> Callable[[Portal], int]:
    """Count by the Portal's own audit trail; a repetition that was recognised by its key is not in it."""

    def count(portal: Portal) -> int:
        rows = portal.store.all("SELECT 1 FROM audit WHERE operation = ? AND status < 300", operation)
        return len(rows)

    return count


LINK = Change(
    "link",
    "TC-1004",
    "PUT",
    "/P-20188/association$",
    lambda seat: seat.link_form("TC-1004", "P-20188"),
    lambda portal: int(associations_on(portal).get("P-20188") == "TC-1004"),
    Link,
)
ADD = Change(
    "add",
    "TC-1021",
    "POST",
    "/v1/providers$",
    lambda seat: seat.addition_form("TC-1021"),
    _carried_out("add_provider"),
    Add,
)
UNLINK = Change(
    "unlink",
    "TC-1015",
    "DELETE",
    "/P-20632/association$",
    lambda seat: seat.unlink_form("TC-1015"),
    lambda portal: int("P-20632" not in associations_on(portal)),
    Unlink,
)
INVITE = Change(
    "invite",
    "TC-1015",
    "POST",
    "/P-20632/invitations$",
    lambda seat: seat.invitation_form("TC-1015"),
    _carried_out("invite_admin_user"),
    Invite,
)
SEND_AGAIN = Change(
    "send again",
    "TC-1014",
    "POST",
    "/I-50018/resend$",
    lambda seat: seat.change_form("TC-1014", "I-50018", "send-again"),
    _carried_out("resend_invitation"),
    Resend,
)
REVOKE = Change(
    "revoke",
    "TC-1014",
    "DELETE",
    "/invitations/I-50018$",
    lambda seat: seat.change_form("TC-1014", "I-50018", "revoke"),
    lambda portal: len(portal.store.all("SELECT 1 FROM invitation WHERE id = 'I-50018' AND status = 'revoked'")),
    Revoke,
)
ALL = (LINK, ADD, UNLINK, INVITE, SEND_AGAIN, REVOKE)
