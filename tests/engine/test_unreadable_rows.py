"""A row of a list that cannot be read: told, asked for alone, and never in the others' way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import select

from careerrelay.engine import polling
from careerrelay.engine.doctor_polls import poll_findings
from careerrelay.engine.replay import replay, work_lines
from careerrelay.engine.worker import BACKOFF
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import ApiResponseError
from careerrelay.models.events import snapshot_event, unreadable_row
from careerrelay.models.tables import Connection, Decision, Signal
from tests.support.toy import ToyConnector
from tests.support.world import World

ODD = "a2: without the candidate"


@pytest.fixture
def listed(world: World) -> World:
    """The list tells three rejections, and of the second only that its row cannot be read."""
    first, third = (world.application(n, ApplicationState.REJECTED) for n in (1, 3))
    odd = unreadable_row("a2", at=world.clock(), why="without the candidate", version="1")
    world.vendor.events = [snapshot_event(first), odd, snapshot_event(third)]
    world.vendor.trouble = only_the_case_is_odd
    assert polling.poll(world.runtime, "toy") == 3
    world.work()
    return world


def only_the_case_is_odd(operation: str) -> None:
    if operation == "fetch":
        raise ApiResponseError("without the candidate", connector="toy", operation=operation)


def mend(world: World) -> None:
    world.vendor.trouble = lambda _operation: None
    world.application(2, ApplicationState.REJECTED)


def decided(world: World) -> int:
    with world.runtime.database.read() as session:
        return len(session.scalars(select(Decision)).all())


def told(world: World) -> list[str]:
    """What doctor says of rows."""
    with world.runtime.database.read() as session:
        connection = session.get_one(Connection, "toy")
    found = poll_findings(world.runtime, connection, ToyConnector.spec)
    return [finding.detail for finding in found if finding.name == "unreadable rows"]


def states(world: World) -> Sequence[str]:
    with world.runtime.database.read() as session:
        return session.scalars(select(Signal.state).order_by(Signal.id)).all()


def test_others_are_decided_and_the_cursor_moves_on(
    capsys: pytest.CaptureFixture[str], listed: World
) -> None:
    assert decided(listed) == 2
    with listed.runtime.database.read() as session:
        assert session.get_one(Connection, "toy").poll_cursor == {"seen": 3}
    assert capsys.readouterr().out.count(ODD) == 1, "one line of the log"


def test_row_that_is_met_again_is_neither_stored_nor_told_again(
    listed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    listed.vendor.events += listed.vendor.events
    assert polling.poll(listed.runtime, "toy") == 0
    assert ODD not in capsys.readouterr().out


def test_case_is_decided_once_the_ats_tells_it_alone(listed: World) -> None:
    mend(listed)
    listed.clock.forward(minutes=10)
    listed.work()
    assert decided(listed) == 3
    assert told(listed) == []


def test_doctor_tells_it_until_it_was_read_and_a_replay_reads_it(listed: World) -> None:
    (line,) = told(listed)
    assert f"Toy ATS's list: {ODD} (signal " in line
    for _ in BACKOFF:
        listed.clock.forward(days=2)
        listed.work()
    assert sorted(states(listed)) == ["dead", "done", "done"]
    assert told(listed) == [line]
    mend(listed)
    (dead,) = work_lines(listed.runtime, state="dead")
    replay(listed.runtime, dead, actor="it")
    listed.work()
    assert decided(listed) == 3
    assert told(listed) == []


def test_doctor_names_five_rows_and_counts_the_others(world: World) -> None:
    world.vendor.events = [
        unreadable_row(f"b{n}", at=world.clock(), why="without the candidate", version="1")
        for n in range(7)
    ]
    world.vendor.trouble = only_the_case_is_odd
    polling.poll(world.runtime, "toy")
    (line,) = told(world)
    assert line.count("without the candidate") == 5
    assert line.endswith("; and 2 more")
