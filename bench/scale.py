"""Ten times the rows: the ten hottest steps on 100 thousand and on a million applications.

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
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import structlog
from sqlalchemy import event, text

from bench.results import Result, compared, table
from bench.sites import CONNECTION, found, settings
from careerrelay.engine import claims, health, links, metrics, polling, retention, service
from careerrelay.engine.cases import CaseFile
from careerrelay.engine.ingest import Ingest
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.runtime import Runtime, utcnow
from careerrelay.engine.service import TASKS
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Connection
from tests.disaster.load import case
from tests.support.postgres import PostgresServer, running_postgres

FEW, MANY = 100_000, 1_000_000
ROUNDS = 101
SLOWER = 1.3
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
    "ANALYZE",
)


@dataclass
class Site:
    """A filled installation, and what its steps ask of the database."""

    runtime: Runtime
    ingest: Ingest
    rows: int
    asked: dict[str, Any] = field(default_factory=dict)
    told: int = 0

    def steps(self) -> dict[str, Callable[[], object]]:
        """The ten hottest: what every webhook, page, worker turn and scrape does."""
        runtime, connection = self.runtime, CONNECTION
        return {
            "record a case": self._record,
            "find a link": self._open_link,
            "claim a delivery": self._claim,
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

    def _record(self) -> None:
        self.told += 1
        told = case(10_000_000 + self.told, ApplicationState.REJECTED, step=1)
        known = ApplicationEvent(EventKind.REJECTED, told.changed_at, told.external_id, None, told)
        with self.runtime.database.begin() as session:
            cases = CaseFile(self.runtime, session, session.get_one(Connection, CONNECTION))
            cases.record(known)

    def _open_link(self) -> None:
        token = self.runtime.signer.token_for(f"linkapp{self.rows // 2}")
        self._reading(lambda session: links.open_link(self.runtime, session, token))

    def _claim(self) -> None:
        with self.runtime.database.begin() as session:
            ids = [f"delapp{self.rows // 3}"]
            claims.claim(self.runtime, session, TASKS["deliver"], ids, 9)

    def _reading(self, ask: Callable[[Any], object]) -> None:
        with self.runtime.database.begin() as session:
            ask(session)


@contextmanager
def filled(folder: Path, url: str, rows: int) -> Iterator[Site]:
    """One company and one connection with so many rejections."""
    made = settings(folder, url=url)
    found(made)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    runtime = Runtime(made, queue=InlineQueue(utcnow))
    ingest = Ingest(runtime)
    try:
        for statement in FILL:
            with runtime.database.engine.connect() as connection:
                values = {"n": rows, "connection": CONNECTION} if ":n)" in statement else {}
                connection.execute(text(statement), values)
                connection.commit()
        yield Site(runtime, ingest, rows)
    finally:
        ingest.stop()
        runtime.close()


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
            for statement, parameters in dict(queries and [(s, p) for s, p in queries]).items():
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
    with running_postgres() as own:
        print(table(compare(own, *sizes)))
