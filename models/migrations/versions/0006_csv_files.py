"""CSV files: a company's columns, what was imported, uploads that wait, and links to upload by."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
survived_by = "0005"


def _moment(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(), nullable=nullable)


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{to}")
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name)


def upgrade() -> None:
    op.create_table(
        "sheet_profiles",
        _text("id"), _text("company_id"), _text("name"),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("statuses", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        _moment("updated_at"),
        _refers("sheet_profiles", "company_id", "companies"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_profiles")),
        sa.UniqueConstraint("company_id", "name", name=op.f("uq_sheet_profiles_company_id_name")),
    )  # fmt: skip
    op.create_table(
        "sheet_rows",
        _text("connection_id"), _text("external_id"), _text("fingerprint"), _moment("seen_at"),
        _refers("sheet_rows", "connection_id", "connections"),
        sa.PrimaryKeyConstraint("connection_id", "external_id", name=op.f("pk_sheet_rows")),
    )  # fmt: skip
    op.create_table(
        "sheet_uploads",
        _text("id"), _text("connection_id"), _text("link_id", nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        _moment("as_of"), _moment("created_at"),
        _moment("confirmed_at", nullable=True), _moment("finished_at", nullable=True),
        _refers("sheet_uploads", "connection_id", "connections"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_uploads")),
    )  # fmt: skip
    op.create_index("ix_sheet_uploads_open", "sheet_uploads", ["finished_at", "confirmed_at"])
    op.create_table(
        "sheet_parts",
        _text("id"), _text("upload_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rows_sealed", sa.LargeBinary(), nullable=False),
        _refers("sheet_parts", "upload_id", "sheet_uploads"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_parts")),
        sa.UniqueConstraint("upload_id", "number", name=op.f("uq_sheet_parts_upload_id_number")),
    )  # fmt: skip
    op.create_table(
        "upload_links",
        _text("id"), _text("connection_id"),
        _moment("issued_at"), _moment("expires_at"), _moment("revoked_at", nullable=True),
        _refers("upload_links", "connection_id", "connections"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_links")),
    )  # fmt: skip
    op.create_index(op.f("ix_upload_links_connection_id"), "upload_links", ["connection_id"])
