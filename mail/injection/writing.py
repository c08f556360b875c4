"""How a paragraph is written into a leaf: changes of its text, then edits of the message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from . import charsets, encodings
from .encodings import Change
from .fragment import html_fragment, wrapped
from .header import Field
from .leaf import Leaf
from .parameters import read_value
from .placeholder import Form, Token, address_for, html_for
from .quoted_printable import quoted, quoted_around
from .values import Edit, Paragraph, Refusal, spliced

_CHARSET: Final = re.compile(
    rb";\s*charset\s*=(?:[ \t]|\r?\n[ \t])*(\"[^\"]*\"|[^;\s]*)", re.IGNORECASE
)
_NOT_TO_JOIN: Final = re.compile(rb" |-- \r?\n")
"""A line that is read in another way once it stands alone."""
PLAIN: Final = b"text/plain"


class Plan:
    """What is to become of a leaf. ``charset``, ``encoding``: the new label; "" keeps the old."""

    __slots__ = ("changes", "charset", "encoding", "leaf")

    def __init__(
        self, leaf: Leaf, changes: tuple[Change, ...], charset: str = "", encoding: str = ""
    ) -> None:
        self.leaf = leaf
        self.changes = changes
        self.charset = charset
        self.encoding = encoding

    @property
    def text(self) -> bytes:
        """The leaf afterwards, decoded."""
        return spliced(self.leaf.data, self.changes, 0, len(self.leaf.data))

    def edits(self) -> list[Edit]:
        """The same in the message. Raises Refusal."""
        leaf, part = self.leaf, self.leaf.part
        labels = _label_edits(self) if self.charset or self.encoding else []
        if self.encoding:
            return [*labels, Edit(part.body, part.end, self._quoted())]
        return labels + encodings.edits(
            leaf.raw, part.encoding, leaf.data, self.changes, at=part.body, eol=leaf.eol
        )

    def _quoted(self) -> bytes:
        """All of it in quoted-printable."""
        leaf, (start, end, new) = self.leaf, self.changes[0]
        if start == end and len(self.changes) == 1:
            return quoted_around(leaf.data, start, new, leaf.eol)
        return quoted(self.text, leaf.eol)


def plan_html(leaf: Leaf, paragraph: Paragraph, *, at: int) -> Plan:
    """The paragraph as a block before offset ``at``; ASCII, so no label changes."""
    new = leaf.in_ascii(_with_line_ends(leaf, html_fragment(paragraph)), at)
    return Plan(leaf, (Change(at, at, _padded(leaf, new, at)),))


def plan_text(leaf: Leaf, paragraph: Paragraph) -> Plan:
    """The paragraph at its place in a plain text. Raises Refusal."""
    at = leaf.places[0]
    if leaf.is_flowed:
        _refuse_torn(leaf, leaf.data[:at], leaf.data[at:])
    lines, codec = _version(leaf, paragraph, at)
    return _labelled(leaf, (_insertion(leaf, at, lines),), codec)


def plan_tokens(leaf: Leaf, paragraph: Paragraph, tokens: Sequence[Token]) -> Plan:
    """The link, or the paragraph, in place of each marker. Raises Refusal."""
    if leaf.is_html:
        return Plan(leaf, tuple(_html_change(leaf, token, paragraph) for token in tokens))
    lines, codec = _version(leaf, paragraph, tokens[0].start)
    changes = tuple(_text_change(leaf, token, paragraph, lines) for token in tokens)
    return _labelled(leaf, changes, codec)


def _text_change(leaf: Leaf, token: Token, paragraph: Paragraph, lines: bytes) -> Change:
    is_whole = token.form is Form.PARAGRAPH
    new = lines if is_whole else address_for(token, paragraph).encode("ascii")
    return Change(token.start, token.end, leaf.in_ascii(new, token.start))


def plan_erasure(leaf: Leaf, tokens: Sequence[Token]) -> Plan:
    """Nothing in place of each marker; in a text its line goes with it."""
    return Plan(leaf, tuple(_erasure(leaf, token) for token in tokens))


def _erasure(leaf: Leaf, token: Token) -> Change:
    start, end = token.start, token.end
    if not leaf.is_html and token.form is Form.PARAGRAPH:
        start = leaf.data.rfind(b"\n", 0, start) + 1
        end = leaf.data.find(b"\n", end) + 1 or len(leaf.data)
    return Change(start, end, token.tags)


def _html_change(leaf: Leaf, token: Token, paragraph: Paragraph) -> Change:
    new = _with_line_ends(leaf, html_for(token, paragraph))
    return Change(token.start, token.end, leaf.in_ascii(new, token.start))


def _with_line_ends(leaf: Leaf, fragment: str) -> bytes:
    return fragment.encode("latin-1").replace(b"\n", leaf.line_end)


def _version(leaf: Leaf, paragraph: Paragraph, at: int) -> tuple[bytes, str]:
    """The lines of the form of the paragraph that the leaf's charset holds, and their charset."""
    text = paragraph.text
    if not text.isascii():
        codec = "utf-8" if _is_unlabelled_ascii(leaf) else leaf.charset.codec
        lines = _lines(leaf, text, paragraph.url, codec) if codec else None
        if lines is not None and (lines.isascii() or not _needs_ascii(leaf, at)):
            return lines, codec
        leaf.notes.append("ascii_fallback")
        text = paragraph.ascii_text
    return _lines(leaf, text, paragraph.url, "ascii") or b"", "ascii"


