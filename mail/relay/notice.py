"""The notice that a mail was not delivered (RFC 3464): to the company itself and nobody else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from email.utils import format_datetime

MOST_HEADER = 10_000
"""Bytes of the original's header; its body, which holds what was written to a person, stays out."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A mail that was given up. ``why``: one sentence in each language."""

    id: str
    to: str = field(repr=False)
    recipient: str = field(repr=False)
    message: bytes = field(repr=False)
    reply: int
    why: tuple[str, str]
    received_at: datetime
    now: datetime


_WORDS = """\
次のメールを配信できませんでした。
This mail could not be delivered.

宛先 / To: {recipient}
受付 / Taken: {taken}
理由 / Why: {japanese}
           {english}

応募者への連絡が届いていません。内容をご確認のうえ、必要に応じて送り直してください。
The applicant has not got it. Please check, and send it again if it is still wanted.
"""


def failure_notice(failure: Failure, *, hostname: str) -> bytes:
    """The whole message, for the empty envelope sender."""
    notice = MIMEMultipart("report", report_type="delivery-status", policy=SMTP)
    notice["From"] = f"MAILER-DAEMON@{hostname}"
    notice["To"] = failure.to
    notice["Subject"] = "配信できなかったメール / Mail not delivered"
    notice["Date"] = format_datetime(failure.now)
    notice["Message-ID"] = f"<{failure.id}@{hostname}>"
    notice["Auto-Submitted"] = "auto-replied"
    japanese, english = failure.why
    text = _WORDS.format(
        recipient=failure.recipient,
        taken=f"{failure.received_at:%Y-%m-%d %H:%M} UTC",
        japanese=japanese,
        english=english,
    )
    notice.attach(MIMEText(text, "plain", "utf-8", policy=SMTP))
    notice.attach(_status(failure, hostname))
    notice.attach(MIMEText(_header(failure.message), "rfc822-headers", "us-ascii", policy=SMTP))
    return notice.as_bytes(policy=SMTP)


def _status(failure: Failure, hostname: str) -> MIMENonMultipart:
    status = MIMENonMultipart("message", "delivery-status", policy=SMTP)
    server, recipient = Message(policy=SMTP), Message(policy=SMTP)
    server["Reporting-MTA"] = f"dns; {hostname}"
    server["Arrival-Date"] = format_datetime(failure.received_at)
    recipient["Final-Recipient"] = f"rfc822; {_ascii(failure.recipient)}"
    recipient["Action"] = "failed"
    recipient["Status"] = "5.0.0" if failure.reply >= 500 else "4.4.7"
    status.set_payload([server, recipient])
    return status


def _header(message: bytes) -> str:
    block = message.partition(b"\r\n\r\n")[0][:MOST_HEADER]
    return _ascii(block.decode("utf-8", "replace").replace("\r\n", "\n")) + "\n"


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")
