"""How many calls of a month a company leaves to us, where its account has so many for everybody.

Counted in the store, so by all processes together and across restarts. The company says how many
in a setting of the connection, which is read at every call: a higher number helps at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy.orm import Session

from ..connectors.limits import Limiter
from ..connectors.spec import ConnectorSpec
from ..models.calls import CallMonth
from ..models.database import Database, insert_into
from ..models.errors import CallsUsedUpError
from ..models.tables import Connection

log = structlog.get_logger(__name__)


class Budget(NamedTuple):
    """Of the month that runs."""

    used: int
    allowed: int

    @property
    def left(self) -> int:
        """Never less than none, also where the company has lowered the number since."""
        return max(0, self.allowed - self.used)


class MonthlyCalls:
    """Lets through what ``pace`` does, as long as the month's calls are not used up."""

    def __init__(
        self,
        database: Database,
        connection_id: str,
        spec: ConnectorSpec,
        *,
        pace: Limiter,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._connection_id = connection_id
        self._spec = spec
        self._pace = pace
        self._clock = clock

    def wait(self, *, at_most: float) -> float:
        """As ``pace`` does. Raises CallsUsedUpError where no call is left in this month."""
        if delay := self._pace.wait(at_most=at_most):
            return delay
        now = self._clock()
        with self._database.begin() as session:
            row = self._counted(session, month_of(now))
            allowed = _allowed(session, self._connection_id, self._spec)
            if row.calls < allowed:
                row.calls += 1
                return 0.0
        raise self._used_up(allowed, now)

    def _counted(self, session: Session, month: str) -> CallMonth:
        """The row, held; a new month begins at nothing. A clock that is behind begins none."""
        new = {"connection_id": self._connection_id, "month": month, "calls": 0}
        session.execute(insert_into(session, CallMonth).values(new).on_conflict_do_nothing())
        row = session.get_one(CallMonth, self._connection_id, with_for_update=True)
        if month > row.month:
            row.month, row.calls = month, 0
        return row

    def _used_up(self, allowed: int, now: datetime) -> CallsUsedUpError:
        until, setting = next_month(now), self._spec.rate_limit and self._spec.rate_limit.monthly
        log.warning("calls_used_up", connection=self._connection_id, allowed=allowed)
        return CallsUsedUpError(
            f"{self._spec.title}: the {allowed} calls a month that {setting} allows are used up "
            f"until {until:%Y-%m-%d} (UTC); what is owed waits, or goes on within the hour after a "
            f"higher {setting}",
            connector=self._spec.name,
            operation="any call",
            retry_after=(until - now).total_seconds(),
        )


def budget_of(
    session: Session, connection_id: str, spec: ConnectorSpec, now: datetime
) -> Budget | None:
    """What is used of it; None where the ATS knows no such thing."""
    if spec.rate_limit is None or not spec.rate_limit.monthly:
        return None
    row = session.get(CallMonth, connection_id)
    used = row.calls if row and row.month >= month_of(now) else 0
    return Budget(used, _allowed(session, connection_id, spec))


def month_of(now: datetime) -> str:
    """As the row has it."""
    return f"{now:%Y-%m}"


def next_month(now: datetime) -> datetime:
    """Its first moment."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def _allowed(session: Session, connection_id: str, spec: ConnectorSpec) -> int:
    """As the connection has it now; ``prepare`` has refused what is no number."""
    name = spec.rate_limit.monthly if spec.rate_limit else ""
    default = next(setting.default for setting in spec.settings if setting.name == name)
    return int(session.get_one(Connection, connection_id).settings.get(name) or default or 0)
