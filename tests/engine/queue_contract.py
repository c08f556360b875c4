"""What every queue must do, as scenarios; and a child process that runs one on DBOS.

    python -m tests.engine.queue_contract SCENARIO,SCENARIO URL FILE [kill me]

DBOS is one per process, and a kill needs a process of its own. A scenario writes what it saw as
lines of ``FILE``, which survive any kill.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import text

from careerrelay.engine import dbos_queue
from careerrelay.engine.dbos_queue import DbosQueue
from careerrelay.engine.queue import Job, Queue
from careerrelay.models.database import Database

PATIENCE = 40.0
LEASE = timedelta(seconds=2)
THREADS = 8


class Stage(Protocol):
    """A queue on a database, and a way to let time pass until something is so."""

    @property
    def queue(self) -> Queue: ...

    @property
    def database(self) -> Database: ...

    def now(self) -> datetime: ...

    def wait(self, ready: Callable[[], bool]) -> None:
        """Until it is so, or patience ends."""

    def calm(self) -> None:
        """Time enough for what should not run to run."""


@dataclass
class Runs:
    """What ran, by key, in order."""

    keys: list[str] = field(default_factory=list)

    def __call__(self, job: Job) -> None:
        self.keys.append(job.key)


def submit(stage: Stage, *jobs: Job, delay: float = 0.0) -> None:
    with stage.database.begin() as session:
        for job in jobs:
            stage.queue.submit(session, job, delay=timedelta(seconds=delay))


def job(name: str, attempt: int = 1, partition: str = "") -> Job:
    return Job("task", (name,), attempt, partition)


# The scenarios. Each returns plain data that is the same on every queue.


def rolled_back(stage: Stage) -> Any:
    """Work of a transaction that did not commit, then one that did."""
    runs = Runs()
    stage.queue.start(runs)
    try:
        with stage.database.begin() as session:
            stage.queue.submit(session, job("never"))
            raise LookupError
    except LookupError:
        submit(stage, job("committed"))
    stage.wait(lambda: bool(runs.keys))
    stage.calm()
    return runs.keys


def one_key_thrice(stage: Stage) -> Any:
    """In one transaction, in the next, and after it ran."""
    runs = Runs()
    stage.queue.start(runs)
    submit(stage, job("a"), job("a"))
    submit(stage, job("a"))
    stage.wait(lambda: bool(runs.keys))
    submit(stage, job("a"), job("a", attempt=2))
    stage.wait(lambda: len(runs.keys) > 1)
    stage.calm()
    return runs.keys


def delayed(stage: Stage) -> Any:
    """Later means not before; the immediate one overtakes."""
    runs = Runs()
    stage.queue.start(runs)
    began = stage.now()
    submit(stage, job("later"), delay=3)
    submit(stage, job("now"))
    stage.wait(lambda: len(runs.keys) == 2)
    return [runs.keys, stage.now() - began >= timedelta(seconds=3)]


def several_subjects(stage: Stage) -> Any:
    """A job carries all its subjects, its attempt and its partition."""
    seen: list[Job] = []
    stage.queue.start(seen.append)
    submit(stage, Job("task", ("a", "b", "c"), 7, "account"))
    stage.wait(lambda: bool(seen))
    return [[j.task, list(j.subjects), j.attempt, j.partition] for j in seen]


def alive(stage: Stage) -> Any:
    """Waiting and delayed work is alive; done and unknown work is not."""
    runs = Runs()
    submit(stage, job("waits"))
    submit(stage, job("sleeps"), delay=3600)
    keys = [job(name).key for name in ("waits", "sleeps", "unknown")]
    before = sorted(stage.queue.alive(keys))
    stage.queue.start(runs)
    stage.wait(lambda: bool(runs.keys) and len(stage.queue.alive(keys)) < 2)
    return [before, sorted(stage.queue.alive(keys)), sorted(stage.queue.alive([]))]


def waiting_since(stage: Stage) -> Any:
    """What nobody has begun holds its line back; what is done, or due later, does not."""
    runs = Runs()
    began = stage.now() - timedelta(seconds=2)
    submit(stage, job("a", partition="held"), job("b", partition="held"))
    submit(stage, job("later", partition="sleeping"), delay=3600)
    before = {line: began <= at <= stage.now() for line, at in stage.queue.waiting_since().items()}
    stage.queue.start(runs)
    stage.wait(lambda: len(runs.keys) == 2)
    return [before, dict(stage.queue.waiting_since())]


SHARED = (rolled_back, one_key_thrice, delayed, several_subjects, alive, waiting_since)
"""On every queue alike."""


# Only where there are processes.


def fairness(stage: Stage) -> Any:
    """A flood of one account, each job stuck; another account's one job still gets through."""
    calm_ran = threading.Event()
    runs = Runs()

    def run(ran: Job) -> None:
        if ran.partition == "calm":
            calm_ran.set()
        else:
            calm_ran.wait(PATIENCE)
        runs(ran)

    flood = [job(f"f{n}", partition="flood") for n in range(THREADS * 4)]
    stage.queue.start(run)
    submit(stage, *flood)
    stage.calm()
    submit(stage, job("c", partition="calm"))
    calm = calm_ran.wait(PATIENCE / 2)
    stage.wait(lambda: len(runs.keys) > len(flood))
    return calm


