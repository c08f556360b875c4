"""What an installation's database knows of itself, beside what it keeps for people."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from .base import Base

MOVE = "move"
"""There while a move from a SQLite file has not ended; nobody may work on half the rows."""
SURVIVED_BY = "survived_by"
"""The oldest revision whose code may work on this schema; see ``models/schema.py``."""


class Fact(Base):
    """One fact by its name."""

    __tablename__ = "installation_facts"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(default=dict)
