"""What a company may set: refused when it is saved, by the name of the field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careerrelay.mail.injection import MARKER, Paragraph, Policy, Status, inject
from careerrelay.mail.injection.quoted_printable import Splicer, quoted, quoted_words
from careerrelay.mail.injection.spellings import spelled
from careerrelay.models.errors import ConfigurationError

from .cases import PARAGRAPH, URL, assert_untouched, leaf, mail

GOOD = {"text": f"Register\n{URL}", "url": URL, "link_id": "a", "ascii_text": f"Register\n{URL}"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "javascript:alert(1)"),
        ("url", "https://example.jp/" + "x" * 100),
        ("url", 'https://example.jp/"'),
        ("link_id", ""),
        ("link_id", "a b"),
        ("link_id", "a\r\nBcc: x"),
        ("language", "english"),
        ("language", 'ja"'),
        ("text", f"Register\r\n{URL}"),
        ("text", f"Register \x1b\n{URL}"),
        ("text", f"Register \u2028\n{URL}"),
        ("text", "Register"),
        ("text", f"Register: {URL}"),
        ("text", f"{URL}\n{URL}"),
        ("text", f"\nRegister\n{URL}"),
        ("text", f"Register\n{URL}\n"),
        ("text", f"> Register\n{URL}"),
        ("ascii_text", f"登録\n{URL}"),
        ("ascii_text", "Register"),
    ],
)
def test_paragraph_that_could_do_harm_is_refused_by_its_field(field: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{field}: "):
        Paragraph(**{**GOOD, field: value})


@pytest.mark.parametrize("marker", ["{{x}", "{{a b}}", "{{" + "x" * 60, "{{リンク}}", "{{x\n}}}"])
def test_marker_that_cannot_be_found_safely_is_refused(marker: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^marker: "):
        Policy(marker=marker)


def test_where_only_markers_are_replaced_a_mail_without_one_is_skipped() -> None:
    message = mail(leaf("text/plain", "Dear Taro\n"))
    policy = Policy(append=False)
    assert_untouched(message, "no_marker", policy=policy, status=Status.SKIPPED)
    marked = mail(leaf("text/plain", f"Dear Taro\n{policy.marker}\n"))
    assert inject(marked, PARAGRAPH, policy).status is Status.REPLACED


@pytest.mark.parametrize("length", range(70, 80))
@pytest.mark.parametrize("sign", ["x", "é"])
def test_no_line_of_quoted_printable_is_too_long_whatever_is_put_in(length: int, sign: str) -> None:
    raw = b"Dear Taro, and so on\r\n"
    (edit,) = Splicer(raw, b"\r\n", decoded=raw).edits(4, 4, (sign * length).encode())
    after = raw[: edit.start] + edit.replacement + raw[edit.end :]
    assert max(map(len, after.split(b"\r\n"))) <= 76


SIGNS = (b"\r\n", b"\n", b"\r", b" ", b"\t", b"=", b".", b"-- ", b"x" * 37, "あ".encode())
NEW = st.lists(st.sampled_from(SIGNS), max_size=8).map(b"".join)


@given(NEW, st.sampled_from([b"\r\n", b"\n"]))
def test_words_encoded_line_by_line_are_what_all_of_them_would_be(new: bytes, eol: bytes) -> None:
    assert quoted_words(new, eol) == quoted(new, eol)


def test_many_lines_are_encoded_at_once() -> None:
    lines = b"Dear Taro, =\n" * 101
    assert quoted_words(lines, b"\n") == quoted(lines, b"\n")


def test_blank_at_the_end_of_a_line_is_encoded_and_a_full_line_is_broken_for_it() -> None:
    assert quoted(b"Dear Taro \r\n", b"\r\n") == b"Dear Taro=20\r\n"
    full = quoted(b"x" * 74 + b" \n", b"\n")
    assert full == b"x" * 74 + b"=\n=20\n"


@pytest.mark.parametrize("count", range(1, 130))
def test_marker_is_found_behind_any_number_of_its_first_sign(count: int) -> None:
    low = b"{ " * count
    assert spelled(low, marker=MARKER, is_html=False) == []
    (found,) = spelled(low + MARKER.encode(), marker=MARKER, is_html=False)
    assert low[: found.start] + MARKER.encode() == low + MARKER.encode()
