"""Calls of each connection in the month that runs, for accounts that may make so many."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
survived_by = "0005"


def upgrade() -> None:
    refers = op.f("fk_call_months_connection_id_connections")
    op.create_table(
        "call_months",
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=refers),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_call_months")),
    )
