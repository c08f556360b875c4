"""Many requests in one thread: whoever waits holds nobody up, and all wait for the same commit."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from types import SimpleNamespace
from typing import TypeVar

import pytest
from greenlet import GreenletExit

from careerrelay.engine import turns
from careerrelay.models.errors import OverloadedError
from careerrelay.webhook_server import lane as lane_module
from careerrelay.webhook_server.lane import Lane

WAIT = 30
Outcome = TypeVar("Outcome")


@contextmanager
def hosted() -> Iterator[Lane]:
    """A lane, and the thread it is named after, which does nothing else."""
    woken, ended = threading.Event(), threading.Event()
    made = Lane("lane", wake=woken.set)

    def host() -> None:
        while not ended.is_set():
            woken.wait(made.patience())
            woken.clear()
            made.work()

    thread = threading.Thread(target=host, name="lane", daemon=True)
    thread.start()
    yield made
    ended.set()
    woken.set()
    thread.join(WAIT)
    made.stop()
    assert not thread.is_alive()


@pytest.fixture
def lane() -> Iterator[Lane]:
    with hosted() as made:
        yield made


class Callers:
    """Runs calls in a lane; each outcome is a future's."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    def run(self, call: Callable[[], Outcome]) -> Future[Outcome]:
        outcome: Future[Outcome] = Future()

        def task() -> None:
            try:
                outcome.set_result(call())
            except Exception as error:
                outcome.set_exception(error)

        self._lane.run(task)
        return outcome


@pytest.fixture
def callers(lane: Lane) -> Callers:
    return Callers(lane)


class Commit:
    """What many wait for: ``begin`` starts it, ``end`` ends it for all that have come by then."""

    def __init__(self) -> None:
        self.turns: list[turns.Turn] = []
        self.started_with: list[int] = []
        self.started = threading.Event()

    def begin(self) -> None:
        self.started_with.append(len(self.turns))
        self.started.set()

    def end(self) -> None:
        for turn in self.turns:
            turn.over()

    def wait(self, seconds: float = WAIT) -> bool:
        turn = turns.turn()
        self.turns.append(turn)
        return turn.wait(self.begin, seconds=seconds)


def hold(callers: Callers) -> Callable[[], None]:
    """Keep the lane from running anything, so that what comes now stands in line."""
    free = threading.Event()
    callers.run(lambda: free.wait(WAIT))
    return free.set


def test_what_all_wait_for_begins_once_when_nobody_else_can_go_on(callers: Callers) -> None:
    commit = Commit()
    go = hold(callers)
    outcomes = [callers.run(commit.wait) for _ in range(40)]
    go()
    assert commit.started.wait(WAIT)
    assert commit.started_with == [40]
    assert not any(outcome.done() for outcome in outcomes)
    commit.end()
    assert all(outcome.result(WAIT) for outcome in outcomes)


def test_somebody_alone_waits_for_nobody(callers: Callers) -> None:
    commit = Commit()
    outcome = callers.run(commit.wait)
    assert commit.started.wait(WAIT)
    commit.end()
    assert outcome.result(WAIT)


def test_a_stream_without_end_does_not_put_it_off(lane: Lane, callers: Callers) -> None:
    commit, told = Commit(), threading.Event()

    def again() -> None:
        (told.set if commit.started.is_set() else lambda: lane.run(again))()

    lane.run(again)
    outcome = callers.run(commit.wait)
    assert told.wait(WAIT)
    commit.end()
    assert outcome.result(WAIT)


def test_each_caller_keeps_what_it_said_of_itself(callers: Callers) -> None:
    """OpenTelemetry's current span, say: it is a context variable."""
    commit, said = Commit(), ContextVar[int]("said")

    def say(number: int) -> tuple[int | None, int]:
        before = said.get(None)
        said.set(number)
        commit.wait()
        return before, said.get()

    go = hold(callers)
    outcomes = [callers.run(partial(say, number)) for number in range(5)]
    go()
    assert commit.started.wait(WAIT)
    commit.end()
    assert [outcome.result(WAIT) for outcome in outcomes] == [(None, n) for n in range(5)]


def test_what_is_over_before_anybody_waits_is_not_waited_for(callers: Callers) -> None:
    def over_first() -> bool:
        turn = turns.turn()
        turn.over()
        return turn.wait(lambda: None, seconds=WAIT)

    assert callers.run(over_first).result(WAIT)


