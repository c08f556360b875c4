"""Mails of the relay's mode spool, sealed, until they are handed on."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
survived_by = "0003"


def upgrade() -> None:
    op.create_table(
        "spooled_contents",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spooled_contents")),
    )
    op.create_table(
        "spooled_mails",
        sa.Column("relay_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("content_id", sa.String(), nullable=True),
        sa.Column("sender_sealed", sa.String(), nullable=True),
        sa.Column("recipient_sealed", sa.String(), nullable=True),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("eight_bit", sa.Boolean(), nullable=False),
        sa.Column("utf8", sa.Boolean(), nullable=False),
        sa.Column("is_notice", sa.Boolean(), nullable=False),
        sa.Column("uncertain", sa.Integer(), nullable=False),
        sa.Column("reply", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("running_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("running_by", sa.String(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_spooled_mails_connection_id_connections"),
        ),
        sa.ForeignKeyConstraint(
            ["content_id"],
            ["spooled_contents.id"],
            name=op.f("fk_spooled_mails_content_id_spooled_contents"),
        ),
        sa.ForeignKeyConstraint(
            ["relay_id"], ["mail_relays.id"], name=op.f("fk_spooled_mails_relay_id_mail_relays")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spooled_mails")),
    )
    for columns in (["state", "due_at"], ["dedupe_key"], ["content_id"]):
        name = f"ix_spooled_mails_{'_'.join(columns)}"
        op.create_index(name, "spooled_mails", columns, unique=False)
