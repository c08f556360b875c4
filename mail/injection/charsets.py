"""Charsets of the leaf that is touched: what its bytes are, and what can be written into them.

Only a paragraph is ever encoded; the old text is read, never written.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from .values import Refusal

_WIDE = ("utf_16", "utf_32", "utf_7", "hz", "utf-16", "utf-32", "utf-7")
_TRIALS = ("utf-8", "iso2022_jp", "cp932", "euc_jp")
_ESCAPE = b"\x1b"
_ASCII_STATES = (b"(B", b"(J")
_JIS_TEXT = re.compile(rb"\x1b\$(?:[@AB]|\([A-Z])[^\x1b]*|\x1b\(I[^\x1b]*")
_LEAD_AND_TRAIL = {
    "shift_jis": re.compile(rb"[\x81-\x9f\xe0-\xfc][\x40-\xfc]"),
    "cp932": re.compile(rb"[\x81-\x9f\xe0-\xfc][\x40-\xfc]"),
    "shift_jis_2004": re.compile(rb"[\x81-\x9f\xe0-\xfc][\x40-\xfc]"),
    "gbk": re.compile(rb"[\x81-\xfe][\x40-\xfe]"),
    "gb18030": re.compile(rb"[\x81-\xfe][\x40-\xfe]"),
    "big5": re.compile(rb"[\x81-\xfe][\x40-\xfe]"),
    "big5hkscs": re.compile(rb"[\x81-\xfe][\x40-\xfe]"),
    "cp949": re.compile(rb"[\x81-\xfe][\x40-\xfe]"),
    "johab": re.compile(rb"[\x81-\xfe][\x31-\xfe]"),
}
_READ_AS = {"shift_jis": "cp932", "iso2022_jp": "iso2022_jp_ext"}
"""Vendor rows (circled digits, half-width kana) that real mail carries under these labels."""


@dataclass(frozen=True, slots=True)
class Charset:
    """``codec`` reads and writes the leaf, "" where none does. ``mismatch``: not its label's."""

    codec: str
    mismatch: bool = False


def find_charset(data: bytes, label: str) -> Charset:
    """What the bytes are: as labelled, else the first of the trials. Raises Refusal."""
    codec = lookup(label)
    if codec in _WIDE or label.lower().replace("_", "-") in ("hz-gb-2312", "utf-7-imap"):
        raise Refusal("wide_charset")
    if data.isascii() and _ESCAPE not in data:
        return Charset(codec or "ascii")
    as_labelled = codec not in ("", "ascii") and _reads(data, codec)
    if as_labelled and (b"\x1b$" not in data or codec.startswith("iso2022")):
        return Charset(codec)
    for trial in _TRIALS:
        if (trial == "iso2022_jp") == (b"\x1b$" in data) and _reads(data, trial):
            return Charset(trial, mismatch=True)
    return Charset("", mismatch=True)


def lookup(label: str) -> str:
    """Python's name of a labelled charset; "" for one nobody knows."""
    name = re.sub(r"[^A-Za-z0-9._-].*", "", label)
    if name.lower() in ("", "default", "x-unknown", "unknown", "unknown-8bit"):
        return ""
    try:
        found = codecs.lookup(name)
    except LookupError:
        return ""
    # Codecs that are no charsets (base64, rot13) decode nothing into text.
    return found.name if getattr(found, "_is_text_encoding", True) else ""


def _reads(data: bytes, codec: str) -> bool:
    try:
        data.decode(_READ_AS.get(codec, codec))
    except (UnicodeDecodeError, LookupError):
        return codec == "iso2022_jp" and _is_jis(data)
    return True


def _is_jis(data: bytes) -> bool:
    """7-bit, with Japanese escapes: vendor rows no codec of ours holds are still ISO-2022-JP."""
    return data.isascii() and b"\x1b$" in data


def text_lines(data: bytes, charset: Charset) -> list[str]:
    """The lines for finding a place; what cannot be read stands as replacement characters."""
    codec = charset.codec or "latin-1"
    codec = _READ_AS.get(codec, codec)
    raw = data.split(b"\n")
    lines = data.decode(codec, "replace").split("\n")
    if len(lines) != len(raw):
        lines = [line.decode(codec, "replace") for line in raw]
    return [line.removesuffix("\r") for line in lines]


def read_text(data: bytes, charset: Charset) -> str:
    """The text as far as it can be read."""
    codec = charset.codec or "latin-1"
    return data.decode(_READ_AS.get(codec, codec), "replace")


def mask(data: bytes, charset: Charset) -> bytes:
    """A copy of the same length where no byte of a multi-byte sign looks like ASCII."""
    if charset.codec.startswith("iso2022") or b"\x1b$" in data:
        return _JIS_TEXT.sub(_blank, data)
    pattern = _LEAD_AND_TRAIL.get(charset.codec)
    return pattern.sub(b"\x01\x01", data) if pattern and not data.isascii() else data


def _blank(found: re.Match[bytes]) -> bytes:
    return b"".join(b"\n" if sign == 10 else b"\x01" for sign in found[0])


def refuse_open_jis(data: bytes, at: int) -> None:
    """Text may only be put where ISO-2022-JP stands in its ASCII state. Raises Refusal."""
    escape = data.rfind(_ESCAPE, 0, at)
    if escape >= 0 and data[escape + 1 : escape + 3] not in _ASCII_STATES:
        raise Refusal("jis_state")


def written(text: str, charset: Charset) -> bytes | None:
    """``text`` in the leaf's charset; None where it does not hold it."""
    try:
        return text.encode(charset.codec or "ascii")
    except (UnicodeEncodeError, LookupError):
        return None
