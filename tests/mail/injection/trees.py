"""Mails of any shape, for tests of what is true of all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from careerrelay.mail.injection import MARKER

from .cases import CRLF, HEADER, encoded, leaf, lines, mail, multipart

ENGLISH = ("Dear Taro,", "Goodbye.", "x = y", "", "", ".", "From here on", "a\tb", "  two  ",
           "-- ", "> quoted", "--b", "On Sun, 22 Nov 2026 at 10:00, Taro wrote:",
           "word " * 30)  # fmt: skip
JAPANESE = (*ENGLISH, "山田 太郎 様", "ご応募いただき、誠にありがとうございました。", "━━━━━━━━━━",
            "株式会社みほん", "表示ソ能", "選考の結果をお知らせします。" * 8)  # fmt: skip
LATIN = (*ENGLISH, "Grüße aus Zürich", "à bientôt")
TAGS = ("<p>Dear Taro,</p>", "<div>Goodbye.</div>", "<br>", "<table><tr><td>a</td></tr></table>",
        "<!-- x -->", "<style>p{color:red}</style>", "<p>山田 太郎 様</p>", "<b>x = y</b>",
        '<blockquote type="cite"><p>When?</p></blockquote>')  # fmt: skip
WORDS = {
    "utf-8": JAPANESE, "iso-2022-jp": JAPANESE, "shift_jis": JAPANESE, "euc-jp": JAPANESE,
    "us-ascii": ENGLISH, "iso-8859-1": LATIN, "": ENGLISH,
}  # fmt: skip
BOUNDARIES = ("b", "b-", "bb", "=_1", "=_12", "=_1=", "----=_Part 1 2.3", "x" * 70)
KINDS = ("mixed", "alternative", "related", "x-unknown")
MARKED = f"登録はこちら: {MARKER}"


@dataclass(frozen=True)
class Wire:
    """How a mail is written. ``boundaries``: those that no multipart around has taken."""

    eol: str = CRLF
    boundaries: tuple[str, ...] = BOUNDARIES


@st.composite
def texts(draw: st.DrawFn, wire: Wire) -> bytes:
    charset = draw(st.sampled_from(sorted(WORDS)))
    words = (*WORDS[charset], MARKER) if draw(st.integers(0, 9)) == 0 else WORDS[charset]
    text = "\n".join(draw(st.lists(st.sampled_from(words), max_size=12)))
    label = f"; charset={charset}" if charset else ""
    return _leaf(draw, f"text/plain{label}", text, charset=charset or "ascii", wire=wire)


@st.composite
def pages(draw: st.DrawFn, wire: Wire) -> bytes:
    charset = draw(st.sampled_from(("utf-8", "iso-2022-jp", "shift_jis", "euc-jp")))
    inside = "\n".join(draw(st.lists(st.sampled_from(TAGS), max_size=10)))
    page = draw(st.sampled_from((f"<html><body>{inside}</body></html>\n", inside)))
    return _leaf(draw, f"text/html; charset={charset}", page, charset=charset, wire=wire)


def _leaf(draw: st.DrawFn, kind: str, text: str, *, charset: str, wire: Wire) -> bytes:
    data = text.replace("\n", wire.eol).encode(charset)
    small = charset in ("ascii", "us-ascii", "iso-2022-jp")
    encoding = draw(st.sampled_from(("quoted-printable", "base64", "7bit" if small else "8bit")))
    fields = draw(st.sampled_from(("", "", "", "Content-Disposition: inline\n", "X-A: b\n c\n")))
    return leaf(kind, data, encoding=encoding, fields=fields, eol=wire.eol)


@st.composite
def attachments(draw: st.DrawFn, wire: Wire) -> bytes:
    kind = draw(st.sampled_from(("application/pdf", "image/png", "text/plain; charset=utf-8")))
    data = draw(st.binary(max_size=200))
    fields = draw(
        st.sampled_from(
            (
                'Content-Disposition: attachment; filename="a.pdf"\n',
                "Content-Disposition: inline; filename*=utf-8''%E5%B1%A5.pdf\n",
                "Content-Disposition: attachment\nContent-ID: <a@b>\n",
            )
        )
    )
    return leaf(kind, data, encoding="base64", fields=fields, eol=wire.eol)


@st.composite
def attached_mails(draw: st.DrawFn, wire: Wire) -> bytes:
    inner = mail(draw(texts(wire)), eol=wire.eol)
    return lines("Content-Type: message/rfc822\n\n", wire.eol) + inner


@st.composite
def parts(draw: st.DrawFn, wire: Wire, depth: int) -> bytes:
    makers = [texts, texts, pages, pages, attachments, attached_mails]
    if depth and draw(st.integers(0, 2)):
        return draw(multiparts(wire, depth))
    return draw(draw(st.sampled_from(makers))(wire))


@st.composite
def multiparts(draw: st.DrawFn, wire: Wire, depth: int) -> bytes:
    boundary = draw(st.sampled_from(wire.boundaries))
    inner = replace(wire, boundaries=tuple(b for b in wire.boundaries if b != boundary))
    return multipart(
        draw(st.sampled_from(KINDS)),
        *draw(st.lists(parts(inner, depth - 1), min_size=1, max_size=4)),
        boundary=boundary,
        preamble=draw(st.sampled_from(("", "", "This is MIME.\n"))),
        epilogue=draw(st.sampled_from(("", "", "\nA footer.\n"))),
        eol=wire.eol,
    )


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    """A mail that is in order, whatever its shape."""
    wire = Wire(eol=draw(st.sampled_from((CRLF, CRLF, "\n"))))
    return mail(draw(parts(wire, 3)), eol=wire.eol)


NOISE = (
    *(b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b"=", b"==", b"\x1b$B", b"\x1b(B", b"<", b"<!--"),
    *(b"--b", b"--b--", b"\r\n--b\r\n", b"\r\n\r\n", b"; charset=", b'"', b"(", b":", b"</body>"),
    *(MARKER.encode(), b"Content-Type: text/html\r\n", b"From ", b"> ", b" ", b"=3D", b"<table>"),
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A mail that something happened to on its way."""
    message = draw(mails())
    for _ in range(draw(st.integers(1, 4))):
        message = _damage(draw, message)
    return message


def _damage(draw: st.DrawFn, message: bytes) -> bytes:
    if not message:
        return message
    at = draw(st.integers(0, len(message) - 1))
    how = draw(st.sampled_from(("flip", "cut", "drop", "noise", "noise", "double", "remove")))
    if how == "flip":
        return (
            message[:at] + bytes([message[at] ^ 1 << draw(st.integers(0, 7))]) + message[at + 1 :]
        )
    if how == "cut":
        return message[:at]
    if how == "drop":
        return message[:at] + message[at + 1 :]
    if how == "noise":
        return message[:at] + draw(st.sampled_from(NOISE)) + message[at:]
    all_lines = message.splitlines(keepends=True)
    number = draw(st.integers(0, len(all_lines) - 1))
    copies = all_lines[number : number + 1] * (2 if how == "double" else 0)
    return b"".join([*all_lines[:number], *copies, *all_lines[number + 1 :]])


def soups() -> st.SearchStrategy[bytes]:
    """Pieces of mails in no order at all."""
    pieces = (
        *NOISE,
        HEADER.encode(),
        encoded(b"Dear", "base64"),
        b"multipart/mixed",
        b"boundary=b",
    )
    return st.lists(st.sampled_from(pieces), max_size=40).map(b"".join)
