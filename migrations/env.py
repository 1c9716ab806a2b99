"""Alembic's environment for the plugin's own tables.

It runs on a connection that `cpse_plugin.migrate` hands over, keeps its own version table and looks at `cpse_*` tables
alone, so that it can live in one database with a host's migrations.
"""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, TypeDecorator
from sqlalchemy.sql.schema import SchemaItem

from cpse_plugin.models import Base


def _is_ours(item: SchemaItem, name: str | None, kind: str, *_: object) -> bool:
    if kind == "table":
        return bool(name) and str(name).startswith("cpse_") and name != "cpse_alembic_version"
    table = getattr(item, "table", None)
    return table is None or table.name.startswith("cpse_")


def _render_item(kind: str, item: Any, _: object) -> str | Literal[False]:
    """Write a column type of ours as the plain type under it: a migration must not change when our code does."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table="cpse_alembic_version",
    include_object=_is_ours,
    render_item=_render_item,
    # SQLite cannot alter a column in place; batch mode copies the table instead.
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
