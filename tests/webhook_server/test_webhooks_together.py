"""Many web hooks at once over HTTP: one commit for all, and nobody's trouble is another's."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from careerrelay.engine import group_commit
from careerrelay.engine.ingest import Ingest
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Signal
from careerrelay.webhook_server import lane, reception, webhooks
from careerrelay.webhook_server.serving import Serving
from tests.support.toy import toy_webhook
from tests.webhook_server.site import Site

WAIT = 30
CLIENTS = 32


@dataclass
class Answer:
    """What a client hears."""

    status: int
    headers: dict[str, str]


@dataclass
class Door:
    """A gate that somebody stands before; ``begin`` of a database, or any call, goes through."""

    opened: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        self.opened.set()

    def before(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def waiting(*args: Any, **named: Any) -> Any:
            self.reached.set()
            assert self.opened.wait(WAIT)
            return call(*args, **named)

        return waiting

    def before_commit(self, begin: Callable[[], Any]) -> Callable[[], Any]:
        @contextmanager
        def begun() -> Iterator[Session]:
            with begin() as session:
                yield session
                self.reached.set()
                assert self.opened.wait(WAIT)

        return begun


@dataclass
class Crowd:
    """Clients of a running server, each with a connection of its own."""

    site: Site
    serving: Serving
    pool: ThreadPoolExecutor

    def send(self, delivery: str, *, genuine: bool = True) -> Future[Answer]:
        case = self.site.world.application(1, ApplicationState.REJECTED)
        told = ApplicationEvent(EventKind.REJECTED, case.changed_at, "a1", "c1", case)
        sent = toy_webhook(told, delivery=delivery)
        headers = dict(sent.headers) if genuine else {"x-toy-id": delivery}
        return self.ask("POST", "/webhooks/toy", sent.body, headers)

    def ask(self, method: str, path: str, *more: Any) -> Future[Answer]:
        return self.pool.submit(self._ask, method, path, *more)

    def _ask(self, *request: Any) -> Answer:
        client = http.client.HTTPConnection("127.0.0.1", self.serving.port, timeout=WAIT)
        try:
            client.request(*request)
            response = client.getresponse()
            response.read()
            return Answer(response.status, dict(response.getheaders()))
        finally:
            client.close()

    def stored(self) -> set[str]:
        with self.site.runtime.database.read() as session:
            return {key.split(":")[1] for key in session.scalars(select(Signal.dedupe_key))}

    def await_waiting(self, ingest: Ingest, number: int) -> None:
        while ingest.waiting < number:
            threading.Event().wait(0.005)


@pytest.fixture
def crowd(site: Site, ingest: Ingest) -> Iterator[Crowd]:
    del ingest  # stopped after the server
    serving = Serving(site.app, host="127.0.0.1", port=0, threads=2)
    server = threading.Thread(target=serving.run)
    server.start()
    with ThreadPoolExecutor(CLIENTS + 10) as pool:
        yield Crowd(site, serving, pool)
    serving.stop()
    server.join(WAIT)
    assert not server.is_alive()


@pytest.fixture
def commits(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """No commit ends before it is opened."""
    door, database = Door(), site.runtime.database
    monkeypatch.setattr(database, "begin", door.before_commit(database.begin))
    yield door
    door.open()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gives up does so because a test wants it, not because the machine is busy."""
    monkeypatch.setattr(lane, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(lane, "ELSEWHERE_SECONDS", WAIT)
    for name in ("WAIT_SECONDS", "STUCK_SECONDS"):
        monkeypatch.setattr(group_commit, name, WAIT)


def statuses(answers: list[Future[Answer]]) -> list[int]:
    return [answer.result(WAIT).status for answer in answers]


def test_a_crowd_shares_commits_and_all_that_is_acknowledged_is_stored(
    crowd: Crowd, ingest: Ingest, commits: Door
) -> None:
    made: list[object] = []
    event.listen(crowd.site.runtime.database.engine, "commit", made.append)
    first = crowd.send("first")
    assert commits.reached.wait(WAIT)
    rest = [crowd.send(f"d{number}") for number in range(CLIENTS)]
    crowd.await_waiting(ingest, CLIENTS)
    assert not any(answer.done() for answer in (first, *rest))
    assert crowd.stored() == set()
    commits.open()
    assert statuses([first, *rest]) == [200] * (CLIENTS + 1)
    assert crowd.stored() == {"first", *(f"d{number}" for number in range(CLIENTS))}
    assert len(made) == 2


def test_the_same_delivery_many_times_at_once_is_acknowledged_each_time_and_stored_once(
    crowd: Crowd, ingest: Ingest, commits: Door
) -> None:
    first = crowd.send("first")
    assert commits.reached.wait(WAIT)
    again = [crowd.send("again") for _ in range(8)]
    crowd.await_waiting(ingest, 8)
    commits.open()
    assert statuses([first, *again]) == [200] * 9
    assert crowd.stored() == {"first", "again"}


def test_a_commit_that_hangs_is_told_to_all_who_wait_and_keeps_no_page_from_anybody(
    crowd: Crowd, ingest: Ingest, commits: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "WAIT_SECONDS", 1.0)
    first = crowd.send("first")
    assert commits.reached.wait(WAIT)
    waiting = [first, *(crowd.send(f"d{number}") for number in range(CLIENTS))]
    crowd.await_waiting(ingest, 1)
    assert crowd.ask("GET", "/healthz").result(WAIT).status == 200
    assert statuses(waiting) == [503] * (CLIENTS + 1)
    assert {answer.result().headers["Retry-After"] for answer in waiting} == {"5"}
    assert crowd.stored() == set()
    commits.open()
    assert crowd.send("d0").result(WAIT).status == 200


def test_a_look_up_that_hangs_is_answered_too(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "ELSEWHERE_SECONDS", 0.1)
    database, door = crowd.site.runtime.database, Door()
    with monkeypatch.context() as hanging:
        hanging.setattr(database, "read", door.before(database.read))
        answers = [crowd.send(f"d{number}") for number in range(lane.ELSEWHERE_THREADS + 4)]
        assert set(statuses(answers)) == {503}
        assert {answer.result().headers["Retry-After"] for answer in answers} == {"5"}
        door.open()
    monkeypatch.setattr(lane, "ELSEWHERE_SECONDS", WAIT)
    assert crowd.send("later").result(WAIT).status == 200
    assert crowd.stored() == {"later"}


def test_forged_web_hooks_whose_refusals_hang_hold_up_no_genuine_one(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "FRESH_SECONDS", 0.0)
    door = Door()
    monkeypatch.setattr(webhooks, "refuse", door.before(webhooks.refuse))
    number = lane.ELSEWHERE_THREADS + 4
    forged = [crowd.send(f"f{n}", genuine=False) for n in range(number)]
    assert door.reached.wait(WAIT)
    assert statuses([crowd.send(f"d{n}") for n in range(4)]) == [200] * 4
    assert not any(answer.done() for answer in forged)
    door.open()
    assert statuses(forged) == [401] * number
    assert crowd.stored() == {"d0", "d1", "d2", "d3"}


def test_a_stop_answers_all_who_wait(crowd: Crowd, ingest: Ingest, commits: Door) -> None:
    first = crowd.send("first")
    assert commits.reached.wait(WAIT)
    rest = [crowd.send(f"d{number}") for number in range(20)]
    crowd.await_waiting(ingest, 20)
    crowd.serving.stop()
    commits.open()
    assert statuses([first, *rest]) == [200] * 21
    assert len(crowd.stored()) == 21
