"""What can become of a call that brings no answer."""

import requests


class NotSent(requests.ConnectionError):
    """No part of the request left: name not found, connection refused, proxy or TLS failed, or not in time."""


class DeadlineExceeded(requests.Timeout):
    """The call did not end in time; `sent` says whether the other side may have got the request."""

    def __init__(self, text: str, *, sent: bool) -> None:
        super().__init__(text)
        self.sent = sent


class AnswerTooLarge(requests.RequestException):
    """The answer is larger than this side is ready to read."""


class UnreadableAnswer(ValueError):
    """The body of an answer is not the JSON that it should be; the text is for the log."""


_NEVER_SENT = (
    NotSent,
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
)


def was_sent(error: requests.RequestException) -> bool:
    """Whether the other side may have got the request; False only where it surely did not."""
    if isinstance(error, DeadlineExceeded):
        return error.sent
    return not isinstance(error, _NEVER_SENT)


def reason(error: BaseException) -> str:
    """The innermost cause of a failed call in a few words, for the log; this package's own errors say theirs."""
    if isinstance(error, NotSent | DeadlineExceeded | AnswerTooLarge):
        return str(error)[:300]
    seen = {id(error)}
    while True:
        inner = _inner(error)
        if inner is None or id(inner) in seen:
            break
        seen.add(id(inner))
        error = inner
    return f"{type(error).__name__}: {error}"[:300]


def _inner(error: BaseException) -> BaseException | None:
    """The error inside an error: requests wraps urllib3's in its arguments, and that one has a `reason`."""
    candidates = (getattr(error, "reason", None), error.__cause__, *error.args[:1])
    return next((candidate for candidate in candidates if isinstance(candidate, BaseException)), None)
