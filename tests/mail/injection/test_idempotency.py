"""Numbered corner cases H: a mail that was injected into is known again, by whatever is left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from careerrelay.mail.injection import MARKER, Paragraph, Policy, Status, inject, marked_link

from .cases import (
    CRLF,
    ENGLISH,
    PARAGRAPH,
    POLICY,
    URL,
    assert_injected,
    assert_untouched,
    leaf,
    lines,
    mail,
    multipart,
    without_our_header,
)

TEXT = "山田 太郎 様\n\n誠に残念ながら、今回はご期待に添えない結果となりました。\n"
PAGE = "<html><body><p>山田 太郎 様</p></body></html>\n"
PLAIN = leaf("text/plain; charset=utf-8", TEXT, encoding="8bit")
OTHER_URL = "https://relay.example.jp/r/other"
OTHER = Paragraph(f"Register\n{OTHER_URL}", OTHER_URL, "other", f"Register\n{OTHER_URL}")
ENCODINGS = ("8bit", "quoted-printable", "base64")


def mails(encoding: str) -> list[bytes]:
    text = leaf("text/plain; charset=utf-8", TEXT, encoding=encoding)
    page = leaf("text/html; charset=utf-8", PAGE, encoding=encoding)
    return [mail(text), mail(page), mail(multipart("alternative", text, page))]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_case_147_same_message_twice(encoding: str) -> None:
    for message in mails(encoding):
        after, _ = assert_injected(message, rewritten=160)
        assert_untouched(after, "marked", status=Status.ALREADY)
        assert_untouched(after, "marked", status=Status.ALREADY, paragraph=OTHER)


def test_case_147_replaced_marker_twice() -> None:
    message = mail(leaf("text/plain; charset=utf-8", f"{TEXT}\n{MARKER}\n", encoding="8bit"))
    after, _ = assert_injected(message, status=Status.REPLACED, rewritten=len(MARKER))
    assert_untouched(after, "marked", status=Status.ALREADY)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_case_148_link_in_the_text_without_our_header(encoding: str) -> None:
    for message in mails(encoding):
        bare = without_our_header(assert_injected(message, rewritten=160)[0])
        assert b"X-CareerRelay" not in bare
        assert_untouched(bare, "linked", status=Status.ALREADY)
        assert_untouched(bare, "linked", status=Status.ALREADY, paragraph=OTHER)


def test_case_148_only_this_link_is_looked_for_where_no_prefix_is_known() -> None:
    policy = Policy()
    after, _ = assert_injected(mail(PLAIN), policy=POLICY)
    bare = without_our_header(after)
    assert_untouched(bare, "linked", status=Status.ALREADY, policy=policy)
    assert inject(bare, OTHER, policy).status is Status.INJECTED


def test_case_149_reply_that_quotes_an_injected_text() -> None:
    quoted = "\n".join(f"> {line}" for line in PARAGRAPH.text.split("\n"))
    said = "On Sun, 22 Nov 2026 at 10:00, Hanako <hr@example.com> wrote:"
    text = f"Thank you for your question.\n\n{said}\n> Dear Taro,\n{quoted}\n"
    new = replace(PARAGRAPH, text=f"Register\n{OTHER_URL}", url=OTHER_URL,
                  ascii_text=f"Register\n{OTHER_URL}")  # fmt: skip
    message = mail(leaf("text/plain; charset=utf-8", text, encoding="8bit"))
    after, _ = assert_injected(message, paragraph=new)
    assert after.index(OTHER_URL.encode()) < after.index(said.encode()) < after.index(URL.encode())


def test_case_149_reply_that_quotes_an_injected_page() -> None:
    quoted = f'<blockquote type="cite"><p>Dear Taro,</p><a href="{URL}">{URL}</a></blockquote>'
    page = f"<html><body><p>Thank you.</p>{quoted}</body></html>\n"
    message = mail(leaf("text/html; charset=utf-8", page, encoding="8bit"))
    after, _ = assert_injected(message, paragraph=OTHER)
    assert after.index(OTHER_URL.encode()) < after.index(b"<blockquote") < after.index(URL.encode())


FORGED = "X-CareerRelay: v=1; s=injected; c=append; id=Ab3-xY;\n m=" + "0" * 32


@pytest.mark.parametrize(
    "forged",
    [
        FORGED,
        "X-CareerRelay: v=1",
        "x-careerRELAY:",
        f"{FORGED}\nX-CareerRelay: v=1; s=skipped",
        FORGED.replace("0", "\N{LATIN SMALL LETTER E WITH ACUTE}"),
    ],
)
def test_case_150_forged_header_is_taken_out(forged: str) -> None:
    for message in (mail(lines(f"{forged}\n") + PLAIN), lines(f"{forged}\n") + mail(PLAIN)):
        after, _ = assert_injected(message, rewritten=len(lines(f"{forged}\n")))
        assert after.lower().count(b"x-careerrelay:") == 1
        assert lines(f"{forged}\n") not in after


def test_case_150_header_of_another_message_or_key_is_forged() -> None:
    other = mail(PLAIN).replace(b"<1.2@", b"<3.4@")
    header = assert_injected(other)[0].partition(b"From:")[0]
    assert_injected(header + mail(PLAIN), rewritten=len(header))
    strange = Policy(mark_key=b"another key", url_prefix=POLICY.url_prefix)
    header = assert_injected(mail(PLAIN), policy=strange)[0].partition(b"From:")[0]
    assert_injected(header + mail(PLAIN), rewritten=len(header))


def test_case_150_without_a_key_no_header_is_believed() -> None:
    policy = Policy(url_prefix=POLICY.url_prefix)
    message = mail(PLAIN)
    after = inject(message, PARAGRAPH, policy).assemble(message)
    assert_untouched(after, "linked", status=Status.ALREADY, policy=policy)
    header = after.partition(b"From:")[0]
    again = header + message
    assert inject(again, PARAGRAPH, policy).assemble(again) == after


def test_case_150_message_id_that_was_folded_on_the_way_is_the_same() -> None:
    after, _ = assert_injected(mail(PLAIN))
    folded = after.replace(b"Message-ID: <", b"Message-ID:\r\n\t<")
    assert folded != after
    assert_untouched(folded, "marked", status=Status.ALREADY)


@pytest.mark.parametrize("eol", [CRLF, "\n"])
def test_case_151_same_message_and_link_give_the_same_bytes(eol: str) -> None:
    """The house gives one person one link for a message; the rest is no chance either."""
    content = leaf("text/plain; charset=utf-8", TEXT, encoding="quoted-printable", eol=eol)
    message = mail(content, eol=eol)
    assert inject(message, PARAGRAPH, POLICY) == inject(message, PARAGRAPH, POLICY)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_case_153_two_relays_in_a_row(encoding: str) -> None:
    """Each has its own key and its own link; trace headers and a list footer come in between."""
    second = Policy(mark_key=b"another key", url_prefix=POLICY.url_prefix)
    for message in mails(encoding):
        after, _ = assert_injected(message, rewritten=160)
        received = b"Received: from relay.example.jp by mx.example.com\r\n" + after
        assert_untouched(received, "marked", status=Status.ALREADY)
        assert_untouched(received, "linked", status=Status.ALREADY, paragraph=OTHER, policy=second)


def test_case_153_two_relays_and_a_marker() -> None:
    text = f"Dear Taro\n\n{MARKER}\n\nGoodbye\n"
    message = mail(leaf("text/plain; charset=utf-8", text, encoding="8bit"))
    after, _ = assert_injected(
        message, paragraph=ENGLISH, status=Status.REPLACED, rewritten=len(MARKER)
    )
    second = Policy(mark_key=b"another key", url_prefix=POLICY.url_prefix)
    assert_untouched(after, "linked", status=Status.ALREADY, policy=second)


def test_case_150_header_whose_name_only_begins_like_ours_stays() -> None:
    other = b"X-CareerRelay-Account: 7\r\n"
    after, _ = assert_injected(other + mail(PLAIN))
    assert other in after


def test_link_that_our_header_names_is_told_and_nobody_elses() -> None:
    after, _ = assert_injected(mail(PLAIN))
    assert marked_link(after, POLICY) == PARAGRAPH.link_id
    forged = lines(f"{FORGED}\n")
    assert marked_link(forged + after, POLICY) == PARAGRAPH.link_id
    for message in (mail(PLAIN), forged + mail(PLAIN), b"X-CareerRelay: v=1\r\n\r\n", b"no field"):
        assert marked_link(message, POLICY) == ""
    assert marked_link(after, replace(POLICY, mark_key=b"another")) == ""
