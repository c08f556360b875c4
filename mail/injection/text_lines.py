"""The lines of a plain text, and which of them hold something."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import compress, count
from typing import Final

_DASHES: Final = frozenset("-_=─━―—＿－")
_FEWEST_DASHES: Final = 5


class TextLines:
    """Lines without their ends; ``filled`` are the numbers of those that are not blank.

    ``joined``: all of them, to be asked for a sign before each line is.
    """

    def __init__(self, lines: Sequence[str], *, is_flowed: bool = False) -> None:
        self.all = [_unstuffed(line) for line in lines] if is_flowed else lines
        self.joined = "\n".join(self.all)
        self.filled = [*compress(count(), map(str.strip, lines))]

    def __getitem__(self, number: int) -> str:
        return self.all[number]

    def before(self, number: int) -> Sequence[int]:
        """The filled lines above this one."""
        filled = self.filled
        return filled[: bisect_left(filled, number)] if filled and filled[-1] >= number else filled


def _unstuffed(line: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc3676#section-4.4: then it begins with no quote sign."""
    return "\N{WORD JOINER}" + line[1:] if line.startswith(" ") else line


def is_dashes(line: str) -> bool:
    """A plain rule, as mail programs draw one above what they quote."""
    found = line.strip()
    return len(found) >= _FEWEST_DASHES and _DASHES.issuperset(found)
