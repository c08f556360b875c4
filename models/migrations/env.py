"""Alembic's entry point: the connection comes from Database.upgrade, never from a file."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from careerrelay.models import tables
from careerrelay.models.base import UtcDateTime


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.Base.metadata,
    render_as_batch=True,
    render_item=render_item,
    # So that an index may be made without locking its table, outside of any transaction.
    transaction_per_migration=True,
    include_name=lambda name, kind, _: kind != "table" or name in tables.Base.metadata.tables,
)
with context.begin_transaction():
    context.run_migrations()
