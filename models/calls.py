"""How often an account was called, for limits that several processes share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base


class CallWindow(Base):
    """The moments of the last calls, in seconds since 1970 by the database's clock."""

    __tablename__ = "call_windows"

    account: Mapped[str] = mapped_column(primary_key=True)
    calls: Mapped[list[Any]] = mapped_column(JSON, default=list)


class CallMonth(Base):
    """How many calls a connection has made in its newest month, which is as ``2026-11`` in UTC."""

    __tablename__ = "call_months"

    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    month: Mapped[str]
    calls: Mapped[int]
