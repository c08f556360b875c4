"""kill -9 again and again under load; then an auditor compares what everybody saw."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.disaster.audit import audit
from tests.disaster.counting_ats import CountingAts, install
from tests.disaster.installations import Installation, fresh, rest
from tests.disaster.load import case as case
from tests.disaster.load import is_rejected, tell_all
from tests.disaster.nodes import Node, ended_at_last
from tests.disaster.senders import Person, Sender
from tests.support.mailbox import Mailbox
from tests.support.postgres import PostgresServer

THREADS = 16
KILLS = 6
PEOPLE_PER_LIFE = 20
REGISTERED = 10


@pytest.fixture
def ats() -> CountingAts:
    return CountingAts()


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
    everybody = range(KILLS * PEOPLE_PER_LIFE)
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
                people = everybody[life * PEOPLE_PER_LIFE : (life + 1) * PEOPLE_PER_LIFE]
                told += tell_all(sender, people, chance=chance)
                time.sleep(chance.uniform(0.05, 1.0))
                revive(chance.choice(nodes))
        rest(runtime)
        registered = [n for n in everybody if is_rejected(n)][:REGISTERED]
        register_under_kills(registered, ats, mailbox, nodes, chance=chance)
        rest(runtime)
        found = audit(
            runtime,
            sender=sender,
            told=told,
            people=everybody,
            ats=ats,
            registered=registered,
            mailbox=mailbox,
        )
        assert found.faults == []
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
