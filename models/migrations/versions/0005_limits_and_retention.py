"""Calls that all processes count together; indexes that keep the daily purge at its pace."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
survived_by = "0004"

UNPROVED = "state IN ('started', 'unmatched') AND email_sealed IS NOT NULL"
INDEXES = (
    ("ix_attempts_finished_at", "attempts", ["finished_at"], None),
    (
        "ix_applications_profiles",
        "applications",
        ["connection_id", "changed_at"],
        "person_sealed IS NOT NULL",
    ),
    ("ix_registrations_unproved", "registrations", ["started_at"], UNPROVED),
    ("ix_provisions_retain_until", "provisions", ["retain_until"], None),
)


def upgrade() -> None:
    op.create_table(
        "call_windows",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("calls", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_call_windows")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for name, table, columns, where in INDEXES:
            op.create_index(name, table, columns, sqlite_where=_text(where))
        return
    # Without locking the tables: webhooks go on being stored while a large index is made.
    with op.get_context().autocommit_block():
        for name, table, columns, where in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.create_index(
                name,
                table,
                columns,
                postgresql_where=_text(where),
                postgresql_concurrently=True,
            )


def _text(where: str | None) -> sa.TextClause | None:
    return sa.text(where) if where else None
