"""kill -9 again and again under load; then an auditor compares what everybody saw."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from careerrelay.engine.runtime import Runtime
from careerrelay.models.candidates import (
    Application,
    ApplicationState,
    Candidate,
    Job,
    Reason,
    RejectionSide,
)
from careerrelay.models.events import ApplicationEvent
from careerrelay.models.tables import (
    ApplicationRecord,
    Attempt,
    CountedPerson,
    Decision,
    Delivery,
    LedgerEntry,
    Registration,
    RelayLink,
    Report,
    Signal,
)
from tests.disaster.counting_ats import CountingAts, install
from tests.disaster.installations import Installation, fresh, rest, rows
from tests.disaster.nodes import Node, ended_at_last
from tests.disaster.senders import Person, Sender
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.postgres import PostgresServer
from tests.support.world import KINDS

THREADS = 16
KILLS = 6
PEOPLE_PER_LIFE = 20
REGISTERED = 10
TAKEN_BACK = 5
"""Every fifth rejection is taken back again."""
BEGAN = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def ats() -> CountingAts:
    return CountingAts()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with running_mailbox() as box:
        yield box


def case(number: int, state: ApplicationState, *, step: int) -> Application:
    """Person ``number``'s case after its ``step``-th change."""
    rejected = state is ApplicationState.REJECTED
    return Application(
        external_id=f"a{number}",
        candidate=Candidate(f"c{number}", (f"person{number}@example.com",), full_name="応募 太郎"),
        state=state,
        changed_at=BEGAN + timedelta(seconds=step),
        job=Job("j1", "営業職"),
        reason=Reason("r1", "経験不足", RejectionSide.COMPANY) if rejected else None,
    )


def history(number: int) -> list[Application]:
    """What becomes of a person, in order."""
    states = [ApplicationState.ACTIVE, ApplicationState.REJECTED]
    if number % TAKEN_BACK == 0:
        states.append(ApplicationState.ACTIVE)
    return [case(number, state, step=step) for step, state in enumerate(states)]


