"""The store keeps what it promises: durability settings, append-only tables, one transaction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from careerrelay.models.database import Database
from careerrelay.models.errors import ConfigurationError
from careerrelay.models.tables import Base, Company, LedgerEntry
from tests.support.world import START, World


def test_sqlite_is_opened_durable(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    database.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_models_and_migrations_agree(database_url: str) -> None:
    database = Database(database_url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_name": lambda n, k, _: k != "table" or n in Base.metadata.tables},
        )
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_upgrade_again_changes_nothing(database_url: str) -> None:
    database = Database(database_url)
    before = database.revision()
    database.upgrade()
    assert database.revision() == before
    database.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE ledger_entries SET number = 9", "DELETE FROM ledger_entries"]
)
def test_ledger_refuses_every_change(world: World, statement: str) -> None:
    database = world.runtime.database
    with database.begin() as session:
        session.add(
            LedgerEntry(company_id="acme", kind="credit", number=1, rule_version="r", at=START)
        )
    with pytest.raises(DatabaseError, match="append-only"), database.begin() as session:
        session.execute(text(statement))


def test_exception_in_a_transaction_undoes_all_of_it(world: World) -> None:
    def write_and_fail() -> None:
        with world.runtime.database.begin() as session:
            session.add(Company(id="other", name="Other", created_at=START))
            session.flush()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write_and_fail()
    with world.runtime.database.read() as session:
        assert session.get(Company, "other") is None


def test_backup_is_a_whole_working_database(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    with database.begin() as session:
        session.add(Company(id="acme", name="Acme", created_at=START))
    database.backup(tmp_path / "copy.db")
    database.close()
    copy = Database(f"sqlite:///{tmp_path / 'copy.db'}")
    with copy.read() as session:
        assert session.scalars(select(Company.name)).all() == ["Acme"]
    copy.check()
    copy.close()


def test_backup_of_postgresql_names_the_right_tool(postgresql_url: str, tmp_path: Path) -> None:
    database = Database(postgresql_url)
    with pytest.raises(ConfigurationError, match="pg_dump"):
        database.backup(tmp_path / "copy.db")
    database.close()


def test_a_database_whose_machine_vanished_is_given_up_soon(
    postgresql_url: str,
) -> None:
    """By default that takes a quarter of an hour, and what the URL says is not overruled."""
    for url, seconds in ((postgresql_url, "10"), (f"{postgresql_url}?connect_timeout=3", "3")):
        database = Database(url)
        with database.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            parameters = driver.info.get_parameters()
        database.close()
        assert parameters["connect_timeout"] == seconds
        assert parameters["tcp_user_timeout"] == "30000"
        assert parameters["keepalives_idle"] == "10"


def test_database_kinds_we_do_not_test_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"store\.url"):
        Database("mysql://localhost/careerrelay")
