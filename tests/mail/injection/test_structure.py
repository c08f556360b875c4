"""Numbered corner cases A, second half: headers, boundaries and what readers may disagree about."""

from __future__ import annotations

import pytest

from .cases import CRLF, ENGLISH, HEADER, assert_injected, assert_untouched, leaf, mail, multipart

TEXT = "Dear Taro,\n\nthank you for your time. We decided for someone else.\n"
PLAIN = leaf("text/plain; charset=utf-8", TEXT, encoding="8bit")
QUOTED = leaf("text/plain; charset=utf-8", TEXT, encoding="quoted-printable")
HTML = leaf("text/html; charset=utf-8", "<p>Dear Taro,</p>\n", encoding="quoted-printable")
PDF = leaf("application/pdf", b"%PDF-1.4 \x00\xff" * 99, encoding="base64")
NESTED = multipart("mixed", multipart("alternative", PLAIN, HTML, boundary="=_b1"), PDF)


@pytest.mark.parametrize(
    ("outer", "inner"), [("=_b1", "=_b12"), ("=_b12", "=_b1"), ("x", "x-"), ("x-", "x")]
)
def test_case_017_boundary_that_is_a_prefix_of_another(outer: str, inner: str) -> None:
    both = multipart("alternative", PLAIN, HTML, boundary=inner)
    assert_injected(mail(multipart("mixed", both, PDF, boundary=outer)))


def test_case_017_boundary_that_with_two_dashes_is_another() -> None:
    """A line that closes the one would open the other."""
    both = multipart("alternative", PLAIN, HTML, boundary="x")
    assert_untouched(mail(multipart("mixed", both, PDF, boundary="x--")), "structure_ambiguous")


@pytest.mark.parametrize("boundary", ["abc=", "abc==", "=_=", "=3D="])
def test_case_018_boundary_that_ends_in_an_equals_sign(boundary: str) -> None:
    message = mail(multipart("alternative", QUOTED, HTML, boundary=boundary))
    after, _ = assert_injected(message)
    delimiter = f"\r\n--{boundary}".encode()
    assert after.count(delimiter) == message.count(delimiter) == 3


@pytest.mark.parametrize("boundary", ["b" * 70, "=_a b c", "--- a, b: (c)? ---", "a'+_,-./:=?b"])
def test_case_019_long_and_quoted_boundary(boundary: str) -> None:
    assert_injected(mail(multipart("alternative", QUOTED, HTML, boundary=boundary)))


@pytest.mark.parametrize(
    ("boundary", "code"),
    [
        ("abc-._+", ""),
        ("a'b", "structure_ambiguous"),
        ("a*b", "structure_ambiguous"),
        ("a=b", "structure_ambiguous"),
        ("a/b", "structure_ambiguous"),
        ("a b", "structure_ambiguous"),
        ("a:b", "structure_ambiguous"),
        ("a?b", "structure_ambiguous"),
        ("(ab)c", "structure_ambiguous"),
    ],
)
def test_case_020_boundary_that_lacks_its_quotes(boundary: str, code: str) -> None:
    both = multipart("alternative", QUOTED, HTML, boundary=boundary)
    message = mail(both.replace(f'"{boundary}"'.encode(), boundary.encode()))
    assert f"boundary={boundary}".encode() in message
    if code:
        assert_untouched(message, code)
    else:
        assert_injected(message)


@pytest.mark.parametrize("fold", ["\r\n ", "\r\n\t", "\n "])
def test_case_021_boundary_folded_over_two_lines(fold: str) -> None:
    both = multipart("alternative", QUOTED, HTML, boundary="=_one two")
    message = mail(both.replace(b'"=_one two"', f'"=_one{fold}two"'.encode()))
    assert_untouched(message, "structure_ambiguous")


def test_case_021_fold_in_front_of_the_boundary_is_none_in_it() -> None:
    both = multipart("alternative", QUOTED, HTML, boundary="=_b1")
    assert_injected(mail(both.replace(b' boundary="', b'\r\n\tboundary =\r\n "')))


@pytest.mark.parametrize("blanks", [b" ", b"\t", b" \t  "])
def test_case_022_delimiter_with_blanks_behind(blanks: bytes) -> None:
    """RFC 2046 has it so; Node's reader does not."""
    both = multipart("alternative", QUOTED, HTML, boundary="=_b1")
    assert_injected(mail(both.replace(b"--=_b1--", b"--=_b1--" + blanks)))
    message = mail(both.replace(b"--=_b1\r\n", b"--=_b1" + blanks + b"\r\n"))
    assert_injected(message, stumbles={"node": "link missing"})