def tell_all(sender: Sender, people: range, *, chance: random.Random) -> list[str]:
    """Every change of every person, in any order, some of them twice; returns delivery ids."""
    told = [(f"{c.external_id}-{step}", c) for n in people for step, c in enumerate(history(n))]
    again = chance.sample(told, len(told) // 10)
    mixed = chance.sample(told + again, len(told) + len(again))
    for delivery, c in mixed:
        event = ApplicationEvent(
            KINDS[c.state], c.changed_at, c.external_id, c.candidate.external_id, c
        )
        sender.send(event, delivery=delivery)
    return [delivery for delivery, _ in told]


def one_process(installation: Installation) -> list[Node]:
    return [installation.node("serve")]


def web_and_workers(installation: Installation) -> list[Node]:
    workers = [installation.node("worker", number=n) for n in (1, 2)]
    return [installation.node("serve"), *workers]


@pytest.fixture(params=["one process on SQLite", "web and two workers on PostgreSQL"])
def cluster(
    request: pytest.FixtureRequest, tmp_path: Path, mailbox: Mailbox
) -> tuple[Installation, list[Node]]:
    """Settings and processes of one of the two shapes."""
    python_path = install(tmp_path / "plugins")
    mail = {"MAIL_HOST": "127.0.0.1", "MAIL_PORT": str(mailbox.port)}
    if "SQLite" in request.param:
        installation = fresh(tmp_path / "installation", python_path=python_path, **mail)
        return installation, one_process(installation)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    installation = fresh(
        tmp_path / "installation",
        python_path=python_path,
        url=server.create_database(),
        WORK_EMBEDDED="false",
        **mail,
    )
    return installation, web_and_workers(installation)


def test_nothing_is_lost_or_doubled_however_often_processes_are_killed(
    cluster: tuple[Installation, list[Node]], ats: CountingAts, mailbox: Mailbox
) -> None:
    installation, nodes = cluster
    chance = random.Random(20261104)
    sender = Sender(f"{installation.url}/webhooks/counting")
    told: list[str] = []
    with ExitStack() as stack:
        ats_url = stack.enter_context(ats.serve())
        installation.found(ats_url=ats_url, company={})
        stack.enter_context(ended_at_last(*nodes))
        for node in nodes:
            node.start()
        runtime = installation.look()
        stack.callback(runtime.close)
        with sender.running(threads=THREADS):
            for life in range(KILLS):
                people = range(life * PEOPLE_PER_LIFE, (life + 1) * PEOPLE_PER_LIFE)
                told += tell_all(sender, people, chance=chance)
                time.sleep(chance.uniform(0.05, 1.0))
                revive(chance.choice(nodes))
        rest(runtime)
        people = [n for n in range(KILLS * PEOPLE_PER_LIFE) if n % TAKEN_BACK][:REGISTERED]
        register_under_kills(people, ats, mailbox, nodes, chance=chance)
        rest(runtime)
        audit_signals(runtime, sender, told)
        audit_cases(runtime, ats)
        audit_registrations(runtime, ats, people)
        assert [node.stop() for node in nodes] == [0] * len(nodes)


def revive(node: Node) -> None:
    node.kill()
    node.start()


def register_under_kills(
    people: list[int],
    ats: CountingAts,
    mailbox: Mailbox,
    nodes: list[Node],
    *,
    chance: random.Random,
) -> None:
    """People register at their own pace while processes die."""
    persons = [Person(n, ats.links[f"c{n}"][-1], mailbox) for n in people]
    with ThreadPoolExecutor(len(persons)) as crowd:
        done = [crowd.submit(person.register) for person in persons]
        for _ in range(2):
            time.sleep(chance.uniform(0.3, 1.5))
            revive(chance.choice(nodes))
    for person in done:
        person.result()


def audit_signals(runtime: Runtime, sender: Sender, told: list[str]) -> None:
    """Every acknowledged signal is stored exactly once, and was read."""
    assert set(sender.acknowledged) == set(told)
    signals = rows(runtime, Signal)
    assert Counter(s.dedupe_key.split(":")[1] for s in signals) == Counter(told)
    assert {s.state for s in signals} == {"done"}
    assert {s.outcome for s in signals} <= {"recorded", "stale"}
    open_ = [a for a in rows(runtime, Attempt) if a.finished_at is None]
    assert not open_, "an attempt that nobody ended"


def audit_cases(runtime: Runtime, ats: CountingAts) -> None:
    """The last truth stands, with one decision; each link was written once, as owed."""
    records = {r.external_id: r for r in rows(runtime, ApplicationRecord)}
    standing = Counter(d.application_id for d in rows(runtime, Decision) if not d.superseded_at)
    links = {link.candidate_external_id: link for link in rows(runtime, RelayLink)}
    people = range(KILLS * PEOPLE_PER_LIFE)
    assert len(records) == len(people)
    for number in people:
        record, last = records[f"a{number}"], history(number)[-1]
        assert record.state == last.state.value
        owed = int(last.state is ApplicationState.REJECTED)
        assert standing[record.id] == owed
        assert (record.current_decision_id is not None) == bool(owed)
        assert ats.links[f"c{number}"] == [runtime.signer.url_for(links[f"c{number}"].id)]
    deliveries = rows(runtime, Delivery)
    assert {d.state for d in deliveries} <= {"done", "skipped"}
    assert len({(d.application_id, d.purpose) for d in deliveries}) == len(deliveries)


def audit_registrations(runtime: Runtime, ats: CountingAts, people: list[int]) -> None:
    """Each person counts once, ten make a slot, each report stands once on its record."""
    proved = [r for r in rows(runtime, Registration) if r.counted]
    assert len(proved) == len(people)
    assert {p.entry_id for p in rows(runtime, CountedPerson)} == {
        entry.id for entry in rows(runtime, LedgerEntry) if entry.kind == "credit"
    }
    assert sorted((e.kind, e.number) for e in rows(runtime, LedgerEntry)) == [
        *(("credit", n + 1) for n in range(len(people))),
        ("slot", 1),
    ]
    reports = rows(runtime, Report)
    assert {r.state for r in reports} == {"done"}
    noted = Counter(note for notes in ats.notes.values() for note in notes)
    assert set(noted.values()) == {1}
    assert sum(noted.values()) == len(reports) == len(rows_proved(runtime))
    assert {key for key, notes in ats.notes.items() if notes} == {f"c{n}" for n in people}


def rows_proved(runtime: Runtime) -> list[Registration]:
    """A person who got two proof mails may have proved both; each is reported, one counts."""
    return [r for r in rows(runtime, Registration) if r.state == "proved"]
