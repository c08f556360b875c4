"""Mails in wire form, and what has to be true of every injection into one.

Three readers that have nothing in common look at each mail before and after.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Mapping
from quopri import encodestring
from textwrap import dedent

from careerrelay.mail.injection import Paragraph, Policy, Result, Status, inject
from tests.mail.judges import compare, read_all, require_judges

URL = "https://relay.example.jp/r/Ab3-xY"
PARAGRAPH = Paragraph(
    text=f"弊社では、再就職のご支援をご用意しております。\n下記よりご登録いただけます。\n{URL}",
    url=URL,
    link_id="Ab3-xY",
    ascii_text=f"We offer you help in finding another position.\n{URL}",
)
ENGLISH = Paragraph(
    text=PARAGRAPH.ascii_text, url=URL, link_id="Ab3-xY", ascii_text=PARAGRAPH.ascii_text,
    language="en",
)  # fmt: skip
POLICY = Policy(mark_key=b"a key of the tests", url_prefix="https://relay.example.jp/r/")

HEADER = (
    "From: Example KK <hr@example.com>\nTo: Taro Yamada <taro@example.jp>\n"
    "Subject: =?utf-8?B?6YG46ICD44Gu57WQ5p6c?=\n"
    "Message-ID: <1.2@mail.example.com>\nMIME-Version: 1.0\n"
)
CRLF = "\r\n"
_OUR_HEADER = re.compile(rb"^X-CareerRelay:.*\r?\n(?:[ \t].*\r?\n)*", re.MULTILINE)


def mail(content: str | bytes, *, header: str = HEADER, eol: str = CRLF) -> bytes:
    """A mail with ``content`` behind the usual header: more fields, a blank line, a body.

    Of a string, the margin is no part.
    """
    return lines(header, eol=eol) + (content if isinstance(content, bytes) else lines(content, eol))


def lines(text: str, eol: str = CRLF, *, charset: str = "utf-8") -> bytes:
    """A text in wire form; where it begins on a new line with a margin, without these."""
    text = dedent(text[1:]) if text.startswith("\n ") else text
    return text.replace("\n", eol).encode(charset)


def leaf(
    kind: str, body: str | bytes, *, encoding: str = "", charset: str = "utf-8", fields: str = "",
    eol: str = CRLF,
) -> bytes:  # fmt: skip
    """A part of type ``kind``, with its header; ``fields``: more of those, as lines."""
    data = body if isinstance(body, bytes) else lines(body, eol, charset=charset)
    said = f"Content-Transfer-Encoding: {encoding}\n" if encoding else ""
    return lines(f"Content-Type: {kind}\n{said}{fields}\n", eol) + encoded(data, encoding, eol)


def encoded(data: bytes, encoding: str, eol: str = CRLF) -> bytes:
    """``data`` as a body of that transfer encoding."""
    if encoding == "base64":
        return encodebytes(data).replace(b"\n", eol.encode())
    if encoding == "quoted-printable":
        return encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", eol.encode())
    return data


def multipart(
    kind: str, *parts: bytes, boundary: str = "=_b1", preamble: str = "", epilogue: str = "",
    eol: str = CRLF,
) -> bytes:  # fmt: skip
    """A multipart/``kind`` of parts that bring their own headers."""
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{preamble}'
    pieces = [lines(head, eol)]
    for part in parts:
        pieces += [lines(f"--{boundary}\n", eol), part, eol.encode()]
    return b"".join([*pieces, lines(f"--{boundary}--\n{epilogue}", eol)])


def assert_injected(
    message: bytes, *, paragraph: Paragraph = PARAGRAPH, policy: Policy = POLICY,
    status: Status = Status.INJECTED, rewritten: int = 0, stumbles: Mapping[str, str] = {},
) -> tuple[bytes, Result]:  # fmt: skip
    """The mail afterwards, in which all three readers see the paragraph and nothing else new.

    ``rewritten``: how many bytes of the original may be replaced by others that mean the same.
    ``stumbles``: reader -> what its own fault makes it tell; at most one of the three.
    """
    result = inject(message, paragraph, policy)
    assert result.status is status, f"{result.status}: {result.code} {result.notes}"
    after = result.assemble(message)
    assert undone(after, message, result) == message
    gone = sum(edit.end - edit.start for edit in result.edits)
    assert gone <= rewritten, f"{gone} bytes rewritten"
    _judge(message, after, paragraph=paragraph, result=result, stumbles=stumbles)
    _assert_known_again(after, paragraph, policy)
    return after, result


def assert_untouched(
    message: bytes, code: str, *, paragraph: Paragraph = PARAGRAPH, policy: Policy = POLICY,
    status: Status = Status.REFUSED,
) -> Result:  # fmt: skip
    """Nothing is done to it, for that reason."""
    result = inject(message, paragraph, policy)
    assert (result.status, result.code) == (status, code), f"{result.notes}"
    assert result.edits == ()
    assert result.assemble(message) is message
    return result


def undone(after: bytes, message: bytes, result: Result) -> bytes:
    """The mail before, made from the one after and what is told to be new."""
    pieces: list[bytes] = []
    at, shift = 0, 0
    for edit in result.edits:
        begin = edit.start + shift
        assert after[begin : begin + len(edit.replacement)] == edit.replacement
        pieces += [after[at:begin], message[edit.start : edit.end]]
        at = begin + len(edit.replacement)
        shift += len(edit.replacement) - (edit.end - edit.start)
    return b"".join([*pieces, after[at:]])


def without_our_header(message: bytes) -> bytes:
    """As a hop would pass it on that drops what it does not know."""
    return _OUR_HEADER.sub(b"", message)


def _judge(
    message: bytes, after: bytes, *, paragraph: Paragraph, result: Result,
    stumbles: Mapping[str, str],
) -> None:  # fmt: skip
    require_judges()
    told = compare(read_all(message), read_all(after), paragraph=paragraph, result=result)
    assert len(stumbles) <= 1
    for judge, finding in stumbles.items():
        assert any(t.startswith(f"{judge}: {finding}") for t in told), f"stumbles no more: {told}"
    broken = [t for t in told if t.partition(":")[0] not in stumbles]
    assert not broken, broken


def _assert_known_again(after: bytes, paragraph: Paragraph, policy: Policy) -> None:
    """By the header, and without it by the link."""
    again = inject(after, paragraph, policy)
    assert (again.status, again.code) == (Status.ALREADY, "marked"), again
    again = inject(without_our_header(after), paragraph, policy)
    assert (again.status, again.code) == (Status.ALREADY, "linked"), again
