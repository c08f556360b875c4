"""A real SMTP server on loopback that keeps what it takes, and refuses what it is told to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True, slots=True)
class Received:
    sender: str
    recipients: list[str]
    content: bytes


@dataclass
class Mailbox:
    """``answers``: replies to give, once each, instead of taking RCPT or DATA."""

    port: int = 0
    messages: list[Received] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)

    def account(self) -> dict[str, Any]:
        """What a company's settings say of its mail server, when this is it."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "security": "none",
            "sender": "saiyo@acme.example.jp",
        }

    # The names and signatures of these two are aiosmtpd's.
    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        if self.answers.get("RCPT"):
            return self.answers["RCPT"].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.answers.get("DATA"):
            return self.answers["DATA"].pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        self.messages.append(Received(envelope.mail_from or "", list(envelope.rcpt_tos), content))
        return "250 2.0.0 queued"


def free_port() -> int:
    """A port nobody listens on now (aiosmtpd cannot choose one itself)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_mailbox() -> Iterator[Mailbox]:
    """A mailbox that listens until the block ends."""
    box = Mailbox(port=free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
