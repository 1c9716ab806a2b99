"""Set up preschool special education providers on the CPSE Portal from a New York county's intranet."""

from .extension import Cpse

__version__ = "0.1.0"

__all__ = ["Cpse", "__version__"]