def _lines(leaf: Leaf, text: str, url: str, codec: str) -> bytes | None:
    """The lines of a text in which the address stands alone on one. None where the charset does not
    hold them."""
    before, _, behind = text.partition(url)
    above = _words(before, codec, leaf.line_end, leaf.is_flowed)
    below = _words(behind, codec, leaf.line_end, leaf.is_flowed)
    return None if above is None or below is None else above + url.encode("ascii") + below


@lru_cache(maxsize=512)
def _words(text: str, codec: str, line_end: bytes, is_flowed: bool) -> bytes | None:
    """Those around the link are the same in all mails of a company."""
    lines = wrapped(text)
    if is_flowed:
        # RFC 3676: stuffed where a line begins with a blank, and no blank at an end, which would
        # join it with the next one.
        lines = [(" " * line.startswith(" ")) + line.rstrip() for line in lines]
    written = [charsets.written(line, codec) for line in lines]
    found = [line for line in written if line is not None]
    return line_end.join(found) if len(found) == len(lines) else None


def _is_unlabelled_ascii(leaf: Leaf) -> bool:
    """Plain ASCII that nobody calls anything else: it may as well be called UTF-8."""
    return leaf.charset.codec == "ascii" and not leaf.charset.mismatch and leaf.data.isascii()


def _needs_ascii(leaf: Leaf, at: int) -> bool:
    """A reader would lose old text where ours is not ASCII."""
    if leaf.is_before_blanks():
        # Node's mailparser takes no such line for a delimiter, and what is behind it for a part of
        # this text: https://github.com/zone-eu/mailsplit, message-splitter.js, compareBoundary.
        return _is_unlabelled_ascii(leaf) or _would_be_encoded(leaf)
    # Some read what is called ISO-2022-JP up to the first foreign byte, and that is not to be ours.
    return leaf.is_miscalled_jis and leaf.data[:at].isascii()


def _would_be_encoded(leaf: Leaf) -> bool:
    is_encoded = leaf.part.encoding in ("base64", "quoted-printable")
    is_seven_bit = leaf.part.encoding == "7bit" and leaf.raw.isascii()
    return not is_encoded and (is_seven_bit or _is_unlabelled_ascii(leaf))