@pytest.mark.parametrize(
    "line", ["--=_b1X", "--=_b1-", "--=_b1--X", "--=_b1 X", " --=_b1", "x--=_b1"]
)
def test_case_023_line_that_only_begins_like_a_delimiter(line: str) -> None:
    text = leaf("text/plain; charset=utf-8", f"{TEXT}{line}\nstill the text\n", encoding="8bit")
    message = mail(multipart("alternative", text, HTML, boundary="=_b1"))
    after, _ = assert_injected(message)
    assert f"\r\n{line}\r\nstill the text\r\n".encode() in after


def test_case_024_doubled_delimiter() -> None:
    both = multipart("alternative", QUOTED, HTML, boundary="=_b1")
    for other in (b"--=_b1\r\n--=_b1\r\n", b"--=_b1\r\n\r\n--=_b1\r\n"):
        message = mail(
            both.replace(b"--=_b1\r\nContent-Type: text/html", other + b"Content-Type: text/html")
        )
        assert_untouched(message, "structure_ambiguous")
    assert_untouched(mail(both.replace(b"--=_b1--", b"--=_b1\r\n--=_b1--")), "structure_ambiguous")


def test_case_025_no_closing_delimiter() -> None:
    mixed = multipart("mixed", QUOTED, PDF, boundary="=_b1").replace(b"--=_b1--\r\n", b"")
    assert_injected(mail(mixed))
    mixed = multipart("mixed", PDF, QUOTED, boundary="=_b1").replace(b"--=_b1--\r\n", b"")
    assert_untouched(mail(mixed), "structure_ambiguous")
    alone = multipart("mixed", QUOTED, boundary="=_b1").replace(b"--=_b1--\r\n", b"")
    assert_untouched(mail(alone), "structure_ambiguous")


def test_case_025_inner_multipart_that_only_the_outer_one_closes() -> None:
    inner = multipart("alternative", QUOTED, HTML, boundary="=_in").replace(b"--=_in--\r\n", b"")
    assert_untouched(mail(multipart("mixed", inner, PDF)), "structure_ambiguous")


def test_case_026_nothing_behind_an_open_delimiter() -> None:
    mixed = multipart("mixed", QUOTED, boundary="=_b1")
    for end in (b"--=_b1", b"--=_b1\r\n"):
        assert_untouched(mail(mixed.replace(b"--=_b1--\r\n", end)), "structure_ambiguous")


def test_case_027_preamble_that_repeats_the_text() -> None:
    message = mail(multipart("alternative", PLAIN, HTML, preamble=TEXT, boundary="=_b1"))
    after, _ = assert_injected(message)
    assert after.partition(b"--=_b1")[0].endswith(TEXT.replace("\n", "\r\n").encode())


def test_case_028_epilogue_with_a_list_footer() -> None:
    footer = "_______\nTo unsubscribe write to list@example.com\n"
    after, _ = assert_injected(mail(multipart("alternative", PLAIN, HTML, epilogue=footer)))
    assert after.endswith(b"--\r\n" + footer.replace("\n", "\r\n").encode())


@pytest.mark.parametrize(
    "parameter", ["", "; boundary", "; boundary=", '; boundary=""', '; boundary=" "']
)
def test_case_029_multipart_without_a_boundary(parameter: str) -> None:
    both = multipart("alternative", PLAIN, HTML, boundary="=_b1")
    message = mail(both.replace(b'; boundary="=_b1"', parameter.encode()))
    assert_untouched(message, "structure_ambiguous")


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "BASE64"])
def test_case_030_multipart_that_is_announced_encoded(encoding: str) -> None:
    both = multipart("alternative", PLAIN, HTML)
    message = mail(f"Content-Transfer-Encoding: {encoding}\n".encode() + both)
    assert_untouched(message, "encoded_multipart")
    assert_injected(mail(b"Content-Transfer-Encoding: 8bit\r\n" + both))


@pytest.mark.parametrize("other", ["text/html; charset=utf-8", "text/plain; charset=iso-2022-jp"])
def test_case_031_two_content_types_that_differ(other: str) -> None:
    assert_untouched(mail(f"Content-Type: {other}\r\n".encode() + PLAIN), "duplicate_field")


def test_case_031_two_content_types_that_agree() -> None:
    assert_injected(mail(b"Content-Type: text/plain; charset=utf-8\r\n" + PLAIN))


def test_case_032_two_content_dispositions() -> None:
    fields = "Content-Disposition: inline\n"
    text = leaf("text/plain; charset=utf-8", TEXT, encoding="8bit", fields=fields)
    assert_injected(mail(text))
    text = leaf("text/plain; charset=utf-8", TEXT, encoding="8bit", fields=2 * fields)
    assert_untouched(mail(text), "duplicate_field")


