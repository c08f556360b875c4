"""The lines of a plain text, and which of them hold something."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import compress, count

_DASHES = frozenset("-_=─━―—＿－")
_FEWEST_DASHES = 5


class TextLines:
    """Lines without their ends; ``filled`` are the numbers of those that are not blank."""

    def __init__(self, lines: Sequence[str], *, is_flowed: bool = False) -> None:
        self.all = [_unstuffed(line) for line in lines] if is_flowed else lines
        self._joined: str | None = None
        self.filled = [*compress(count(), map(str.strip, lines))]

    def __getitem__(self, number: int) -> str:
        return self.all[number]

    def holds(self, signs: Sequence[str]) -> bool:
        """Whether one of the signs stands somewhere: asked before the lines are looked at."""
        if self._joined is None:
            self._joined = "\n".join(self.all)
        return any(map(self._joined.__contains__, signs))

    def before(self, number: int) -> Sequence[int]:
        """The filled lines above this one."""
        return self.filled[: bisect_left(self.filled, number)]


def _unstuffed(line: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc3676#section-4.4: then it begins with no quote sign."""
    return "\N{WORD JOINER}" + line[1:] if line.startswith(" ") else line


def is_dashes(line: str) -> bool:
    """A plain rule, as mail programs draw one above what they quote."""
    found = line.strip()
    return len(found) >= _FEWEST_DASHES and _DASHES.issuperset(found)
