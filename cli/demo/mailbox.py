"""Everybody's mailbox: takes what comes by SMTP, whoever it is for, and shows it on a page."""

from __future__ import annotations

import email
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller

from ...connectors.testing.standin import Request, Response, StandIn, route, utcnow
from .pages import page, resource

FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""A mail may bring neither script nor pictures from elsewhere; its links open in a new tab."""
START_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Received:
    """One mail with its envelope."""

    number: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    source: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.source, policy=default)  # type: ignore[return-value] - the policy makes it one

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return part.get_content() if part is not None else ""

    def summary(self) -> dict[str, Any]:
        """What the list shows, for programs."""
        return {
            "number": self.number,
            "received_at": self.received_at.isoformat(),
            "to": list(self.recipients),
            "from": str(self.message["From"] or ""),
            "subject": self.subject,
        }


class Mailbox(StandIn):
    """The page; ``listen`` opens the SMTP side."""

    def __init__(self) -> None:
        super().__init__()
        self.ats_url = ""
        self._received: list[Received] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take one message (aiosmtpd calls this)."""
        with self.lock:
            number = len(self._received) + 1
            self._received.append(
                Received(
                    number,
                    utcnow(),
                    envelope.mail_from,
                    tuple(envelope.rcpt_tos),
                    bytes(envelope.content),
                )
            )
        return f"250 OK: queued as demo-{number}"

    @contextmanager
    def listen(self, port: int) -> Iterator[None]:
        """Speak SMTP on the loopback interface."""
        controller = Controller(self, hostname="127.0.0.1", port=port, ready_timeout=START_SECONDS)
        controller.start()
        try:
            yield
        finally:
            controller.stop()

    def received(self, *, to: str = "") -> list[Received]:
        """Newest first; of one address or of all."""
        with self.lock:
            found = reversed(self._received)
            return [mail for mail in found if not to or to in mail.recipients]

    @route("GET", "/")
    def show_list(self, request: Request) -> Response:
        to = request.args.get("to", "")
        return page(
            request, "mailbox.html", neighbour=self.ats_url, mails=self.received(to=to), to=to
        )

    @route("GET", "/messages.json")
    def list_json(self, request: Request) -> tuple[int, Any]:
        mails = self.received(to=request.args.get("to", ""))
        return 200, {"messages": [mail.summary() for mail in mails]}

    @route("GET", "/messages/<int:number>")
    def show_mail(self, request: Request, number: int) -> Response:
        mail = self._mail(number)
        if mail is None:
            return self.json_response(404, {"error": "no such message"})
        return page(
            request, "mail.html", neighbour=self.ats_url, mail=mail,
            headers=_shown_headers(mail.source),
        )  # fmt: skip

    @route("GET", "/messages/<int:number>/html")
    def show_html(self, request: Request, number: int) -> Response:  # noqa: ARG002 - route
        """For the frame: as the sender wrote it, fenced in."""
        mail = self._mail(number)
        html = '<base target="_blank">' + (mail.html if mail else "")
        headers = {"Content-Security-Policy": FRAME_POLICY, "Referrer-Policy": "no-referrer"}
        return Response(html, 200 if mail else 404, headers, mimetype="text/html")

    @route("GET", "/messages/<int:number>/source")
    def show_source(self, request: Request, number: int) -> Response:  # noqa: ARG002 - route
        mail = self._mail(number)
        headers = {"X-Content-Type-Options": "nosniff"}
        source = mail.source if mail else b""
        return Response(source, 200 if mail else 404, headers, mimetype="text/plain")

    @route("GET", "/operator/<paper>")
    def show_paper(self, request: Request, paper: str) -> Response:
        """Where the operator's terms and privacy notice would stand."""
        return page(request, "paper.html", paper=paper)

    @route("GET", "/demo.css")
    def style(self, request: Request) -> Response:  # noqa: ARG002 - route
        return resource("demo.css", mimetype="text/css")

    @route("GET", "/live.js")
    def script(self, request: Request) -> Response:  # noqa: ARG002 - route
        return resource("live.txt", mimetype="text/javascript")

    def _mail(self, number: int) -> Received | None:
        with self.lock:
            return self._received[number - 1] if 0 < number <= len(self._received) else None


def _shown_headers(source: bytes) -> list[tuple[str, str]]:
    """Decoded by hand: the modern policy leaves a space between two encoded words of a name."""
    message = email.message_from_bytes(source)
    names = ("From", "To", "Reply-To", "Date", "List-Unsubscribe", "List-Unsubscribe-Post")
    present = [(name, message[name]) for name in names if message[name]]
    return [(name, str(make_header(decode_header(value)))) for name, value in present]
