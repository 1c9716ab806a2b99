"""What a person reads of each error of the CPSE Portal, the services and a form's token.

Each sentence says one of three things: it was done; it was not done, and it is safe to try again; it is not known yet,
is being checked, and must not be repeated.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from flask import current_app, request, session
from flask_wtf.csrf import CSRFError

from ..domain.access import NotAllowed
from ..portal import gateway as portal
from ..services import errors as services
from .rate_limit import TooOften
from .refusals import named
from .request_log import note_error
from .words import day, moment

_SAFE = "Nothing was changed; it is safe to try again."
_ASK_AGAIN = "Nothing was lost. Please try again."


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in words for a person. `status` is the answer's HTTP status, `retry_after` is in seconds.

    `points` are sentences about single values, and `remedy` says where they are mended. What `may_pass` by itself is
    worth asking again without being told to.
    """

    status: int
    title: str
    text: str
    can_retry: bool = False
    retry_after: int | None = None
    points: tuple[str, ...] = ()
    remedy: str = ""
    may_pass: bool = False


NOT_IN_A_FRAME = Problem(
    401,
    "This browser keeps you from signing in here",
    "It does not let the intranet know you while its pages stand inside another site’s. Nothing was lost; open the "
    "page in a window of its own.",
)
SIGNED_OUT = Problem(
    401,
    "You are signed out",
    "Nothing was changed, and what you typed is still here. Sign in to the intranet in another window, then do this "
    "again.",
)


def describe(error: Exception) -> Problem:
    """Say in words what an error of the Portal or of a service means."""
    note_error(error)
    for kind, words in WORDS:
        if isinstance(error, kind):
            return words(error)
    raise error


def describe_look(error: portal.PortalError) -> Problem:
    """Say what kept a page from showing what the Portal has after a change was made: the change stands."""
    known = describe(error)
    words = "Only this look failed. What was done before stands, and is in the tab History. Please try again."
    # A change that was made is answered as one that was made.
    return replace(known, status=known.status if only_reads() else 200, text=words)


def only_reads() -> bool:
    """Whether the request asks for something and changes nothing."""
    return request.method in ("GET", "HEAD")


def _unchanged() -> str:
    """What stands as it was. A page that only asks may follow a change that was made."""
    return "Nothing was lost." if only_reads() else "Nothing was changed."


def _unsaved() -> str:
    return "Nothing was lost." if only_reads() else "Nothing was saved."


def _portal_busy(error: portal.PortalBusy) -> Problem:
    seconds = None if error.retry_after is None else max(1, round(error.retry_after))
    when = "in a moment" if seconds is None else _in_words(seconds)
    text = f"{_unchanged()} Please try again {when}."
    return Problem(503, "The CPSE Portal is busy", text, True, retry_after=seconds, may_pass=True)


def _access_refused(_: portal.PortalAccessRefused) -> Problem:
    help_ = "Trying again will not help: please tell the people who look after this intranet."
    return Problem(502, "The CPSE Portal does not let this intranet in", f"{_unchanged()} {help_}")


def _no_answer(error: portal.PortalNotAsked) -> Problem:
    was_asked = isinstance(error, portal.PortalUnanswered)
    title = "The CPSE Portal gave no proper answer" if was_asked else "The CPSE Portal could not be reached"
    words = _ASK_AGAIN if only_reads() else _SAFE
    return Problem(502 if was_asked and only_reads() else 503, title, words, True)


def _in_words(seconds: int) -> str:
    return f"in {seconds} seconds" if seconds < 120 else f"in {round(seconds / 60)} minutes"


def _too_often(error: TooOften) -> Problem:
    text = f"Nothing was changed. Please try again {_in_words(error.retry_after)}."
    return Problem(429, "That was too often in a short time", text, True, retry_after=error.retry_after)


def _without_token(_: CSRFError) -> Problem:
    # A session that knows of a token came with a cookie; then the form's token is of another one, or too old.
    came_with_cookie = current_app.config["WTF_CSRF_FIELD_NAME"] in session
    if request.endpoint == "cpse.sign_in_framed" and not came_with_cookie:
        return replace(NOT_IN_A_FRAME, status=400)
    return Problem(400, "This page is too old", "Nothing was saved. Load the page again and repeat what you did.")


def _outcome_unknown(_: portal.PortalOutcomeUnknown) -> Problem:
    if only_reads():
        return Problem(502, "The CPSE Portal gave no proper answer", _ASK_AGAIN, True)
    return Problem(
        502,
        "It is not known yet whether this was done",
        "The CPSE Portal gave no proper answer. This is being checked: please do not repeat it. Open the provider "
        "again in a minute; the page then says what came of it.",
    )


def _already_associated(error: portal.AlreadyAssociated) -> Problem:
    holder = f"the county's number {error.county_provider_id}" if error.county_provider_id else "another one"
    return Problem(
        409,
        "The CPSE Portal has it associated with another provider of the county",
        f"There it belongs to {holder}. Nothing was changed. Check for matches again to see how it stands now.",
    )


