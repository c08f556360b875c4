"""What is built around DBOS: recovery after a kill, takeover, fairness, purge, JSON only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.queue_children import Child, child, with_tables

KILLED = ("task:waits:1", "task:also waits:1", "task:sleeps:1")


@pytest.fixture
def url(database_url: str) -> str:
    return with_tables(database_url)


@pytest.fixture
def seen(url: str, tmp_path: Path) -> dict[str, Any]:
    """Four scenarios in one process, one launch each."""
    return child("purged,fairness,readable,unnoted", url, tmp_path / "seen").result()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "said"


@pytest.fixture
def children() -> Iterator[list[Child]]:
    started: list[Child] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.kill()
        if one.process.stdout is not None:
            one.process.stdout.close()


def test_flood_is_no_hindrance_finished_work_is_purged_and_nothing_is_pickled(
    seen: dict[str, Any],
) -> None:
    """One process for four promises: a flooded account leaves others their threads; finished
    workflows go and waiting ones stay; tables hold JSON; a run whose end could not be written
    down does not count as alive for ever."""
    assert seen["fairness"] is True
    assert seen["purged"] == [6, 4, 2, 1, 1]
    assert seen["unnoted"] == [["task:u-busy:1", "task:u-ended:1"], ["task:u-busy:1"]]
    assert seen["readable"] == [["portable_json"], ["NoneType", "dict"]]


def test_work_of_a_killed_process_runs_again_after_its_restart(
    url: str, file: Path, children: list[Child]
) -> None:
    """On PostgreSQL the restarted process is another one, and the reaper finds the work."""
    children.append(child("works", url, file, "kill me"))
    children[0].wait_for("began task:long:1")
    children[0].kill()
    children.append(child("works", url, file))
    for key in ("task:long:1", *KILLED):
        children[1].wait_for(f"ended {key}")
    assert Counter(children[1].lines)["ended task:long:1"] == 1
    children[1].stop()


def test_work_of_a_process_that_stays_dead_is_taken_over_by_one_that_lives(
    postgresql_url: str, file: Path, children: list[Child]
) -> None:
    url = with_tables(postgresql_url)
    children.append(child("works", url, file, "kill me"))
    children[0].wait_for("began task:long:1")
    children.append(child("works", url, file))
    children[1].wait_for("ended task:waits:1")
    assert "ended task:long:1" not in children[1].lines, "its process lives and works on it"
    children[0].kill()
    children[1].wait_for("ended task:long:1")
    assert Counter(children[1].lines)["ended task:long:1"] == 1
    children[1].stop()
