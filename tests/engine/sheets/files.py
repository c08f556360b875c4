"""CSV files as the ATSs' exports look, with invented people."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import BinaryIO

HEADINGS = ("応募ID", "氏名", "メールアドレス", "求人", "選考ステータス", "不合格日", "評価メモ")
COLUMNS = {
    "application_id": "応募ID",
    "full_name": "氏名",
    "email": "メールアドレス",
    "job": "求人",
    "status": "選考ステータス",
    "rejected_on": "不合格日",
}
SECRET = "面接での印象は良くない"
"""A free text in a column that nobody maps; it must be found nowhere."""


def person(
    number: int, status: str = "不合格", day: str = "2026/11/10", **changed: str
) -> list[str]:
    """Person ``number``'s line."""
    cells = {
        "応募ID": f"A{number:04}",
        "氏名": f"応募 太郎{number}",
        "メールアドレス": f"person{number}@example.com",
        "求人": "営業職",
        "選考ステータス": status,
        "不合格日": day if status == "不合格" else "",
        "評価メモ": SECRET,
        **changed,
    }
    return list(cells.values())


def quoted(cell: str, delimiter: str) -> str:
    wanted = any(sign in cell for sign in (delimiter, '"', "\n"))
    return '"' + cell.replace('"', '""') + '"' if wanted else cell


def csv_bytes(
    rows: Sequence[Sequence[str]],
    *,
    codec: str = "cp932",
    delimiter: str = ",",
    headings: Sequence[str] = HEADINGS,
    above: str = "",
) -> bytes:
    lines = [headings, *rows]
    text = "".join(delimiter.join(quoted(c, delimiter) for c in row) + "\r\n" for row in lines)
    return (above + text).encode(codec)


def csv_file(rows: Sequence[Sequence[str]], **options: object) -> BinaryIO:
    return io.BytesIO(csv_bytes(rows, **options))  # type: ignore[arg-type] - passed through
