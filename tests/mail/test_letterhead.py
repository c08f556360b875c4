"""What is read of a passing mail's header, whatever state it is in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careerrelay.mail.letterhead import MAX_HEADER, read_letterhead


@pytest.mark.parametrize(
    "subject",
    [
        "選考結果のご連絡".encode(),
        b"=?utf-8?b?6YG46ICD57WQ5p6c44Gu44GU6YCj57Wh?=",
        b"=?iso-2022-jp?b?GyRCQSo5TTdrMkwkTiQ0TyJNbRsoQg==?=",
        "選考結果のご連絡".encode("iso2022_jp"),
        b"=?utf-8?b?6YG46ICD57WQ5p6c?=\r\n =?utf-8?b?44Gu44GU6YCj57Wh?=",
    ],
)
def test_subject_is_read_in_every_way_japanese_senders_write_it(subject: bytes) -> None:
    found = read_letterhead(b"Subject: " + subject + b"\r\n\r\nbody")
    assert found.subject == "選考結果のご連絡"


def test_unknown_charset_leaves_the_subject_as_it_is_written() -> None:
    found = read_letterhead(b"Subject: =?x-nothing?b?AAAA?=\r\n\r\n")
    assert found.subject == "=?x-nothing?b?AAAA?="


def test_first_of_two_fields_counts_and_folds_are_undone() -> None:
    found = read_letterhead(b"X-A: one\r\n two\r\nx-a: three\r\nMessage-Id:\r\n <a@b>\r\n\r\n")
    assert found.fields["x-a"] == "one two"
    assert found.message_id == "<a@b>"


def test_fields_in_the_body_are_none() -> None:
    found = read_letterhead(b"X-A: 1\n\nX-B: 2\n")
    assert "x-b" not in found.fields


def test_header_without_end_is_read_up_to_a_limit() -> None:
    found = read_letterhead(b"X-A: 1\r\n" + b"X-B: 2\r\n" * (MAX_HEADER // 4))
    assert found.fields["x-a"] == "1"


@given(st.binary(max_size=400))
def test_no_bytes_are_an_exception(content: bytes) -> None:
    read_letterhead(content)
    read_letterhead(b"Subject: =?utf-8?q?" + content + b"?=\r\n\r\n")
    read_letterhead(b"Subject: =?iso-2022-jp?b?" + content)