@pytest.mark.parametrize("kind", ["text", "text/", "/plain", "text plain", "text/plain/x", ""])
def test_case_033_content_type_that_is_none(kind: str) -> None:
    assert_untouched(mail(leaf(kind, TEXT)), "malformed_header")


@pytest.mark.parametrize("kind", ["text/plain; charset", "text/plain; charset=", "text/plain;"])
def test_case_033_charset_without_a_value_is_no_charset(kind: str) -> None:
    assert_injected(mail(leaf(kind, TEXT)), paragraph=ENGLISH)


@pytest.mark.parametrize(
    "line",
    [
        "no colon here\n",
        "X-A : b\n",
        "X-A: b\rX-C: d\n",
        ": no name\n",
        "\x00a: b\n",
        "Ünicode: x\n",
    ],
)
def test_case_034_line_that_is_no_field(line: str) -> None:
    before, _, behind = HEADER.partition("Subject")
    message = mail(PLAIN, header=f"{before}{line}Subject{behind}")
    assert_untouched(message, "malformed_header")


def test_case_034_fold_of_nothing_but_blanks_is_the_end_of_the_header_to_some() -> None:
    before, _, behind = HEADER.partition("Subject")
    message = mail(PLAIN, header=f"{before}X-A: b\n \t\nSubject{behind}")
    assert_untouched(message, "malformed_header")


def test_case_035_mbox_line_first() -> None:
    line = b"From hr@example.com Sun Nov 22 10:00:00 2026\r\n"
    after, _ = assert_injected(line + mail(PLAIN))
    assert after.startswith(line + b"X-CareerRelay: ")


def test_case_036_header_without_a_blank_line() -> None:
    for header in (HEADER, HEADER.rstrip("\n"), "", "\n", "From hr@example.com\n"):
        assert_untouched(header.replace("\n", "\r\n").encode(), "no_header_end")


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "text/html"])
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_case_036_empty_body(kind: str, encoding: str) -> None:
    assert_injected(mail(leaf(kind, "", encoding=encoding)))


def test_case_037_500_multiparts_in_each_other() -> None:
    content = PLAIN
    for number in range(500):
        content = multipart("mixed", content, boundary=f"=_{number}_")
    assert_untouched(mail(content), "too_complex")


@pytest.mark.parametrize("depth", [20, 21])
def test_case_037_the_20th_level_is_the_last(depth: int) -> None:
    content = PLAIN
    for number in range(depth):
        content = multipart("mixed", content, boundary=f"=_{number}_")
    if depth == 20:
        assert_injected(mail(content))
    else:
        assert_untouched(mail(content), "too_complex")


def test_case_037_10_000_parts() -> None:
    assert_untouched(mail(multipart("mixed", PLAIN, *[PDF] * 10_000)), "too_complex")


@pytest.mark.parametrize("parts", [499, 500])
def test_case_037_the_500th_part_is_the_last(parts: int) -> None:
    """The multipart is one itself."""
    small = leaf("application/octet-stream", "x\n")
    message = mail(multipart("mixed", PLAIN, *[small] * (parts - 1)))
    if parts == 499:
        assert_injected(message)
    else:
        assert_untouched(message, "too_complex")


@pytest.mark.parametrize(
    "field",
    ["X-A: " + "b" * 2_000_000, "X-A: b\n" * 300_000, "X-A: b" + "\n c" * 700_000, "X" * 2_000_000],
)
def test_case_038_two_megabytes_of_header(field: str) -> None:
    assert_untouched(mail(PLAIN, header=f"{HEADER}{field}\n"), "too_complex")


def test_case_038_one_megabyte_with_our_own_header_is_the_most() -> None:
    body = len(TEXT.replace("\n", CRLF))
    bare = len(mail(PLAIN, header=f"X-A: \n{HEADER}")) - body
    room = (1 << 20) - 512 - bare
    assert_injected(mail(PLAIN, header=f"X-A: {'b' * room}\n{HEADER}"))
    assert_untouched(mail(PLAIN, header=f"X-A: {'b' * (room + 1)}\n{HEADER}"), "too_complex")


@pytest.mark.parametrize(
    "parameters",
    [
        'boundary*0="=_"; boundary*1="b1"',
        "boundary*=us-ascii''%3D_b1",
        'boundary="=_b1"; boundary*0="=_b1"',
    ],
)
def test_case_039_boundary_in_pieces(parameters: str) -> None:
    both = multipart("alternative", PLAIN, HTML, boundary="=_b1")
    message = mail(both.replace(b'boundary="=_b1"', parameters.encode()))
    assert_untouched(message, "structure_ambiguous")


@pytest.mark.parametrize("parameters", ["charset*=''utf-8", "charset*0=utf; charset*1=-8"])
def test_case_039_charset_in_pieces(parameters: str) -> None:
    assert_untouched(mail(leaf(f"text/plain; {parameters}", TEXT)), "structure_ambiguous")


