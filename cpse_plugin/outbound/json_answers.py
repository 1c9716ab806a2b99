"""The JSON of an answer, read with distrust."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Generic, NoReturn, TypeVar, get_args, get_origin

import msgspec
import requests

from ..domain.text import clean_text
from .errors import UnreadableAnswer

Kind = TypeVar("Kind")
_LONGEST = 500
_MOST_ROWS = 50
# msgspec quotes a word that is none of those expected.
_QUOTED_WORD = re.compile(r"\AInvalid enum value .*(?= - at )", re.DOTALL)


def read_json(response: requests.Response) -> object:
    """Return what the body says. Raises `UnreadableAnswer` for anything but JSON in UTF-8.

    A byte order mark is let pass. NaN and the infinities, which Python's reader would take, are no JSON. Lone
    surrogates are: `clean_text` takes them out of the strings that are used.
    """
    try:
        return json.loads(response.content.decode("utf-8-sig"), parse_constant=_refuse)
    except RecursionError:
        raise UnreadableAnswer("the answer is nested too deeply") from None
    except ValueError as error:
        kind = response.headers.get("Content-Type", "no content type")
        raise UnreadableAnswer(f"the answer is no JSON ({kind[:60]}): {str(error)[:100]}") from error


def read_as(response: requests.Response, kind: type[Kind]) -> Kind:
    """Return what the body says as a `kind`, whose members have the types that it declares.

    Members that `kind` does not declare are passed over. Raises `UnreadableAnswer`, which names the member at fault and
    not what it holds.
    """
    return checked(read_json(response), kind)


def checked(content: object, kind: type[Kind]) -> Kind:
    """The same for JSON that has been read already."""
    try:
        return msgspec.convert(content, kind, dec_hook=_read_member)
    except msgspec.ValidationError as error:
        why = _QUOTED_WORD.sub("An unknown word", str(error))[:200]
        raise UnreadableAnswer(f"the answer is not the JSON object that was expected: {why}") from error


def rows(items: list[Any], kind: type[Kind], note: Callable[[str], None] = lambda _: None) -> tuple[Kind, ...]:
    """Those of the items that can be read as a `kind`; `note` is told why another one cannot."""
    found: list[Kind] = []
    for item in items:
        try:
            found.append(checked(item, kind))
        except UnreadableAnswer as error:
            note(str(error))
    return tuple(found)


class Member(type):
    """The type of a member that is read in a way of its own, cleaned or with patience.

    Its `_read` gets what the JSON has and returns what is kept of it: a plain `str`, `int` or the like, or None. It
    raises a `TypeError` or `ValueError` that says in a few words what is wrong, and quotes nothing.
    """

    def __instancecheck__(cls, _: object) -> bool:
        # What was read is no instance of the type, and msgspec is to take it all the same.
        return True


class Text(str, metaclass=Member):
    """A text that must be there, cleaned; it may be empty."""

    _fewest = 0

    @classmethod
    def _read(cls, value: object) -> str | None:
        if not isinstance(value, str):
            raise TypeError("No text")
        text = clean_text(value, _LONGEST)
        if len(text) < cls._fewest:
            raise ValueError("An empty text")
        return text


class Filled(Text):
    """A text that must be there and hold something, cleaned."""

    _fewest = 1


class Shown(Text):
    """A text that is only shown, cleaned; None where it is empty, `--` or no text."""

    @classmethod
    def _read(cls, value: object) -> str | None:
        text = clean_text(value, _LONGEST) if isinstance(value, str) else ""
        return text if text.strip("-") else None


class Moment(datetime, metaclass=Member):
    """A date and time, in UTC; one without an offset is taken to be in UTC."""

    @classmethod
    def _read(cls, value: object) -> datetime:
        try:
            moment = datetime.fromisoformat(value if isinstance(value, str) else "")
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise ValueError("No date and time") from None


class Rows(tuple[Kind, ...], metaclass=Member):
    """Those of a list's first fifty members that can be read; what is no list has none."""

    @classmethod
    def _read(cls, value: object, kind: type[Kind]) -> tuple[Kind, ...]:
        return rows(value[:_MOST_ROWS], kind) if isinstance(value, list) else ()


class Maybe(Generic[Kind], metaclass=Member):
    """An object that is only shown; None where it cannot be read."""

    @classmethod
    def _read(cls, value: object, kind: type[Kind]) -> Kind | None:
        return next(iter(rows([value], kind)), None)


def _read_member(kind: Any, value: object) -> object:
    return _reader(kind)(value)


@cache
def _reader(kind: Any) -> Callable[[object], object]:
    """How a member of a type is read; a type that is one of something reads it as that."""
    items = get_args(kind)
    return partial(get_origin(kind)._read, kind=items[0]) if items else kind._read


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
