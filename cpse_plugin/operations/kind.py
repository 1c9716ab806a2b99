"""What an operation is, and what each kind of operation has to tell of itself."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from ..domain.access import Action, Staff
from ..domain.providers import CountyProvider
from ..models import ProviderRow
from ..portal.gateway import PortalGateway
from ..services.history import HistoryAction


class OperationState(StrEnum):
    """How far an operation has come. `UNKNOWN`: the call went out and no answer came back."""

    INTENT = "intent"
    UNKNOWN = "unknown"
    DONE = "done"
    FAILED = "failed"


# What is kept as the result of an operation that a decision has ended.
SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as it is on record; `result` is what its kind kept of the Portal's answer.

    `id` names one attempt, and is its Idempotency-Key; `form` names the form that it came from, of which it is attempt
    number `sending`. `county_provider_id`
    is the county's number of the provider. One that is being finished knows what is on record of `earlier` ones on the
    same target: that is not its own doing.
    """

    id: UUID
    form: UUID
    kind: "OperationKind[Any, Any]"
    provider_id: int
    county_provider_id: str
    target: str
    content: dict[str, Any]
    actor: str
    state: OperationState
    sending: int
    attempts: int
    created_at: datetime
    failure: str
    result: dict[str, Any]
    earlier: tuple[dict[str, Any], ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether its outcome is not known yet."""
        return self.state in (OperationState.INTENT, OperationState.UNKNOWN)

    @property
    def is_done(self) -> bool:
        """Whether it was carried out and put on record."""
        return self.state is OperationState.DONE

    @property
    def is_superseded(self) -> bool:
        """Whether it ended by a person's decision about what it was to do, so that its form does it no more."""
        return bool(self.result.get(SUPERSEDED))

    def knowing(self, earlier: tuple[dict[str, Any], ...]) -> "Operation":
        """The same, with what is on record of earlier ones."""
        return replace(self, earlier=earlier)


@dataclass(frozen=True, slots=True)
class Intention:
    """What is to be done. `target` names what only one operation at a time may be about."""

    kind: "OperationKind[Any, Any]"
    provider_id: int
    target: str
    content: dict[str, Any]


Known = TypeVar("Known")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Seen(Generic[Answer]):
    """The Portal bears an operation out."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class NotDone:
    """An operation was surely not carried out and cannot be any more; the `reason` is for the person."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotSeen:
    """The Portal shows nothing of an operation, whose call may still be on its way.

    With an `obstacle` in words for the person the call is not to be repeated.
    """

    obstacle: str = ""


Look = Seen[Answer] | NotDone | NotSeen


class OperationKind(ABC, Generic[Known, Answer]):
    """One kind of operation: its words, its permission, and how it is decided on, called, looked for and completed.

    In `consequence` and in `outcome`, `{provider}` is the provider's name.

    The order is always the same, and `Operations` keeps it: `read` asks the Portal for what the decision needs;
    `decide` makes the decision while the provider's row is held; `call` makes the Portal do it; `complete` puts it on
    record. Where that was cut off, `look` reads whether it was carried out.
    """

    name: ClassVar[str]
    permission: ClassVar[Action]
    # What is under way.
    label: ClassVar[str]
    # Its confirmation: the heading, what it says there of the consequence, and the button to go on.
    question: ClassVar[str]
    consequence: ClassVar[str] = ""
    button: ClassVar[str]
    is_grave: ClassVar[bool] = False
    # What was done: a sentence without its full stop, what it says of it in a box, and the history's entry.
    done: ClassVar[str]
    outcome: ClassVar[str] = ""
    history: ClassVar[HistoryAction]
    # What stands where it was not done.
    not_done: ClassVar[str] = "Nothing was changed; it is safe to try again."
    # Whether it decides about what was left open on its target, which ends with it.
    settles: ClassVar[bool] = False
    # Whether it is about the provider's link.
    is_of_link: ClassVar[bool] = False

    def __init__(self, gateway: PortalGateway) -> None:
        self._gateway = gateway

    @classmethod
    def outcome_for(cls, provider: CountyProvider) -> str:
        """What a person reads afterwards, in the box that confirms what was done."""
        return cls.outcome.format(provider=provider.name)

    @abstractmethod
    def target(self, provider_id: int, said: Mapping[str, Any], known: Known | None) -> str | None:
        """Name what only one operation at a time may be about; None where it takes the Portal (`known`) to say."""

    @abstractmethod
    def read(self, provider: CountyProvider, said: Mapping[str, Any], staff: Staff) -> Known:
        """Ask the Portal for what the decision needs; `said` is what the form says. Raises `PortalError` and refusals.

        Nothing has been written down at this moment.
        """

    @abstractmethod
    def decide(self, session: Session, row: ProviderRow, said: Mapping[str, Any], known: Known) -> dict[str, Any]:
        """Return what to do, fit for JSON, beside what the form says. Raises the refusals of the use case.

        The provider's row is held, so that what is read of it here stays so until the operation is written down.
        """

    @abstractmethod
    def call(self, operation: Operation) -> Answer:
        """Ask the Portal. Raises `PortalError`."""

    def repeat(self, operation: Operation) -> Answer:
        """Ask the Portal again, which may answer with what it did then."""
        return self.call(operation)

    @abstractmethod
    def look(self, operation: Operation) -> Look[Answer]:
        """Read on the Portal what has become of the call. Raises `PortalError`."""

    def obstacle(self, session: Session, row: ProviderRow, operation: Operation) -> str:
        """What the county's record has that keeps the call from being repeated, in words; empty where nothing does."""
        return ""

    @abstractmethod
    def complete(self, session: Session, row: ProviderRow, operation: Operation, answer: Answer) -> dict[str, Any]:
        """Make the local change; the provider's row is held. Return what to keep of the answer, fit for JSON.

        Raises `Contradiction` where the county's record does not take it.
        """
