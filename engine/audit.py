"""The audit log: who did what with effect outside, append only, without personal data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..models.tables import AuditEntry
from .runtime import Runtime


def note(
    runtime: Runtime, session: Session, *, actor: str, action: str, subject: str, **detail: Any
) -> None:
    """One line, in the caller's transaction: it is there if and only if the action was done.

    ``actor`` says who (``cli:<user>``, ``console:<user>``); ``detail`` holds names of settings
    and counts, never values that somebody typed in.
    """
    session.add(
        AuditEntry(
            at=runtime.clock(), actor=actor, action=action, subject=subject, detail=dict(detail)
        )
    )


def entries(runtime: Runtime, *, limit: int = 100) -> Sequence[AuditEntry]:
    """The latest lines, newest first."""
    with runtime.database.read() as session:
        return session.scalars(select(AuditEntry).order_by(AuditEntry.at.desc()).limit(limit)).all()
