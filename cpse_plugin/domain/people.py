"""The names of people, which are written in more than one order and with more than the name."""

import logging

from .spelling import words

_log = logging.getLogger("cpse_plugin")

_GENERATIONS = {"jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "ii": "ii", "iii": "iii", "iv": "iv"}
# A person's firm bears the person's name and is somebody else.
_FIRMS = frozenset({"pc", "pllc", "llc", "llp", "inc", "incorporated", "corp", "corporation", "ltd", "co", "company"})


def named_alike(one: str, other: str) -> bool:
    """Whether two people's names differ in nothing but the order of first and last name, titles and credentials."""
    ours, theirs = _name(one), _name(other)
    return ours is not None and ours == theirs


def _name(text: str) -> tuple[str, str, str] | None:
    """First and middle names, last name and generation; None where the library cannot tell, or has lost something."""
    try:
        # Loading it takes longer than starting most of the plugin, and most processes never compare two names.
        from nameparser import HumanName  # noqa: PLC0415

        name = HumanName(text)
        parts = [str(part or "") for part in (name.title, name.first, name.middle, name.last, name.suffix)]
    except Exception as error:  # noqa: BLE001 - whatever a parser of free text stumbles over, there is a plain way.
        _log.debug("a name could not be taken apart: %r", error)
        return None
    _, first, middle, last, suffix = parts
    whole = sorted("".join(words(" ".join(parts)))) == sorted("".join(words(text)))
    if not (first and last and whole) or _FIRMS.intersection(words(suffix)):
        return None
    generation = "".join(_GENERATIONS.get(word, "") for word in words(suffix))
    return "".join(words(f"{first} {middle}")), "".join(words(last)), generation