def purged(stage: Stage) -> Any:
    """Finished workflows go after their time, some at each turn until none is left; waiting ones
    stay."""
    dbos_queue.PURGED_AT_ONCE = 2
    runs = Runs()
    stage.queue.start(runs)
    submit(stage, *(job(f"p{n}") for n in range(5)))
    submit(stage, job("p-sleeps"), delay=10 * 86400)
    stage.wait(lambda: len(runs.keys) == 5)
    stage.calm()
    left = [_workflows(stage.database)]
    for _ in range(4):
        stage.queue.upkeep(stage.now() + timedelta(days=3))
        left.append(_workflows(stage.database))
    return left


def readable(stage: Stage) -> Any:
    """Whatever DBOS stores is JSON or plain text, never a pickle."""
    runs = Runs()
    stage.queue.start(runs)
    submit(stage, job("r-done"))
    submit(stage, job("r-sleeps"), delay=3600)
    stage.wait(lambda: bool(runs.keys))
    stage.calm()
    return _serialisers(stage.database)


def unnoted(stage: DbosStage) -> Any:
    """A run whose end was not written down is alive no more after a lease; one under way is."""
    over = threading.Event()

    def run(ran: Job) -> None:
        if ran.subjects[0] == "u-busy":
            over.wait(PATIENCE)

    stage.queue.start(run)
    keys = [job(name).key for name in ("u-busy", "u-ended")]
    submit(stage, job("u-busy"), job("u-ended"))
    stage.wait(lambda: stage.queue.alive(keys) == {keys[0]})
    with stage.database.begin() as session:
        query = f"UPDATE {_table(stage.database)} SET status='PENDING' WHERE workflow_uuid=:key"
        session.execute(text(query), {"key": keys[1]})
    before = sorted(stage.queue.alive(keys))
    stage.wait(lambda: keys[1] not in stage.queue.alive(keys))
    after = sorted(stage.queue.alive(keys))
    over.set()
    return [before, after]


def works(stage: Stage) -> Any:
    """Ends well; so that a kill can come to a process that is busy with something long."""
    note = _note()

    def run(ran: Job) -> None:
        note(f"began {ran.key}")
        if ran.subjects[0] == "long" and "kill me" in sys.argv:
            time.sleep(PATIENCE)
        note(f"ended {ran.key}")

    stage.queue.start(run)
    if "kill me" in sys.argv:
        submit(stage, job("long"), job("waits"), job("also waits"))
        submit(stage, job("sleeps"), delay=1)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not _said("stop"):
        stage.queue.upkeep(stage.now())
        time.sleep(0.2)
    return "stopped"


def _workflows(database: Database) -> int:
    query = f"SELECT count(*) FROM {_table(database)} WHERE workflow_uuid LIKE 'task:p%'"
    with database.read() as session:
        return int(session.execute(text(query)).scalar_one())


def _serialisers(database: Database) -> list[Any]:
    """The names of the serialisers used, and how what they wrote begins."""
    names = f"SELECT DISTINCT serialization FROM {_table(database)}"
    inputs = f"SELECT inputs FROM {_table(database, name='workflow_input')}"
    outputs = f"SELECT output FROM {_table(database, name='workflow_output')}"
    with database.read() as session:
        written = [*session.scalars(text(inputs)), *session.scalars(text(outputs))]
        kinds = sorted(str(kind) for kind in session.scalars(text(names)))
    return [kinds, sorted({type(json.loads(value)).__name__ for value in written})]


def _table(database: Database, *, name: str = "workflow_status") -> str:
    return name if database.is_sqlite else f"dbos.{name}"


def _note() -> Callable[[str], None]:
    path = Path(sys.argv[3])

    def note(line: str) -> None:
        with path.open("a") as file:
            file.write(line + "\n")

    return note


def _said(word: str) -> bool:
    return word in Path(sys.argv[3]).read_text().split("\n")


@dataclass
class DbosStage:
    """DBOS, really launched."""

    database: Database
    queue: DbosQueue

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not ready() and time.monotonic() < deadline:
            time.sleep(0.02)

    def calm(self) -> None:
        time.sleep(0.5)


def main(names: Sequence[str], url: str) -> dict[str, Any]:
    """Run scenarios one after the other, each with a launch of its own."""
    database = Database(url)
    found: dict[str, Any] = {}
    for name in names:
        queue = DbosQueue(
            database,
            threads=THREADS,
            poll_seconds=0.05,
            lease=LEASE,
            clock=lambda: datetime.now(UTC),
        )
        found[name] = globals()[name](DbosStage(database, queue))
        queue.stop()
    database.close()
    return found


if __name__ == "__main__":
    note_ = _note()
    note_("launched")
    note_("result " + json.dumps(main(sys.argv[1].split(","), sys.argv[2])))
