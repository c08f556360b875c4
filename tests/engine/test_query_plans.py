"""What runs again and again finds its rows by an index, however many others there are."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text

from careerrelay.engine import retention
from tests.support.world import World


@pytest.fixture
def statements(world: World) -> list[tuple[str, Any]]:
    """What is asked from now on, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.lstrip().startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(world.runtime.database.engine, "before_cursor_execute", note)
    return seen


def plan(world: World, statement: str, parameters: Any) -> str:
    """The database's own account of how it would find the rows."""
    with world.runtime.database.read() as session:
        connection = session.connection()
        if world.runtime.database.is_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return "\n".join(str(row[3]) for row in rows)
        # So few rows are here that reading all of them would be quickest.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        return "\n".join(
            str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        )


def test_the_daily_purge_looks_only_at_what_is_old(
    world: World, statements: list[tuple[str, Any]]
) -> None:
    world.reject(1)
    world.work()
    world.clock.forward(days=1)
    statements.clear()
    assert set(retention.purge(world.runtime).values()) == {0}
    wanted = {
        "FROM signals": "ix_signals_received_at",
        "FROM applications": "ix_applications_profiles",
        "FROM registrations": "ix_registrations_unproved",
        "FROM provisions": "ix_provisions_retain_until",
        "FROM attempts": "ix_attempts_finished_at",
        "FROM refused_requests": "ix_refused_requests_received_at",
        "FROM relayed_mails": "ix_relayed_mails_last_at",
    }
    for place, index in wanted.items():
        asked = [(s, p) for s, p in statements if place in " ".join(s.split())]
        assert asked, place
        for statement, parameters in asked:
            assert index in plan(world, statement, parameters), place


def test_purge_in_many_batches_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(5):
        world.reject(number)
    world.work()
    world.clock.forward(days=31)
    found = retention.purge(world.runtime)
    assert found["signals"] == 5
    assert found["attempts"] >= 5
    world.clock.forward(days=400)
    assert retention.purge(world.runtime)["profiles"] == 5


def test_a_claim_finds_its_rows_by_id_however_many_are_due(
    world: World, statements: list[tuple[str, Any]]
) -> None:
    """By the index of due work, each claim of a bulk would walk over the whole bulk."""
    world.reject(1)
    statements.clear()
    world.work()
    for table in ("signals", "deliveries"):
        by_id = f"FROM {table} WHERE {table}.id IN"
        claims = [(s, p) for s, p in statements if by_id in " ".join(s.split())]
        assert claims, table
        for statement, parameters in claims:
            assert "state_due_at" not in plan(world, statement, parameters), table
            assert f"{table}.state =" not in statement
