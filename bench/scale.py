"""Ten times the rows: what webhooks, pages, workers and scrapes do, on 100 thousand and on a
million applications.

    python -m bench.scale [FEW MANY]

PostgreSQL, filled by the database itself; each step is timed as it runs, median of many. It prints
the plan of every query of a step, so that whoever reads a slower figure sees why.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import structlog
from flask.testing import FlaskClient
from sqlalchemy import event, select, text

from bench.results import Result, compared, table
from bench.sites import CONNECTION, found
from bench.webhooks import signed
from careerrelay.engine import (
    claims,
    health,
    inspection,
    links,
    metrics,
    polling,
    registration,
    replay,
    retention,
    service,
    suppression,
)
from careerrelay.engine.cases import CaseFile
from careerrelay.engine.ingest import READ_SIGNALS, Ingest
from careerrelay.engine.queue import InlineQueue, Job
from careerrelay.engine.runtime import Runtime, utcnow
from careerrelay.engine.service import TASKS
from careerrelay.engine.worker import Worker
from careerrelay.link_signing import Purpose
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Connection, Delivery, Signal, WorkState
from careerrelay.webhook_server import create_app
from tests.disaster.load import case
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.world import open_runtime
from tests.webhook_server.site import MAIL

FEW, MANY = 100_000, 1_000_000
ROUNDS = 101
SERVER: dict[str, Any] = {
    "checkpoint_timeout": "30min",
    "max_wal_size": "8GB",
    "synchronous_commit": "off",
}
"""What is compared is the work; waiting for the disk, the same on both, would hide some of it."""
SLOWER = 1.3
COMPANY = "株式会社アクメ"
"""Every page names it: none is an error's."""
FILL = (
    """INSERT INTO applications (id, connection_id, external_id, candidate_external_id,
    person_sealed, state, stage, channel, flags, current_decision_id, changed_at, created_at,
    updated_at) SELECT 'app' || n, :connection, 'a' || n, 'c' || n, 'sealed', 'rejected',
    'documents', 'direct', '[]', 'decapp' || n, now() - n * interval '1 second', now(), now()
    FROM generate_series(1, :n) n""",
    """INSERT INTO application_addresses SELECT id, md5(id) FROM applications""",
    """INSERT INTO decisions (id, application_id, link, code, rule_version, decided_at,
    rejected_at) SELECT 'dec' || id, id, true, 'link', '1', now(), now() FROM applications""",
    """INSERT INTO relay_links (id, kind, company_id, connection_id, subject, application_id,
    issued_at) SELECT 'link' || id, 'personal', 'acme', connection_id, 'application:' || id, id,
    now() FROM applications""",
    """INSERT INTO deliveries (id, connection_id, application_id, link_id, strategy, purpose,
    created_at, detail, state, due_at, attempts, failures, crashes) SELECT 'del' || id,
    connection_id, id, 'link' || id, 'static_link', 'decision', now(), '{}', 'done', changed_at,
    1, 0, 0 FROM applications""",
    """INSERT INTO signals (id, connection_id, source, dedupe_key, received_at, request,
    body_sealed, body_sha256, state, due_at, attempts, failures, crashes) SELECT 'sig' || id,
    connection_id, 'webhook', id, changed_at, '{}', 'sealed', '', 'done', changed_at, 1, 0, 0
    FROM applications""",
    """INSERT INTO attempts (id, task, subject_id, number, started_at, finished_at) SELECT
    'att' || id, 'deliver', 'del' || id, 1, changed_at, changed_at FROM applications""",
    """INSERT INTO registrations (id, link_id, company_id, application_id, state, email_hash,
    mailbox_hash, code_tries, code_expires_at, locale, started_at, proved_at, counted,
    named_to_company) SELECT 'reg' || id, 'link' || id, 'acme', id, 'proved', md5(id), md5(id), 0,
    changed_at, 'ja', changed_at, changed_at, true, true FROM applications
    WHERE right(id, 1) = '0'""",
    """INSERT INTO consents (id, registration_id, purpose, given, text_version, locale, given_at)
    SELECT 'con' || id, id, 'terms', true, '1', 'ja', started_at FROM registrations""",
    """INSERT INTO outgoing_mails (id, kind, registration_id, created_at, state, due_at, attempts,
    failures, crashes) SELECT 'mail' || id, 'welcome', id, started_at, 'done', started_at, 1, 0, 0
    FROM registrations""",
    """INSERT INTO reports (id, registration_id, application_id, connection_id, remaining,
    created_at, detail, state, due_at, attempts, failures, crashes) SELECT 'rep' || id, id,
    application_id, :connection, 1, started_at, '{}', 'done', started_at, 1, 0, 0
    FROM registrations""",
    """INSERT INTO ledger_entries (id, company_id, kind, number, registration_id, rule_version,
    evidence, at) SELECT 'credit' || id, 'acme', 'credit', row_number() OVER (ORDER BY id), id,
    '1', '{}', started_at FROM registrations""",
    """INSERT INTO ledger_entries (id, company_id, kind, number, registration_id, rule_version,
    evidence, at) SELECT 'slot' || id, company_id, 'slot', number / 10, registration_id, '1', '{}',
    at FROM ledger_entries WHERE number % 10 = 0""",
    """INSERT INTO counted_people (company_id, person_key, entry_id) SELECT 'acme',
    'email:' || md5(id), id FROM ledger_entries WHERE kind = 'credit'""",
    """INSERT INTO suppressions (email_hash, scope, cause, at) SELECT md5('stopped' || id), 'acme',
    'stop_link', changed_at FROM applications WHERE right(id, 2) = '00'""",
    """UPDATE deliveries SET state = 'due' WHERE id = 'delapp1'""",
    "ANALYZE",
)


