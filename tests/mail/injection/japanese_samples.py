"""Rejection mails as Japanese ATSs, mail programs and phones make them; every person is invented.

The house's own templates, in four charsets, three shapes and three transfer encodings, each once as
a new mail and once as a reply with the quote of Outlook or of Gmail, some with a marker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import product
from pathlib import Path

from tests.mail.conftest import VALUES

from .cases import HEADER, POLICY, leaf, lines, mail, multipart

TEMPLATES = Path(__file__).parents[3] / "mail" / "templates" / "ja"
LETTERS = (
    *("documents", "first_interview", "final_interview"),
    *("new_graduate", "mid_career", "part_time"),
)
CHARSETS = ("iso-2022-jp", "shift_jis", "euc-jp", "utf-8")
SHAPES = ("text", "html", "alternative")
ENCODINGS = ("plain", "quoted-printable", "base64")
RULES = ("―" * 20, "━" * 16, "-" * 30, "=" * 36, "◆◇" * 10, "＿" * 18, "*" * 40, "・‥…━" * 5)

ASKED = "お世話になっております。\n選考の結果はいつ頃いただけますでしょうか。"
QUOTES = (
    "-----Original Message-----\nFrom: 山田 花子 <hanako@example.jp>\n"
    f"Sent: Sunday, November 22, 2026 10:00 AM\nTo: 採用担当\nSubject: 選考について\n\n{ASKED}\n",
    "2026年11月22日(日) 10:00 山田 花子 <hanako@example.jp>:\n\n> " + ASKED.replace("\n", "\n> "),
    "________________________________\n差出人: 山田 花子 <hanako@example.jp>\n"
    f"送信日時: 2026年11月22日 10:00\n宛先: 採用担当\n件名: 選考について\n\n{ASKED}\n",
)
HTML_QUOTES = (
    '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p class="MsoNormal">'
    f"<b>差出人:</b> 山田 花子<br><b>件名:</b> 選考について</p></div></div><p>{ASKED}</p>",
    '<div class="gmail_quote"><div dir="ltr" class="gmail_attr">2026年11月22日(日) 10:00 山田 花子 '
    "&lt;hanako@example.jp&gt;:<br></div>"
    f'<blockquote class="gmail_quote">{ASKED}</blockquote></div>',
    f'<div id="divRplyFwdMsg" dir="ltr"><b>差出人:</b> 山田 花子</div><div>{ASKED}</div>',
)


@dataclass(frozen=True)
class Sample:
    """``above``, ``below``: the lines of text between which the paragraph belongs."""

    name: str
    message: bytes
    charset: str
    above: str
    below: str
    has_marker: bool = False


@dataclass(frozen=True)
class Letter:
    """One mail's words. ``link``: what stands where the template has the paragraph; or nothing."""

    body: str
    signature: str
    quote: str = ""
    html_quote: str = ""

    @property
    def text(self) -> str:
        return "\n\n".join(filter(None, (self.body, self.signature, self.quote))) + "\n"

    @property
    def html(self) -> str:
        paragraphs = "\n".join(f"<p>{_broken(p)}</p>" for p in self.body.split("\n\n"))
        signature = f'<div id="Signature"><p>{_broken(self.signature)}</p></div>'
        body = f"{paragraphs}\n{signature}\n{self.html_quote}"
        return f'<html lang="ja"><body>\n{body}\n</body></html>\n'


def _broken(text: str) -> str:
    return escape(text).replace("\n", "<br>\n")


def letter(number: int, *, is_reply: bool, has_marker: bool) -> Letter:
    """The words of the sample of that number."""
    body = _filled(LETTERS[number % len(LETTERS)], POLICY.marker if has_marker else "")
    signature = _filled("signature", "").strip()
    rule = RULES[number % len(RULES)]
    signature = re.sub("(?m)^―+$", rule, signature)
    at = number % len(QUOTES)
    quote, html_quote = (QUOTES[at], HTML_QUOTES[at]) if is_reply else ("", "")
    return Letter(body.strip(), signature, quote, html_quote)


