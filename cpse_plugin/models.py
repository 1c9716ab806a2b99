"""The tables of the plugin, all of them named `cpse_*`.

Only the services read and write them; everybody else gets the objects of `cpse_plugin.domain`. Where a text is missing
the column holds an empty text and not NULL, so that a list can be sorted and paged by it with one comparison.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from .domain.providers import SetUpStatus

_STATUS_ORDER = tuple(SetUpStatus)

OPEN_STATES = ("intent", "unknown")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with its time zone; SQLite keeps none, so moments are stored in UTC and come back as UTC."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Store in UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return an aware moment."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class StatusColumn(TypeDecorator[SetUpStatus]):
    """A set-up status, stored as its place in the order of the work, which is the order that a list sorts by."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: SetUpStatus | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Store the place."""
        return None if value is None else _STATUS_ORDER.index(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> SetUpStatus | None:  # noqa: ARG002
        """Return the status."""
        return None if value is None else _STATUS_ORDER[value]


class Base(DeclarativeBase):
    """The base of all tables, with names for every constraint so that a migration can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class LinkRow(Base):
    """The association of a county provider with a CPSE Portal provider.

    The primary key holds that a county provider has one link at most, the unique constraint that a Portal provider has.
    """

    __tablename__ = "cpse_link"

    provider_id: Mapped[int] = mapped_column(ForeignKey("cpse_provider.id"), primary_key=True)
    portal_id: Mapped[str] = mapped_column(String(64), unique=True)
    linked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    linked_by: Mapped[str] = mapped_column(String(254))


class ProviderRow(Base):
    """A provider in the county's Preschool database."""

    __tablename__ = "cpse_provider"
    __table_args__ = (
        # One index for each order of the list; each ends in the id, which makes a page's boundary unique.
        Index("ix_cpse_provider_by_name", "sort_name", "id"),
        Index("ix_cpse_provider_by_type", "type", "id"),
        Index("ix_cpse_provider_by_npi", "npi", "id"),
        Index("ix_cpse_provider_by_sed_code", "sed_code", "id"),
        Index("ix_cpse_provider_by_status", "status", "id"),
        CheckConstraint("type IN ('', 'agency', 'individual')", name="type"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    county_provider_id: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    sort_name: Mapped[str] = mapped_column(String(200))
    search_text: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(String(10), default="")
    npi: Mapped[str] = mapped_column(String(10), default="")
    sed_code: Mapped[str] = mapped_column(String(12), default="")
    address_line1: Mapped[str] = mapped_column(String(100), default="")
    address_line2: Mapped[str] = mapped_column(String(100), default="")
    city: Mapped[str] = mapped_column(String(60), default="")
    state: Mapped[str] = mapped_column(String(2), default="")
    postal_code: Mapped[str] = mapped_column(String(10), default="")
    phone: Mapped[str] = mapped_column(String(30), default="")
    uses_portal: Mapped[bool] = mapped_column(default=False)
    active_admins: Mapped[int] = mapped_column(default=0)
    open_invitations: Mapped[int] = mapped_column(default=0)
    status: Mapped[SetUpStatus] = mapped_column(StatusColumn)
    version: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_by: Mapped[str] = mapped_column(String(254))
    link: Mapped[LinkRow | None] = relationship(lazy="joined", cascade="all, delete-orphan", uselist=False)

    # Two people who save within the same moment: the second one's UPDATE finds no row of the version that it read.
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class OperationRow(Base):
    """A call that changes something on the Portal, written down before it is made.

    The id is the call's Idempotency-Key. `intention_id` is that of the form it came from, which takes another attempt
    where the Portal refused the one before: `sending` counts them from 1. A row that a version without the column has
    written has none, and its own id is the form's.

    `target` names what only one operation at a time may be about; the partial index lets an ended operation stay on
    record. `leased_until` says how long the worker that runs the operation may still be at it; only after that somebody
    else may finish it.
    """

    __tablename__ = "cpse_operation"
    __table_args__ = (
        Index(
            "uq_cpse_operation_open_target",
            "target",
            unique=True,
            sqlite_where=text("state IN ('intent', 'unknown')"),
            postgresql_where=text("state IN ('intent', 'unknown')"),
        ),
        Index("ix_cpse_operation_provider_id", "provider_id", "state"),
        Index("ix_cpse_operation_intention_id", "intention_id"),
        Index("ix_cpse_operation_target", "target", "state"),
        Index(
            "ix_cpse_operation_open",
            "created_at",
            sqlite_where=text("state IN ('intent', 'unknown')"),
            postgresql_where=text("state IN ('intent', 'unknown')"),
        ),
        CheckConstraint("state IN ('intent', 'unknown', 'done', 'failed')", name="state"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    intention_id: Mapped[str | None] = mapped_column(String(36))
    sending: Mapped[int] = mapped_column(server_default=text("1"))
    kind: Mapped[str] = mapped_column(String(20))
    provider_id: Mapped[int] = mapped_column(ForeignKey("cpse_provider.id"))
    target: Mapped[str] = mapped_column(String(400))
    content: Mapped[dict[str, Any]] = mapped_column(JSON(none_as_null=True))
    actor: Mapped[str] = mapped_column(String(254))
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    failure: Mapped[str] = mapped_column(Text, default="")


class HistoryRow(Base):
    """What somebody did with a provider. Rows are added and never changed; triggers of the database hold that."""

    __tablename__ = "cpse_history"
    __table_args__ = (
        Index("ix_cpse_history_provider_id", "provider_id", "id"),
        Index("ix_cpse_history_at", "at", "id"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    provider_id: Mapped[int] = mapped_column(ForeignKey("cpse_provider.id"))
    actor: Mapped[str] = mapped_column(String(254))
    action: Mapped[str] = mapped_column(String(30))
    details: Mapped[dict[str, Any]] = mapped_column(JSON(none_as_null=True))
    operation_id: Mapped[str | None] = mapped_column(String(36))


class NpiAnswerRow(Base):
    """The NPI Registry's latest answer about an NPI, for all workers; `record` is NULL where it has no such NPI."""

    __tablename__ = "cpse_npi_answer"

    npi: Mapped[str] = mapped_column(String(10), primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    record: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class SignInSessionRow(Base):
    """A signed-in person at one browser.

    Only the SHA-256 of the session's id is here: who reads the table cannot be anybody. `provider_sid` is the identity
    provider's own name for its session, by which it tells that the session is over. A row outlives its session for a
    day, so that what somebody typed can be given back to the same person (`KeptFormRow`).
    """

    __tablename__ = "cpse_session"
    __table_args__ = (
        Index("ix_cpse_session_subject", "subject"),
        Index("ix_cpse_session_provider_sid", "provider_sid"),
        Index("ix_cpse_session_ends_at", "ends_at"),
    )

    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(254), default="")
    role: Mapped[str] = mapped_column(String(10))
    provider_sid: Mapped[str] = mapped_column(String(255), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    role_checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class KeptFormRow(Base):
    """What a person had typed when their session was found to be over; the browser's session has the key to it."""

    __tablename__ = "cpse_kept_form"
    __table_args__ = (Index("ix_cpse_kept_form_ends_at", "ends_at"),)

    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255))
    page: Mapped[str] = mapped_column(Text)
    fields: Mapped[list[list[str]]] = mapped_column(JSON(none_as_null=True))
    signed_out: Mapped[bool] = mapped_column()
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)


class LogoutTokenRow(Base):
    """A logout token that was used already; it is remembered for as long as it would be valid."""

    __tablename__ = "cpse_logout_token"

    jti_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
