"""An installation of real processes under load, for whatever is to happen to it meanwhile."""

from __future__ import annotations

import random
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Thread

import requests
from sqlalchemy import select

from careerrelay.engine import rotation
from careerrelay.engine.health import STORE_ERRORS
from careerrelay.engine.runtime import Runtime
from careerrelay.models.errors import ConfigurationError
from careerrelay.models.tables import ApplicationRecord, Decision, Heartbeat
from tests.disaster.audit import Findings, audit
from tests.disaster.clocks import Clockwork
from tests.disaster.counting_ats import CountingAts, install
from tests.disaster.installations import Installation, fresh, rest, rows
from tests.disaster.letters import Letters, passing
from tests.disaster.load import is_rejected, tell_all
from tests.disaster.nodes import PATIENCE, Node, ended_at_last, wait_until
from tests.disaster.senders import Person, Sender
from tests.support.mailbox import Mailbox, free_port, running_mailbox
from tests.support.postgres import PostgresServer

STORE_AWAY = "the database does not do what is asked"
UNLIMITED = resource.RLIM_INFINITY


@dataclass
class Turmoil:
    """What runs, who tells it what, and everything that was told."""

    installation: Installation
    nodes: list[Node]
    ats: CountingAts
    sender: Sender
    runtime: Runtime
    clockwork: Clockwork
    chance: random.Random
    mailbox: Mailbox
    """Of everybody who registers."""
    people: int = 0
    told: list[str] = field(default_factory=list)
    letters: Letters | None = None
    """What passes the mail relay, where there is one."""
    registering: dict[int, Thread] = field(default_factory=dict)
    """Of every person who registers the thread, which goes on until it is done."""
    gave_up: list[AssertionError] = field(default_factory=list)

    @property
    def grown(self) -> bool:
        """Several processes on PostgreSQL."""
        return len(self.nodes) > 1

    def tell(self, people: int) -> None:
        """The ATS tells of so many more people; returns at once."""
        those = range(self.people, self.people + people)
        self.people += people
        self.told += tell_all(self.sender, those, chance=self.chance)

    def register(self, people: int) -> None:
        """So many of those who were told of register, at their own pace; returns at once."""
        rejected = (n for n in range(self.people) if is_rejected(n))
        those = [n for n in rejected if n not in self.registering][:people]
        for n in those:
            self.registering[n] = Thread(target=self._register, args=(n,), daemon=True)
            self.registering[n].start()

    def _register(self, number: int) -> None:
        try:
            wait_until(lambda: self._is_decided(number), what=f"c{number} is decided")
            Person(number, self.ats.links[f"c{number}"][-1], self.mailbox).register()
        except AssertionError as error:
            self.gave_up.append(error)

    def _is_decided(self, number: int) -> bool:
        """Then a person who opens the link of the ATS finds a form."""
        if not self.ats.links.get(f"c{number}"):
            return False
        standing = (
            select(Decision.id)
            .join(ApplicationRecord, ApplicationRecord.current_decision_id == Decision.id)
            .where(ApplicationRecord.external_id == f"a{number}", Decision.superseded_at.is_(None))
        )
        with suppress(*STORE_ERRORS), self.runtime.database.read() as session:
            return session.scalar(standing) is not None
        return False

    def kill_one(self) -> None:
        """kill -9, and the same process again."""
        node = self.chance.choice(self.nodes)
        node.kill()
        node.start()

    def revive(self) -> None:
        """As a supervisor does: what began while the database was away has ended with that word."""
        for node in self.nodes:
            if node.has_ended:
                assert STORE_AWAY in node.words, node.words
                node.start()

    def rotate_keys(self, *, settle: timedelta) -> None:
        """A new key while everything runs, as 'careerrelay keys' does it; again after a fault."""
        with suppress(ConfigurationError):  # one waits already, from a turn that was cut off
            rotation.new_key(self.runtime, actor="test")
        while len(self.runtime.keys.current().sealing) > 1 or self._key_waits():
            try:
                rotation.rotate(self.runtime, actor="test", settle=settle)
            except STORE_ERRORS:
                time.sleep(0.5)

    def _key_waits(self) -> bool:
        return bool(self.runtime.keys.current().next_sealing)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No file of any process may grow any more."""
        for node in self.nodes:
            self._limit(node, 0)
        try:
            yield
        finally:
            for node in self.nodes:
                self._limit(node, UNLIMITED)

    @staticmethod
    def _limit(node: Node, size: int) -> None:
        assert node.process is not None
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))

    @contextmanager
    def one_asleep(self, node: Node, *, seconds: float) -> Iterator[None]:
        """A process stands still for longer than its lease, and then goes on as if nothing was."""
        assert node.process is not None
        node.process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
            yield
        finally:
            node.process.send_signal(signal.SIGCONT)

    def settle(self) -> Findings:
        """Wait until nothing is owed; what the auditor finds."""
        self.revive()
        for person in self.registering.values():
            person.join()
        assert self.gave_up == []
        rest(self.runtime)
        self.revive()
        found = audit(
            self.runtime,
            sender=self.sender,
            told=self.told,
            people=range(self.people),
            ats=self.ats,
            registered=self.registering,
            mailbox=self.mailbox,
        )
        if self.letters is not None:
            self.letters.audit(found, lives=sum(node.lives for node in self.nodes))
        return found

    def ready(self) -> bool:
        """What a load balancer hears."""
        answer = requests.get(f"{self.installation.url}/readyz", timeout=PATIENCE)
        assert answer.status_code in (200, 503), answer.status_code
        return answer.ok

    def refused(self) -> int:
        """How many posts were not acknowledged."""
        return self.sender.attempts - sum(self.sender.acknowledged.values())


@contextmanager
def turmoil(
    folder: Path,
    *,
    url: str = "",
    workers: int = 2,
    chance: random.Random,
    ats: CountingAts | None = None,
    relay: bool = False,
    web: str = "serve",
    **settings: str,
) -> Iterator[Turmoil]:
    """One process on SQLite, or a web process and workers on the database at ``url``.

    ``relay``: one more process that takes mail, or the one of SQLite takes it too. ``web``: what
    serves, ``gunicorn`` for that with two processes.
    """
    ats, clockwork = ats or CountingAts(), Clockwork(folder / "clock")
    python_path = clockwork.install(install(folder / "plugins"))
    grown = {"WORK_EMBEDDED": "false"} if url else {}
    port = free_port()
    listening = {"MAIL_RELAY_EMBEDDED": "false" if url else "true", "MAIL_RELAY_PORT": str(port)}
    with ExitStack() as stack:
        mailbox = stack.enter_context(running_mailbox())
        mail = {"MAIL_HOST": "127.0.0.1", "MAIL_PORT": str(mailbox.port)}
        named = grown | (listening if relay else {}) | mail | settings
        made = fresh(folder / "installation", python_path=python_path, url=url, **named)
        nodes = [made.node(web)]
        nodes += [made.node("worker", number=n + 1) for n in range(workers if url else 0)]
        nodes += [made.node("relay")] if relay and url else []
        sender = Sender(f"{made.url}/webhooks/counting")
        made.found(ats_url=stack.enter_context(ats.serve()), company={})
        letters = stack.enter_context(passing(made, port)) if relay else None
        stack.enter_context(ended_at_last(*nodes))
        for node in nodes:
            node.start()
        runtime = made.look()
        stack.callback(runtime.close)
        beating = workers if url else 0
        wait_until(lambda: len(rows(runtime, Heartbeat)) >= beating, what="workers beat")
        yield Turmoil(
            *(made, nodes, ats, sender, runtime, clockwork, chance, mailbox),
            letters=letters,
        )
        living = [node for node in nodes if node.process and node.process.poll() is None]
        assert [node.stop() for node in living] == [0] * len(living)
    shutil.rmtree(folder / "installation")


def crash(server: PostgresServer, *, seconds: float) -> None:
    """kill -9 of the database server, which is away for a while and then recovers."""
    server.kill()
    time.sleep(seconds)
    server.revive()
