"""database move: from the embedded file to PostgreSQL, and the work goes on there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, func, select, update

from careerrelay.engine import links, relocation
from careerrelay.engine.config import load
from careerrelay.engine.counting import count
from careerrelay.engine.installation import (
    check_schema,
    locked,
    moved_note,
    only_process,
    opened,
)
from careerrelay.engine.keys import KeyFile
from careerrelay.engine.people import open_candidate
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.service import Service, sweep
from careerrelay.models.errors import ConfigurationError, RefusedError
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
    moved = target.data("database", "move", source(filled))
    assert moved["applications"]["rows"] == 2
    assert moved["counted_people"]["rows"] >= 2
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


def test_it_says_how_far_it_is(
    filled: World, target: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each table is copied to its end, and read again on both sides."""
    monkeypatch.setattr(relocation, "BATCH", 2)
    monkeypatch.setattr(relocation, "BATCH_OF_BODIES", 2)
    steps: list[tuple[str, int, int]] = []
    with opened(load(target.config), moving=True) as runtime:
        path = Path(source(filled))
        relocation.move(runtime, path, actor="test", progress=lambda *step: steps.append(step))
    copied = [(done, total) for what, done, total in steps if what == "signals"]
    assert copied == [(2, 5), (4, 5), (5, 5)]
    assert ("applications", 2, 2) in steps
    assert ("signals, compared", 4, 5) in steps


def test_it_goes_into_an_empty_database_only(filled: World, target: CommandLine) -> None:
    target("database", "move", source(filled))
    error = target("database", "move", source(filled), code=1).stderr
    assert "holds" in error
    assert "empty" in error


def test_a_served_file_is_not_moved(filled: World, target: CommandLine) -> None:
    with locked(Path(f"{source(filled)}.lock"), what="serve"):
        error = target("database", "move", source(filled), code=1).stderr
    assert "'careerrelay serve'" in error


def test_a_moved_file_is_not_served_again(filled: World, target: CommandLine) -> None:
    """Two places that go on with the same cases would tell applicants twice."""
    target("database", "move", source(filled))
    note = moved_note(Path(source(filled)))
    with (
        pytest.raises(RefusedError, match=str(note)),
        only_process(filled.runtime.settings, what="serve"),
    ):
        pass
    note.unlink()
    with only_process(filled.runtime.settings, what="serve"):
        pass


def test_another_key_file_is_noticed_before_anything_is_copied(
    filled: World, target: CommandLine, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "keys.toml"
    KeyFile(other).create()
    text = target.config.read_text().replace('key_file = ""', f'key_file = "{other}"')
    target.config.write_text(text)
    error = target("database", "move", source(filled), code=2).stderr
    assert "does not open with any key" in error
    assert target.data("company", "list") == []


class Killed(BaseException):
    """As good as kill -9: nothing after it runs."""


def test_a_move_goes_on_wherever_it_was_killed(
    filled: World, target: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The n-th batch is the last of the n-th run; each run begins where the one before ended."""
    store, stored = relocation._Copy._store, list[str]()

    def once(copy: relocation._Copy, rows: Sequence[Row[Any]], at: dict[str, Any]) -> None:
        if stored and stored[-1] == "this run":
            raise Killed
        store(copy, rows, at)
        stored.extend((copy._table.name, "this run"))

    monkeypatch.setattr(relocation, "BATCH", 2)
    monkeypatch.setattr(relocation, "BATCH_OF_BODIES", 2)
    monkeypatch.setattr(relocation._Copy, "_store", once)
    for _ in range(200):
        stored.append("next run")
        with opened(load(target.config), moving=True) as runtime:
            try:
                sums = relocation.move(runtime, Path(source(filled)), actor="test")
            except Killed:
                with pytest.raises(ConfigurationError, match="has not ended"):
                    check_schema(runtime.database)
                continue
            break
    else:
        raise AssertionError("the move never ended")
    batches = [name for name in stored if not name.endswith("run")]
    assert batches.count("signals") == 3, "five signals, two at a time, none twice"
    assert sums["signals"].rows == 5
    assert target.data("company", "list")[0]["id"] == "acme"


def test_a_difference_is_found_and_the_new_place_stays_closed(
    filled: World, target: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = relocation._Copy._store

    def changed(copy: relocation._Copy, rows: Sequence[Row[Any]], at: dict[str, Any]) -> None:
        store(copy, rows, at)
        if copy._table.name == "applications":
            with filled.runtime.database.begin() as session:
                session.execute(update(ApplicationRecord).values(job_title="other"))

    monkeypatch.setattr(relocation._Copy, "_store", changed)
    error = target("database", "move", source(filled), code=1).stderr
    assert "the table applications is not the same" in error
    assert "has not ended" in target("company", "list", code=2).stderr
    assert not moved_note(Path(source(filled))).exists()


def test_only_the_file_it_began_with_ends_it(
    filled: World, target: CommandLine, tmp_path: Path
) -> None:
    with opened(load(target.config), moving=True) as runtime:
        relocation._begin(runtime, tmp_path / "first.db")
    error = target("database", "move", source(filled), code=1).stderr
    assert "first.db" in error


def test_a_missing_file_is_told(target: CommandLine) -> None:
    assert "does not exist" in target("database", "move", "none.db", code=2).stderr