def test_who_has_waited_for_too_long_hears_so_and_once(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "LOOK_SECONDS", 0.01)
    commit = Commit()
    patient = callers.run(commit.wait)
    hasty = callers.run(lambda: commit.wait(0.0))
    assert hasty.result(WAIT) is False
    assert not patient.done()
    commit.end()
    assert patient.result(WAIT)
    assert callers.run(lambda: "and the next one").result(WAIT)


def test_what_takes_long_is_done_elsewhere_while_others_go_on(callers: Callers) -> None:
    free = threading.Event()

    def slowly() -> str:
        assert free.wait(WAIT)
        return threading.current_thread().name

    slow = callers.run(lambda: turns.elsewhere(slowly, line="look-ups"))
    assert callers.run(lambda: threading.current_thread().name).result(WAIT) == "lane"
    assert not slow.done()
    free.set()
    assert slow.result(WAIT) != "lane"


def test_what_fails_elsewhere_fails_for_its_caller(callers: Callers) -> None:
    def fail() -> None:
        raise LookupError("not there")

    with pytest.raises(LookupError, match="not there"):
        callers.run(lambda: turns.elsewhere(fail, line="look-ups")).result(WAIT)


def test_what_hangs_elsewhere_is_told_so_and_holds_up_no_other_line(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(lane_module, "ELSEWHERE_SECONDS", WAIT)
    free = threading.Event()

    def hang() -> bool:
        return free.wait(WAIT)

    hanging = [
        callers.run(partial(turns.elsewhere, hang, line="refusals"))
        for _ in range(lane_module.ELSEWHERE_THREADS + 1)
    ]
    assert callers.run(lambda: turns.elsewhere(lambda: 1, line="look-ups")).result(WAIT) == 1
    assert not any(outcome.done() for outcome in hanging)
    monkeypatch.setattr(lane_module, "ELSEWHERE_SECONDS", 0.01)
    late = callers.run(partial(turns.elsewhere, hang, line="refusals"))
    with pytest.raises(OverloadedError, match="refusals"):
        late.result(WAIT)
    free.set()
    assert all(outcome.result(WAIT) for outcome in hanging)


def test_what_hangs_elsewhere_keeps_no_process_from_ending() -> None:
    program = (
        "import threading\n"
        "from careerrelay.engine import turns\n"
        "from careerrelay.webhook_server.lane import Lane\n"
        "begun = threading.Event()\n"
        "def hang():\n"
        "    begun.set()\n"
        "    threading.Event().wait()\n"
        "lane = Lane('lane', wake=lambda: None)\n"
        "lane.run(lambda: turns.elsewhere(hang, line='look-ups'))\n"
        "lane.work()\n"
        "assert begun.wait(30)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=WAIT)


@pytest.mark.parametrize("kind", [SystemExit, GreenletExit, KeyboardInterrupt])
def test_nothing_that_a_task_raises_ends_the_lane(
    lane: Lane, callers: Callers, kind: type[BaseException]
) -> None:
    def fail() -> None:
        raise kind

    lane.run(fail)
    assert callers.run(lambda: 1).result(WAIT) == 1


def test_no_log_line_that_cannot_be_written_ends_the_lane(
    lane: Lane, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lane_module, "log", SimpleNamespace(error=full))
    lane.run(full)
    assert callers.run(lambda: 1).result(WAIT) == 1


def test_a_task_that_fails_ends_nothing_and_its_words_stay_out_of_the_log(
    lane: Lane, callers: Callers, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ValueError("person1@example.com")

    lane.run(fail)
    assert callers.run(lambda: 1).result(WAIT) == 1
    said = capsys.readouterr()
    assert "ValueError" in said.out + said.err
    assert "person1" not in said.out + said.err


def test_in_a_thread_of_its_own_a_caller_just_waits() -> None:
    commit = Commit()
    outcomes: list[bool] = []
    caller = threading.Thread(target=lambda: outcomes.append(commit.wait()))
    caller.start()
    assert commit.started.wait(WAIT)
    assert not outcomes
    commit.end()
    caller.join(WAIT)
    assert outcomes == [True]
    assert commit.wait(0.0) is False
    here = turns.elsewhere(threading.current_thread, line="look-ups")
    assert here is threading.current_thread()
