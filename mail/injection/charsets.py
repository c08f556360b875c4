"""Charsets of the leaf that is touched: what its bytes are, and what can be written into them.

Only a paragraph is ever encoded; the old text is read, never written.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from .values import Refusal
from .words import CR, ESCAPE

_WIDE: Final = re.compile(
    r"utf-?(?:7|16|32)|ucs-?[24]|iso-?10646|(?:cs)?unicode(?:11)?$|hz\b|iso-?2022-(?:kr|cn)"
)
"""Not even ASCII stands for itself in them, or not always."""
_NO_CHARSETS: Final = frozenset(
    ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape")
)
"""Codecs that Python counts among its text encodings."""
_ALIASES: Final = {
    "cp50220": "iso2022_jp", "cp50221": "iso2022_jp", "cp50222": "iso2022_jp",
    "iso-2022-jp-ms": "iso2022_jp", "cp51932": "euc_jp", "eucjp-ms": "euc_jp",
    "eucjp-win": "euc_jp", "x-euc-jp": "euc_jp", "windows-31j": "cp932", "x-sjis": "cp932",
    "x-ms-cp932": "cp932", "utf-8-sig": "utf-8", "utf-8mb4": "utf-8", "utf8mb4": "utf-8",
    "x-gbk": "gbk",
}  # fmt: skip
"""Labels in use that Python does not know: https://encoding.spec.whatwg.org/#names-and-labels"""
_AFTER_NAME: Final = re.compile(r"[\s;,:*'\"()].*", re.DOTALL)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
_TRIALS: Final = ("utf-8", "iso2022_jp", "cp932", "euc_jp")
_KANA: Final = re.compile("[ぁ-んァ-ヶ]")
"""In every Japanese text, and in none that only happens to be readable as one."""
_ELSEWHERE: Final = ("gb", "big5", "euc_kr", "cp949", "cp950", "johab")
"""Chinese and Korean: what they hold of Japanese looks foreign there, and wants other fonts."""
_ESCAPE: Final = re.compile(rb"\x1b(?:\$(?:[@AB]|\([@-Z])|\([@-Z])")
"""https://www.rfc-editor.org/rfc/rfc1468: what chooses the signs that follow."""
_ESCAPE_INTO_JIS: Final = re.compile(rb"\x1b\$[@AB(]")
"""Of other escapes with a dollar sign phones made pictures, in Shift_JIS."""
_ASCII_STATE: Final = b"\x1b(B"
_ROMAN_STATE: Final = b"\x1b(J"
_NOT_ROMAN: Final = re.compile(rb"[\\~\x1b]")
"""What JIS-Roman reads in another way than ASCII, or would be left by."""
LONGEST_ESCAPE: Final = 4
ESCAPES_WITHIN: Final = 4096
_JIS_TEXT: Final = re.compile(rb"(?:\x1b(?:\$(?:[@AB]|\([@-Z])|\(I)[^\x1b]*+)++")
_TORN: Final = re.compile(rb"\x1b\$(?:[@AB]|\([@-D])(?:[\x21-\x7e]{2}|[\r\n])*+(?!\x1b|\Z)")
"""Half a sign, or what is none: some readers take the escape behind it for its other half."""
_BEGINS_ANEW: Final = re.compile(rb"\s*+(?:\x1b|\Z)")
_BLANKS: Final = bytes(10 if sign == 10 else 1 for sign in range(256))
"""Line ends stay."""
_SHIFT_JIS: Final = re.compile(rb"[\x81-\x9f\xe0-\xfc][\x40-\xfc]")
_EAST_ASIAN: Final = re.compile(rb"[\x81-\xfe][\x31-\xfe]")
_LEAD_AND_TRAIL: Final = {
    "shift_jis": _SHIFT_JIS, "cp932": _SHIFT_JIS, "shift_jis_2004": _SHIFT_JIS,
    "shift_jisx0213": _SHIFT_JIS, "gbk": _EAST_ASIAN, "gb18030": _EAST_ASIAN, "big5": _EAST_ASIAN,
    "big5hkscs": _EAST_ASIAN, "cp950": _EAST_ASIAN, "cp949": _EAST_ASIAN, "johab": _EAST_ASIAN,
}  # fmt: skip
_HALF_WIDTH: Final = re.compile("[｡-ﾟ]+")
_READ_AS: Final = {
    "shift_jis": "cp932", "iso2022_jp": "iso2022_jp_ext", "gb2312": "gb18030", "euc_kr": "cp949",
}  # fmt: skip
"""What real mail carries beyond the label: vendor rows, half-width kana, later additions."""
_VARIANTS: Final = {"～": "〜", "－": "−", "—": "―", "∥": "‖", "髙": "高", "﨑": "崎", "德": "徳"}
"""The sign that JIS X 0208 has instead; all others by their compatibility form, as ㈱ for (株)."""


class Charset(NamedTuple):
    """``codec`` reads and writes the leaf, "" where none does. ``mismatch``: not its label's."""

    codec: str
    mismatch: bool = False


def find_charset(data: bytes, label: str) -> Charset:
    """What the bytes are: as labelled, else the first of the trials. Raises Refusal."""
    codec, is_wide = _known(label)
    if is_wide:
        raise Refusal("wide_charset")
    is_escaped = _is_escaped(data)
    if data.isascii() and not is_escaped:
        return Charset(codec or "ascii")
    may_be = codec not in ("", "ascii") and (codec.startswith("iso2022") or not is_escaped)
    if may_be and _reads(data, codec):
        return Charset(codec)
    trials = _TRIALS[1:2] if is_escaped else (_TRIALS[0], *_TRIALS[2:])
    return Charset(next((t for t in trials if _is(data, t)), ""), mismatch=True)


