"""The history, to which rows are added and never changed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_REFUSAL = "cpse_history is append-only"


def upgrade() -> None:
    op.create_table(
        "cpse_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider_id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column("action", sa.String(length=30), nullable=False),
        sa.Column("details", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("operation_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["provider_id"], ["cpse_provider.id"], name="fk_cpse_history_provider_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cpse_history"),
    )
    op.create_index("ix_cpse_history_at", "cpse_history", ["at", "id"])
    op.create_index("ix_cpse_history_provider_id", "cpse_history", ["provider_id", "id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION cpse_history_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER cpse_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON cpse_history "
            "FOR EACH STATEMENT EXECUTE FUNCTION cpse_history_refuse()"
        )
    else:
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER cpse_history_no_{event.lower()} BEFORE {event} ON cpse_history "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )


def downgrade() -> None:
    op.drop_table("cpse_history")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION cpse_history_refuse()")
