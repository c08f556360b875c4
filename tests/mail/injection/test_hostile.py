"""A megabyte made to cost much costs little: work is counted, and ends where a limit is passed."""

from __future__ import annotations

import re

import pytest

from careerrelay.mail.injection import Policy, Status, erase_marker, inject, marker_in
from careerrelay.mail.injection.charsets import ESCAPES_WITHIN, escape_before
from careerrelay.mail.injection.html_limits import refuse_explosive

from .cases import HEADER, PARAGRAPH, POLICY, assert_injected, leaf, mail, multipart
from .hostile import MARKER, UNITS, calls, hostile

MOST = 200_000
"""Calls; a megabyte of markers, tags or escapes looked at one by one takes a million and more."""


@pytest.mark.parametrize("name", UNITS)
def test_hostile_mail_takes_few_calls(name: str) -> None:
    message = hostile(name)
    inject(mail("\nHello\n"), PARAGRAPH, POLICY)  # patterns are compiled once
    for work in (
        lambda: inject(message, PARAGRAPH, POLICY),
        lambda: erase_marker(message, POLICY),
        lambda: marker_in(message, POLICY),
    ):
        assert calls(work) < MOST


@pytest.mark.parametrize("name", [n for n in UNITS if n.startswith(("markers", "quoted"))])
def test_more_markers_than_any_letter_has_are_held(name: str) -> None:
    result = inject(hostile(name), PARAGRAPH, POLICY)
    assert (result.status, result.code, result.notes) == (
        Status.REFUSED, "token_left", ("too_complex",),
    )  # fmt: skip


def test_markers_are_counted_in_all_texts_together() -> None:
    def both(count: int) -> bytes:
        plain = leaf("text/plain", (MARKER + b"\r\n") * count)
        html = leaf("text/html", b"<p>" + (MARKER + b"<br>\r\n") * count)
        return mail(multipart("alternative", plain, html))

    assert inject(both(100), PARAGRAPH, POLICY).status is Status.REPLACED
    assert inject(both(101), PARAGRAPH, POLICY).notes == ("too_complex",)


def test_marker_behind_some_hundred_quoted_ones_is_replaced() -> None:
    quoted = "On 1 Oct 2026 Taro wrote:\n" + "> {{career_relay_link}}\n" * 500
    message = mail(f"\nDear Taro,\n{{{{career_relay_link}}}}\n\n{quoted}")
    assert_injected(message, status=Status.REPLACED, rewritten=13_000)


def test_bold_is_counted_to_the_first_that_is_too_many() -> None:
    with pytest.raises(Exception, match="too_complex"):
        refuse_explosive(b"<b>" * 300_000)


ESCAPES = (b"\x1b$B", b"\x1b(B", b"\x1b(J", b"\x1b$(D", b"\x1b(", b"\x1b", b"abc", b"x" * 5000)


@pytest.mark.parametrize("first", ESCAPES)
@pytest.mark.parametrize("second", ESCAPES)
@pytest.mark.parametrize("gap", [0, 1, 2, 3, ESCAPES_WITHIN - 4, ESCAPES_WITHIN])
def test_escape_before_a_place_is_the_last_whole_one(first: bytes, second: bytes, gap: int) -> None:
    data = first + second + b"-" * gap
    whole = re.compile(rb"\x1b(?:\$(?:[@AB]|\([@-Z])|\([@-Z])")
    for end in (len(data), len(first), len(first) + len(second) - 1):
        found = whole.findall(data, 0, end)
        assert escape_before(data, 0, end) == (found[-1] if found else b"")


def test_markers_between_escapes_are_written_in_the_state_of_their_place() -> None:
    body = b'\x1b$B$"\x1b(B{{career_relay_link}}\r\n\x1b(Jx\x1b(B {{career_relay_link}}\r\n'
    header = HEADER + "Content-Type: text/html; charset=iso-2022-jp\n"
    result = inject(mail(b"\r\n" + body, header=header), PARAGRAPH, Policy())
    assert result.status is Status.REPLACED
