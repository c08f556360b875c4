"""Files that somebody uploads, looks at and confirms; and the links that let them.

Between looking and confirming only the mapped cells of good rows are held, sealed, and no longer
than an hour. A confirmed upload is owed: its parts are imported one commit each, by any process.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ...link_signing import Purpose
from ...models.errors import (
    CellError,
    LinkExpiredError,
    LinkInvalidError,
    LinkRevokedError,
    NotFoundError,
    RefusedError,
)
from ...models.tables import Connection, SheetPart, SheetUpload, UploadLink, new_id
from ..audit import note
from ..connections import connection_of
from ..runtime import Runtime
from ..worker import defect
from .importing import FailedRows, FileReading, Outcome, Taken, import_lock
from .profiles import reading_spec
from .store import look_up, store_events, verdict

log = structlog.get_logger(__name__)

HELD = timedelta(hours=1)


def issue_link(runtime: Runtime, connection_id: str, *, days: int, actor: str) -> str:
    """The URL of a new upload link. Raises NotFoundError, UnsupportedCapabilityError."""
    now = runtime.clock()
    with runtime.database.begin() as session:
        connection = connection_of(session, connection_id)
        reading_spec(connection)
        link = UploadLink(
            id=new_id(),
            connection_id=connection.id,
            issued_at=now,
            expires_at=now + timedelta(days=days),
        )
        session.add(link)
        note(
            runtime, session, actor=actor, action="csv.link", subject=connection.id,
            link=link.id, days=days,
        )  # fmt: skip
    return runtime.signer.url_for(link.id, purpose=Purpose.UPLOAD)


def revoke_links(runtime: Runtime, connection_id: str, *, actor: str) -> int:
    """Take back every upload link of a connection; returns how many were open."""
    now = runtime.clock()
    with runtime.database.begin() as session:
        query = select(UploadLink).where(
            UploadLink.connection_id == connection_id, UploadLink.revoked_at.is_(None)
        )
        links = session.scalars(query).all()
        for link in links:
            link.revoked_at = now
        note(
            runtime, session, actor=actor, action="csv.link-revoke", subject=connection_id,
            links=len(links),
        )  # fmt: skip
    return len(links)


def open_link(runtime: Runtime, token: str) -> tuple[UploadLink, Connection]:
    """The link behind a token, and its connection with its company. Raises LinkError kinds."""
    id_ = runtime.signer.open(token, purpose=Purpose.UPLOAD)
    with runtime.database.read() as session:
        link = session.get(UploadLink, id_)
        if link is None:
            raise LinkInvalidError("the link is unknown here")
        connection = session.get_one(Connection, link.connection_id)
        _ = connection.company
    if link.revoked_at is not None or connection.removed_at is not None:
        raise LinkRevokedError("the upload link was taken back")
    if link.expires_at <= runtime.clock():
        raise LinkExpiredError("the upload link is too old", issued_at=link.issued_at)
    return link, connection


def hold(
    runtime: Runtime,
    connection: Connection,
    link: UploadLink,
    reading: FileReading,
    *,
    as_of: datetime,
    failed: FailedRows | None = None,
) -> tuple[str, Outcome]:
    """Look through a file and hold what is new in it; the upload's id and what the file says."""
    id_, number = new_id(), 0
    with runtime.database.begin() as session:
        session.add(
            SheetUpload(
                id=id_, connection_id=connection.id, link_id=link.id, counts={},
                as_of=as_of, created_at=runtime.clock(),
            )
        )  # fmt: skip

    def take(batch: Sequence[Taken]) -> Sequence[str]:
        nonlocal number
        with runtime.database.read() as session:
            known = look_up(session, connection.id, [e.application_id or "" for e, _ in batch])
        said = [verdict(runtime, event, known, as_of=as_of) for event, _ in batch]
        rows = [dict(row) for (_, row), v in zip(batch, said, strict=True) if v in WANTED]
        if rows:
            number += 1
            _keep(runtime, id_, number, rows)
        return said

    outcome = reading.run(take, failed=failed)
    with runtime.database.begin() as session:
        session.get_one(SheetUpload, id_).counts = outcome.counts()
    return id_, outcome


WANTED = frozenset({"new", "changed"})


def _keep(runtime: Runtime, upload_id: str, number: int, rows: Sequence[dict[str, str]]) -> None:
    id_ = new_id()
    body = json.dumps(rows, ensure_ascii=False).encode()
    sealed = runtime.vault.seal_bytes(body, place=_place(id_))
    with runtime.database.begin() as session:
        session.add(SheetPart(id=id_, upload_id=upload_id, number=number, rows_sealed=sealed))


