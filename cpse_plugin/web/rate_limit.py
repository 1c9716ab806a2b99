"""How often one person, or one address, may do what is dear or could be misused. Nothing else is counted.

Flask-Limiter would put handlers on the whole of the host's application, so the library underneath it is used.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import request
from limits import RateLimitItem, parse
from limits.errors import ConfigurationError, StorageError
from limits.storage import MovingWindowSupport, Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from ..settings import SettingsError
from ..sign_in import current_session, current_staff

View = TypeVar("View", bound=Callable[..., Any])

# A whole office can stand behind one address, and each of its people comes by here at every check of the role.
SIGN_IN = parse("120 per minute")
# The identity provider is one address, and when it is restarted a whole county signs out.
LOGOUT = parse("300 per minute")
# The script asks for a name once an NPI is complete; nobody types that many.
NPI_LOOK_UP = parse("60 per minute")
INVITATION = parse("100 per hour")
# A form is kept when its session was found to be over, which happens to nobody that often.
_KEPT_FORM = parse("10 per minute")

_MARK = "_cpse_rate"
_log = logging.getLogger("cpse_plugin")


class TooOften(Exception):
    """The limit is reached; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"limit reached for {retry_after} s")
        self.retry_after = retry_after


class RateLimits:
    """Counts in the memory of one worker (`is_in_memory`), or for all workers in a Redis."""

    def __init__(self, storage: str) -> None:
        """Take the address of the storage; raises `SettingsError` for one that cannot be used."""
        try:
            made = storage_from_string(storage, wrap_exceptions=True)
        except (ConfigurationError, ValueError) as error:
            # The address may hold a password, so it is not repeated.
            raise SettingsError(f"CPSE_RATE_LIMIT_STORAGE: cannot be used ({type(error).__name__})") from error
        if not isinstance(made, Storage) or not isinstance(made, MovingWindowSupport):
            raise SettingsError("CPSE_RATE_LIMIT_STORAGE: must be memory:// or an address such as redis://host:6379/0")
        self.is_in_memory = storage.startswith("memory:")
        self._storage = made
        self.limiter = MovingWindowRateLimiter(made)

    def answers(self) -> bool:
        """Whether the storage takes part."""
        return self._storage.check()

    def count(self, limit: RateLimitItem, name: str, who: str) -> None:
        """Count one more. Raises `TooOften` where that would be one too many, and does not count it then."""
        try:
            if self.limiter.hit(limit, name, who):
                return
            reset = self.limiter.get_window_stats(limit, name, who).reset_time
        except StorageError as error:
            # Who may do what does not hang on this; that the storage is down must not stop the county's work.
            _log.warning("the rate limits' storage does not answer: %s", type(error.storage_error).__name__)
            return
        raise TooOften(max(1, round(reset - time.time())))


def limited(limit: RateLimitItem) -> Callable[[View], View]:
    """Declare how often a person may call the view, and an address where nobody has signed in."""

    def mark(view: View) -> View:
        setattr(view, _MARK, limit)
        return view

    return mark


def count_kept_form(limits: RateLimits, subject: str) -> None:
    """Count a form that is to be kept for a person who has to sign in again. Raises `TooOften`."""
    limits.count(_KEPT_FORM, "kept_form", f"person {subject}")


def enforce(view: Callable[..., Any], limits: RateLimits) -> None:
    """Count the request if its view declares a limit. Raises `TooOften`."""
    limit: RateLimitItem | None = getattr(view, _MARK, None)
    if limit is None:
        return
    session, staff = current_session(), current_staff()
    person = staff or (session.staff if session else None)
    who = f"person {person.subject}" if person else f"address {request.remote_addr}"
    limits.count(limit, view.__name__, who)
