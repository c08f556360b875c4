"""A CSV file as headings and numbered lines, read line by line however large it is.

Numbers are those the sheet shows in Excel: a cell with line breaks is one line, an empty line
counts.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from ...models.errors import SheetRefusedError
from .encoding import Encoding, detect
from .writing import FORMULA

csv.field_size_limit(1024 * 1024)
DELIMITERS = {",": "comma", "\t": "tab"}
LOOK = 30
"""Lines in which delimiter and headings are looked for."""
LOOK_SIGNS = 256 * 1024
"""And signs, for a line may be as long as the file."""
LONGEST_HEADING = 500
MOST_HEADINGS = 500
MOST_CELLS = 16_384
"""Of a line, as in Excel
(https://support.microsoft.com/en-us/office/1672b34d-7043-467e-8e27-269d656771c3)."""
EDGES = " \t\r\n\u3000\u00a0\ufeff"
BLANKS = frozenset({"'", "-", "－", "―", "ー", "‐"})
"""What stands for nothing; HRMOS writes an apostrophe
(https://atsguide.hrmos.co/hc/ja/articles/20859800186009)."""


@dataclass(frozen=True, slots=True)
class Line:
    """``number`` as the sheet shows it; ``cells`` as they stand there."""

    number: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """How a file is read. ``headings`` are each different: a second 備考 is called 備考 (2)."""

    encoding: Encoding
    delimiter: str
    header_number: int
    header_certain: bool
    headings: tuple[str, ...]
    header_cells: tuple[str, ...]

    @property
    def doubled(self) -> tuple[str, ...]:
        """Headings that stand in the file more than once."""
        count = Counter(heading_key(cell) for cell in self.header_cells if cell.strip())
        return tuple(
            dict.fromkeys(c.strip() for c in self.header_cells if count[heading_key(c)] > 1)
        )


def heading_key(text: str) -> str:
    """What is compared: full and half width, spaces and letter case make no difference.

    Only the beginning of what is no heading by its length: normalising takes a time that grows
    with the square of a text's accents.
    """
    plain = unicodedata.normalize("NFKC", text[:LONGEST_HEADING])
    return "".join(sign for sign in plain if not sign.isspace() and sign != "\ufeff").casefold()


def open_sheet(
    file: BinaryIO,
    *,
    known: Collection[str],
    encoding: str | None = None,
    delimiter: str | None = None,
    header_number: int | None = None,
) -> Sheet:
    """What can be told of the file; ``known`` are headings to find the heading line by.

    Raises SheetRefusedError: a workbook, no encoding, no heading line.
    """
    found = Encoding(encoding) if encoding else detect(file)
    first = _first_lines(file, found)
    separator = delimiter or _delimiter(first[:LOOK_SIGNS])
    lines = list(islice(_records(file, found, separator), max(LOOK, header_number or 0)))
    number, certain = _header(lines, {heading_key(k) for k in known}, header_number)
    cells = _headings(lines[number - 1])
    return Sheet(found, separator, number, certain, _names(cells), cells)


def read_lines(file: BinaryIO, sheet: Sheet) -> Iterator[Line]:
    """The lines below the headings that are not empty.

    Raises SheetRefusedError: bytes the encoding does not have, or a quotation mark that never ends.
    """
    for line in _records(file, sheet.encoding, sheet.delimiter):
        if line.number > sheet.header_number and any(cell.strip() for cell in line.cells):
            yield line


def cell_value(cell: str) -> str:
    """Trimmed; "" for what only stands for nothing."""
    text = cell.replace("\x00", "").strip(EDGES)
    if text.startswith("'") and text[1:].startswith(FORMULA):
        text = text[1:]
    return "" if text in BLANKS else text


def _first_lines(file: BinaryIO, encoding: Encoding) -> str:
    return "".join(islice(_text(file, encoding), LOOK))


def _text(file: BinaryIO, encoding: Encoding) -> Iterator[str]:
    file.seek(0)
    wrapper = io.TextIOWrapper(file, encoding=encoding.codec, errors="strict", newline="")
    try:
        # Not "yield from": that would close the wrapper, and with it the file, when given up.
        for line in wrapper:  # noqa: UP028
            yield line
    except UnicodeDecodeError:
        raise SheetRefusedError(
            f"the file is not {encoding.label} throughout; choose another encoding, or save it in "
            "Excel as 'CSV UTF-8 (comma delimited)'",
            f"{encoding.label}では読めない部分があります。別の文字コードを選ぶか、Excelで"
            "「CSV UTF-8（コンマ区切り）」として保存し直してください",
        ) from None
    finally:
        # Given up half-way, this may end after the file was closed.
        with suppress(ValueError):
            wrapper.detach()


def _records(file: BinaryIO, encoding: Encoding, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(_text(file, encoding), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if len(cells) > MOST_CELLS:
                raise _too_wide(number, MOST_CELLS)
            yield Line(number, cells)
    except csv.Error as error:
        if "field limit" in str(error):
            raise SheetRefusedError(
                f"row {number + 1}: a cell has more than a million signs; is this a CSV file?",
                f"{number + 1}行目のセルが100万文字を超えています。"
                "CSVファイルかどうかをご確認ください",
            ) from None
        raise SheetRefusedError(
            f"row {number + 1}: a quotation mark is not closed, or stands inside a cell alone; "
            "open the file in a spreadsheet and save it as CSV again",
            f'{number + 1}行目：引用符（"）が閉じていないか、セルの途中にあります。'
            "表計算ソフトで開き、CSVとして保存し直してください",
        ) from None


def _delimiter(text: str) -> str:
    """The one that parts the lines into the most cells on the most lines."""
    counts = {sign: _cells(text, sign) for sign in DELIMITERS}
    return max(counts, key=lambda sign: counts[sign])


def _cells(text: str, delimiter: str) -> int:
    found = 0
    # Whatever is malformed is told when the file is read, with its row.
    with suppress(csv.Error):
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            found += max(len(cells) - 1, 0)
    return found


def _header(lines: Sequence[Line], known: Collection[str], wanted: int | None) -> tuple[int, bool]:
    """The line with the most known headings; certain with two. Else the first with two cells."""
    if wanted is not None:
        if not 0 < wanted <= len(lines):
            raise SheetRefusedError(
                f"the file has no row {wanted}", f"ファイルに{wanted}行目がありません"
            )
        return wanted, True
    scores = [
        (sum(heading_key(c) in known for c in line.cells[:MOST_HEADINGS]), line) for line in lines
    ]
    best, line = max(scores, key=lambda scored: scored[0], default=(0, None))
    if line is not None and best >= 2:
        return line.number, True
    for line in lines:
        if sum(bool(cell.strip()) for cell in line.cells) >= 2:
            return line.number, False
    raise SheetRefusedError(
        "no row with headings was found; is this a CSV file with a table in it?",
        "見出しの行が見つかりません。表の入ったCSVファイルかどうかをご確認ください",
    )


def _headings(line: Line) -> tuple[str, ...]:
    """The cells of the heading line; empty ones far to the right are none."""
    if any(cell.strip() for cell in line.cells[MOST_HEADINGS:]):
        raise _too_wide(line.number, MOST_HEADINGS)
    return tuple(line.cells[:MOST_HEADINGS])


def _too_wide(number: int, most: int) -> SheetRefusedError:
    return SheetRefusedError(
        f"row {number} has more than {most} cells; export fewer columns",
        f"{number}行目の列が{most}を超えています。列を減らして書き出してください",
    )


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    names = []
    for position, cell in enumerate(cells, 1):
        name = " ".join(cell.split()) or f"#{position}"
        seen[heading_key(name)] += 1
        number = seen[heading_key(name)]
        names.append(f"{name} ({number})" if number > 1 else name)
    return tuple(names)
