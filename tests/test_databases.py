"""What database tests rely on: a fresh database each, of the newest schema, on both kinds."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text

from careerrelay.models.base import Base
from careerrelay.models.database import Database


@pytest.mark.parametrize("turn", ["first", "second"])
def test_each_test_finds_a_database_nobody_wrote_to(database_url: str, turn: str) -> None:
    database = Database(database_url)
    with database.begin() as session:
        session.execute(text(f"CREATE TABLE only_once AS SELECT '{turn}' AS turn"))
    database.close()


def test_migrations_make_every_mapped_column(database_url: str) -> None:
    database = Database(database_url)
    found = inspect(database.engine)
    made = {f"{t}.{c['name']}" for t in found.get_table_names() for c in found.get_columns(t)}
    database.close()
    mapped = {str(c) for table in Base.metadata.tables.values() for c in table.columns}
    assert mapped - made == set()