@dataclass
class Site:
    """A filled installation, and what its steps ask of the database."""

    runtime: Runtime
    ingest: Ingest
    worker: Worker
    client: FlaskClient
    rows: int
    asked: dict[str, Any] = field(default_factory=dict)
    told: int = 0
    gone: int = 0
    visits: int = 0
    registered: str = ""
    unread: list[str] = field(default_factory=list)

    def steps(self) -> dict[str, Callable[[], object]]:
        """What every webhook, person, page, worker turn, scrape and look at the lists does."""
        runtime, connection = self.runtime, CONNECTION
        return {
            "take a webhook": self._take,
            "read a signal": self._read,
            "record a case": self._record,
            "register, prove and count": self._register,
            **self._pages(),
            "delete one's data": self._delete,
            "stop": self._stop,
            "list of signals": lambda: inspection.signal_lines(runtime, connection=connection),
            "list of owed work": lambda: replay.work_lines(runtime, state="due"),
            "find a link": self._open_link,
            "claim a delivery and give it back": self._claim,
            "gate of an account": lambda: self._reading(
                lambda session: claims.gate(session, [connection], utcnow())
            ),
            "sweep": lambda: service.sweep(runtime),
            "polls that are due": lambda: polling.submit_due(runtime),
            "late matches": lambda: service.match_late(runtime),
            "readiness": lambda: health.troubles(runtime, self.ingest),
            "metrics": lambda: metrics.gauges(runtime, self.ingest),
            "purge": lambda: retention.purge(runtime),
        }

    def _pages(self) -> dict[str, Callable[[], object]]:
        """Of a link in the middle of all, and of whoever registered last."""
        link = f"linkapp{self.rows // 2}"
        return {
            "registration page": lambda: self._page(link, Purpose.RELAY),
            "stop page": lambda: self._page(link, Purpose.STOP),
            "proof page": lambda: self._page(self.registered, Purpose.PROOF),
            "page of one's data": lambda: self._page(self.registered, Purpose.MY_DATA),
            "page to delete it": lambda: self._page(
                self.registered, Purpose.MY_DATA, below="/delete"
            ),
        }

    def _page(self, id_: str, purpose: Purpose, *, below: str = "") -> None:
        """From another network each time, so that no limit holds it up."""
        self.visits += 1
        token = self.runtime.signer.token_for(id_, purpose=purpose)
        network = {"REMOTE_ADDR": f"198.18.{self.visits // 250}.{self.visits % 250}"}
        answer = self.client.get(f"/{purpose.path}/{token}{below}", environ_overrides=network)
        _expect(answer.status_code == 200 and COMPANY in answer.text, f"/{purpose.path}{below}")

    def _take(self) -> None:
        self.told += 1
        body, signature = signed(self.told)
        headers = {"Signature": signature, "Greenhouse-Event-ID": f"scale-{self.told}"}
        answer = self.client.post(f"/webhooks/{CONNECTION}", data=body, headers=headers)
        _expect(answer.status_code == 200, "the webhook")

    def _read(self) -> None:
        """One of those that the step before took."""
        if not self.unread:
            # In the first round, which is not timed.
            due = select(Signal.id).where(Signal.state == WorkState.DUE.value)
            self._reading(lambda session: self.unread.extend(session.scalars(due)))
        id_ = self.unread.pop()
        self.worker.run(Job(READ_SIGNALS, (id_,), attempt=1))
        with self.runtime.database.read() as session:
            _expect(session.get_one(Signal, id_).outcome == "recorded", "the reading")

    def _register(self) -> None:
        """Somebody who was rejected just now."""
        self._record()
        with self.runtime.database.begin() as session:
            connection = session.get_one(Connection, CONNECTION)
            link = links.static_link(self.runtime, session, connection).id
        signer, email = self.runtime.signer, f"person{10_000_000 + self.told}@example.com"
        form = registration.Application("応募 太郎", email, named_to_company=True, locale="ja")
        self.registered = registration.start(self.runtime, signer.token_for(link), form)
        token = signer.token_for(self.registered, purpose=Purpose.PROOF)
        _expect(registration.confirm_link(self.runtime, token).counted, "the count")

    def _record(self) -> None:
        self.told += 1
        told = replace(
            case(10_000_000 + self.told, ApplicationState.REJECTED, step=1), changed_at=utcnow()
        )
        known = ApplicationEvent(EventKind.REJECTED, told.changed_at, told.external_id, None, told)
        with self.runtime.database.begin() as session:
            cases = CaseFile(self.runtime, session, session.get_one(Connection, CONNECTION))
            cases.record(known)

    def _stop(self) -> None:
        self.gone += 1
        token = self.runtime.signer.token_for(f"linkapp{self.gone}", purpose=Purpose.STOP)
        _expect(suppression.stop(self.runtime, token, email=None, cause="stop_link"), "the stop")

    def _delete(self) -> None:
        self.gone += 1
        registration.withdraw(self.runtime, f"regapp{self.gone}0")

    def _open_link(self) -> None:
        token = self.runtime.signer.token_for(f"linkapp{self.rows // 2}")
        self._reading(lambda session: links.open_link(self.runtime, session, token))

    def _claim(self) -> None:
        """The only one that is due."""
        self.told += 1
        ids = ["delapp1"]
        with self.runtime.database.begin() as session:
            found = claims.claim(self.runtime, session, TASKS["deliver"], ids, self.told)
            _expect(found.mine == ids, "the claim")
        with self.runtime.database.begin() as session:
            claims.let_go(session, Delivery, ids, process=self.runtime.process_id)

    def _reading(self, ask: Callable[[Any], object]) -> None:
        with self.runtime.database.begin() as session:
            ask(session)


