"""What can keep a use case from its end, beside what the Portal answers (`cpse_plugin.portal.gateway`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from ..domain.providers import CountyProvider


class ServiceError(Exception):
    """The base of all refusals of a use case."""


class NotFound(ServiceError):
    """There is no such thing, or this person may not see it."""


class DatabaseBusy(ServiceError):
    """The database did not answer in time; nothing was saved, and it is safe to try again."""


class DatabaseRefused(ServiceError):
    """The database is full, read-only or not up to date, or a rule of its own forbids the change: nothing was saved.

    Unlike with `DatabaseBusy` it takes an operator's hand, and trying again is of no use before.
    """


class CommitUnknown(ServiceError):
    """The connection to the database broke while a change was being committed: it may or may not have been saved."""


class NotRecordedYet(ServiceError):
    """The Portal has done what it was asked, and the county's record could not be written: it is finished later."""


class DoneNotShown(ServiceError):
    """The change was made and is on record; only what came of it could not be read."""


@contextmanager
def done_already() -> Iterator[None]:
    """What follows a change that was made: a database that does not answer takes nothing back of it.

    Raises `DoneNotShown` in the place of `DatabaseBusy` and `DatabaseRefused`, which say that nothing was saved.
    """
    try:
        yield
    except (DatabaseBusy, DatabaseRefused) as error:
        raise DoneNotShown(str(error)) from error


class StaleProfile(ServiceError):
    """Somebody else has saved the profile since this form was opened; `current` is how it stands now."""

    def __init__(self, current: CountyProvider) -> None:
        super().__init__(f"provider {current.id} has version {current.version} now")
        self.current = current


class AlreadyLinked(ServiceError):
    """The county provider, or the Portal provider, has a link already; `holder` is the county provider that has it."""

    def __init__(self, holder: CountyProvider) -> None:
        super().__init__(f"linked already: county provider {holder.id}")
        self.holder = holder


class Contradiction(ServiceError):
    """The CPSE Portal has associated `portal_id` with the provider, and the county's record has another link."""

    def __init__(self, portal_id: str, holder: CountyProvider) -> None:
        super().__init__(
            f"the CPSE Portal has provider {portal_id} associated, and the county's record has number "
            f"{holder.county_provider_id} linked to {holder.link.portal_id if holder.link else 'nothing'}"
        )
        self.portal_id = portal_id
        self.holder = holder


class BelongsToAnother(ServiceError):
    """The Portal provider is not this provider's any more; nothing was sent.

    The Portal has it associated with another one of the county, whose `number` it names, or with none. `holder` is that
    one, where it is known here.
    """

    def __init__(self, portal_id: str, number: str | None, holder: CountyProvider | None = None) -> None:
        super().__init__(f"the CPSE Portal has {portal_id} associated with {number or 'nobody'}")
        self.portal_id = portal_id
        self.number = number
        self.holder = holder


class LinkChanged(ServiceError):
    """The provider was unlinked, or linked anew, while this was being done; nothing was sent."""


class ComparisonChanged(ServiceError):
    """One of the two records has changed since the person compared them."""


class NotLinked(ServiceError):
    """The provider is not linked to a Portal provider, which this needs."""


class ProfileIncomplete(ServiceError):
    """The profile lacks something that the Portal needs; the text names it for the person."""


class OperationInProgress(ServiceError):
    """The same is being done at this moment, or its outcome is still being checked."""

    def __init__(self, actor: str, since: datetime) -> None:
        super().__init__(f"in progress since {since:%Y-%m-%d %H:%M:%S} by {actor}")
        self.actor = actor
        self.since = since


class OperationMismatch(ServiceError):
    """A form was sent again with other content under the same operation number."""
