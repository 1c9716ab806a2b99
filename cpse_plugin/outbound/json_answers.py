"""The JSON of an answer, read with distrust."""

import json
from typing import NoReturn, TypeVar

import msgspec
import requests

from .errors import UnreadableAnswer

Kind = TypeVar("Kind", bound=msgspec.Struct)


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
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise UnreadableAnswer(f"the answer is not of the form that was expected: {str(error)[:200]}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