@contextmanager
def filled(folder: Path, url: str, rows: int) -> Iterator[Site]:
    """One company and one connection with so many rejections."""
    runtime = open_runtime(url, folder, clock=utcnow, queue=InlineQueue(utcnow), mail=MAIL)
    found(runtime.settings)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    ingest = Ingest(runtime)
    try:
        for statement in FILL:
            with runtime.database.engine.connect() as connection:
                asked = {"n": rows, "connection": CONNECTION}
                values = {name: value for name, value in asked.items() if f":{name}" in statement}
                connection.execute(text(statement), values)
                connection.commit()
        client = create_app(runtime, ingest=ingest).test_client()
        yield Site(runtime, ingest, Worker(runtime, TASKS), client, rows)
    finally:
        ingest.stop()
        runtime.close()


def _expect(holds: bool, what: str) -> None:
    """A step that does nothing would be as fast on any number of rows."""
    if not holds:
        raise RuntimeError(f"{what}: not what was expected")


def _timed(small: Site, large: Site) -> dict[str, tuple[float, float]]:
    """Milliseconds of each step on both, medians of rounds that alternate: whatever else the
    machine does then slows both. The queries of a last one are kept."""
    found: dict[str, tuple[float, float]] = {}
    steps = {site.rows: site.steps() for site in (small, large)}
    for name, few in steps[small.rows].items():
        many = steps[large.rows][name]
        rounds = [(_milliseconds(few), _milliseconds(many)) for _ in range(ROUNDS + 1)][1:]
        found[name] = (median(r[0] for r in rounds), median(r[1] for r in rounds))
        large.asked[name] = _queries(large, many)
    return found


def _milliseconds(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return (time.perf_counter() - began) * 1000


def _queries(site: Site, step: Callable[[], object]) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(site.runtime.database.engine, "before_cursor_execute", note)
    step()
    event.remove(site.runtime.database.engine, "before_cursor_execute", note)
    return seen


def plans(site: Site) -> Iterator[str]:
    """The first line of each plan, by step: which index, or none."""
    with site.runtime.database.engine.connect() as connection:
        for name, queries in site.asked.items():
            yield f"{name}:"
            for statement, parameters in dict(queries).items():
                rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
                scans = [str(row[0]).strip() for row in rows if "Scan" in str(row[0])]
                yield "    " + "; ".join(scan.partition("  (")[0] for scan in scans)


def compare(server: PostgresServer, few: int = FEW, many: int = MANY) -> list[Result]:
    """Both sizes on one server, each step against itself."""
    with (
        tempfile.TemporaryDirectory() as folder,
        filled(Path(folder) / "few", server.create_database(), few) as small,
        filled(Path(folder) / "many", server.create_database(), many) as large,
    ):
        times = _timed(small, large)
        print("\n".join(plans(large)))
    return [
        compared(
            f"{name}: {many:,} against {few:,} applications, ms",
            ours=ours,
            peer=peer,
            target=f"<= {SLOWER:g}",
        )
        for name, (peer, ours) in times.items()
    ]


if __name__ == "__main__":
    sizes = [int(word) for word in sys.argv[1:3]] or [FEW, MANY]
    with running_postgres(**SERVER) as own:
        print(table(compare(own, *sizes)))