def _labelled(leaf: Leaf, changes: tuple[Change, ...], codec: str) -> Plan:
    """What is no ASCII never goes into a leaf announced as 7bit: that one is encoded then."""
    encoding = label = ""
    if not all(change.new.isascii() for change in changes):
        if _is_unlabelled_ascii(leaf):
            label = codec
            leaf.notes.append("relabel")
        if _would_be_encoded(leaf):
            encoding = "quoted-printable"
            leaf.notes.append("cte_upgrade")
    return Plan(leaf, changes, label, encoding)


def _refuse_torn(leaf: Leaf, before: bytes, behind: bytes) -> None:
    """Raise where Node's mailparser would see old text changed, by how it joins soft lines: also
    with a signature's dashes, which then are none, and with what RFC 3676 has to be fixed. With
    DelSp it takes their last blank away only where another line follows.

    https://github.com/nodemailer/libmime, libmime.js, decodeFlowed
    """
    if not before.rstrip(b"\r\n").endswith(b" "):
        return
    drops_blank = leaf.part.content_type.params.get("delsp", "").lower() == "yes"
    is_last = drops_blank and not before.endswith(b"\n")
    if is_last or _NOT_TO_JOIN.match(behind if drops_blank else behind.lstrip(b"\r\n")):
        raise Refusal("structure_ambiguous")


def _insertion(leaf: Leaf, at: int, lines: bytes) -> Change:
    """The paragraph's lines with an empty one on either side, as far as there is text."""
    end = leaf.line_end
    new = lines + end
    before, behind = leaf.data[:at], leaf.data[at:]
    if before.strip():
        new = end * _line_ends_before(leaf, before) + new
    if behind.strip() and not behind.lstrip(b" \t").startswith((b"\r\n", b"\n")):
        new += end
    return Change(at, at, _padded(leaf, leaf.in_ascii(new, at), at))


def _line_ends_before(leaf: Leaf, before: bytes) -> int:
    """So many that a blank line stands between. A soft one (RFC 3676) swallows one of them."""
    is_soft = leaf.is_flowed and before.rstrip(b"\r\n").endswith(b" ")
    return 1 + (not before.endswith(b"\n")) + is_soft


def _padded(leaf: Leaf, new: bytes, at: int) -> bytes:
    """In base64 as long as leaves all later quanta where they are."""
    if leaf.part.encoding != "base64" or at == len(leaf.data):
        return new
    while len(new) % encodings.QUANTUM:
        new += leaf.line_end
    return new


def _label_edits(plan: Plan) -> list[Edit]:
    """Header edits that announce what the leaf then is. Raises Refusal."""
    leaf, eol, header = plan.leaf, plan.leaf.eol, plan.leaf.part.header
    kinds, said = header.all(b"content-type"), header.all(b"content-transfer-encoding")
    line = f"Content-Transfer-Encoding: {plan.encoding}".encode() + eol
    found = [Edit(field.start, field.end, line) for field in said if plan.encoding]
    added = b"" if said or not plan.encoding else line
    if plan.charset:
        found += [_charset_edit(field, plan.charset) for field in kinds]
        if not kinds:
            added = f'Content-Type: text/plain; charset="{plan.charset}"'.encode() + eol + added
    if leaf.is_top and b"mime-version" not in header:
        added = b"MIME-Version: 1.0" + eol + added
    if added:
        found.append(Edit(header.end, header.end, added))
    return sorted(found, key=lambda edit: edit.start)


def _charset_edit(kind: Field, charset: str) -> Edit:
    """The label where it stands, or behind the type. Raises Refusal where it would not count."""
    value, new = kind.value, f'"{charset}"'.encode()
    found = _CHARSET.search(value)
    if found:
        start, end = found.span(1)
    else:
        start = end = value.lower().index(PLAIN) + len(PLAIN)
        new = b"; charset=" + new
    if read_value(value[:start] + new + value[end:]).params.get("charset") != charset:
        raise Refusal("structure_ambiguous")
    at = kind.end - len(value)
    return Edit(at + start, at + end, new)