@lru_cache(maxsize=256)
def _known(label: str) -> tuple[str, bool]:
    """Mails of one sender have the same few."""
    codec = lookup(label)
    return codec, _is_wide(label, codec)


def _is_wide(label: str, codec: str) -> bool:
    name = label.strip().lower().replace("_", "-")
    if _WIDE.match(name) or _WIDE.match(codec.replace("_", "-")):
        return True
    return bool(codec) and "<a>{2}".encode(codec, "replace") != b"<a>{2}"


def lookup(label: str) -> str:
    """Python's name of a labelled charset; "" for one nobody knows.

    Python takes some labels with strange signs for a charset that no reader sees in them.
    """
    name = _AFTER_NAME.sub("", label).lower()
    if not _NAME.fullmatch(name):
        return ""
    try:
        found = codecs.lookup(_ALIASES.get(name, name))
    except LookupError:
        return ""
    # Codecs that are no charsets (base64, rot13) decode nothing into text.
    is_text = getattr(found, "_is_text_encoding", True) and found.name not in _NO_CHARSETS
    return _ALIASES.get(found.name, found.name) if is_text else ""


def _is(data: bytes, trial: str) -> bool:
    """By the bytes alone: Latin text too may be read as Shift_JIS, but makes no kana."""
    if not _reads(data, trial):
        return False
    return trial not in ("cp932", "euc_jp") or bool(_KANA.search(data.decode(trial)))


def _reads(data: bytes, codec: str) -> bool:
    try:
        data.decode(_READ_AS.get(codec, codec))
    except UnicodeDecodeError:
        return codec.startswith("iso2022_jp") and _is_jis(data)
    return True


def _is_jis(data: bytes) -> bool:
    """7-bit, with Japanese escapes: vendor rows no codec of ours holds are still ISO-2022-JP."""
    return data.isascii() and _is_escaped(data)


def _is_escaped(data: bytes) -> bool:
    return ESCAPE in data and _ESCAPE_INTO_JIS.search(data) is not None


def text_lines(data: bytes, charset: Charset) -> list[str]:
    """The lines for finding a place; what cannot be read stands as replacement characters."""
    text = read_text(data, charset)
    if CR in data:
        text = text.replace("\r\n", "\n").removesuffix("\r")
    lines = text.split("\n")
    if len(lines) == data.count(b"\n") + 1:
        return lines
    return [read_text(line, charset).removesuffix("\r") for line in data.split(b"\n")]


def read_text(data: bytes, charset: Charset) -> str:
    """The text as far as it can be read."""
    codec = charset.codec or "latin-1"
    return data.decode(_READ_AS.get(codec, codec), "replace")


def utf8(data: bytes, charset: Charset) -> bytes:
    """The text as far as it can be read, for a parser: as it is where it has been read already."""
    return data if charset.codec in ("utf-8", "ascii") else read_text(data, charset).encode()


def mask(data: bytes, charset: Charset) -> bytes:
    """A copy of the same length where no byte of a multi-byte sign looks like ASCII."""
    if ESCAPE in data and (charset.codec.startswith("iso2022") or _is_escaped(data)):
        return _JIS_TEXT.sub(_blank, data)
    pattern = _LEAD_AND_TRAIL.get(charset.codec)
    return pattern.sub(b"\x01\x01", data) if pattern and not data.isascii() else data


def _blank(found: re.Match[bytes]) -> bytes:
    return found[0].translate(_BLANKS)


def escape_before(data: bytes, start: int, end: int) -> bytes:
    """The last escape of ISO-2022-JP in ``[start:end]``; b"" where none is. Looked for from behind,
    so that a text full of them costs no more than any other."""
    stop = end
    while stop - start >= LONGEST_ESCAPE - 1:
        begin = max(stop - ESCAPES_WITHIN, start)
        found = _ESCAPE.findall(data, begin, stop)
        if found:
            return found[-1]
        stop = begin + LONGEST_ESCAPE - 1 if begin > start else start
    return b""


def begins_anew(data: bytes, at: int = 0) -> bool:
    """An escape stands there, in front of any sign, or nothing is left."""
    return _BEGINS_ANEW.match(data, at) is not None


def end_of_whole_signs(data: bytes) -> int:
    """Where the first sign of ISO-2022-JP is torn; the end where none is."""
    found = _TORN.search(data)
    return found.end() if found else len(data)


def in_ascii(new: bytes, before: bytes) -> bytes:
    """``new`` behind the escape ``before``, so that it and what follows are read as written.

    Raises Refusal where ISO-2022-JP would take it for Japanese.
    """
    if before in (b"", _ASCII_STATE):
        return new
    if before != _ROMAN_STATE:
        raise Refusal("jis_state")
    return _ASCII_STATE + new + _ROMAN_STATE if _NOT_ROMAN.search(new) else new


def written(text: str, codec: str) -> bytes | None:
    """``text`` in the leaf's charset, with the variants it has; None where it does not hold it."""
    codec = "ascii" if codec.startswith(_ELSEWHERE) else codec or "ascii"
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return _variant(text, codec)


def _variant(text: str, codec: str) -> bytes | None:
    full_width = _HALF_WIDTH.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    try:
        return "".join(_held(sign, codec) for sign in full_width).encode(codec)
    except UnicodeEncodeError:
        return None


def _held(sign: str, codec: str) -> str:
    """A sign that the charset has, where there is one."""
    if sign.encode(codec, "ignore"):
        return sign
    return _VARIANTS.get(sign) or unicodedata.normalize("NFKC", sign)
