"""The token endpoint of an OAuth 2.0 server: how a client signs in there, and what it answers (RFC 6749)."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Protocol, TypeVar
from urllib.parse import quote_plus

import msgspec
import requests

from ..domain.text import clean_text
from .errors import UnreadableAnswer
from .json_answers import checked, read_json
from .session import BoundedSession

# RFC 6749 says 200; some endpoints say that a token was created.
_SUCCESS = frozenset({200, 201})
# What can stand in a header after "Bearer" (RFC 6750 allows less).
BearerToken = Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]{1,16384}\Z")]


class TokenAnswer(msgspec.Struct, frozen=True):
    """What every answer with a token holds; a client declares what else it needs. Its `repr` tells nothing."""

    access_token: BearerToken
    token_type: str | None = None

    def __repr__(self) -> str:
        return type(self).__name__


Answer = TypeVar("Answer", bound=TokenAnswer)


class TokenNotGranted(Exception):
    """The endpoint answered with an error. `code` is the one of RFC 6749, or None where it has none; `words` are clean.

    `status` is the HTTP status.
    """

    def __init__(self, code: str | None, words: str, status: int) -> None:
        super().__init__(words)
        self.code = code
        self.words = words
        self.status = status


class ClientAuthentication(Protocol):
    """How a client shows who it is."""

    def headers(self) -> Mapping[str, str]:
        """What it puts into the headers of a request."""

    def form(self) -> Mapping[str, str]:
        """What it puts into the form of a request."""


@dataclass(frozen=True, slots=True)
class SecretInHeader:
    """HTTP Basic (`client_secret_basic`): id and secret are form-encoded first (RFC 6749, section 2.3.1)."""

    client_id: str
    secret: str = field(repr=False)

    def headers(self) -> Mapping[str, str]:
        """The header `Authorization`."""
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.secret)}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode("ascii")).decode("ascii")}

    def form(self) -> Mapping[str, str]:
        """Nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class SecretInForm:
    """`client_secret_post`, for endpoints that take nothing else."""

    client_id: str
    secret: str = field(repr=False)

    def headers(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def form(self) -> Mapping[str, str]:
        """Id and secret; the form's own encoding is the only one."""
        return {"client_id": self.client_id, "client_secret": self.secret}


def ask_for_token(
    session: BoundedSession, address: str, grant: Mapping[str, str], client: ClientAuthentication
) -> requests.Response:
    """Send the form of a grant, and return the answer as it came. Raises `requests.RequestException`."""
    headers = {"Accept": "application/json", **client.headers()}
    return session.post(address, data={**grant, **client.form()}, headers=headers)


def read_token(response: requests.Response, kind: type[Answer]) -> Answer:
    """Read a token endpoint's answer. Raises `TokenNotGranted` for an error, else `UnreadableAnswer`."""
    status = response.status_code
    try:
        content = read_json(response)
    except UnreadableAnswer as unreadable:
        raise UnreadableAnswer(f"HTTP {status}, and {unreadable}") from unreadable
    error = content.get("error") if isinstance(content, dict) else None
    if isinstance(content, dict) and error and (status in _SUCCESS or 400 <= status < 600):
        raise _refusal(error, content.get("error_description"), status)
    if status not in _SUCCESS:
        raise UnreadableAnswer(f"HTTP {status} and neither a token nor an OAuth error")
    answer = checked(content, kind)
    if answer.token_type is not None and answer.token_type.lower() != "bearer":
        raise UnreadableAnswer("the token is of another type than Bearer")
    return answer


def _refusal(error: object, description: object, status: int) -> TokenNotGranted:
    words = ": ".join(_words(part) for part in (error, description) if part)
    return TokenNotGranted(error if isinstance(error, str) else None, clean_text(words, 200), status)


def _words(part: object) -> str:
    """What an endpoint says, as it is; some say it in an object and not in the text that the standard has."""
    try:
        return part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
    except RecursionError:
        return "an error that is nested too deeply"
