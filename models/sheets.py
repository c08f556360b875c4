"""What is kept of CSV files: how a company's columns are read, and what was imported."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, new_id


class SheetProfile(Base):
    """How one company's CSV is read: headings and words, never a cell of a person."""

    __tablename__ = "sheet_profiles"
    __table_args__ = (UniqueConstraint("company_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"))
    name: Mapped[str]
    columns: Mapped[dict[str, Any]]
    """Our column's name -> the heading."""
    statuses: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """A word of the status column -> what it means."""
    reasons: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The closed list of reasons: word -> who ended the case."""
    updated_at: Mapped[datetime]


class SheetRow(Base):
    """What a case's line last said, as a keyed hash: the same line again is nothing new."""

    __tablename__ = "sheet_rows"

    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    external_id: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    seen_at: Mapped[datetime]


class SheetUpload(Base):
    """A file that somebody looks at before it is imported. Only mapped cells of good lines are
    held, sealed, in ``SheetPart``; unconfirmed they are gone within the hour."""

    __tablename__ = "sheet_uploads"
    __table_args__ = (Index("ix_sheet_uploads_open", "finished_at", "confirmed_at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    link_id: Mapped[str | None]
    counts: Mapped[dict[str, Any]]
    as_of: Mapped[datetime]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class SheetPart(Base):
    """Some of an upload's lines; deleted with the commit that imports them."""

    __tablename__ = "sheet_parts"
    __table_args__ = (UniqueConstraint("upload_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    upload_id: Mapped[str] = mapped_column(ForeignKey("sheet_uploads.id"))
    number: Mapped[int]
    rows_sealed: Mapped[bytes] = mapped_column(LargeBinary, info={"sealed": "bytes"})


class UploadLink(Base):
    """Lets whoever holds it upload CSV files for one connection, until it expires."""

    __tablename__ = "upload_links"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"), index=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
