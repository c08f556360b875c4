"""The engine by hand, for the conformance run of connectors: a clock that is moved, a worker that
dies at a chosen commit, and a look at what became of each case.

Everything is the real thing but three: time stands until it is moved, the queue is in memory (and
lost with its process, so that the sweep has to find what was owed), and calls to the vendor go
without our own limiter, which lives by the wall clock: the stand-in refuses what is too much.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from ..connectors.base import Connector
from ..connectors.http import HttpClient
from ..models.companies import ReasonMeaning
from ..models.tables import (
    ApplicationRecord,
    Connection,
    Decision,
    Delivery,
    LedgerEntry,
    ReasonRule,
    RelayLink,
    Report,
    WorkState,
)
from . import mail_record, polling
from .config import Settings
from .queue import InlineQueue
from .runtime import Runtime
from .service import TASKS, Service, sweep

START = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
"""A Wednesday noon in Tokyo."""
TURN = timedelta(minutes=1)
MOST_TURNS = 600
TIMEOUTS = (2.0, 1.0)


class Clock:
    """Stands until it is moved; every part of a rehearsal lives by it."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        """Later."""
        self.now += by


class KilledError(BaseException):
    """The process is gone; no ``except Exception`` sees it, as none sees a kill."""


class RehearsalRuntime(Runtime):
    """Gives a vendor up after a second, and leaves limits to the vendor."""

    def __init__(self, settings: Settings, *, clock: Clock) -> None:
        self.hand_queue = InlineQueue(clock)
        super().__init__(settings, queue=self.hand_queue, clock=clock)
        self.service = Service(self)
        self.hand_queue.start(self.service.run)

    def _client(self, connection: Connection, cls: type[Connector]) -> HttpClient:
        if connection.id not in self._clients:
            client = HttpClient(
                cls.spec.name, account=connection.id, allow_private=True, timeout=TIMEOUTS
            )
            self._clients[connection.id] = (cls, client)
        return self._clients[connection.id][1]

    def work(self) -> None:
        """One turn: ask the ATSs whose time has come, do what is due, find what was lost."""
        polling.submit_due(self)
        self.hand_queue.drain()
        if sweep(self):
            self.hand_queue.drain()

    def ask_ats(self) -> None:
        """Somebody wants to know at once what changed in the ATS."""
        for connection in _polled(self):
            polling.poll_now(self, connection.id, at=self.clock())

    def is_settled(self, since: datetime) -> bool:
        """Nothing is owed, and every ATS that can be asked was asked since."""
        asked = [c.polled_at is not None and c.polled_at >= since for c in _polled(self)]
        return all(asked) and not owed(self)


@contextmanager
def dying(at: int) -> Iterator[None]:
    """Inside, KilledError is raised just after this thread's ``at``-th commit."""
    worker, commits = threading.get_ident(), 0

    def count(_session: Session) -> None:
        nonlocal commits
        if threading.get_ident() == worker:
            commits += 1
            if commits == at:
                raise KilledError

    event.listen(Session, "after_commit", count)
    try:
        yield
    finally:
        event.remove(Session, "after_commit", count)


def owed(runtime: Runtime) -> dict[str, int]:
    """How much of each task is still due."""
    due = {name: _count(runtime, task.row, WorkState.DUE) for name, task in TASKS.items()}
    return {name: count for name, count in due.items() if count}


def dead(runtime: Runtime) -> dict[str, int]:
    """How much of each task was given up."""
    given_up = {name: _count(runtime, task.row, WorkState.DEAD) for name, task in TASKS.items()}
    return {name: count for name, count in given_up.items() if count}


def link_of(runtime: Runtime, delivery_id: str) -> str:
    """The personal link that a delivery carries, as a URL."""
    with runtime.database.read() as session:
        return runtime.signer.url_for(str(session.get_one(Delivery, delivery_id).link_id))


def map_as_rejections(runtime: Runtime, connection_id: str, reasons: Sequence[str]) -> None:
    """The company says that these reasons of its ATS are its own rejections."""
    with runtime.database.begin() as session:
        for reason in reasons:
            rule = ReasonRule(connection_id=connection_id, external_id=reason, text=reason)
            rule.meaning, rule.first_seen_at = ReasonMeaning.REJECTED.value, runtime.clock()
            session.add(rule)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the house made of one case."""

    state: str
    decision: str
    """The code of the decision that stands; "" where none does."""
    links: tuple[str, ...]
    """Personal links of the case, as URLs."""
    deliveries: int
    """Deliveries that were done."""
    recorded: int
    """Own mails that were put on the ATS's record."""
    reports: tuple[str, ...]
    """Ids of the reports that were done."""


def outcomes(runtime: Runtime) -> dict[str, Outcome]:
    """By the application's id in the ATS."""
    with runtime.database.read() as session:
        records = session.scalars(select(ApplicationRecord)).unique().all()
        return {record.external_id: _outcome(runtime, session, record) for record in records}


def decided(runtime: Runtime) -> int:
    """How many cases have a decision that stands."""
    query = select(func.count(Decision.id)).where(Decision.superseded_at.is_(None))
    with runtime.database.read() as session:
        return session.scalar(query) or 0


def credits_and_slots(runtime: Runtime) -> tuple[int, int]:
    """What the ledger holds."""
    with runtime.database.read() as session:
        kinds = Counter(session.scalars(select(LedgerEntry.kind)))
    return kinds["credit"], kinds["slot"]


def _outcome(runtime: Runtime, session: Session, record: ApplicationRecord) -> Outcome:
    standing = select(Decision.code).where(
        Decision.application_id == record.id, Decision.superseded_at.is_(None)
    )
    deliveries = session.scalars(select(Delivery).where(Delivery.application_id == record.id)).all()
    done = [d for d in deliveries if d.state == WorkState.DONE.value]
    links = {d.link_id for d in deliveries if d.link_id and _is_personal(session, d.link_id)}
    reports = select(Report.id).where(
        Report.application_id == record.id, Report.state == WorkState.DONE.value
    )
    return Outcome(
        state=record.state,
        decision=next(iter(session.scalars(standing)), ""),
        links=tuple(sorted(runtime.signer.url_for(link) for link in links)),
        deliveries=sum(d.strategy != mail_record.STRATEGY for d in done),
        recorded=sum(d.strategy == mail_record.STRATEGY for d in done),
        reports=tuple(session.scalars(reports)),
    )


def _is_personal(session: Session, link_id: str) -> bool:
    return session.get_one(RelayLink, link_id).kind == "personal"


def _count(runtime: Runtime, row: type, state: WorkState) -> int:
    with runtime.database.read() as session:
        query = select(func.count(row.id)).where(row.state == state.value)  # pyright: ignore[reportAttributeAccessIssue] - any OwedWork
        return session.scalar(query) or 0


def _polled(runtime: Runtime) -> list[Connection]:
    with runtime.database.read() as session:
        connections = session.scalars(select(Connection)).all()
    return [connection for connection in connections if polling.can_poll(connection)]
