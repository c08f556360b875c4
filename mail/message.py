"""From a composed mail to the bytes that go to the SMTP server."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, quote
from urllib.parse import urlsplit

from ..models.errors import TemplateError
from .addresses import sending_form

# 7bit: base64 or quoted-printable, so no server on the way needs 8BITMIME.
_POLICY = SMTP.clone(cte_type="7bit")
_LINE = 76
_URL_LINE = re.compile(r"https?://[^\s<>\"]+")
_RULE_LINE = re.compile(r"[―—–-]{2,}")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,200}@[!-;=?A-~]{1,100}>")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
MAX_URL = 900  # a header line may be 998 long (RFC 5322 2.1.1)


@dataclass(frozen=True, slots=True)
class Mail:
    """What a person reads: a subject and the same words as text and as HTML."""

    subject: str
    text: str
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address as ``read_address`` gave it, and the name shown beside it ("" for none)."""

    address: str
    name: str = ""


def html_part(text: str, *, subject: str, locale: str) -> str:
    """The HTML part: the words of ``text``, paragraphs, headings (lines with ■) and links.

    No image, no colour, no script, nothing fetched: reads the same for everybody and with
    a screen reader. Only a line that is nothing but a URL becomes a link.
    """
    body = "\n".join(_paragraph(part) for part in text.split("\n\n") if part.strip())
    return (
        f'<!DOCTYPE html>\n<html lang="{html.escape(locale)}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(subject)}</title>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def build_message(
    mail: Mail,
    *,
    sender: Mailbox,
    to: Mailbox,
    message_id: str,
    date: datetime,
    locale: str,
    unsubscribe_url: str | None = None,
    reply_to: Mailbox | None = None,
    automatic: bool = False,
) -> bytes:
    """The whole message, UTF-8 in 7-bit transfer encodings, CRLF lines, one recipient.

    ``message_id`` (``<...@...>``) is the caller's, so a second attempt is the same message to
    the byte. ``unsubscribe_url`` adds one-click List-Unsubscribe (RFC 8058; the sending server
    has to DKIM-sign both headers). ``automatic`` marks an operator's own mail as
    auto-generated (RFC 3834), which keeps holiday replies away.
    Raises TemplateError naming the part that cannot be sent.
    """
    if date.tzinfo is None:
        raise ValueError("date must be an aware datetime")
    headers = [
        ("Date", format_datetime(date)),
        ("From", _mailbox(sender, header="From")),
        ("To", _mailbox(to, header="To")),
        ("Message-ID", _checked_message_id(message_id)),
        ("Subject", _encoded(mail.subject, header="Subject")),
        ("Content-Language", locale),
    ]
    if reply_to:
        headers.append(("Reply-To", _mailbox(reply_to, header="Reply-To")))
    if unsubscribe_url:
        headers.append(("List-Unsubscribe", f"<{_checked_url(unsubscribe_url)}>"))
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    if automatic:
        headers.append(("Auto-Submitted", "auto-generated"))
    # Written here, not by EmailMessage: its folding would take the quotes off a carrier's
    # address and put a long List-Unsubscribe URL into encoded words.
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return head.encode("ascii") + _content(mail, seed=message_id).as_bytes(policy=_POLICY)


def _content(mail: Mail, *, seed: str) -> EmailMessage:
    content = EmailMessage(policy=_POLICY)
    content.set_content(mail.text + "\n")
    if mail.html is not None:
        content.add_alternative(mail.html, subtype="html")
        # The default boundary is random; "=_" occurs in neither transfer encoding.
        content.set_boundary("=_" + hashlib.sha256(seed.encode()).hexdigest()[:32])
    return content


def _mailbox(mailbox: Mailbox, *, header: str) -> str:
    address = sending_form(mailbox.address)
    _refuse_controls(address, header=header)
    if not address.isascii() or "@" not in address or re.search(r"[\s<>,;]", address):
        raise TemplateError(f"the address in {header} cannot be written into a mail")
    if not mailbox.name:
        return address
    _refuse_controls(mailbox.name, header=header)
    if _is_plain(mailbox.name, room=_LINE - len(header) - 4):
        name = f'"{quote(mailbox.name)}"'
    else:
        name = _encoded_words(mailbox.name, header=header)
    return f"{name}\r\n <{address}>"


def _encoded(text: str, *, header: str) -> str:
    _refuse_controls(text, header=header)
    if not text.strip():
        raise TemplateError(f"{header} is empty")
    if _is_plain(text, room=_LINE - len(header) - 2):
        return text
    return _encoded_words(text, header=header)


def _is_plain(text: str, *, room: int) -> bool:
    return text.isascii() and "=?" not in text and text == text.strip() and len(text) <= room


def _encoded_words(text: str, *, header: str) -> str:
    """RFC 2047, each word at most 75 characters and made of whole ones."""
    return Header(text, "utf-8", maxlinelen=_LINE, header_name=header).encode(linesep="\r\n")


def _refuse_controls(text: str, *, header: str) -> None:
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text):
        raise TemplateError(f"{header} has a line break or control character")


def _checked_message_id(message_id: str) -> str:
    if not _MESSAGE_ID.fullmatch(message_id):
        raise TemplateError("Message-ID is not of the form <left@right>")
    return message_id


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    # One-click wants https (RFC 8058 section 3.1); a trial on this machine may do without.
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not safe or not re.fullmatch(r"[!-;=?-~]+", url) or len(url) > MAX_URL:
        raise TemplateError("List-Unsubscribe is not an https address")
    return url


def _paragraph(text: str) -> str:
    first, _, rest = text.strip("\n").partition("\n")
    if first.startswith("■"):
        heading = f'<h2 style="font-size:1em">{html.escape(first[1:].strip())}</h2>'
        return f"{heading}\n{_paragraph(rest)}" if rest else heading
    blocks: list[str] = []
    run: list[str] = []
    for line in text.strip("\n").split("\n"):
        if not _RULE_LINE.fullmatch(line.strip()):
            run.append(_inline(line))
            continue
        blocks.extend(_closed(run))
        blocks.append("<hr>")
        run = []
    return "\n".join((*blocks, *_closed(run)))


def _closed(lines: list[str]) -> list[str]:
    return ["<p>" + "<br>\n".join(lines) + "</p>"] if lines else []


def _inline(line: str) -> str:
    escaped = html.escape(line.strip(" "))
    if _URL_LINE.fullmatch(line.strip()):
        return f'<a href="{escaped}">{escaped}</a>'
    return escaped
