"""CSV that goes back to a recruiter: in the encoding of the file that came, and safe to open.

A spreadsheet takes a cell that begins with = + - or @ for a formula, a Japanese one in full width
too (https://owasp.org/www-community/attacks/CSV_Injection); such a cell gets an apostrophe in
front, which spreadsheets show as text and our reader takes off again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import BinaryIO

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
REPLACEMENT = "〓"


def safe_cell(text: str) -> str:
    """The cell as no spreadsheet computes it."""
    return f"'{text}" if text.startswith(FORMULA) else text


class SheetWriter:
    """Writes rows to a binary file; ``replaced`` counts cells with signs the encoding lacks."""

    def __init__(self, file: BinaryIO, *, codec: str, delimiter: str = ",") -> None:
        self._codec = codec
        self._text = io.TextIOWrapper(file, encoding=codec, newline="", write_through=True)
        # Excel on Windows ends its lines so.
        self._writer = csv.writer(self._text, delimiter=delimiter, lineterminator="\r\n")
        self.replaced = 0

    def write(self, cells: Iterable[str]) -> None:
        """One row."""
        self._writer.writerow([self._fitting(safe_cell(cell)) for cell in cells])

    def close(self) -> None:
        """All is in the file, which stays open."""
        self._text.flush()
        self._text.detach()

    def _fitting(self, cell: str) -> str:
        try:
            cell.encode(self._codec)
        except UnicodeEncodeError:
            self.replaced += 1
            return "".join(sign if self._has(sign) else REPLACEMENT for sign in cell)
        return cell

    def _has(self, sign: str) -> bool:
        try:
            sign.encode(self._codec)
        except UnicodeEncodeError:
            return False
        return True
