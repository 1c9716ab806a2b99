"""Calls to other systems over HTTP, each of them bounded in time and size.

`BoundedSession` is a `requests.Session` whose every call ends within a deadline, whatever the other side does; whose
answers have a largest size; and which follows no redirect. `ask_for_token` and `read_token` speak to the token endpoint
of an OAuth 2.0 server.

A session may be shared by threads as long as none of them changes it: its connections are in urllib3's locked pool and
it keeps no cookies.
"""

from .at_once import at_once
from .budget import (
    COMMAND_SECONDS,
    Budget,
    is_silent,
    note_silence,
    seconds_left,
    time_budget,
)
from .bulkhead import Bulkhead, NoPlace, Section
from .deadline import TimeLimit, seconds_allowed, time_limit
from .errors import AnswerTooLarge, DeadlineExceeded, NotSent, UnreadableAnswer, reason, was_sent
from .json_answers import checked, read_as, read_json
from .session import DEFAULT_TIMEOUT, USER_AGENT, BoundedSession
from .token_endpoint import (
    BearerToken,
    ClientAuthentication,
    SecretInForm,
    SecretInHeader,
    TokenAnswer,
    TokenNotGranted,
    ask_for_token,
    read_token,
)

__all__ = [
    "COMMAND_SECONDS",
    "DEFAULT_TIMEOUT",
    "USER_AGENT",
    "AnswerTooLarge",
    "BearerToken",
    "BoundedSession",
    "Budget",
    "Bulkhead",
    "ClientAuthentication",
    "DeadlineExceeded",
    "NoPlace",
    "NotSent",
    "SecretInForm",
    "SecretInHeader",
    "Section",
    "TimeLimit",
    "TokenAnswer",
    "TokenNotGranted",
    "UnreadableAnswer",
    "ask_for_token",
    "at_once",
    "checked",
    "is_silent",
    "note_silence",
    "read_as",
    "read_json",
    "read_token",
    "reason",
    "seconds_allowed",
    "seconds_left",
    "time_budget",
    "time_limit",
    "was_sent",
]
