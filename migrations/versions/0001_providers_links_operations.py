"""The tables of providers, links and operations."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "cpse_provider",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("county_provider_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sort_name", sa.String(length=200), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=10), nullable=False),
        sa.Column("npi", sa.String(length=10), nullable=False),
        sa.Column("sed_code", sa.String(length=12), nullable=False),
        sa.Column("address_line1", sa.String(length=100), nullable=False),
        sa.Column("address_line2", sa.String(length=100), nullable=False),
        sa.Column("city", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=2), nullable=False),
        sa.Column("postal_code", sa.String(length=10), nullable=False),
        sa.Column("phone", sa.String(length=30), nullable=False),
        sa.Column("uses_portal", sa.Boolean(), nullable=False),
        sa.Column("active_admins", sa.Integer(), nullable=False),
        sa.Column("open_invitations", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=254), nullable=False),
        sa.CheckConstraint("type IN ('', 'agency', 'individual')", name=op.f("ck_cpse_provider_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cpse_provider")),
        sa.UniqueConstraint("county_provider_id", name=op.f("uq_cpse_provider_county_provider_id")),
    )
    with op.batch_alter_table("cpse_provider", schema=None) as batch_op:
        batch_op.create_index("ix_cpse_provider_by_name", ["sort_name", "id"], unique=False)
        batch_op.create_index("ix_cpse_provider_by_npi", ["npi", "id"], unique=False)
        batch_op.create_index("ix_cpse_provider_by_sed_code", ["sed_code", "id"], unique=False)
        batch_op.create_index("ix_cpse_provider_by_status", ["status", "id"], unique=False)
        batch_op.create_index("ix_cpse_provider_by_type", ["type", "id"], unique=False)

    op.create_table(
        "cpse_link",
        sa.Column("provider_id", sa.Integer(), nullable=False),
        sa.Column("portal_id", sa.String(length=64), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("linked_by", sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["cpse_provider.id"], name=op.f("fk_cpse_link_provider_id")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_cpse_link")),
        sa.UniqueConstraint("portal_id", name=op.f("uq_cpse_link_portal_id")),
    )
    op.create_table(
        "cpse_operation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("provider_id", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(length=400), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('intent', 'unknown', 'done', 'failed')", name=op.f("ck_cpse_operation_state")),
        sa.ForeignKeyConstraint(["provider_id"], ["cpse_provider.id"], name=op.f("fk_cpse_operation_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cpse_operation")),
    )
    with op.batch_alter_table("cpse_operation", schema=None) as batch_op:
        batch_op.create_index("ix_cpse_operation_provider_id", ["provider_id", "state"], unique=False)
        batch_op.create_index(
            "uq_cpse_operation_open_target",
            ["target"],
            unique=True,
            sqlite_where=sa.text("state IN ('intent', 'unknown')"),
            postgresql_where=sa.text("state IN ('intent', 'unknown')"),
        )


def downgrade() -> None:
    with op.batch_alter_table("cpse_operation", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_cpse_operation_open_target",
            sqlite_where=sa.text("state IN ('intent', 'unknown')"),
            postgresql_where=sa.text("state IN ('intent', 'unknown')"),
        )
        batch_op.drop_index("ix_cpse_operation_provider_id")

    op.drop_table("cpse_operation")
    op.drop_table("cpse_link")
    with op.batch_alter_table("cpse_provider", schema=None) as batch_op:
        batch_op.drop_index("ix_cpse_provider_by_type")
        batch_op.drop_index("ix_cpse_provider_by_status")
        batch_op.drop_index("ix_cpse_provider_by_sed_code")
        batch_op.drop_index("ix_cpse_provider_by_npi")
        batch_op.drop_index("ix_cpse_provider_by_name")

    op.drop_table("cpse_provider")
