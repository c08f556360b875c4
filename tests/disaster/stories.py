"""One company's whole story, told by people who try again when they get no answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import select

from careerrelay.engine import polling, registration, replay
from careerrelay.engine.registration import Application as Form
from careerrelay.engine.service import TASKS, Service, sweep
from careerrelay.link_signing import Purpose
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.tables import (
    Base,
    Connection,
    CountedPerson,
    Decision,
    Delivery,
    LedgerEntry,
    Registration,
    Report,
    Signal,
)
from tests.disaster.falling import Fall, Killed, LastingQueue
from tests.support.mailbox import Mailbox
from tests.support.toy import ToyVendor
from tests.support.world import Clock, World, open_runtime


@dataclass
class Story:
    """A world that may die at a commit, and comes back on the same database."""

    url: str
    folder: Path
    vendor: ToyVendor
    mailbox: Mailbox
    forgetful: bool
    """The queue of a dead process is lost with it; else it survives."""
    clock: Clock = field(default_factory=Clock)
    deaths: int = 0

    def __post_init__(self) -> None:
        self.world = World(self._open(LastingQueue(self.clock)), self.clock, self.vendor)

    def _open(self, queue: LastingQueue) -> Any:
        mail = {"host": "127.0.0.1", "port": self.mailbox.port}
        runtime = open_runtime(self.url, self.folder, clock=self.clock, queue=queue, mail=mail)
        queue.start(Service(runtime).run)
        return runtime

    @contextmanager
    def until(self, fall: Fall) -> Iterator[None]:
        """In here the process dies as ``fall`` says."""
        database = self.world.runtime.database
        with patch.object(database, "begin", fall.watching(database.begin)):
            yield

    def live(self, step: Callable[[], object]) -> None:
        """Take a step, as often as it takes to survive it, and do the work that follows."""
        while True:
            try:
                step()
                self.world.work()
            except Killed:
                self.deaths += 1
                self._rise()
            else:
                return

    def _rise(self) -> None:
        dead = self.world.runtime
        queue = dead.queue
        assert isinstance(queue, LastingQueue)
        dead.close()
        heir = LastingQueue(self.clock) if self.forgetful else queue.survive()
        self.world.runtime = self._open(heir)
        self.clock.forward(minutes=2)
        sweep(self.world.runtime)

    def close(self) -> None:
        self.world.runtime.close()

    # What people and the ATS do; each may be done again.

    def found(self, **values: Any) -> None:
        """The company and its connection, before anything can die."""
        smtp = self.mailbox.account()
        self.world.add_company(batch_size=1, smtp=smtp)
        self.world.connect(**values)

    def tell(self, state: ApplicationState) -> Callable[[], None]:
        """The ATS sends a webhook until it is taken; the delivery's id stays the same."""
        application = self.world.application(1, state)
        delivery = f"{state.value}-{self.clock().timestamp()}"
        return lambda: self.world.tell(application, delivery=delivery)

    def poll(self) -> None:
        polling.poll_now(self.world.runtime, "toy", at=self.clock())
        polling.submit_due(self.world.runtime)

    def register(self) -> None:
        """The person fills in the form, unless their mailbox holds a proof mail already."""
        if not self.all(Registration):
            token = self.link().rpartition("/")[2]
            form = Form("応募 太郎", "person1@example.com", True, "ja")
            registration.start(self.world.runtime, token, form)

    def confirm(self) -> None:
        """The button of the newest proof mail."""
        runtime = self.world.runtime
        id_ = self.all(Registration)[0].id
        registration.confirm_link(runtime, runtime.signer.token_for(id_, purpose=Purpose.PROOF))

    def link(self) -> str:
        """The link as the person has it: in the ATS's field, or in the notice."""
        if "c1" in self.vendor.fields:
            return self.vendor.fields["c1"]
        with self.world.runtime.database.read() as session:
            return self.world.runtime.signer.url_for(
                str(session.scalars(select(Delivery.link_id)).one())
            )

    def settle_uncertain(self) -> None:
        """A person looks for each notice that died without an answer, and says what they saw."""
        for line in replay.work_lines(self.world.runtime, kind="delivery"):
            assert line.code == "smtp_uncertain"
            assert line.uncertain
            if self.notices():
                replay.close(self.world.runtime, line, actor="recruiter")
            else:
                replay.replay(self.world.runtime, line, actor="recruiter", not_sent=True)

    # What can be seen afterwards.

    def all(self, row: type[Any]) -> list[Any]:
        with self.world.runtime.database.read() as session:
            return list(session.scalars(select(row)).unique().all())

    def notices(self) -> list[bytes]:
        """Every rejection notice that reached the mailbox."""
        return [m.content for m in self.mailbox.messages if m.sender == "saiyo@acme.example.jp"]

    def mails(self) -> list[bytes]:
        """Every mail of the operator that reached the mailbox."""
        return [m.content for m in self.mailbox.messages if m.sender.startswith("no-reply@")]

    def end(self) -> dict[str, Any]:
        """The state that must be the same however often the process died on the way."""
        rows = {row.__tablename__: self.all(row) for row in (Decision, Delivery, Report, Signal)}
        return {
            **{name: Counter(_told(row) for row in found) for name, found in rows.items()},
            "owed": [row.id for task in TASKS.values() for row in self.all(task.row) if _open(row)],
            "ledger": sorted((line.kind, line.number) for line in self.all(LedgerEntry)),
            "counted": len({person.entry_id for person in self.all(CountedPerson)}),
            "registrations": [(r.state, r.counted) for r in self.all(Registration)],
            "fields": len(self.vendor.fields),
            "notes": {key: len(notes) for key, notes in self.vendor.notes.items()},
            "notices": len(self.notices()),
            "cursor": [c.poll_cursor for c in self.all(Connection)],
        }


def _open(row: Any) -> bool:
    return row.state in ("due", "dead")


def _told(row: Base) -> str:
    """What a row says to people; ids and times differ from run to run."""
    names = ("code", "superseded_at", "state", "strategy", "outcome", "remaining")
    values = {name: getattr(row, name) for name in names if hasattr(row, name)}
    values["superseded_at"] = values.get("superseded_at") is not None
    return str(values)
