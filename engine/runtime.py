"""What every step needs, made once per process and passed everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from ..connectors.base import Connector
from ..connectors.http import HttpClient
from ..connectors.limits import Limiter, shared_limiter
from ..connectors.registry import connector_classes, open_connector
from ..connectors.spec import ConnectorSpec, RateLimit
from ..link_signing import LinkSigner
from ..models.crypto import Vault
from ..models.database import Database
from ..models.errors import ConfigurationError
from ..models.tables import Connection, new_id
from .call_budgets import MonthlyCalls, budget_of
from .call_limits import SharedCalls, calls_left
from .config import Settings
from .keys import KeyFile
from .locks import Locks
from .queue import Job, Queue
from .rush import Rush
from .tokens import DatabaseTokens

MOST_IN_A_JOB = 32
"""Of work that came to be owed together."""
_JOBS = "jobs"
_Jobs = dict[tuple[str, str, int, timedelta], list[str]]


def utcnow() -> datetime:
    return datetime.now(UTC)


class Runtime:
    """Settings, store, keys, links, queue and clock of this process.

    ``queue`` None: DBOS on the same database.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        queue: Queue | None = None,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.lease = timedelta(seconds=settings.work["lease_seconds"])
        self.keys = KeyFile(settings.key_file)
        self.keys.current()
        self.vault = Vault(self.keys.sealing)
        self.signer = LinkSigner(self.keys.signing, base_url=settings.server["base_url"])
        self.database = Database(settings.database_url, pool_size=settings.work["threads"] + 10)
        self.locks = Locks(self.database)
        self.tokens = DatabaseTokens(self.database, self.vault, self.locks, clock=clock)
        self.queue = queue or self._dbos()
        self.process_id = getattr(self.queue, "executor_id", None) or new_id()
        if self.database.is_sqlite:
            self.process_id = new_id()
        self.running: set[str] = set()
        """Ids of the owed work that this process is doing now; see ``Worker``."""
        self.ticked: float | None = None
        """When (monotonic) the service of this process last looked after its work; None: no
        service runs here."""
        self.written = -math.inf
        """When (monotonic) this process last saw that the store takes a commit."""
        self.rush = Rush()
        self.away: dict[str, datetime] = {}
        """Mail relays whose next hop did not answer, until when it is left alone."""
        self._clients: dict[str, tuple[Any, HttpClient]] = {}

    def _dbos(self) -> Queue:
        from .dbos_queue import DbosQueue

        work = self.settings.work
        return DbosQueue(
            self.database,
            threads=work["threads"],
            poll_seconds=work["poll_milliseconds"] / 1000,
            lease=self.lease,
            clock=self.clock,
        )

    def submit(
        self,
        session: Session,
        task: str,
        row: Any,
        *,
        delay: timedelta = timedelta(),
    ) -> None:
        """Queue the next run of the work ``row`` owes, with the session's commit.

        Just before it: the rows of the transaction are then written together and not one by one,
        and what is due at once for one connection becomes jobs of several.
        """
        jobs: _Jobs = session.info.setdefault(_JOBS, {})
        if not jobs:
            event.listen(session, "before_commit", self._enter, once=True)
        kind = (task, partition_of(task, row), row.attempts + 1, delay)
        jobs.setdefault(kind, []).append(row.id)

    def _enter(self, session: Session) -> None:
        session.flush()
        jobs: _Jobs = session.info.pop(_JOBS)
        for (task, partition, attempt, delay), ids in jobs.items():
            for start in range(0, len(ids), MOST_IN_A_JOB):
                some = tuple(ids[start : start + MOST_IN_A_JOB])
                self.queue.submit(session, Job(task, some, attempt, partition), delay=delay)

    def connector(self, connection: Connection) -> Connector:
        """The connector of a connection, its secrets opened; limits are kept per account."""
        values = {**connection.settings, **self.secrets(connection)}
        classes = connector_classes()
        if connection.connector not in classes:
            raise ConfigurationError(
                f"connection {connection.id}: the connector {connection.connector} is not installed"
            )
        spec = classes[connection.connector].spec
        if spec.experimental and not self.settings.allows(spec.name):
            raise ConfigurationError(
                f"{spec.title} is experimental: it rests on reports, not on documents of the "
                f"vendor; to use it all the same, name {spec.name} in [connectors] experimental"
            )
        return open_connector(
            connection.connector,
            values,
            http=self._client(connection, classes[connection.connector]),
            tokens=self.tokens.of(connection.company_id),
            clock=self.clock,
        )

    def _client(self, connection: Connection, cls: type[Connector]) -> HttpClient:
        known = self._clients.get(connection.id)
        if known is None or known[0] is not cls:
            client = HttpClient(
                cls.spec.name,
                rate_limit=cls.spec.rate_limit,
                account=connection.id,
                limiter=self._limiter(connection, cls),
                allow_private=self.settings.server["allow_private_hosts"],
                threads=self.settings.work["threads"],
            )
            self._clients[connection.id] = known = (cls, client)
        return known[1]

    def _limiter(self, connection: Connection, cls: type[Connector]) -> Limiter | None:
        """None: the client's own, which is right for a single process."""
        limit = cls.spec.rate_limit
        if limit is None or (self.database.is_sqlite and not limit.monthly):
            return None
        pace = self._pace(connection, limit)
        if not limit.monthly:
            return pace
        return MonthlyCalls(self.database, connection.id, cls.spec, pace=pace, clock=self.clock)

    def _pace(self, connection: Connection, limit: RateLimit) -> Limiter:
        if self.database.is_sqlite:
            return shared_limiter((connection.connector, connection.id), limit)
        return SharedCalls(self.database, connection.id, limit)

    def calls_left(self, session: Session, connection: Connection, spec: ConnectorSpec) -> int:
        """How many calls the vendor's limit, and the month's budget, let us make now."""
        limit = spec.rate_limit
        if limit is None:
            raise ValueError("this vendor publishes no limit")
        if self.database.is_sqlite:
            left = shared_limiter((connection.connector, connection.id), limit).left
        else:
            left = calls_left(session, connection.id, limit)
        budget = budget_of(session, connection.id, spec, self.clock())
        return left if budget is None else min(left, budget.left)

    def secrets(self, connection: Connection) -> dict[str, str]:
        """The connection's secret settings, opened."""
        return {
            name: self.vault.open(sealed, place=secret_place(connection.id, name))
            for name, sealed in connection.secrets.items()
        }

    def close(self) -> None:
        self.queue.stop()
        self.locks.close()
        self.database.close()


def partition_of(task: str, row: Any) -> str:
    """The line of the queue in which the work a row owes waits."""
    return getattr(row, "partition", None) or getattr(row, "connection_id", None) or task


def secret_place(connection_id: str, name: str) -> str:
    """Where a connection's secret is sealed for."""
    return f"connections:{connection_id}:{name}"
