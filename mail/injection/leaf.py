"""A leaf that may be touched: its bytes decoded, its charset, markers and places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from . import charsets, encodings
from .html_place import html_places
from .html_text import HtmlText
from .placeholder import Token, html_tokens, text_tokens
from .refusals import refuse_armour
from .spellings import is_spelled
from .structure import Part
from .text_lines import TextLines
from .text_place import text_place
from .values import Refusal
from .words import ESCAPE, LF, holds

LONGEST_LEAF: Final = 10 << 20
"""Decoded bytes of a leaf; a text of that size is no letter."""
BLANKS: Final = (b" ", b"\t")
LONGEST_LINE: Final = 998
"""https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1"""


class Leaf:
    """One text/plain or text/html part, decoded.

    ``low``: the text in lower case, its multi-byte signs blanked, byte for byte as long. ``eol``:
    the line end of the message around it; ``is_top``: it is the whole message.
    """

    __slots__ = (
        "_escape", "_is_spelled", "_line_end", "_page", "_places", "_whole_until", "charset",
        "data", "eol", "is_flowed", "is_html", "is_top", "low", "message", "notes", "part", "raw",
    )  # fmt: skip

    def __init__(self, message: bytes, part: Part, *, eol: bytes, is_top: bool = False) -> None:
        """Undo encoding and find out the charset. Raises Refusal."""
        self.message = message
        self.part = part
        self.eol = eol
        self.is_top = is_top
        self.raw = raw = message[part.body : part.end]
        self.data = data = encodings.decode(raw, part.encoding)
        if len(data) > LONGEST_LEAF:
            raise Refusal("too_complex")
        low = data.lower()
        refuse_armour(data, low)
        params = part.content_type.params
        self.charset = charsets.find_charset(data, params.get("charset", ""))
        masked = charsets.mask(data, self.charset)
        self.low = low if masked is data else masked.lower()
        self.is_flowed = params.get("format", "").lower() == "flowed"
        self.is_html = part.type == "text/html"
        self.notes = self._first_notes()
        self._page: HtmlText | None = None
        self._line_end: bytes | None = None
        self._is_spelled: bool | None = None
        self._places: Sequence[int] = ()
        self._escape: tuple[int, bytes] = (0, b"")
        self._whole_until = -1

    def _first_notes(self) -> list[str]:
        notes: list[str] = []
        if self.charset.mismatch and not self.is_html:
            notes.append("charset_mismatch")
        if self.part.encoding == "7bit" and not self.raw.isascii():
            notes.append("eight_bit")
        if _has_long_line(self.raw):
            notes.append("long_line")
        return notes

    @property
    def line_end(self) -> bytes:
        """The line end of the decoded text."""
        if self._line_end is None:
            found = b"\r\n" if holds(self.data, b"\r\n") else b"\n"
            self._line_end = found if LF in self.data else self.eol
        return self._line_end

    @property
    def is_miscalled_jis(self) -> bool:
        """Labelled ISO-2022-JP, and something else."""
        label = self.part.content_type.params.get("charset", "")
        return self.charset.mismatch and charsets.lookup(label).startswith("iso2022_jp")

    def is_before_blanks(self) -> bool:
        """The delimiter line behind it ends in blanks."""
        if not self.part.around:
            return False
        begin = self.message.find(b"\n--", self.part.end) + 1
        end = self.message.find(b"\n", begin)
        return self.message[begin:end].rstrip(b"\r").endswith(BLANKS)

    def spells(self, marker: str) -> bool:
        """Whether a marker stands somewhere, seen or not, in any spelling; always the same one."""
        if self._is_spelled is None:
            self._is_spelled = is_spelled(self.low, marker=marker, is_html=True)
        return self._is_spelled

    def tokens(self, marker: str) -> list[Token]:
        """The markers a person would see."""
        if not self.spells(marker):
            return []
        if self.is_html:
            return html_tokens(self.low, marker=marker, read=self.page)
        return text_tokens(self.low, marker=marker, read=self.text)

    def page(self) -> HtmlText:
        """The HTML as it can be searched. Raises Refusal where text would be swallowed."""
        if self._page is None:
            self._page = HtmlText(self.low)
        return self._page

    def text(self) -> TextLines:
        """The lines as they are read."""
        return TextLines(charsets.text_lines(self.data, self.charset), is_flowed=self.is_flowed)

    @property
    def places(self) -> Sequence[int]:
        """Decoded offsets for the paragraph, best first. Raises Refusal."""
        if not self._places:
            self._places = self._find_places()
        return self._places

    def _find_places(self) -> Sequence[int]:
        if self.is_html:
            return html_places(self.page())
        lines = charsets.text_lines(self.data, self.charset)
        number = text_place(lines, is_flowed=self.is_flowed)
        return (self._offset(number),)

    def _offset(self, line: int) -> int:
        lines = self.data.split(b"\n", line)
        return len(self.data) - (len(lines[line]) if len(lines) > line else 0)

    def in_ascii(self, new: bytes, at: int) -> bytes:
        """``new`` as it can be put there. Raises where ISO-2022-JP would swallow it."""
        if ESCAPE not in self.data:
            return new
        if self._whole_until < 0:
            self._whole_until = charsets.end_of_whole_signs(self.data)
        is_lost = self._whole_until < at
        if is_lost and not (charsets.begins_anew(new) and charsets.begins_anew(self.data, at)):
            raise Refusal("jis_state")
        return charsets.in_ascii(new, self._escape_before(at))

    def _escape_before(self, at: int) -> bytes:
        """Asked for in ascending order, as a rule: then all together takes linear time."""
        known, last = self._escape if self._escape[0] <= at else (0, b"")
        begin = max(known - charsets.LONGEST_ESCAPE, 0)
        found = charsets.escape_before(self.data, begin, at) or last
        self._escape = (at, found)
        return found


def _has_long_line(raw: bytes) -> bool:
    """Some server may break it; we neither make such a line nor mend one."""
    at = 0
    while at + LONGEST_LINE < len(raw):
        end = raw.rfind(b"\n", at, at + LONGEST_LINE + 2)
        if end < 0:
            return True
        at = end + 1
    return False
