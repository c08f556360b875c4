"""Old code works on while a newer version upgrades the database under it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import Script
from sqlalchemy import Inspector, create_engine, inspect, text

from careerrelay.engine.installation import check_schema, upgrade
from careerrelay.models import schema
from careerrelay.models.database import Database
from careerrelay.models.errors import ConfigurationError
from tests.engine.test_flow import register
from tests.support.databases import sqlite_url as url_of
from tests.support.postgres import PostgresServer
from tests.support.world import World

SCRIPTS: list[Script] = list(reversed(list(schema._scripts().walk_revisions())))
SURVIVABLE = [s for s in SCRIPTS if getattr(s.module, "survived_by", s.revision) < s.revision]


@dataclass(frozen=True)
class Shape:
    """What older code relies on: tables, columns by name, and what they refuse."""

    columns: dict[tuple[str, str], Any]
    refusals: set[tuple[str, str]]


def shape(inspector: Inspector) -> Shape:
    tables = [name for name in inspector.get_table_names() if name != "alembic_version"]
    columns = {(table, c["name"]): c for table in tables for c in inspector.get_columns(table)}
    refusals = {
        (table, f"unique {sorted(map(str, found['column_names']))}")
        for table in tables
        for found in (
            *inspector.get_unique_constraints(table),
            *(i for i in inspector.get_indexes(table) if i["unique"]),
        )
    }
    refusals |= {
        (table, str(found.get("sqltext") or found.get("constrained_columns")))
        for table in tables
        for found in (*inspector.get_check_constraints(table), *inspector.get_foreign_keys(table))
    }
    return Shape(columns, refusals)


def faults(before: Shape, after: Shape) -> list[str]:
    """What would stop code that knows only ``before``."""
    old_tables = {table for table, _ in before.columns}
    found = [f"{t}.{c} is gone" for t, c in before.columns if (t, c) not in after.columns]
    for place, column in after.columns.items():
        was = before.columns.get(place)
        if was is None and place[0] in old_tables:
            if not column["nullable"] and column.get("default") is None:
                found.append(f"{'.'.join(place)} is wanted, and older code does not write it")
        elif was is not None and str(was["type"]) != str(column["type"]):
            found.append(f"{'.'.join(place)} is of another type")
        elif was is not None and was["nullable"] and not column["nullable"]:
            found.append(f"{'.'.join(place)} is wanted now")
    new = {(table, what) for table, what in after.refusals - before.refusals if table in old_tables}
    return found + [f"{table} refuses more: {what}" for table, what in sorted(new)]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield url_of(tmp_path / "empty.db")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield url
    server.drop_database(url)


def upgrade_to(url: str, revision: str) -> Shape:
    engine = create_engine(url)
    with engine.connect() as connection:
        command.upgrade(schema._config(connection), revision)
        connection.commit()
        found = shape(inspect(connection))
    engine.dispose()
    return found


def test_every_migration_says_which_code_survives_it() -> None:
    for script in SCRIPTS:
        assert len(script.revision) == 4
        assert script.revision.isdecimal()
        if script.revision >= "0003":
            assert script.module.survived_by <= script.revision


def test_no_migration_takes_away_what_older_code_needs(empty_url: str) -> None:
    for script in SCRIPTS:
        before = upgrade_to(empty_url, str(script.down_revision)) if script.down_revision else None
        after = upgrade_to(empty_url, script.revision)
        if before is not None and script in SURVIVABLE:
            assert faults(before, after) == [], script.revision


NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
survived_by = "{survived_by}"


def upgrade() -> None:
{steps}
"""
KIND = """
    op.add_column("signals", sa.Column("shade", sa.String(), nullable=True))
    op.add_column("companies", sa.Column("plan", sa.String(), server_default="all", nullable=False))
    op.create_index("ix_signals_shade", "signals", ["shade"])
    op.create_table("shades", sa.Column("id", sa.String(), primary_key=True))
"""
UNKIND = {
    'op.drop_column("signals", "outcome")': "signals.outcome is gone",
    'op.add_column("signals", sa.Column("shade", sa.String(), nullable=False))': (
        "signals.shade is wanted, and older code does not write it"
    ),
    'op.create_index("ix_one_link", "relay_links", ["application_id"], unique=True)': (
        "relay_links refuses more: unique ['application_id']"
    ),
}


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Bring a database to where a later version of the project brings it."""

    def upgraded(url: str, steps: str = KIND, *, survived_by: str = schema.survived_by()) -> None:
        folder = tmp_path / "newer"
        shutil.copytree(schema.MIGRATIONS, folder)
        lines = NEXT.format(head=SCRIPTS[-1].revision, survived_by=survived_by, steps=steps)
        (folder / "versions/9999_next.py").write_text(lines)
        with monkeypatch.context() as patched:
            patched.setattr(schema, "MIGRATIONS", folder)
            database = Database(url)
            database.upgrade()
            database.close()

    return upgraded


def test_todays_code_goes_on_and_starts_again_on_a_newer_schema(
    world: World, newer: Any, database_url: str
) -> None:
    world.apply(1)
    world.work()
    newer(database_url)
    world.clock.forward(seconds=1)
    world.reject(1)
    world.work()
    register(world, 1)
    world.work()
    assert world.vendor.notes["c1"]
    database = Database(database_url)
    try:
        check_schema(database)
        step = upgrade(world.runtime.settings, database)
        assert (step.made, database.revision()) == (False, "9999")
        with database.read() as session:
            assert session.scalar(text("SELECT plan FROM companies")) == "all"
    finally:
        database.close()


def test_a_schema_that_todays_code_does_not_survive_is_left_alone(
    newer: Any, database_url: str
) -> None:
    newer(database_url, survived_by="9999")
    database = Database(database_url)
    try:
        for look in (database.schema.check, database.upgrade):
            with pytest.raises(ConfigurationError, match="install the newer version here as well"):
                look()
    finally:
        database.close()


@pytest.mark.parametrize(("step", "fault"), UNKIND.items())
def test_what_would_stop_older_code_is_found(
    newer: Any, database_url: str, step: str, fault: str
) -> None:
    """So that the check above is worth something."""
    engine = create_engine(database_url)
    before = shape(inspect(engine))
    newer(database_url, f"    {step}")
    assert faults(before, shape(inspect(engine))) == [fault]
    engine.dispose()
