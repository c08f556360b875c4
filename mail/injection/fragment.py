"""The paragraph as HTML and as lines of a text."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from .values import Paragraph

COLUMNS: Final = 76
_ADDRESS: Final = re.compile(r"https?://\S+")
BLOCK_STYLE: Final = (
    "margin:16px 0;padding:0;font-size:14px;line-height:1.6;font-weight:normal;text-align:left;"
    "color:#1a1a1a;background-color:#ffffff"
)
_LINK_STYLE: Final = "color:#0b57d0;text-decoration:underline"
_NOT_FIRST: Final = "、。，．」』）】！？ー…・%）"
"""Signs that must not begin a Japanese line."""


def html_fragment(paragraph: Paragraph) -> str:
    """One block in ASCII (numeric references): valid in every charset, whatever surrounds it.

    Colours and size are its own, so that neither white text around it nor a size of 0 hides it.
    """
    above, _, below = paragraph.text.partition(paragraph.url)
    lines = _escaped(above) + anchor(paragraph.url) + _escaped(below)
    return f'<div lang="{paragraph.language}" dir="ltr" style="{BLOCK_STYLE}">\n{lines}\n</div>\n'


@lru_cache(maxsize=512)
def _escaped(lines: str) -> str:
    """The words around the link are the same in all mails of a company."""
    return "<br>\n".join([_html_line(line) for line in lines.split("\n")])


def _html_line(line: str) -> str:
    return anchor(line) if _ADDRESS.fullmatch(line) else ascii_html(html.escape(line))


def anchor(url: str) -> str:
    """A link that shows its own address."""
    shown = html.escape(url)
    return f'<a href="{shown}" style="{_LINK_STYLE}">{shown}</a>'


def ascii_html(text: str) -> str:
    """Everything beyond ASCII as numeric references."""
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def wrapped(text: str) -> list[str]:
    """The lines of a text, none over 76 columns but an address, which is never broken."""
    return [part for line in text.split("\n") for part in _wrap(line)]


def _wrap(line: str) -> Sequence[str]:
    return (line,) if _ADDRESS.fullmatch(line) else _wrap_words(line)


@lru_cache(maxsize=512)
def _wrap_words(line: str) -> Sequence[str]:
    if _width(line) <= COLUMNS:
        return (line,)
    parts: list[str] = []
    current = ""
    for piece in re.findall(r"[!-~]+ *|.", line):
        if _width(current + piece.rstrip()) > COLUMNS and _may_begin(piece, current):
            parts.append(current.rstrip())
            current = ""
        current += piece
    return (*parts, current.rstrip())


def _may_begin(piece: str, current: str) -> bool:
    """A line, behind ``current``. Mail programs would take the latter two for something else."""
    return bool(current) and piece not in _NOT_FIRST and not piece.startswith((">", "From "))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WFA" else 1 for c in text)
