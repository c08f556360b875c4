"""Where a paragraph goes in a plain text: above the signature and the quoted original."""

from __future__ import annotations

from collections.abc import Sequence

from .text_lines import TextLines
from .text_quotes import quote_in
from .text_signatures import signature_start


def text_place(lines: Sequence[str], *, is_flowed: bool = False) -> int:
    """The number of the line to put the paragraph before: it stands behind a line with text.

    ``lines``: without their ends. ``is_flowed``: the text is announced as format=flowed. 0 where
    all lines are blank; their count where the paragraph goes to the very end.
    """
    text = TextLines(lines, is_flowed=is_flowed)
    quote = quote_in(text)
    end = len(lines) if quote is None else quote
    signature = signature_start(text, end)
    above = text.before(end if signature is None else signature)
    return above[-1] + 1 if above else 0
