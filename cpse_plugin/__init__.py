"""Set up preschool special education providers on the CPSE Portal from a New York county's intranet."""

from .domain.access import Role, Staff
from .extension import Cpse
from .migrate import without_cpse_tables

__version__ = "0.1.0"

__all__ = ["Cpse", "Role", "Staff", "__version__", "without_cpse_tables"]
