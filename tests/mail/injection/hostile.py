"""Mails of a megabyte made to cost much, and how much work an injection into one is.

Work is counted in calls: of functions in Python, of the library's, and of each step of a generator.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from .cases import leaf, mail

SIZE = 1_000_000
MARKER = b"{{career_relay_link}}"
PLAIN, HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"
JAPANESE = "text/html; charset=iso-2022-jp"
UNITS = {
    "markers": (PLAIN, MARKER),
    "markers in lines": (PLAIN, MARKER + b"\r\n"),
    "markers in HTML": (HTML, MARKER),
    "markers in links": (HTML, b"<a href=" + MARKER + b">x</a>"),
    "quoted markers": (PLAIN, b"> " + MARKER + b"\r\n"),
    "escapes into JIS": (JAPANESE, b"\x1b$B"),
    "escapes into JIS in a text": ("text/plain; charset=iso-2022-jp", b"\x1b$B"),
    "escape signs": (JAPANESE, b"\x1b"),
    "bold": (HTML, b"<b>"),
    "bold and italic": (HTML, b"<b><i>"),
    "drawings": (HTML, b"<svg>"),
    "titles": (HTML, b"<title></title>"),
    "comments": (HTML, b"<!-- -->"),
    "quotes": (HTML, b"<div class=gmail_quote>"),
    "divisions": (HTML, b"<div>"),
    "closed divisions": (HTML, b"<div></div>"),
    "divisions in each other": (HTML, b"<div>" * 16 + b"</div>" * 16),
    "bold letters": (HTML, b"<b>x</b>"),
    "rows": (HTML, b"<tr><td>x</td></tr>"),
    "ends of nothing": (HTML, b"</i>"),
    "braces in tags": (HTML, b"<?{{"),
    "lines of HTML": (HTML, b"<br>"),
    "braces": (PLAIN, b"{"),
    "braces in lines": (PLAIN, b"{\r\n"),
    "braces in HTML": (HTML, b"{"),
    "braces between tags": (HTML, b"{<b>"),
    "encoded braces": (HTML, b"&#123;"),
    "beginnings of markers": (HTML, b"{{car"),
    "line ends": (PLAIN, b"\r\n"),
    "line ends before a marker": (PLAIN, b"\r\n"),
}


def hostile(name: str, *, size: int = SIZE) -> bytes:
    """The mail of that name."""
    kind, unit = UNITS[name]
    end = MARKER if name.endswith("before a marker") else b""
    return mail(leaf(kind, unit * (size // len(unit)) + end, encoding="8bit"))


def calls(function: Callable[[], object]) -> int:
    """How many it makes."""
    count = 0

    def counted(frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count
