"""Numbered corner cases D that are about the bytes round the place in a plain text."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from careerrelay.mail.injection import inject

from .cases import (
    CRLF,
    ENGLISH,
    PARAGRAPH,
    POLICY,
    URL,
    assert_injected,
    assert_untouched,
    encoded,
    leaf,
    lines,
    mail,
)
from .places import PARAGRAPH_LINES, assert_place, assert_place_in_mail

ENCODINGS = ("8bit", "quoted-printable", "base64")
FLOWED = "text/plain; charset=utf-8; format=flowed"
SHIFT = PARAGRAPH.text.replace("\n", CRLF).encode()


def text(body: str | bytes, *, encoding: str = "8bit", kind: str = "text/plain; charset=utf-8"):
    return mail(leaf(kind, body, encoding=encoding))


def content(after: bytes, encoding: str = "8bit") -> bytes:
    """The decoded body of a mail that is one text."""
    body = after.partition(b"\r\n\r\n")[2]
    return b64decode(body) if encoding == "base64" else body


def unflowed(shown: Sequence[str], *, is_joined: bool = False) -> Iterator[str]:
    """The lines a reader of format=flowed shows; ``is_joined``: DelSp=yes.

    https://www.rfc-editor.org/rfc/rfc3676#section-4.1
    """
    so_far = ""
    for line in shown:
        unstuffed = line.removeprefix(" ")
        if unstuffed.endswith(" ") and unstuffed != "-- ":
            so_far += unstuffed[:-1] if is_joined else unstuffed
            continue
        yield so_far + unstuffed
        so_far = ""
    if so_far:
        yield so_far


@pytest.mark.parametrize("gap", ["    ", "\t", " | "])
def test_case_082_a_table_rule_is_no_signature(gap: str) -> None:
    table = ["Your results:", "", f"No{gap}Part", "--", f"1{gap}Documents", f"2{gap}Test", "Bye"]
    assert_place_in_mail(table, len(table))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("blank", ["", "\n", " \n\t\n", "\n" * 5])
def test_case_092_empty_body(encoding: str, blank: str) -> None:
    after, _ = assert_injected(text(blank, encoding=encoding))
    shown = content(after, encoding)
    if encoding != "quoted-printable":
        assert shown.strip() == SHIFT
        assert shown.startswith(SHIFT)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("padding", ["", "!", "!!"])
def test_case_093_no_final_line_end(encoding: str, padding: str) -> None:
    body = f"Dear Taro,\r\nGoodbye.{padding}".encode()
    message = text(body, encoding=encoding)
    if encoding == "base64":
        message = message.removesuffix(b"\r\n")
    after, result = assert_injected(message, rewritten=4)
    inside = result.edits[-1].replacement
    if encoding != "base64":
        assert inside.removeprefix(b"=\r\n").startswith(b"\r\n\r\n")
    if encoding != "quoted-printable":
        assert content(after, encoding).startswith(body + b"\r\n\r\n" + SHIFT)


@pytest.mark.parametrize(("end", "delsp"), [("\n", ""), ("", ""), ("\n", "; delsp=yes")])
def test_case_094_095_last_line_soft(end: str, delsp: str) -> None:
    """The paragraph is none of the line's, though that says that it goes on."""
    body = "山田 様 \n\n このたびはご応募いただき、誠に \nありがとうございました。 " + end
    after, _ = assert_injected(text(body, kind=FLOWED + delsp))
    assert lines(body.removesuffix("\n")) in after
    shown = content(after).decode().split(CRLF)
    seen = list(unflowed(shown, is_joined=bool(delsp)))
    at = seen.index(PARAGRAPH_LINES[0])
    assert seen[at : at + len(PARAGRAPH_LINES)] == PARAGRAPH_LINES
    assert seen[at - 1] == ""
    assert "ありがとうございました。" in seen[at - 2]


def test_case_093_095_a_blank_at_the_very_end_that_a_line_behind_it_would_take_away() -> None:
    """With DelSp, Node's reader drops the blank of a soft line that has another one behind it."""
    for end in ("", "\n"):
        soft = text(f"Dear Taro,\nhttps://www.example.com/ {end}", kind=f"{FLOWED}; DelSp=Yes")
        if end:
            assert_injected(soft)
        else:
            assert_untouched(soft, "structure_ambiguous")


@pytest.mark.parametrize("delsp", ["", "; delsp=yes"])
@pytest.mark.parametrize("last", ["Goodbye, ", "> ", "> Dear Hanako, "])
def test_case_081_094_a_soft_line_that_is_joined_with_the_signature(last: str, delsp: str) -> None:
    """Node's reader joins a soft line with a signature's dashes, which RFC 3676 says are fixed, and
    without DelSp over blank lines too: so they are part of the line before, and none after."""
    for gap, is_joined in (("", True), ("\n", not delsp)):
        message = text(f"> Hello,\n\n{last}\n{gap}-- \nHanako\n", kind=FLOWED + delsp)
        if is_joined:
            assert_untouched(message, "structure_ambiguous")
        else:
            assert_injected(message)


def test_case_094_a_soft_line_in_front_of_a_stuffed_one() -> None:
    """Joined with the line before, it keeps the blank that it loses where it stands alone."""
    quote = " On Monday\n Taro wrote:\n> Hello\n"
    assert_untouched(text(f"Goodbye, \n\n{quote}", kind=FLOWED), "structure_ambiguous")
    assert_injected(text(f"Goodbye,\n\n{quote}", kind=FLOWED))


