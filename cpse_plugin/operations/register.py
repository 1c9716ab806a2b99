"""The kinds of operations that there are."""

from typing import Any

from ..portal.gateway import PortalGateway
from ..services.claims import ClaimReader
from ..services.database import Database
from ..services.providers import Providers
from .add import Add
from .invite import Invite
from .kind import OperationKind
from .link import Link
from .links import LinkOperation
from .resend import Resend
from .revoke import Revoke
from .settle import Settle
from .unlink import Unlink

ON_A_GATEWAY: tuple[type[OperationKind[Any, Any]], ...] = (Link, Add, Unlink, Invite, Resend, Revoke)
ALL: tuple[type[OperationKind[Any, Any]], ...] = (*ON_A_GATEWAY, Settle)
OF_THE_LINK = tuple(kind for kind in ALL if issubclass(kind, LinkOperation))
HISTORY_ACTIONS = tuple(kind.history for kind in ALL)


def all_kinds(database: Database, gateway: PortalGateway) -> dict[str, OperationKind[Any, Any]]:
    """All kinds by name, on one gateway."""
    kinds = [kind(gateway) for kind in ON_A_GATEWAY]
    kinds.append(Settle(gateway, ClaimReader(database, gateway, Providers(database))))
    return {kind.name: kind for kind in kinds}
