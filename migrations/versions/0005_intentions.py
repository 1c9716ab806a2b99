"""The form that an operation came from, apart from the operation: one intention can take several attempts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Nearly all of the log has ended; an index of the few that have not stays small.
_OPEN = sa.text("state IN ('intent', 'unknown')")


def upgrade() -> None:
    # A worker of the version before writes neither column; its form is then named by the operation's own id.
    op.add_column("cpse_operation", sa.Column("intention_id", sa.String(length=36), nullable=True))
    op.add_column("cpse_operation", sa.Column("sending", sa.Integer(), nullable=False, server_default="1"))
    op.execute("UPDATE cpse_operation SET intention_id = id")
    op.create_index("ix_cpse_operation_intention_id", "cpse_operation", ["intention_id"])
    op.create_index("ix_cpse_operation_target", "cpse_operation", ["target", "state"])
    op.create_index(
        "ix_cpse_operation_open", "cpse_operation", ["created_at"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )


def downgrade() -> None:
    for name in ("open", "target", "intention_id"):
        op.drop_index(f"ix_cpse_operation_{name}", table_name="cpse_operation")
    op.drop_column("cpse_operation", "sending")
    op.drop_column("cpse_operation", "intention_id")
