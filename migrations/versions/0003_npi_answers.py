"""The NPI Registry's answers, kept for all workers, and the calls that are counted over all of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "cpse_npi_answer",
        sa.Column("npi", sa.String(length=10), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("npi", name="pk_cpse_npi_answer"),
    )
    op.create_table(
        "cpse_npi_call",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cpse_npi_call"),
    )


def downgrade() -> None:
    op.drop_table("cpse_npi_call")
    op.drop_table("cpse_npi_answer")
