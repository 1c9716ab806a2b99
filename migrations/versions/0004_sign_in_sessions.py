"""Sessions of signed-in staff, forms kept over a sign-in, logout tokens that were used."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "cpse_session",
        sa.Column("id_hash", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("provider_sid", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("role_checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id_hash", name="pk_cpse_session"),
    )
    op.create_index("ix_cpse_session_subject", "cpse_session", ["subject"])
    op.create_index("ix_cpse_session_provider_sid", "cpse_session", ["provider_sid"])
    op.create_index("ix_cpse_session_ends_at", "cpse_session", ["ends_at"])
    op.create_table(
        "cpse_kept_form",
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("signed_out", sa.Boolean(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name="pk_cpse_kept_form"),
    )
    op.create_index("ix_cpse_kept_form_ends_at", "cpse_kept_form", ["ends_at"])
    op.create_table(
        "cpse_logout_token",
        sa.Column("jti_hash", sa.String(length=64), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("jti_hash", name="pk_cpse_logout_token"),
    )


def downgrade() -> None:
    op.drop_table("cpse_logout_token")
    op.drop_table("cpse_kept_form")
    op.drop_table("cpse_session")