def test_case_094_stuffing_of_old_lines_and_of_ours() -> None:
    stuffed = replace(ENGLISH, text=f"  An offer \n{URL}", ascii_text=URL)
    body = "Compare \n > 5 is good\n From here on\n\n-- \nHanako\n"
    after, _ = assert_injected(text(body, kind=FLOWED), paragraph=stuffed)
    assert content(after) == lines(body.replace("\n\n", f"\n\n   An offer\n{URL}\n\n"))


def test_case_095_delsp_in_iso_2022_jp() -> None:
    charset = "iso-2022-jp"
    kind = f"text/plain; charset={charset}; format=flowed; delsp=yes"
    body = "このたびはご応募いただき、誠に \nありがとうございました。\n\n-- \n株式会社みほん\n"
    message = mail(leaf(kind, body, encoding="7bit", charset=charset))
    after, _ = assert_injected(message)
    shown = content(after).decode(charset).split(CRLF)
    seen = list(unflowed(shown, is_joined=True))
    assert seen[0] == "このたびはご応募いただき、誠にありがとうございました。"
    assert seen[1:6] == ["", *PARAGRAPH_LINES, ""]
    assert seen[6:8] == ["-- ", "株式会社みほん"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_case_096_form_feeds_tabs_and_trailing_blanks(encoding: str) -> None:
    body = b"Dear Taro,\t\r\n\x0c\r\nGoodbye.   \r\n\x0c\r\n \t \r\n\v"
    after, _ = assert_injected(text(body, encoding=encoding), rewritten=80)
    if encoding != "quoted-printable":
        shown = content(after, encoding)
        assert shown.startswith(b"Dear Taro,\t\r\n\x0c\r\nGoodbye.   \r\n\r\n" + SHIFT)
        assert shown.endswith(b"\x0c\r\n \t \r\n\v")


def test_case_097_one_megabyte() -> None:
    """Any superlinear step would keep this from ever ending."""
    body = "採用を見送らせていただきます。\n> 引用\n-----\nFrom: 山田\n" * 13_000
    assert_injected(text(body))
    for encoding in ENCODINGS:
        assert inject(text(body, encoding=encoding), PARAGRAPH, POLICY).edits


BOX = ["━━━━━━━━━━━━━━━━", "株式会社みほん 採用担当", "TEL: 03-0000-0000", "━━━━━━━━━━━━━━━━"]


def test_case_098_body_that_is_only_a_ruled_box() -> None:
    assert_place_in_mail(BOX, len(BOX))


def test_case_098_box_of_news_at_the_top_is_no_signature() -> None:
    assert_place("\n".join([*BOX, "", "山田様", "面接の結果をご連絡いたします。", "¶", "", *BOX]))


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64"])
def test_place_inside_an_encoded_text(encoding: str) -> None:
    """A signature of every length, so that the place falls on each part of line and quantum."""
    for length in range(1, 80):
        body = lines("あ" * length + "\n" + "a" * length + "\n\n-- \nHanako")
        after, _ = assert_injected(text(body, encoding=encoding), rewritten=80)
        assert encoding == "base64" or max(map(len, content(after).split(CRLF.encode()))) <= 76
        assert encoded(lines("-- \nHanako"), "quoted-printable") in after or encoding == "base64"


def test_case_085_a_header_block_ends_at_two_blank_lines() -> None:
    assert_place("From: 9:00\nTo: 17:00\n\n\nSent: monthly\nSubject: law\n¶")


CONTACT = "株式会社みほん\nTEL: 03-0000-0000"


def test_a_signature_under_two_rules() -> None:
    rule = "━" * 16
    assert_place(f"山田様\n選考の結果です。\n¶\n\n{rule}\n{rule}\n{CONTACT}\n{rule}")


@pytest.mark.parametrize("line", ["株" * 45 + " TEL: 03", "TEL: 03-0000-0000 " + "a" * 90])
def test_long_lines_are_no_signature(line: str) -> None:
    assert_place(f"山田様\n{'━' * 16}\n{line}\n¶")


def test_case_083_quoted_lines_far_below_any_attribution() -> None:
    assert_place("山田様\n\n> いつ頃でしょうか。\n来週です。\n\n\n> はい。\n¶")
    assert_place("山田様\n来週です。\n¶\n\n\n> いつ頃でしょうか。")


@pytest.mark.parametrize(
    "line",
    [
        "弊社では、再就職のご支援をご用意しております。" * 4,
        "An offer of help with > signs and From the company, " * 4,
        "x" * 100 + " " + "y" * 100,
    ],
)
def test_long_lines_of_the_paragraph_are_wrapped(line: str) -> None:
    """Within 76 columns, no line beginning with what would end the sentence before it."""
    long = replace(PARAGRAPH, text=f"{line}\n{URL}")
    message = text("山田様\n")
    after = content(inject(message, long, POLICY).assemble(message)).decode()
    shown = after.strip().split(CRLF)
    assert shown[-1] == URL
    assert "".join(shown[2:-1]).replace(" ", "") == line.replace(" ", "")
    for one in shown[2:-1]:
        assert not one.startswith(("、", "。", ">", "From "))
        assert len(one.split(" ")[0]) >= 76 or len(one) <= 76
        assert one.isascii() or len(one) <= 39
