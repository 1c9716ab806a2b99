"""The text that providers are searched in, and the name that they are sorted by, are folded in another way."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from cpse_plugin.domain.spelling import search_text
from cpse_plugin.domain.text import fold_words

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BATCH = 1000
_PROVIDER = sa.table(
    "cpse_provider",
    *(sa.column(name) for name in ("id", "name", "npi", "sed_code", "county_provider_id", "sort_name", "search_text")),
)


def upgrade() -> None:
    """Fold anew with the functions of the code that will search: a copy of them would be right for one version only."""
    connection = op.get_bind()
    columns = _PROVIDER.c
    rows = sa.select(columns.id, columns.name, columns.npi, columns.sed_code, columns.county_provider_id)
    change = (
        sa.update(_PROVIDER)
        .where(columns.id == sa.bindparam("row"))
        .values(sort_name=sa.bindparam("sort"), search_text=sa.bindparam("search"))
    )
    last = 0
    while batch := connection.execute(rows.where(columns.id > last).order_by(columns.id).limit(_BATCH)).all():
        connection.execute(
            change,
            [{"row": row.id, "sort": fold_words(row.name)[:200], "search": search_text(*row[1:])} for row in batch],
        )
        last = batch[-1].id


def downgrade() -> None:
    """Nothing: the version before searches this text as well."""