def _refused(error: portal.PortalRefused) -> Problem:
    reason = error.title or error.detail
    points = tuple(named(item) for item in error.errors)
    return Problem(
        422, "The CPSE Portal refused this", f"Nothing was changed. The Portal says: {reason}", points=points
    )


def _already_linked(error: services.AlreadyLinked) -> Problem:
    holder = error.holder
    link = holder.link
    if link and (request.view_args or {}).get("provider_id") == holder.id:
        return Problem(
            409,
            "This provider is linked already",
            f"{link.linked_by} linked it on {moment(link.linked_at)}, to number {link.portal_id} of "
            "the CPSE Portal. Nothing was changed by you.",
        )
    by = f", linked by {link.linked_by} on {day(link.linked_at)}" if link else ""
    return Problem(
        409,
        "There is a link already",
        f"{holder.name} (number {holder.county_provider_id} of the county) has it{by}. Nothing was changed.",
    )


def _belongs_to_another(error: services.BelongsToAnother) -> Problem:
    if error.number is None:
        return Problem(
            409,
            "The CPSE Portal has ended the association",
            "Nothing was changed, and nothing was sent. Associate the two again, or unlink them.",
        )
    whose = (
        f"{error.holder.name} (number {error.number} of the county)"
        if error.holder
        else (f"the county's number {error.number}")
    )
    return Problem(
        409,
        "The CPSE Portal has it associated with another provider of the county",
        f"There it belongs to {whose}. Nothing was changed, and nothing was sent.",
    )


def _in_progress(error: services.OperationInProgress) -> Problem:
    return Problem(
        409,
        "This is being done already",
        f"{error.actor} began it on {moment(error.since)}. Please do not repeat it; open the provider "
        "again in a minute, and the page says what came of it.",
    )


def _always(problem: Problem) -> Callable[[Any], Problem]:
    return lambda _: problem


# The first kind that fits counts, so the narrower ones stand before the wider.
WORDS: tuple[tuple[type[Exception], Callable[[Any], Problem]], ...] = (
    (portal.PortalBusy, _portal_busy),
    (portal.PortalAccessRefused, _access_refused),
    (portal.PortalNotAsked, _no_answer),
    (portal.PortalOutcomeUnknown, _outcome_unknown),
    (
        portal.NotOnPortal,
        _always(
            Problem(
                409, "The CPSE Portal does not have this provider", "It may have been removed. Nothing was changed."
            )
        ),
    ),
    (portal.AlreadyAssociated, _already_associated),
    (portal.PortalRefused, _refused),
    (services.NotFound, _always(Problem(404, "Not found", "This page does not exist, or it is not for you to see."))),
    (services.AlreadyLinked, _already_linked),
    (
        services.ComparisonChanged,
        _always(
            Problem(409, "One of the records has changed", "Nothing was linked. Compare them again as they stand now.")
        ),
    ),
    (services.BelongsToAnother, _belongs_to_another),
    (
        services.LinkChanged,
        _always(
            Problem(
                409,
                "The provider's link has changed meanwhile",
                "Nothing was changed, and nothing was sent. Open the provider again to see how it stands now.",
            )
        ),
    ),
    (
        services.NotLinked,
        _always(
            Problem(409, "Not linked", "This provider is not linked to a CPSE Portal provider yet. Link it first.")
        ),
    ),
    (services.ProfileIncomplete, lambda error: Problem(422, "The profile is incomplete", str(error))),
    (services.OperationInProgress, _in_progress),
    (
        services.OperationMismatch,
        _always(
            Problem(
                409, "This form was sent before", "It had other content then. Open the page anew. Nothing was changed."
            )
        ),
    ),
    (
        services.NotRecordedYet,
        _always(
            Problem(
                503,
                "The CPSE Portal has done it, and it is not on record here yet",
                "This is being finished: please do not repeat it. Open the provider again in a minute.",
            )
        ),
    ),
    (
        services.DoneNotShown,
        _always(
            Problem(
                503,
                "Done: it is on record",
                "Only the page cannot be shown now, because the database is busy. Open the provider again in a moment.",
            )
        ),
    ),
    (
        services.CommitUnknown,
        _always(
            Problem(
                503,
                "It is not known yet whether this was saved",
                "The connection to the database broke. Please do not repeat it; open the page again to see how it is.",
            )
        ),
    ),
    (
        services.DatabaseRefused,
        lambda _: Problem(
            500,
            "The county's database does not take this",
            f"{_unsaved()} Trying again will not help: please tell the people who look after this intranet.",
        ),
    ),
    (
        services.DatabaseBusy,
        lambda _: Problem(503, "The database is busy", f"{_unsaved()} Please try again.", True, 2),
    ),
    (TooOften, _too_often),
    (
        NotAllowed,
        _always(Problem(403, "Not allowed", "Your role does not allow this. Please ask a colleague who may do it.")),
    ),
    (CSRFError, _without_token),
)
