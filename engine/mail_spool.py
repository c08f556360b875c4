"""The mode spool: mails are on disk before they are acknowledged, and handed on as owed work.

A mail is a row like all work we owe: sealed at rest, taken with a group commit, tried again by the
house's rule, and settled in the transaction that writes how it ended. What a kill cuts off is done
again, so a mail may arrive twice, with the same link; it is never lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import delete, insert, or_, select
from sqlalchemy.orm import Session

from ..mail.relay.desk import Passing
from ..models.tables import (
    MailRelay,
    SpooledContent,
    SpooledMail,
    WorkState,
    new_id,
)
from .group_commit import GroupCommit
from .runtime import Runtime

log = structlog.get_logger(__name__)

SPOOL = "hand_on_mail"
EXPIRES_AFTER = timedelta(days=2)
"""Whoever is told of a rejection later than that is told by a person."""
SAME_AGAIN = timedelta(hours=1)
"""The very same mail within this time after it went out is a client whose answer was lost."""
MOST_WAITING = 512
MAILS_IN_A_COMMIT = 32
SEPARATOR = b"\0"
"""Between our trace line and the message; neither may hold one."""


@dataclass(frozen=True, slots=True)
class Order:
    """One message and its recipients, sealed and ready to be stored."""

    content: dict[str, Any]
    mails: Sequence[dict[str, Any]]


class MailSpool:
    """The writer of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._writer = GroupCommit(
            runtime.database,
            self._write,
            name="spool",
            most_waiting=MOST_WAITING,
            batch=MAILS_IN_A_COMMIT,
        )

    def keep(self, passings: Sequence[Passing]) -> None:
        """Return once the message is on disk for each of its recipients. Raises OverloadedError."""
        self._writer.store(order_for(self._runtime, passings))

    def stop(self) -> None:
        self._writer.stop()

    def _write(self, session: Session, orders: Sequence[Order]) -> list[bool]:
        known = _known(self._runtime, session, [m["dedupe_key"] for o in orders for m in o.mails])
        return [self._store(session, order, known) for order in orders]

    def _store(self, session: Session, order: Order, known: set[str]) -> bool:
        fresh: list[dict[str, Any]] = []
        for mail in order.mails:
            if mail["dedupe_key"] not in known:
                known.add(mail["dedupe_key"])
                fresh.append(mail)
        if fresh:
            store(self._runtime, session, Order(order.content, fresh))
        return bool(fresh)


def _known(runtime: Runtime, session: Session, keys: Sequence[str]) -> set[str]:
    """Those that wait or went out just now; one that failed may be sent again."""
    since = runtime.clock() - SAME_AGAIN
    went_out = (SpooledMail.state == WorkState.DONE.value) & (SpooledMail.finished_at > since)
    query = select(SpooledMail.dedupe_key).where(
        SpooledMail.dedupe_key.in_(keys),
        or_(SpooledMail.state == WorkState.DUE.value, went_out),
    )
    return set(session.scalars(query))


def order_for(runtime: Runtime, passings: Sequence[Passing], *, notice: bool = False) -> Order:
    """Everything sealed for its own row."""
    first, now, vault = passings[0], runtime.clock(), runtime.vault
    with runtime.database.read() as session:
        connection_id = session.get_one(MailRelay, first.account.id).connection_id
    content_id = new_id()
    sealed = vault.seal_bytes(
        first.trace + SEPARATOR + first.message, place=f"spooled_contents:{content_id}"
    )
    digest = hashlib.sha256(first.message).hexdigest()
    mails: list[dict[str, Any]] = []
    for passing in passings:
        id_ = new_id()
        mails.append({
            "id": id_, "relay_id": first.account.id, "connection_id": connection_id,
            "content_id": content_id,
            "sender_sealed": vault.seal(passing.sender, place=place(id_, "sender")),
            "recipient_sealed": vault.seal(passing.recipient, place=place(id_, "recipient")),
            "dedupe_key": vault.match(
                f"spool:{first.account.id}:{passing.sender}:{passing.recipient}:{digest}"
            ),
            "eight_bit": passing.eight_bit, "utf8": passing.utf8, "is_notice": notice,
            "uncertain": 0, "received_at": now, "expires_at": now + EXPIRES_AFTER,
            "state": WorkState.DUE.value, "due_at": now,
            "attempts": 0, "failures": 0, "crashes": 0,
        })  # fmt: skip
    content = {"id": content_id, "content_sealed": sealed, "received_at": now}
    return Order(content, mails)


def store(runtime: Runtime, session: Session, order: Order) -> None:
    """Rows and the work they owe, in the caller's transaction."""
    session.execute(insert(SpooledContent), [order.content])
    for values in order.mails:
        mail = SpooledMail(**values)
        session.add(mail)
        session.flush()
        runtime.submit(session, SPOOL, mail)


def place(mail_id: str, name: str) -> str:
    """Where a value of a spooled mail is sealed for."""
    return f"spooled_mails:{mail_id}:{name}"


def opened(runtime: Runtime, mail: SpooledMail, name: str) -> str:
    """``sender`` or ``recipient`` in clear."""
    sealed = getattr(mail, f"{name}_sealed")
    return runtime.vault.open(sealed, place=place(mail.id, name)) if sealed else ""


def content_of(runtime: Runtime, session: Session, mail: SpooledMail) -> tuple[bytes, bytes]:
    """Our trace line and the message."""
    content = session.get_one(SpooledContent, mail.content_id)
    plain = runtime.vault.open_bytes(content.content_sealed, place=f"spooled_contents:{content.id}")
    trace, _, message = plain.partition(SEPARATOR)
    return trace, message


def forget(session: Session, mail: SpooledMail) -> None:
    """It is over: addresses go, and the message with the last of its recipients."""
    content_id, mail.content_id = mail.content_id, None
    mail.sender_sealed = mail.recipient_sealed = None
    session.flush()
    if content_id is not None:
        session.execute(_orphans().where(SpooledContent.id == content_id))


def purge_orphans(runtime: Runtime) -> None:
    """Messages that two recipients' ends at the same moment have left."""
    before = runtime.clock() - SAME_AGAIN
    with runtime.database.begin() as session:
        session.execute(_orphans().where(SpooledContent.received_at < before))


def _orphans() -> Any:
    used = select(SpooledMail.id).where(SpooledMail.content_id == SpooledContent.id)
    return delete(SpooledContent).where(~used.exists())
