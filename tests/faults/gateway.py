"""Which calls change something on the Portal."""

from cpse_plugin.portal.gateway import PortalGateway

CHANGING = frozenset(
    name for name in vars(PortalGateway) if not name.startswith(("_", "find_", "get_", "list_", "ping"))
)
