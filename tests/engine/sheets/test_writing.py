"""What goes back to a recruiter is safe to open, and reads as it was."""

from __future__ import annotations

import csv
import io

import pytest

from careerrelay.engine.sheets.reader import cell_value
from careerrelay.engine.sheets.writing import SheetWriter


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠"])
@pytest.mark.parametrize("codec", ["utf-8-sig", "cp932"])
def test_no_cell_is_computed_and_each_reads_back_as_it_was(codec: str, sign: str) -> None:
    file = io.BytesIO()
    writer = SheetWriter(file, codec=codec)
    writer.write([f"{sign}1+1", "営業"])
    writer.close()
    (row,) = csv.reader(io.StringIO(file.getvalue().decode(codec), newline=""))
    assert row == [f"'{sign}1+1", "営業"]
    assert cell_value(row[0]) == f"{sign}1+1"
