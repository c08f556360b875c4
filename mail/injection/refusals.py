"""Messages that are not to be touched, whatever they hold: sealed ones, and those with a meaning
that a changed text would break."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from .encodings import decode
from .structure import Part
from .values import Policy, Refusal
from .words import holds, may_hold

_BY_TYPE: Final = {
    "multipart/signed": "signed",
    "multipart/encrypted": "encrypted",
    "application/pkcs7-mime": "smime",
    "application/x-pkcs7-mime": "smime",
    "application/pkcs7-signature": "smime",
    "application/x-pkcs7-signature": "smime",
    "application/pgp-encrypted": "encrypted",
    "application/pgp-signature": "signed",
    "application/pgp": "pgp_inline",
    "application/x-microsoft-rpmsg-message": "encrypted",
    "text/calendar": "calendar",
    "application/ics": "calendar",
    "text/x-amp-html": "amp",
    "application/ms-tnef": "tnef",
    "application/vnd.ms-tnef": "tnef",
    "multipart/report": "report",
    "message/delivery-status": "report",
    "message/disposition-notification": "report",
    "message/feedback-report": "report",
    "multipart/digest": "digest",
    "message/partial": "partial",
    "message/external-body": "partial",
}
_BY_SUFFIX: Final = {
    ".p7m": "smime", ".p7s": "smime", ".p7z": "smime", ".rpmsg": "encrypted", ".ics": "calendar",
    "winmail.dat": "tnef",
}  # fmt: skip
_KEYWORD: Final = re.compile(rb"\s*([A-Za-z-]+)")
_REPLIES_FOR_ALL: Final = (b"no", b"auto-generated")
_AUTO_REPLY_FIELDS: Final = (
    b"x-autoreply",
    b"x-autorespond",
    b"x-autoreply-from",
    b"x-mail-autoreply",
)
_MAY_REPLY: Final = re.compile(rb"\n(?:auto-submitted|x-auto|x-mail-auto|precedence|return-path)")
_SIGNED_BY: Final = re.compile(rb"(?:^|;)\s*d\s*=\s*([^;\s]+)")
_ARMOUR: Final = re.compile(rb"-----BEGIN (?:PGP |PKCS7-----)")
"""Keys too: a text that carries one is read by programs."""
_UUENCODED: Final = re.compile(rb"(?:^|\n)begin [0-7]{3,4} [^\r\n]{1,255}\r?\n[ -`]{1,61}\r?\n")
_BEGINS: Final = re.compile(rb"begin ")
_LONG: Final = 4000
"""Bytes in which a byte is found faster than a word."""
_HEADER_END: Final = re.compile(rb"\r?\n\r?\n")
_IS_MESSAGE: Final = re.compile(rb"(?:^|\n)content-type:\s*message/rfc822", re.IGNORECASE)
_YENC: Final = re.compile(rb"(?:^|\n)=ybegin [^\r\n]*line=")


def refuse_untouchable(root: Part, parts: Iterable[Part], policy: Policy) -> None:
    """Raise the Refusal of the first reason found in headers and tree, which ``parts`` are."""
    for part in parts:
        code = _BY_TYPE.get(part.type) or (part.has_name and _by_name(part))
        if code:
            raise Refusal(code)
    if _is_auto_reply(root):
        raise Refusal("auto_reply")
    if not policy.next_hop_signs and any(
        domain not in policy.signing_domains for domain in signing_domains(root)
    ):
        raise Refusal("dkim_foreign")


def _by_name(part: Part) -> str:
    for value in (part.disposition.params.get("filename"), part.content_type.params.get("name")):
        name = (value or "").lower()
        for suffix, code in _BY_SUFFIX.items():
            if name.endswith(suffix):
                return code
    return ""


def _is_auto_reply(root: Part) -> bool:
    if not root.header.finds(_MAY_REPLY):
        return False
    submitted = _KEYWORD.match(root.get(b"auto-submitted") or b"no")
    if not submitted or submitted[1].lower() not in _REPLIES_FOR_ALL:
        return True
    if any(name in root.header for name in _AUTO_REPLY_FIELDS):
        return True
    if (root.get(b"precedence") or b"").strip().lower() == b"auto_reply":
        return True
    return (root.get(b"return-path") or b"").strip() == b"<>"


def signing_domains(root: Part) -> Iterator[str]:
    """The domains (d=) of the message's DKIM signatures, lower-case."""
    for found in root.header.all(b"dkim-signature"):
        domain = _SIGNED_BY.search(found.value)
        yield domain[1].decode("latin-1").lower() if domain else ""


def refuse_armoured_files(message: bytes, files: Iterable[Part]) -> None:
    """Raise for an attached text that is armour: programs that open it look at the whole mail."""
    for file in files:
        raw = message[file.body : file.end]
        try:
            text = decode(raw, file.encoding)
        except Refusal:
            text = raw  # Damaged, and not ours to judge: it stays as it is.
        if holds(text, b"-----BEGIN ") and _ARMOUR.search(text):
            raise Refusal("pgp_inline")


def refuse_behind_messages(message: bytes, parts: Iterable[Part], text: Part) -> None:
    """Raise for a text behind an attached message that is nothing but another one: a reader that
    opens both takes the rest of the mail for their text."""
    for part in parts:
        if part.type == "message/rfc822" and part.start < text.start:
            end = _HEADER_END.search(message, part.body, part.end)
            if end and _IS_MESSAGE.search(message[part.body : end.start()]):
                raise Refusal("structure_ambiguous")


def refuse_armour(text: bytes, low: bytes) -> None:
    """Raise for decoded text that carries a sealed or encoded object inline. ``low``: the same in
    lower case, in which one word is looked for that is in all of them."""
    if len(low) > _LONG and not may_hold(low, b"begin ", b"b"):
        return
    # For one short word a pattern is the faster way.
    if not _BEGINS.search(low):
        return
    if holds(text, b"-----BEGIN ") and _ARMOUR.search(text):
        raise Refusal("pgp_inline")
    begun = _UUENCODED.search(text)
    if (begun and text.find(b"\nend", begun.end() - 1) >= 0) or _YENC.search(text):
        raise Refusal("uuencode")
