"""The queue on DBOS Transact: the same code on the embedded SQLite file and on PostgreSQL.

Why DBOS: it enqueues inside our own SQLAlchemy transaction on both databases, so saving a thing
and queuing its work is one commit. What it does not do alone, this file adds: heartbeats and a
reaper over its public calls (work of a dead process on another machine is otherwise stranded),
and deletion of finished workflows. Its proprietary features are never switched on.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    EnqueueOptions,
    WorkflowStatus,
)
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from ..models.database import Database
from ..models.tables import Heartbeat, new_id
from .claims import is_fresh
from .queue import Job, Run

WORKFLOW = "careerrelay.run"
QUEUE = "careerrelay"
APP_NAME = "careerrelay"
APP_VERSION = "1"
"""Constant: workflows are one step long, so old ones drain in minutes at an upgrade."""
LIVE = ["PENDING", "ENQUEUED", "DELAYED"]
FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
KEEP_FINISHED = timedelta(days=2)
PURGE_EVERY = timedelta(minutes=10)
PURGED_AT_ONCE = 2000
LOOK = 1000


class DbosQueue:
    """See ``engine/queue.py``. One per process: DBOS itself is one per process."""

    def __init__(
        self,
        database: Database,
        *,
        threads: int = 32,
        poll_seconds: float = 0.1,
        lease: timedelta = timedelta(seconds=15),
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._threads = threads
        self._poll_seconds = poll_seconds
        self._lease = lease
        self._clock = clock
        # SQLite allows one writing process, whose own launch takes its old work back; on
        # PostgreSQL a fresh id per process keeps a draining namesake from doing that.
        self.executor_id = "embedded" if database.is_sqlite else new_id()
        self._client: DBOSClient | None = None
        self._submitter: DBOSClient | None = None
        self._engines: list[Engine] = []
        self._launched = False
        self._purged_at: datetime | None = None
        self._running: set[str] = set()
        self._idle_since: dict[str, float] = {}
        logging.getLogger("dbos").setLevel(logging.WARNING)

    def migrate(self) -> None:
        """Create or upgrade the engine's own tables."""
        DBOS.migrate(self._database.url)

    @property
    def client(self) -> DBOSClient:
        """Made at first use: only a migrated database can be asked."""
        if self._client is None:
            self._client = _client(self._own_engine(5))
        return self._client

    @property
    def submitter(self) -> DBOSClient:
        """For work queued in a transaction of ours, so that it opens none.

        To the engine whose dialect it is DBOS keeps the compiled statements on PostgreSQL.
        """
        if self._submitter is None:
            self._submitter = _client(self._database.engine, lazy=True)
        return self._submitter

    def submit(self, session: Session, job: Job, *, delay: timedelta = timedelta()) -> None:
        options = EnqueueOptions(
            workflow_name=WORKFLOW,
            queue_name=QUEUE,
            workflow_id=job.key,
            app_version=APP_VERSION,
            queue_partition_key=job.line,
        )
        if delay > timedelta():
            options["delay_seconds"] = delay.total_seconds()
        self.submitter.enqueue_in_transaction(
            session, options, job.task, list(job.subjects), job.attempt, job.partition
        )

    def start(self, run: Run) -> None:
        """Launch DBOS here; work that this process's forerunner left begins again."""
        self._beat(self._clock())
        config = DBOSConfig(
            name=APP_NAME,
            system_database_engine=self._own_engine(self._threads + 10),
            serializer=DBOSPortableJSONSerializer(),
            executor_id=self.executor_id,
            application_version=APP_VERSION,
            max_executor_threads=self._threads + 8,
            run_migrations=False,
            log_level="WARNING",
        )
        DBOS(config=config)

        @DBOS.workflow(name=WORKFLOW)
        def run_job(task: str, subjects: list[str], attempt: int, partition: str) -> None:
            job = Job(task, tuple(subjects), attempt, partition)
            self._running.add(job.key)
            try:
                run(job)
            finally:
                self._running.discard(job.key)

        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=self._threads,
            # A quarter of the threads stays free for other accounts.
            partition_worker_concurrency=max(1, self._threads * 3 // 4),
            polling_interval_sec=self._poll_seconds,
            on_conflict="always_update",
        )
        self._launched = True

    def stop(self) -> None:
        if self._launched:
            DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=10)
            self._launched = False
            with self._database.begin() as session:
                session.execute(delete(Heartbeat).where(Heartbeat.executor_id == self.executor_id))
        for client in (self._client, self._submitter):
            if client is not None:
                client.destroy()
        self._client = self._submitter = None
        while self._engines:
            self._engines.pop().dispose()

    def alive(self, keys: Iterable[str]) -> set[str]:
        wanted = list(keys)
        if not wanted:
            return set()
        found = self.client.list_workflows(
            workflow_ids=wanted, status=LIVE, load_input=False, load_output=False
        )
        return {workflow.workflow_id for workflow in found if not self._is_stuck(workflow)}

    def _is_stuck(self, workflow: WorkflowStatus) -> bool:
        """DBOS has it begun in this process, where nobody has been at it for a lease: on a full
        disk its end could not be written down, and until the next start nothing would change."""
        key = workflow.workflow_id
        ours = workflow.status == "PENDING" and workflow.executor_id == self.executor_id
        if not (self._launched and ours) or key in self._running:
            self._idle_since.pop(key, None)
            return False
        now = time.monotonic()
        return now - self._idle_since.setdefault(key, now) >= self._lease.total_seconds()

    def waiting_since(self) -> Mapping[str, datetime]:
        """A queue is served in the order of submission, so its oldest thousand tell."""
        oldest = self.client.list_workflows(
            queue_name=QUEUE, status="ENQUEUED", load_input=False, load_output=False, limit=LOOK
        )
        since: dict[str, datetime] = {}
        if len(oldest) == LOOK:
            since = defaultdict(lambda: _moment(oldest[-1].created_at))
        for workflow in reversed(oldest):
            since[workflow.queue_partition_key or ""] = _moment(workflow.created_at)
        return since

    def upkeep(self, now: datetime) -> None:
        """Beat, revive the work of processes that stopped beating, purge finished workflows."""
        if not self._database.is_sqlite:
            self._beat(now)
            self._reap(now)
        if self._purged_at is None or now - self._purged_at > PURGE_EVERY:
            self._purged_at = now
            if self._purge(now) == PURGED_AT_ONCE:
                # The rest in turns of their own: after a bulk it is more than two beats wait for.
                self._purged_at = None

    def _beat(self, now: datetime) -> None:
        with self._database.begin() as session:
            session.merge(
                Heartbeat(
                    executor_id=self.executor_id,
                    beat_at=now,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                )
            )

    def _reap(self, now: datetime) -> None:
        """Every process may do this at once: resuming a workflow twice resumes it once."""
        with self._database.read() as session:
            beats = {row.executor_id: row.beat_at for row in session.scalars(select(Heartbeat))}
        pending = self.client.list_workflows(
            status="PENDING", name=WORKFLOW, load_input=False, load_output=False, limit=1000
        )
        orphans = [w for w in pending if self._is_dead(beats.get(w.executor_id or ""), now)]
        if orphans:
            self.client.resume_workflows([w.workflow_id for w in orphans], queue_name=QUEUE)
        with self._database.begin() as session:
            session.execute(delete(Heartbeat).where(Heartbeat.beat_at < now - timedelta(days=1)))

    def _is_dead(self, beat_at: datetime | None, now: datetime) -> bool:
        return beat_at is None or not is_fresh(beat_at, now, within=self._lease)

    def _purge(self, now: datetime) -> int:
        """How many went."""
        old = self.client.list_workflows(
            status=FINISHED,
            completed_before=(now - KEEP_FINISHED).isoformat(),
            load_input=False,
            load_output=False,
            limit=PURGED_AT_ONCE,
        )
        if old:
            self.client.delete_workflows([w.workflow_id for w in old])
        return len(old)

    def _own_engine(self, pool_size: int):
        """Never our own pool: DBOS may ask for a connection while our caller holds one.

        It leaves an engine that was handed to it open, so ``stop`` closes them.
        """
        engine = self._database.second_engine(pool_size=pool_size)
        self._engines.append(engine)
        return engine


def _client(engine: Engine, *, lazy: bool = False) -> DBOSClient:
    return DBOSClient(
        system_database_engine=engine,
        serializer=DBOSPortableJSONSerializer(),
        application_name=APP_NAME,
        lazy=lazy,
    )


def _moment(milliseconds: int | None) -> datetime:
    return datetime.fromtimestamp((milliseconds or 0) / 1000, UTC)