def _place(part_id: str) -> str:
    return f"sheet_parts:{part_id}"


def confirm(runtime: Runtime, link: UploadLink, upload_id: str) -> None:
    """From now on the upload is owed. Twice is once.

    Raises NotFoundError (not of this connection), RefusedError (held too long).
    """
    with runtime.database.begin() as session:
        upload = _upload(session, link, upload_id, lock=True)
        if upload.confirmed_at is not None:
            return
        if upload.created_at < runtime.clock() - HELD:
            raise RefusedError("the file was looked at too long ago; upload it again")
        upload.confirmed_at = runtime.clock()
        counts = {name: n for name, n in upload.counts.items() if name != "oldest_rejection"}
        note(
            runtime, session, actor=f"link:{link.id}", action="csv.import",
            subject=upload.connection_id, **counts,
        )  # fmt: skip


def find_upload(runtime: Runtime, link: UploadLink, upload_id: str) -> SheetUpload:
    """Raises NotFoundError."""
    with runtime.database.read() as session:
        return _upload(session, link, upload_id)


def _upload(
    session: Session, link: UploadLink, upload_id: str, *, lock: bool = False
) -> SheetUpload:
    """Of the link's connection; whoever has the link may have typed the id."""
    known = upload_id.isalnum()  # no database takes every sign that can be typed
    upload = session.get(SheetUpload, upload_id, with_for_update=lock) if known else None
    if upload is None or upload.connection_id != link.connection_id:
        raise NotFoundError("there is no such upload; upload the file again")
    return upload


def import_confirmed(runtime: Runtime, *, leave: Collection[str] = ()) -> set[str]:
    """Import what is confirmed, but for ``leave``; returns those that did not work now.

    They stay owed, and none of them stops the others.
    """
    query = select(SheetUpload.id, SheetUpload.connection_id).where(
        SheetUpload.finished_at.is_(None), SheetUpload.confirmed_at.is_not(None)
    )
    with runtime.database.read() as session:
        owed = session.execute(query.order_by(SheetUpload.confirmed_at)).all()
    failing: set[str] = set()
    for upload_id, connection_id in owed:
        if upload_id in leave:
            continue
        try:
            with runtime.locks.hold(import_lock(connection_id)):
                while _import_part(runtime, upload_id):
                    pass
        except Exception as error:
            log.error("csv_upload_failed", upload=upload_id, where=defect(error).message)
            failing.add(upload_id)
    return failing


def _import_part(runtime: Runtime, upload_id: str) -> bool:
    """One part and its deletion in one commit; False: none was left."""
    with runtime.database.begin() as session:
        upload = session.get_one(SheetUpload, upload_id, with_for_update=True)
        query = select(SheetPart).where(SheetPart.upload_id == upload_id)
        part = session.scalars(query.order_by(SheetPart.number).limit(1)).first()
        if part is None:
            upload.finished_at = upload.finished_at or runtime.clock()
            return False
        connection = session.get_one(Connection, upload.connection_id)
        if connection.removed_at is None:
            _store_part(runtime, session, connection, part, as_of=upload.as_of)
        session.delete(part)
    return True


def _store_part(
    runtime: Runtime, session: Session, connection: Connection, part: SheetPart, *, as_of: datetime
) -> None:
    body = runtime.vault.open_bytes(part.rows_sealed, place=_place(part.id))
    connector = runtime.connector(connection)
    events = []
    for row in json.loads(body):
        try:
            events.append(connector.import_row(row))
        except CellError as error:
            # Settings were changed since it was looked at; the next file brings the row again.
            log.warning("csv_row_lost_its_meaning", connection=connection.id, column=error.column)
    wanted = [event for event in events if event is not None]
    said = Counter(store_events(runtime, session, connection, wanted, as_of=as_of))
    log.info("csv_part_imported", connection=connection.id, **said)


def purge_uploads(runtime: Runtime) -> int:
    """Forget what nobody confirmed within the hour, and that old uploads were there."""
    now = runtime.clock()
    traces = now - timedelta(days=runtime.settings.retention["signal_days"])
    old = select(SheetUpload.id).where(
        (SheetUpload.confirmed_at.is_(None) & (SheetUpload.created_at < now - HELD))
        | (SheetUpload.finished_at < traces)
    )
    with runtime.database.read() as session:
        ids = session.scalars(old).all()
    for id_ in ids:
        with runtime.database.begin() as session:
            upload = session.get(SheetUpload, id_, with_for_update=True)
            if upload is None or (upload.confirmed_at and not upload.finished_at):
                continue
            session.execute(delete(SheetPart).where(SheetPart.upload_id == id_))
            session.delete(upload)
    return len(ids)
