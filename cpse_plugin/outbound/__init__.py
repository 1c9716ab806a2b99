"""Calls to other systems over HTTP, each of them bounded in time and size.

`BoundedSession` is a `requests.Session` whose every call ends within a deadline, whatever the other side does; whose
answers have a largest size; and which follows no redirect. `BoundedOAuth2Session` is the same for Authlib.

A session may be shared by threads as long as none of them changes it: its connections are in urllib3's locked pool and
it keeps no cookies.
"""

from .bulkhead import Bulkhead, NoPlace, Section
from .deadline import TimeLimit, time_limit
from .errors import AnswerTooLarge, DeadlineExceeded, NotSent, UnreadableAnswer, reason, was_sent
from .json_answers import read_json
from .session import DEFAULT_TIMEOUT, USER_AGENT, BoundedOAuth2Session, BoundedSession

__all__ = [
    "DEFAULT_TIMEOUT",
    "USER_AGENT",
    "AnswerTooLarge",
    "BoundedOAuth2Session",
    "BoundedSession",
    "Bulkhead",
    "DeadlineExceeded",
    "NoPlace",
    "NotSent",
    "Section",
    "TimeLimit",
    "UnreadableAnswer",
    "read_json",
    "reason",
    "time_limit",
    "was_sent",
]
