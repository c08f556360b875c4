"""Edits as header and body requests: what an MTA makes of them is the edited message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careerrelay.mail.injection.values import Edit, Result, Status
from careerrelay.mail.milter.changes import requests
from careerrelay.mail.milter.gathering import Gathering
from tests.mail.milter.mta import applied, fields

HEAD = (
    b"Received: from b\r\nReceived: from a;\r\n\tat noon\r\nSubject: one\r\n two\r\n"
    b"X-A:1\r\nX-A: 2\r\nX-A:\r\nContent-Type: text/plain\r\n"
)
MESSAGE = HEAD + b"\r\nHello.\r\n"
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"Received", b"received", b"Subject", b"X-A", b"To"]),
        st.sampled_from([b" one", b"one", b"", b" folded;\n\tagain", b"  two "]),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


def gathered(message: bytes, *, leading_blank: bool = True) -> Gathering:
    head, _, body = message.partition(b"\r\n\r\n")
    found = Gathering(leading_blank=leading_blank, max_bytes=1 << 20)
    for name, value in fields(head):
        found.add_header(name, value if leading_blank else value.removeprefix(b" "))
    found.add_body(body)
    return found


def assemble(message: bytes, *edits: Edit) -> bytes:
    return Result(Status.INJECTED, edits=edits).assemble(message)


def edited(message: bytes, old: bytes, new: bytes) -> Edit:
    start = message.index(old)
    return Edit(start, start + len(old), new)


@pytest.mark.parametrize(
    "edit",
    [
        edited(MESSAGE, b"Received: from a;\r\n\tat noon\r\n", b""),
        edited(MESSAGE, b"X-A: 2\r\n", b""),
        edited(MESSAGE, b"one\r\n two", b"three"),
        edited(MESSAGE, b"X-A: 2\r\n", b"X-B: new\r\nX-A: other;\r\n folded\r\n"),
        edited(MESSAGE, b"X-A: 2\r\n", b"X-C: instead\r\n"),
        Edit(0, 0, b"X-Top: v\r\nDKIM-Signature: a\r\n"),
        Edit(len(HEAD), len(HEAD), b"Content-Transfer-Encoding: base64\r\n"),
        edited(MESSAGE, b"Hello", b"Good day"),
        edited(MESSAGE, b"Hello.\r\n", b""),
    ],
)
def test_mta_makes_of_the_requests_what_the_edit_makes(edit: Edit) -> None:
    asked = requests(gathered(MESSAGE), message=MESSAGE, edits=[edit])
    assert asked is not None
    assert applied(MESSAGE, asked) == assemble(MESSAGE, edit)


def test_several_edits_at_once() -> None:
    edits = (
        Edit(0, 0, b"X-CareerRelay: v\r\n"),
        edited(MESSAGE, b"Received: from b\r\n", b""),
        edited(MESSAGE, b"X-A:1\r\n", b""),
        edited(MESSAGE, b"text/plain", b"text/plain; charset=utf-8"),
        edited(MESSAGE, b"Hello", b"Good day"),
    )
    asked = requests(gathered(MESSAGE), message=MESSAGE, edits=edits)
    assert asked is not None
    assert applied(MESSAGE, asked) == assemble(MESSAGE, *edits)


@pytest.mark.parametrize(
    "edit",
    [
        edited(MESSAGE, b"Subject: one", b"no header"),
        edited(MESSAGE, b"from b\r\nReceived: ", b"x"),
        edited(MESSAGE, b"\r\n\r\nHello", b""),
        Edit(len(HEAD), len(HEAD), b"no header\r\n"),
    ],
)
def test_edit_that_leaves_no_headers_behind_is_not_asked_for(edit: Edit) -> None:
    assert requests(gathered(MESSAGE), message=MESSAGE, edits=[edit]) is None


def test_mta_that_keeps_the_blanks_itself_gets_values_without_them() -> None:
    message = MESSAGE.replace(b"X-A:1", b"X-A: 1")
    whole = gathered(message, leading_blank=False)
    assert whole.message() == message
    asked = requests(whole, message=message, edits=[edited(message, b"X-A: 2", b"X-A: 3")])
    assert asked is not None
    assert [(p.command, p.data) for p in asked] == [(b"m", b"\0\0\0\2X-A\x003\0")]


def test_nothing_is_asked_for_without_edits() -> None:
    assert requests(gathered(MESSAGE), message=MESSAGE, edits=[]) == ()


@given(headers=HEADERS, data=st.data())
def test_any_edits_of_whole_headers(
    headers: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    """Each header kept, dropped, rewritten, or with new ones above it."""
    whole = Gathering(leading_blank=True, max_bytes=1 << 20)
    for name, value in headers:
        whole.add_header(name, value)
    whole.add_body(b"text\r\n")
    message = whole.message()
    edits = []
    for start, end in whole.header_spans():
        replacement = data.draw(
            st.sampled_from([None, b"", b"Received: new\r\n", b"X-A: 1\r\nSubject: x\r\n y\r\n"])
        )
        if replacement is not None:
            edits.append(Edit(start, end, replacement))
    asked = requests(whole, message=message, edits=edits)
    assert asked is not None
    assert applied(message, asked) == assemble(message, *edits)
