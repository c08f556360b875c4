"""An ATS's rate limit, kept by all processes of an installation together.

The moments of the last calls of an account stand in one row; whoever wants to call locks it, so
no window of the vendor's length ever holds more calls than the vendor allows. The database's
clock is asked: those of the machines may differ.
"""

from __future__ import annotations

import time

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..connectors.spec import RateLimit
from ..models.calls import CallWindow
from ..models.database import Database, insert_into


class SharedCalls:
    """One account's limit on PostgreSQL; an embedded installation has but one process."""

    def __init__(self, database: Database, account: str, limit: RateLimit) -> None:
        self._database = database
        self._account = account
        self._limit = limit

    def wait(self, *, at_most: float) -> float:
        """Wait for a turn and return 0.0; or, if it would take longer, the seconds to wait."""
        deadline = time.monotonic() + at_most
        while delay := self._delay():
            if time.monotonic() + delay > deadline:
                return delay
            time.sleep(delay)
        return 0.0

    def _delay(self) -> float:
        with self._database.begin() as session:
            row = self._locked(session)
            now = _now(session)
            calls = recent(row.calls, self._limit, now)
            if len(calls) >= self._limit.calls:
                return max(calls[-self._limit.calls] + self._limit.seconds - now, 0.001)
            row.calls = [*calls, now]
            return 0.0

    def _locked(self, session: Session) -> CallWindow:
        empty = insert_into(session, CallWindow).values(account=self._account, calls=[])
        session.execute(empty.on_conflict_do_nothing())
        return session.get_one(CallWindow, self._account, with_for_update=True)


def recent(calls: list[float], limit: RateLimit, now: float) -> list[float]:
    """Those that still count against the limit, oldest first."""
    return [moment for moment in calls if moment > now - limit.seconds]


def calls_left(session: Session, account: str, limit: RateLimit) -> int:
    """How many calls of an account could be made now, by all processes together."""
    row = session.get(CallWindow, account)
    used = recent(row.calls, limit, _now(session)) if row else []
    return max(0, limit.calls - len(used))


def _now(session: Session) -> float:
    return float(session.scalar(select(func.extract("epoch", func.clock_timestamp()))) or 0)