def _filled(name: str, block: str) -> str:
    text = (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")
    if text.startswith("Subject:"):
        text = text.partition("\n\n")[2]
    text = re.sub(r"(?m)^\{\{[#/^]\w+\}\}\n", "", text).replace("{{signature}}", "")
    text = text.replace("{{relay_block}}", block)
    text = re.sub(r"\{\{(\w+)\}\}", lambda found: VALUES.get(found[1], found[0]), text)
    return re.sub(r"\n{3,}", "\n\n", text)


def samples() -> Iterator[Sample]:
    """All of them, always the same."""
    combinations = product(CHARSETS, SHAPES, ENCODINGS, (False, True))
    for number, (charset, shape, encoding, is_reply) in enumerate(combinations):
        has_marker = number % 5 == 2
        words = letter(number, is_reply=is_reply, has_marker=has_marker)
        above, below = words.body.split("\n")[-1], words.signature.split("\n")[0]
        if has_marker:
            before, _, behind = words.body.partition(POLICY.marker)
            above, below = before.strip().split("\n")[-1], behind.strip().split("\n")[0]
        kind = "reply" if is_reply else "new"
        yield Sample(
            f"{number:02d}-{charset}-{shape}-{encoding}-{kind}",
            mail(_shaped(words, shape, charset, encoding)),
            charset,
            above,
            below,
            has_marker,
        )
    yield from carriers()


def _shaped(words: Letter, shape: str, charset: str, encoding: str) -> bytes:
    if encoding == "plain":
        encoding = "7bit" if charset == "iso-2022-jp" else "8bit"
    plain = leaf(f"text/plain; charset={charset}", words.text, charset=charset, encoding=encoding)
    html = leaf(f"text/html; charset={charset}", words.html, charset=charset, encoding=encoding)
    both = {"text": plain, "html": html}
    return both.get(shape) or multipart("alternative", plain, html)


def carriers() -> Iterator[Sample]:
    """What phones, gateways and old programs of Japanese carriers do to a text."""
    words = letter(5, is_reply=False, has_marker=False)
    above, below = words.body.split("\n")[-1], words.signature.split("\n")[0]
    dotted = HEADER.replace("taro@example.jp", "taro..yamada.@example.jp")

    def sample(
        name: str,
        kind: str,
        body: bytes,
        charset: str,
        *,
        encoding: str = "7bit",
        header: str = HEADER,
    ) -> Sample:
        message = mail(leaf(kind, body, encoding=encoding), header=header)
        return Sample(name, message, charset, above, below)

    jis, sjis = lines(words.text, charset="iso-2022-jp"), lines(words.text, charset="shift_jis")
    first = "様\r\n".encode("iso-2022-jp")
    kana, emoji = b"\x1b(I161@6\x1b(B", b"\x1b$Bu:uA\x1b(B"
    plain = "text/plain; charset=iso-2022-jp"
    yield sample(
        "half-width kana, no end of line, dots in the address",
        plain,
        jis.replace(first, first + kana + b"\r\n").rstrip(),
        "iso-2022-jp",
        header=dotted,
    )
    yield sample("pictures beyond JIS", plain, jis.replace(first, first + emoji), "iso-2022-jp")
    yield sample("JIS-Roman", plain, jis.replace(b"\x1b(B", b"\x1b(J"), "iso-2022-jp")
    yield sample("JIS of 1978", plain, jis.replace(b"\x1b$B", b"\x1b$@"), "iso-2022-jp")
    yield sample(
        "charset in capitals and quotes", 'TEXT/PLAIN; CHARSET="ISO-2022-JP"', jis, "iso-2022-jp"
    )
    flowed = jis.replace(b"\x1b(B\r\n", b"\x1b(B \r\n", 1)
    yield sample("flowed", f"{plain}; format=flowed; delsp=yes", flowed, "iso-2022-jp")
    picture = "様\r\n".encode("shift_jis")
    plain = "text/plain; charset=Shift_JIS"
    yield sample(
        "pictures in the vendor's rows",
        plain,
        sjis.replace(picture, picture + b"\xf8\x9f\xf9\xfc"),
        "shift_jis",
        encoding="8bit",
    )
    yield sample(
        "pictures as escapes",
        plain,
        sjis.replace(picture, picture + b"\x1b$Gj\x0f"),
        "shift_jis",
        encoding="8bit",
    )
    signed = sjis.replace("株式会社".encode("shift_jis"), "㈱".encode("cp932"))
    yield sample("signs of Windows", plain, signed, "shift_jis", encoding="8bit")
