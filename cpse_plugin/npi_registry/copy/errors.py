"""What can go wrong with an NPPES file or the local copy, in words for the person at the command line."""


class CopyError(Exception):
    """An import or update did not take place; the copy is as it was. The text says why and, where known, what to do."""
