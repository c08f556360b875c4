"""Whether a word stands in a text, found out at little cost where it does not.

A byte is found many times as fast as a word is. So a byte of it that texts seldom hold is looked
for first; only where there are many of them the word is looked for itself.
"""

from __future__ import annotations

from typing import Final

CR: Final = ord("\r")
LF: Final = ord("\n")
ESCAPE: Final = ord("\x1b")
_FEW: Final = 10


def may_hold(data: bytes, word: bytes, byte: bytes) -> bool:
    """False: the word is nowhere. ``byte``: the one of it that is looked for; its first one, if
    it stands in it several times."""
    before = word.index(byte)
    at = data.find(byte)
    for _ in range(_FEW):
        if at < 0:
            return False
        if at >= before and data.startswith(word, at - before):
            return True
        at = data.find(byte, at + 1)
    return at >= 0


def holds(data: bytes, some: bytes) -> bool:
    """``some in data``, for which Python first makes an error, and throws it away, because ``some``
    is no number: a third of a microsecond each time. One byte is asked for as the number it is."""
    return data.find(some) >= 0
