"""The bytes: read back by the standard library and by an independent parser."""

from __future__ import annotations

import email
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.policy import default as modern
from html.parser import HTMLParser

import fast_mail_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careerrelay.mail.compose import LOCALES, NOTICES, Kind, load_template, render, usual_block
from careerrelay.mail.message import Mail, Mailbox, build_message, html_part
from careerrelay.models.errors import TemplateError

NOW = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
SENDER = Mailbox("saiyo@example.jp", "株式会社みほん 採用担当")
TO = Mailbox("hanako@example.com", "山田 花子")
STOP = "https://relay.example.jp/s/" + "a" * 60
PLAIN = Mail("件名", "本文")


def build(mail: Mail = PLAIN, **changes) -> bytes:
    options = {
        "sender": SENDER,
        "to": TO,
        "message_id": "<d1@relay.example.jp>",
        "date": NOW,
        "locale": "ja",
    } | changes
    return build_message(mail, **options)


def lines(text: str) -> list[str]:
    return text.rstrip("\r\n").replace("\r\n", "\n").split("\n")


def decoded(encoded: str) -> str:
    """RFC 2047 as the older half of the standard library reads it."""
    return str(make_header(decode_header(encoded)))


def header(raw: bytes, name: str) -> str:
    return str(email.message_from_bytes(raw, policy=modern)[name])


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", Kind)
def test_two_parsers_read_every_shipped_mail_alike(kind, locale, values_for):
    mail = render(
        load_template(kind, locale=locale), values=values_for(locale), relay=usual_block(kind)
    )
    raw = build(mail, locale=locale, unsubscribe_url=STOP if kind in NOTICES else None)
    stdlib = email.message_from_bytes(raw, policy=modern)
    other = fast_mail_parser.parse_email(raw)
    assert stdlib["Subject"] == other.subject == mail.subject
    plain, html = stdlib.get_body(("plain",)), stdlib.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert lines(plain.get_content()) == lines(mail.text)
    assert lines(html.get_content()) == lines(mail.html or "")
    assert [lines(text) for text in other.text_plain] == [lines(mail.text)]
    assert [lines(text) for text in other.text_html] == [lines(mail.html or "")]
    assert stdlib.get_content_type() == "multipart/alternative"
    assert not stdlib.defects


def test_message_is_seven_bit_with_short_crlf_lines(values_for):
    mail = render(
        load_template(Kind.DOCUMENTS, locale="ja"),
        values=values_for("ja"),
        relay=usual_block(Kind.DOCUMENTS),
    )
    raw = build(mail, unsubscribe_url="https://relay.example.jp/s/" + "a" * 800)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert b"format=flowed" not in raw
    assert raw.count(b'charset="utf-8"') == 2


def test_one_click_unsubscribe_is_one_whole_line():
    lines = build(unsubscribe_url=STOP).split(b"\r\n")
    assert f"List-Unsubscribe: <{STOP}>".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines


def test_without_a_stop_link_there_is_no_unsubscribe_header():
    assert b"List-Unsubscribe" not in build()


@pytest.mark.parametrize(
    "url",
    ["http://relay.example.jp/s", "mailto:a@example.jp", "https://x/>\r\nBcc: a", "https://x/あ",
     "https://x/" + "a" * 900],
)  # fmt: skip
def test_unsubscribe_address_must_be_https_ascii_and_short(url):
    with pytest.raises(TemplateError, match="List-Unsubscribe"):
        build(unsubscribe_url=url)


def test_trial_on_this_machine_may_unsubscribe_over_http():
    assert b"<http://127.0.0.1:5000/s/a>" in build(unsubscribe_url="http://127.0.0.1:5000/s/a")


def test_same_message_id_gives_the_same_bytes():
    """A second attempt must be the same message, boundary included."""
    mail = Mail("件名", "本文", "<p>本文</p>")
    assert build(mail) == build(mail)
    assert b"Message-ID: <d1@relay.example.jp>\r\n" in build(mail)


def test_operator_mail_says_that_a_program_wrote_it():
    assert header(build(automatic=True), "Auto-Submitted") == "auto-generated"
    assert b"Auto-Submitted" not in build()


def test_mailbox_without_a_name_is_the_address_alone():
    assert b"\r\nTo: hanako@example.com\r\n" in build(to=Mailbox("hanako@example.com"))


def test_reply_goes_to_a_person():
    raw = build(reply_to=Mailbox("saiyo@example.jp", "採用担当"))
    assert header(raw, "Reply-To") == "採用担当 <saiyo@example.jp>"


