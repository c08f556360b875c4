"""Which state of the ATS's record a case was read from, so that it is not asked for again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
survived_by = "0005"


def upgrade() -> None:
    op.add_column("applications", sa.Column("version", sa.String(), nullable=True))
