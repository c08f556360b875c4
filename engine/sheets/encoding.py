"""Which encoding a CSV file is in, and how certain that is.

Each encoding is tried strictly over the whole file; among those that fit, the one decides in which
the text reads as Japanese. Never plain Shift_JIS: it lacks 髙, 﨑, ① and ㈱, which CP932 has.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ...models.errors import SheetRefusedError

CHUNK = 64 * 1024
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 (BOM)",
    "cp932": "Shift_JIS (CP932)",
    "iso2022_jp_ext": "ISO-2022-JP",
    "utf-16": "UTF-16 (BOM)",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
}
"""Python's codec, and what people call it."""
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WORKBOOKS = {b"PK\x03\x04": "xlsx", b"\xd0\xcf\x11\xe0": "xls"}
_ESCAPES = re.compile(rb"\x1b(?:\$[@B]|\([BIJ])")
_ORDINARY = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff60]+")
_STRANGE = re.compile("[^\x00-\x7f]+")
"""Kana, kanji and full-width signs; half-width kana in number are a sign of a wrong guess."""
CLEAR, UNLIKELY = 0.8, 0.5


@dataclass(frozen=True, slots=True)
class Encoding:
    """``certain``: nothing else fits, or nothing else reads as text."""

    codec: str
    certain: bool = True

    @property
    def label(self) -> str:
        """What people call it."""
        return ENCODINGS[self.codec]


def refuse_workbook(file: BinaryIO) -> None:
    """Raises SheetRefusedError for an Excel file, saying how to save it as CSV."""
    file.seek(0)
    kind = WORKBOOKS.get(file.read(4))
    if kind:
        raise SheetRefusedError(
            f"this is an Excel workbook ({kind}), not CSV; in Excel, save it by "
            "'File > Save As' as 'CSV UTF-8 (comma delimited)' and take that file",
            f"Excelブック（{kind}）です。Excelで「名前を付けて保存」を選び、"
            "「CSV UTF-8（コンマ区切り）」で保存したファイルをお使いください",
        )


def detect(file: BinaryIO) -> Encoding:
    """Raises SheetRefusedError: a workbook, an empty file, bytes that are text in no encoding."""
    refuse_workbook(file)
    file.seek(0)
    head = file.read(CHUNK)
    if not head.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00"):
        raise SheetRefusedError("the file is empty", "ファイルが空です")
    marked = next((codec for bom, codec in BOMS if head.startswith(bom)), None)
    if marked:
        return Encoding(marked)
    if b"\x00" in head:
        return _wide(head)
    if _ESCAPES.search(head) or _has_escapes(file):
        return Encoding("iso2022_jp_ext")
    return _by_reading(file)


def _wide(head: bytes) -> Encoding:
    """UTF-16 without a mark: the zero bytes of its ASCII signs stand on one side."""
    odd, even = head[1::2].count(0), head[::2].count(0)
    return Encoding("utf-16-le" if odd > even else "utf-16-be", certain=max(odd, even) >= 8)


def _has_escapes(file: BinaryIO) -> bool:
    """A file of ISO-2022-JP is ASCII until the first Japanese sign, however late that comes."""
    tail = b""
    for chunk in _chunks(file):
        if _ESCAPES.search(tail + chunk):
            return True
        tail = chunk[-2:]
    return False


def _by_reading(file: BinaryIO) -> Encoding:
    read = {codec: _share(file, codec) for codec in ("utf-8", "cp932")}
    fits = {codec: share for codec, share in read.items() if share is not None}
    if not fits:
        raise SheetRefusedError(
            "the file is text in none of the encodings UTF-8, Shift_JIS (CP932), ISO-2022-JP and "
            "UTF-16; save it in Excel as 'CSV UTF-8 (comma delimited)'",
            "文字コードを判別できません（UTF-8・Shift_JIS・ISO-2022-JP・UTF-16のいずれでもありません）。"
            "Excelで「CSV UTF-8（コンマ区切り）」として保存し直してください",
        )
    best = max(fits, key=lambda codec: fits[codec])
    others = [share for codec, share in fits.items() if codec != best]
    certain = fits[best] >= CLEAR and all(share <= UNLIKELY for share in others)
    return Encoding(best, certain=certain)


def _share(file: BinaryIO, codec: str) -> float | None:
    """How much of what is not ASCII reads as Japanese; None: it does not decode. All ASCII is
    the same in both, and 1."""
    decoder = codecs.getincrementaldecoder(codec)("strict")
    ordinary = other = 0
    try:
        for chunk in (*_chunks(file), b""):
            text = decoder.decode(chunk, final=not chunk)
            found = sum(map(len, _ORDINARY.findall(text)))
            ordinary += found
            other += sum(map(len, _STRANGE.findall(text))) - found
    except UnicodeDecodeError:
        return None
    if codec == "cp932" and not ordinary + other:
        return 0.0
    return ordinary / (ordinary + other) if ordinary + other else 1.0


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK):
        yield chunk
