"""What all tables share: the declarative base, ids, aware timestamps, and work we owe."""

from __future__ import annotations

import os
import secrets
import string
import threading
import time
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, MetaData, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ALPHABET = string.digits + string.ascii_letters
ID_LENGTH = 22
_TIME_LENGTH = 11
_FAIR = 256 - 256 % len(ALPHABET)
"""Bytes below this fall on every sign equally often; the others are thrown away."""
_SIGNS = bytes(ord(ALPHABET[n % len(ALPHABET)]) for n in range(256))
_UNFAIR = bytes(range(_FAIR, 256))


class _Signs:
    """Random signs, asked of the system for a hundred ids at once: while one thread asks it,
    another takes the interpreter from it, which costs more than the rest of an id."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """A forked child must not give the ids its parent gives, nor wait for its threads."""
        self._lock = threading.Lock()
        self._signs, self._given = "", 0

    def take(self, many: int) -> str:
        with self._lock:
            if self._given + many > len(self._signs):
                drawn = secrets.token_bytes(100 * many).translate(_SIGNS, _UNFAIR)
                self._signs, self._given = drawn.decode("ascii"), 0
            self._given += many
            return self._signs[self._given - many : self._given]


_signs = _Signs()
os.register_at_fork(after_in_child=_signs.forget)


def new_id() -> str:
    """22 letters and digits with 130 bits of randomness; safe in URLs, mails and marker texts."""
    return _signs.take(ID_LENGTH)


def next_id() -> str:
    """An id for a table that only grows: what comes together stands together in its index.

    At random places, a commit of thirty rows would change as many pages of it. The first half is
    the time, in milliseconds; 65 bits are random, which is enough for an id that opens nothing.
    """
    return f"{time.time_ns() // 1_000_000:0{_TIME_LENGTH}x}{_signs.take(ID_LENGTH - _TIME_LENGTH)}"


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; naive UTC in SQLite, timestamptz in PostgreSQL."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Every mapped class; names of constraints are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own protocol
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        str: String,
    }


class WorkState(StrEnum):
    """Where a piece of owed work stands. DEAD is visible and replayable, never dropped."""

    DUE = "due"
    DONE = "done"
    SKIPPED = "skipped"
    DEAD = "dead"


class OwedWork:
    """Columns of a row that owes work: the truth the engine's queue only points at.

    ``attempts`` numbers the runs, so that each has its own key in the queue; ``failures`` counts
    those that failed in a row and chooses the back-off; ``crashes`` those cut off by a kill.
    """

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    state: Mapped[str] = mapped_column(default=WorkState.DUE.value)
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    running_since: Mapped[datetime | None]
    running_by: Mapped[str | None]
    """The process that runs it now; a dead process's claim is taken over."""
    finished_at: Mapped[datetime | None]
    error_code: Mapped[str | None]
    error: Mapped[str | None]

    def finish(self, now: datetime, *, state: WorkState = WorkState.DONE, code: str = "") -> None:
        """Nothing more is owed. ``code`` says why work was skipped or died."""
        self.state = state.value
        self.finished_at = now
        self.running_since = self.running_by = None
        self.error_code = code or None
        self.error = None
