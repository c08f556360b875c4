"""How a file is read: encoding, delimiter, headings, numbers of rows."""

from __future__ import annotations

import io

import pytest

from careerrelay.engine.sheets.encoding import Encoding, detect
from careerrelay.engine.sheets.reader import cell_value, heading_key, open_sheet, read_lines
from careerrelay.models.errors import RefusedError

from .files import HEADINGS, csv_bytes, csv_file, person


@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize(
    "codec", ["cp932", "utf-8", "utf-8-sig", "iso2022_jp_ext", "utf-16", "utf-16-le"]
)
def test_each_encoding_and_delimiter_is_told_for_certain(codec: str, delimiter: str) -> None:
    file = csv_file([person(1), person(2)], codec=codec, delimiter=delimiter)
    sheet = open_sheet(file, known=HEADINGS)
    assert (sheet.encoding, sheet.delimiter) == (Encoding(codec), delimiter)
    assert (sheet.headings, sheet.header_certain) == (HEADINGS, True)
    assert [list(line.cells) for line in read_lines(file, sheet)] == [person(1), person(2)]


def test_signs_that_plain_shift_jis_lacks_are_read() -> None:
    file = csv_file([person(1, 氏名="髙﨑①㈱～−")], codec="cp932")
    assert detect(file) == Encoding("cp932")


def test_an_ascii_file_with_late_escapes_is_iso_2022_jp() -> None:
    late = b"a,b\r\n" * 20_000 + "日本".encode("iso2022_jp")
    assert detect(io.BytesIO(late)) == Encoding("iso2022_jp_ext")


@pytest.mark.parametrize("text", ["name,caf\u00e9\r\n", "\u00e9\u00e8,a\r\n"])
def test_what_reads_as_japanese_in_no_encoding_is_not_certain(text: str) -> None:
    assert not detect(io.BytesIO(text.encode("utf-8"))).certain


def test_only_ascii_is_certain_as_it_is_the_same_everywhere() -> None:
    assert detect(io.BytesIO(b"id,mail\r\n1,a@example.com\r\n")) == Encoding("utf-8")


def test_half_width_kana_alone_are_not_certain() -> None:
    assert not detect(io.BytesIO("ｱｲｳ,ｴｵｶ\r\n".encode("cp932"))).certain


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "Excel workbook (xlsx)"),
        (b"\xd0\xcf\x11\xe0rest", "Excel workbook (xls)"),
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n", "empty"),
        (b"\x81\xff\xff\xfd", "none of the encodings"),
    ],
)
def test_what_is_no_csv_is_refused_with_what_to_do(content: bytes, words: str) -> None:
    with pytest.raises(RefusedError, match=words.replace("(", r"\(").replace(")", r"\)")):
        detect(io.BytesIO(content))


def test_headings_are_found_below_a_title_and_numbers_are_those_of_the_sheet() -> None:
    above = "候補者一覧\r\n\r\n出力日,2026/11/28\r\n"
    rows = [person(1, 氏名="二行の\n名前"), [""] * 7, person(2)]
    file = csv_file(rows, above=above)
    sheet = open_sheet(file, known=HEADINGS)
    assert (sheet.header_number, sheet.header_certain) == (4, True)
    assert [line.number for line in read_lines(file, sheet)] == [5, 7]


def test_unknown_headings_are_asked_for() -> None:
    file = io.BytesIO("表題\r\n甲,乙\r\nい,ろ\r\n".encode("cp932"))
    sheet = open_sheet(file, known=HEADINGS)
    assert (sheet.header_number, sheet.header_certain) == (2, False)
    assert open_sheet(file, known=HEADINGS, header_number=3).headings == ("い", "ろ")
    with pytest.raises(RefusedError, match="no row 9"):
        open_sheet(file, known=HEADINGS, header_number=9)


def test_doubled_and_empty_headings_get_names_of_their_own() -> None:
    file = io.BytesIO("メール,ﾒｰﾙ,,氏名\r\na,b,c,d\r\n".encode())
    sheet = open_sheet(file, known=["メール", "氏名"])
    assert sheet.headings == ("メール", "ﾒｰﾙ (2)", "#3", "氏名")
    assert sheet.doubled == ("メール", "ﾒｰﾙ")


def test_full_and_half_width_headings_are_the_same() -> None:
    assert heading_key("Ｅメール　アドレス") == heading_key("eﾒｰﾙ ｱﾄﾞﾚｽ")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("'", ""), ("　", ""), ("-", ""), (" 営業　", "営業"), ("'=1+1", "=1+1"), ("'81", "'81"),
    ],
)  # fmt: skip
def test_cells_are_trimmed_and_stand_ins_for_nothing_are_nothing(cell: str, value: str) -> None:
    assert cell_value(cell) == value


@pytest.mark.parametrize("rest", [b'"' + b"x," * 600_000, b'"A1,\r\nA2,\r\n', b'"A"1,2\r\n'])
def test_a_quotation_mark_that_never_ends_swallows_no_row(rest: bytes) -> None:
    file = io.BytesIO(csv_bytes([person(1)]) + rest)
    with pytest.raises(RefusedError, match="row 3"):
        list(read_lines(file, open_sheet(file, known=HEADINGS, encoding="cp932")))


def test_bytes_the_chosen_encoding_lacks_are_told() -> None:
    file = csv_file([person(1)], codec="cp932")
    with pytest.raises(RefusedError, match="not UTF-8 throughout"):
        open_sheet(file, known=HEADINGS, encoding="utf-8")


def test_only_the_beginning_of_what_is_too_long_for_a_heading_is_compared() -> None:
    """Normalising takes a time that grows with the square of one letter's accents."""
    accents = "a" + "\u0301\u0316" * 400_000
    assert len(heading_key(accents)) <= 500


@pytest.mark.parametrize("content", [b"," * 20_000, b"a,b\r\n" + b"," * 20_000])
def test_lines_wider_than_any_sheet_are_refused(content: bytes) -> None:
    with pytest.raises(RefusedError, match="more than 16384 cells"):
        list(read_lines(file := io.BytesIO(content), open_sheet(file, known=())))


def test_headings_are_500_at_most_but_empty_cells_behind_them_are_none() -> None:
    headings = [f"h{n}" for n in range(500)]
    sheet = open_sheet(csv_file([], headings=[*headings, "", ""]), known=())
    assert sheet.headings == tuple(headings)
    with pytest.raises(RefusedError, match="row 1 has more than 500 cells"):
        open_sheet(csv_file([], headings=[*headings, "more"]), known=())


def test_a_line_as_long_as_the_file_is_told_as_what_it_is() -> None:
    with pytest.raises(RefusedError, match="row 1: a cell has more than a million signs"):
        open_sheet(io.BytesIO(b"x" * (1024 * 1024 + 1)), known=())
