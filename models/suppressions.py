"""Addresses that must never get a link or follow-up again; hashed, outlives erasure."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from .base import Base


class Suppression(Base):
    """``scope`` is a company id, or ``*`` for everywhere (配信停止)."""

    __tablename__ = "suppressions"

    email_hash: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str]
    """stop_link | one_click | withdrawn | erasure | company | bounce"""
    at: Mapped[datetime]