def test_encoded_words_are_at_most_75_and_lines_76_long():
    raw = build(
        Mail("【株式会社みほん】" * 12, "本文"), sender=Mailbox("a@example.jp", "名前" * 60)
    )
    head = raw.partition(b"\r\n\r\n")[0]
    words = re.findall(rb"=\?.*?\?=", head)
    assert len(words) > 6
    assert max(map(len, words)) <= 75
    assert max(map(len, head.split(b"\r\n"))) <= 76
    for word in words:
        assert "\ufffd" not in str(decoded(word.decode()))


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=120)
)
@settings(deadline=None)
def test_any_subject_and_name_come_back(text):
    if not text.strip():
        return
    raw = build(Mail(text, "x"), to=Mailbox("hanako@example.com", text))
    assert raw.isascii()
    head = email.message_from_bytes(raw)
    assert decoded(head["Subject"]) == text
    assert fast_mail_parser.parse_email(raw).subject.strip() == text.strip()
    name, _, address = head["To"].rpartition("\r\n <")
    assert address == "hanako@example.com>"
    assert name.startswith('"') or decoded(name) == text


@pytest.mark.parametrize("name", ['Yamada, "Hana" Hanako', "a@b.example", "back\\slash"])
def test_names_with_signs_stay_names(name):
    raw = build(to=Mailbox("hanako@example.com", name))
    (address,) = email.message_from_bytes(raw, policy=modern)["To"].addresses
    assert (address.display_name, address.addr_spec) == (name, "hanako@example.com")


def test_carrier_address_is_quoted_in_the_header():
    raw = build(to=Mailbox("abc..def@docomo.ne.jp", "山田 花子"))
    assert b'<"abc..def"@docomo.ne.jp>' in raw
    assert email.message_from_bytes(raw, policy=modern)["To"].addresses[0].domain == "docomo.ne.jp"


INJECTIONS = ["a\r\nBcc: evil@example.com", "a\nBcc: x", "a\rb", "a\x00b", "a\u2028b"]


@pytest.mark.parametrize("bad", INJECTIONS)
@pytest.mark.parametrize(
    "where", ["subject", "name", "sender", "address", "reply_to", "message_id"]
)
def test_no_header_can_be_injected(bad, where):
    changes: dict = {
        "subject": {"mail": Mail(bad, "x")},
        "name": {"to": Mailbox("hanako@example.com", bad)},
        "sender": {"sender": Mailbox("a@example.jp", bad)},
        "address": {"to": Mailbox(f"{bad}@example.com")},
        "reply_to": {"reply_to": Mailbox("a@example.jp", bad)},
        "message_id": {"message_id": f"<{bad}@x>"},
    }[where]
    with pytest.raises(TemplateError):
        build(**changes)


@pytest.mark.parametrize(
    "address", ["a@b.example, c@d.example", "花子@example.jp", "nobody", "<a@b>"]
)
def test_address_that_is_not_one_address_is_refused(address):
    with pytest.raises(TemplateError, match="To"):
        build(to=Mailbox(address))


def test_empty_subject_is_refused():
    with pytest.raises(TemplateError, match="Subject"):
        build(Mail(" ", "x"))


def test_naive_date_is_a_programming_error():
    with pytest.raises(ValueError, match="aware"):
        build(date=datetime(2026, 11, 24))  # noqa: DTZ001 - the mistake under test


class Reader(HTMLParser):
    """What a browser or a screen reader gets."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.lang: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag == "html":
            self.lang = dict(attrs)["lang"]


def read(text: str, *, subject: str = "件名") -> tuple[Reader, str]:
    html = html_part(text, subject=subject, locale="ja")
    reader = Reader()
    reader.feed(html)
    return reader, html


def test_html_has_language_headings_and_real_links():
    reader, html = read(
        "山田 様\n\n■ ご案内\n一行目\n\nhttps://relay.example.jp/r/a?b=1&c=2\n\n――――\n会社"
    )
    assert reader.lang == "ja"
    assert reader.links == ["https://relay.example.jp/r/a?b=1&c=2"]
    assert {"h2", "p", "hr", "title"} <= set(reader.tags)
    assert "<p>一行目</p>" in html


def test_html_escapes_everything_a_person_typed():
    reader, html = read("<script>alert(1)</script> 様\n\n\"&'", subject="</title><b>")
    assert not {"script", "b"} & set(reader.tags)
    assert "&lt;script&gt;" in html


def test_html_fetches_nothing():
    reader, _ = read("本文\n\nhttps://relay.example.jp/r/a")
    assert not {"img", "link", "script", "iframe", "style"} & set(reader.tags)


def test_url_inside_a_sentence_is_no_link():
    assert read("見てね https://evil.example です")[0].links == []