@pytest.mark.parametrize(
    "kind",
    [
        'Text/PLAIN; CHARSET="utf-8" (x)',
        "text/plain; (a comment) charset=utf-8",
        'text/plain ; charset = "UTF-8"; format=fixed',
        "text/plain;\n\tcharset=utf-8",
        'text/plain; x="a;b\\"c;charset=big5"; charset=utf-8',
        "text/plain; charset=utf-8; charset=utf-8",
    ],
)
def test_case_040_odd_spellings_of_the_content_type(kind: str) -> None:
    text = leaf(kind, "選考の結果をお知らせします。\n", encoding="8bit")
    _, result = assert_injected(mail(text))
    assert result.notes == ()


@pytest.mark.parametrize(
    "kind", ["text/plain (a comment); charset=utf-8", "(a comment) text/plain; charset=utf-8"]
)
def test_case_040_comment_that_some_take_for_a_part_of_the_type(kind: str) -> None:
    assert_untouched(mail(leaf(kind, TEXT)), "malformed_header")


@pytest.mark.parametrize(
    "parameters",
    [
        'boundary="=_b1" (x)',
        '(x) boundary="=_b1"',
        'boundary=(x) "=_b1"',
        'boundary="=_b1" x',
        'x=(; boundary="=_b1"',
        'x=a(b;c); boundary="=_b1"',
        'x; boundary="=_b1"',
        'x y=z; boundary="=_b1"',
        '=z; boundary="=_b1"',
        'x="; boundary="=_b1"',
        'x=\\"; boundary="=_b1"',
        'boundary="=_b1',
        'boundary=" =_b1"',
        "x='a;boundary=c'; boundary=\"=_b1\"",
    ],
)
def test_case_040_multipart_whose_parameters_are_not_regular(parameters: str) -> None:
    both = multipart("alternative", PLAIN, HTML)
    message = mail(both.replace(b'boundary="=_b1"', parameters.encode()))
    assert_untouched(message, "structure_ambiguous")


@pytest.mark.parametrize(
    "parameters",
    [
        'BOUNDARY = "=_b1";',
        'x="a;boundary=c"; boundary="=_b1"; boundary="=_b1"',
        'start="(boundary=c)"; x=\r\n "a\r\n b"\r\n ; boundary="=_b1";; charset=x',
        'x=boundary=c; xboundary=d; boundary="=_b1"; x-boundary=e; y="\\""',
    ],
)
def test_case_040_odd_but_regular_parameters_of_a_multipart(parameters: str) -> None:
    both = multipart("alternative", PLAIN, HTML)
    assert_injected(mail(both.replace(b'boundary="=_b1"', parameters.encode())))


def test_case_040_two_charsets_that_differ() -> None:
    text = leaf("text/plain; charset=utf-8; charset=euc-jp", TEXT)
    assert_untouched(mail(text), "duplicate_field")


def test_case_041_part_without_a_blank_line_behind_its_header() -> None:
    for header in (b"Content-Type: text/plain", b"Content-Type: text/plain\r\n", b"Dear Taro,"):
        message = mail(multipart("mixed", header, PLAIN))
        assert_untouched(message, "no_header_end")


def test_multipart_in_which_no_part_begins() -> None:
    both = multipart("alternative", PLAIN, HTML).replace(b"--=_b1", b"--=_b2")
    assert_untouched(mail(both), "structure_ambiguous")


def test_delimiter_behind_a_lone_carriage_return_is_one_for_some() -> None:
    for line in (b"Dear\r--=_b1\r\n", b"Dear\r\n--=_b1\rTaro\r\n"):
        text = b"Content-Type: text/plain\r\n\r\n" + line
        assert_untouched(mail(multipart("mixed", text, PDF)), "structure_ambiguous")


def test_thousands_of_lines_that_begin_like_a_delimiter_are_too_complex() -> None:
    text = leaf("text/plain", "--=_b1x\n" * 6000)
    assert_untouched(mail(multipart("mixed", text, PDF)), "too_complex")


def test_parameters_of_more_than_8_kilobytes_are_too_complex() -> None:
    long = f"x={'y' * 9000}"
    assert_untouched(mail(leaf(f"text/plain; {long}", TEXT)), "too_complex")
    disposition = f"Content-Disposition: inline; {long}\n"
    assert_untouched(mail(leaf("text/plain", TEXT, fields=disposition)), "too_complex")


def test_field_whose_name_only_begins_like_another_is_another() -> None:
    fields = "Content-Type-Of-Old: multipart/signed\nContent-Disposition-X: attachment\n"
    text = leaf("text/plain; charset=utf-8", TEXT, encoding="8bit", fields=fields)
    assert_injected(mail(text))
