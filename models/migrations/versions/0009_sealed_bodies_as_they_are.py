"""PostgreSQL does not try to compress the bodies of signals: what is sealed never gets smaller.

https://www.postgresql.org/docs/current/storage-toast.html
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
survived_by = "0005"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE signals ALTER COLUMN body_sealed SET STORAGE EXTERNAL")
