"""database import: from the embedded file to PostgreSQL, and the work goes on there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from careerrelay.engine import links, relocation
from careerrelay.engine.counting import count
from careerrelay.engine.installation import locked
from careerrelay.engine.keys import KeyFile
from careerrelay.engine.people import open_candidate
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.service import Service, sweep
from careerrelay.models.ledger import EntryKind
from careerrelay.models.tables import ApplicationRecord, Delivery
from tests.cli.conftest import CommandLine
from tests.engine.test_flow import register
from tests.support.world import World, open_runtime


@pytest.fixture
def filled(world: World) -> World:
    """Registered people, and a delivery still owed."""
    for number in (1, 2):
        world.apply(number)
        world.clock.forward(seconds=1)
        world.reject(number)
    world.work()
    for number in (1, 2):
        register(world, number)
    world.work()
    world.apply(3)
    return world


@pytest.fixture
def target(cli: CommandLine, postgresql_url: str, tmp_path: Path) -> CommandLine:
    """Commands with settings that name PostgreSQL and the same key file."""
    text = cli.config.read_text()
    old_url = next(line for line in text.splitlines() if line.startswith("url = "))
    path = tmp_path / "postgresql.toml"
    path.write_text(text.replace(old_url, f'url = "{postgresql_url}"'))
    return CommandLine(path)


def source(world: World) -> str:
    return world.runtime.database.url.removeprefix("sqlite:///")


def test_everything_moves_and_the_owed_work_is_done_there(
    filled: World, target: CommandLine, postgresql_url: str, tmp_path: Path
) -> None:
    copied = target.data("database", "import", source(filled))
    assert copied["applications"] == 2
    assert copied["counted_people"] >= 2
    queue = InlineQueue(filled.clock)
    runtime = open_runtime(postgresql_url, tmp_path / "data", clock=filled.clock, queue=queue)
    try:
        queue.start(Service(runtime).run)
        filled.clock.forward(minutes=5)
        assert sweep(runtime) == 1
        queue.drain()
        with runtime.database.read() as session:
            assert count(session, "acme", EntryKind.CREDIT) == 2
            records = session.scalars(select(ApplicationRecord)).all()
            assert len(records) == 3
            assert open_candidate(runtime.vault, records[0]).emails
            assert session.scalar(select(func.count()).select_from(Delivery)) == 3
            token = filled.vendor.fields["c1"].rpartition("/")[2]
            assert links.open_link(runtime, session, token).company.id == "acme"
        assert filled.vendor.fields["c3"]
    finally:
        runtime.close()


def test_it_goes_into_an_empty_database_only(filled: World, target: CommandLine) -> None:
    target("database", "import", source(filled))
    assert "holds companies already" in target("database", "import", source(filled), code=1).stderr


def test_a_served_file_is_not_moved(filled: World, target: CommandLine) -> None:
    with locked(Path(f"{source(filled)}.lock"), what="serve"):
        error = target("database", "import", source(filled), code=1).stderr
    assert "'careerrelay serve'" in error


def test_another_key_file_is_noticed_before_anything_is_copied(
    filled: World, target: CommandLine, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "keys.toml"
    KeyFile(other).create()
    text = target.config.read_text().replace('key_file = ""', f'key_file = "{other}"')
    target.config.write_text(text)
    error = target("database", "import", source(filled), code=2).stderr
    assert "does not open with any key" in error
    assert target.data("company", "list") == []


def test_a_fault_half_way_leaves_nothing(
    filled: World, target: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_table = relocation._copy_table

    def fail(old: Session, new: Session, table: Table, progress: Any) -> int:
        if table.name == "ledger_entries":
            raise KeyboardInterrupt
        return copy_table(old, new, table, progress)

    with monkeypatch.context() as patched:
        patched.setattr(relocation, "_copy_table", fail)
        target("database", "import", source(filled), code=1)
    assert target.data("company", "list") == []
    assert target.data("database", "import", source(filled))["companies"] == 1


def test_a_missing_file_is_told(target: CommandLine) -> None:
    assert "does not exist" in target("database", "import", "none.db", code=2).stderr
