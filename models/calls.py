"""When an account was called lately, for a limit that several processes share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base


class CallWindow(Base):
    """The moments of the last calls, in seconds since 1970 by the database's clock."""

    __tablename__ = "call_windows"

    account: Mapped[str] = mapped_column(primary_key=True)
    calls: Mapped[list[Any]] = mapped_column(JSON, default=list)
