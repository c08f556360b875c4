"""Mails of the shapes and sizes that injection is measured with; invented, the same each time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from email.policy import SMTP

GREETING = "山田 花子 様\n\nこのたびは弊社の求人にご応募いただき、誠にありがとうございました。\n"
DECISION = (
    "慎重に選考を重ねました結果、誠に残念ながら今回はご期待に添えない結果となりました。\n"
    "山田様の今後のご活躍を心よりお祈り申し上げます。\n"
)
SIGNATURE = (
    "--------------------------------\n株式会社みほん 採用担当\n"
    "TEL 03-0000-0000\nsaiyo@example.jp\n--------------------------------\n"
)
ENGLISH = (
    "Dear Hanako,\n\nThank you for your time and for the interest you have shown in Example KK.\n"
    "After careful consideration we will not be moving forward with your application.\n"
    "We wish you every success. We received many applications this time, and the decision\n"
    "was not an easy one to make.\n\n-- \nExample KK, Talent Team\nhr@example.com\n"
)
STYLE = "font-family:Helvetica,Arial,sans-serif;font-size:14px;line-height:22px;color:#333333"
PDF_BYTES = 5_000_000


def shapes() -> Mapping[str, bytes]:
    """Name -> message in wire form."""
    makers: Mapping[str, Callable[[], EmailMessage]] = {
        "small text": _small,
        "text and HTML": _alternative,
        "50 kB newsletter": _newsletter,
        "5 MB attachment": _attachment,
        "ISO-2022-JP": _japanese,
    }
    return {name: maker().as_bytes(policy=SMTP) for name, maker in makers.items()}


def letter(size: int) -> bytes:
    """A letter with text and HTML of about so many bytes on the wire."""
    message = _headers()
    words = ENGLISH.partition("\n\n-- ")[0]
    text = words + "\n\n" + DECISION
    while len(text) < size // 6:
        text += words
    message.set_content(text, charset="utf-8", cte="quoted-printable")
    html = f"<html><body>{_paragraphs(text)}</body></html>\n"
    message.add_alternative(html, subtype="html", charset="utf-8", cte="quoted-printable")
    return message.as_bytes(policy=SMTP)


def _headers() -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = "Example KK <hr@example.com>"
    message["To"] = "Hanako Yamada <hanako@example.com>"
    message["Subject"] = "Your application"
    message["Date"] = "Mon, 23 Nov 2026 10:00:00 +0900"
    message["Message-ID"] = "<20261123100000.1@mail.example.com>"
    return message


def _small() -> EmailMessage:
    message = _headers()
    message.set_content(ENGLISH, cte="7bit")
    return message


def _paragraphs(text: str) -> str:
    lines = (f'<p style="{STYLE}">{line}</p>' for line in text.split("\n") if line)
    return "\n".join(lines)


def _alternative() -> EmailMessage:
    message = _headers()
    text = f"{GREETING}\n{DECISION}\n{SIGNATURE}"
    message.set_content(text, charset="utf-8", cte="base64")
    html = f"<html><body>{_paragraphs(text)}</body></html>\n"
    message.add_alternative(html, subtype="html", charset="utf-8", cte="quoted-printable")
    return message


def _newsletter() -> EmailMessage:
    """Tables in tables in quoted-printable, as such mails are."""
    draw = random.Random(7)
    rows = [
        f'<tr><td align="left" style="padding:8px 16px;{STYLE}">'
        f'<a href="https://news.example.com/c/{draw.randrange(10**12)}" style="color:#0a66c2">'
        f"求人 {number} のご案内</a> 詳しくは採用ページをご覧ください。</td></tr>"
        for number in range(157)
    ]
    message = _headers()
    message.set_content(GREETING + DECISION, charset="utf-8", cte="quoted-printable")
    html = (
        "<!DOCTYPE html><html><head><title>News</title><style>td{margin:0}</style></head><body>"
        '<table width="100%"><tr><td><table width="600">\n' + "\n".join(rows) + "\n</table></td>"
        "</tr></table></body></html>\n"
    )
    message.add_alternative(html, subtype="html", charset="utf-8", cte="quoted-printable")
    return message


def _attachment() -> EmailMessage:
    message = _alternative()
    content = random.Random(11).randbytes(PDF_BYTES)
    message.add_attachment(content, maintype="application", subtype="pdf", filename="result.pdf")
    return message


def _japanese() -> EmailMessage:
    message = _headers()
    message.set_content(GREETING + "\n" + DECISION, charset="iso-2022-jp", cte="7bit")
    return message
