"""A local copy of the NPI Registry, made from the files that CMS publishes.

`reader` answers from it, `build` makes it from a monthly file, `update` brings a weekly file in.
"""

from .build import import_file
from .errors import CopyError
from .reader import LocalCopy
from .store import AppliedFile, CopyInfo, info_of
from .update import update_file

__all__ = ["AppliedFile", "CopyError", "CopyInfo", "LocalCopy", "import_file", "info_of", "update_file"]
