"""Our DKIM signatures, judged by two implementations that are not ours, and the keys behind them.

The numbers are those of the corner cases that the mail relay was designed along.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from dkim.canonicalization import Relaxed
from hypothesis import given
from hypothesis import strategies as st

from careerrelay.mail import dkim
from careerrelay.mail.dkim import DkimKey, aligned, author_domain, dns_record, resign
from careerrelay.mail.injection import Policy, Result, Status, inject
from careerrelay.models.errors import ConfigurationError
from tests.mail.milter.desks import PARAGRAPH, URL
from tests.support.dkim import (
    ed25519_key,
    judged_by_dkimpy,
    judged_by_perl,
    pem,
    records,
    rsa_key,
    rsa_pem,
)

AT = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
KEY = rsa_key()
OLD = rsa_key(selector="old")
VENDOR = rsa_key("ats.example.com")
HEAD = (
    b"Message-ID: <1@example.jp>\r\nDate: Wed, 4 Nov 2026 12:00:00 +0900\r\n"
    b"From: HR <hr@example.jp>\r\nTo: taro@example.com\r\nSubject: Result\r\n"
)
PLAIN = HEAD + b"\r\nHello,\r\n\r\nHR\r\n"


def signed(message: bytes, key: DkimKey = KEY, *, drop_foreign: bool = False) -> bytes:
    edits = resign(message, key=key, at=AT, drop_foreign=drop_foreign)
    return Result(Status.INJECTED, edits=edits).assemble(message)


def holds(message: bytes, *keys: DkimKey) -> None:
    """Every signature in it, for both judges."""
    published = records(*(keys or (KEY,)))
    by_dkimpy, by_perl = judged_by_dkimpy(message, published), judged_by_perl(message, published)
    assert by_dkimpy
    assert all(by_dkimpy)
    assert {result for _, result in by_perl} == {"pass"}


def body_hash(message: bytes) -> bytes:
    (top, *_) = resign(message, key=KEY, at=AT)
    found = re.search(rb"bh=([^;]+);", b"".join(top.replacement.split()))
    assert found is not None
    return base64.b64decode(found[1])


@pytest.mark.parametrize(
    "message",
    [
        PLAIN,
        HEAD + b"\r\n",
        HEAD + b"\r\n\r\n\r\n\r\n",
        HEAD + b"\r\ntext\r\n\r\n\r\n",
        HEAD + b"\r\nno end",
        HEAD + b"\r\n \t \r\n",
        HEAD + b"\r\ntabs\t\tand  blanks \t \r\nnext\t\r\n  \r\n",
        HEAD + "\r\nお世話になっております。\r\n".encode(),
        HEAD + "\r\nお世話になっております。\r\n".encode("shift_jis"),
        HEAD + b"\r\n" + base64.encodebytes(b"x" * 200_000).replace(b"\n", b"\r\n"),
        HEAD + b"\r\n" + b"two  blanks " * 20_000 + b"\r\n" + b" a\t b\r\n" * 20_000,
        HEAD.replace(b"Subject: Result", b"subject:\tfolded\r\n \t over \r\n\tlines  ")
        + b"\r\nx\r\n",
        HEAD.replace(b"Subject: Result", b"Subject:") + b"\r\nx\r\n",
        HEAD.replace(b"Subject: Result\r\n", b"") + b"\r\nno subject\r\n",
        HEAD + b"Cc: b@example.com\r\nReply-To: hr2@example.jp\r\nReferences: <0@x>\r\n\r\nx\r\n",
        HEAD + b"X-Dup: 1\r\nX-Dup: 2\r\nMIME-Version: 1.0\r\nMime-Version: 1.0\r\n\r\nx\r\n",
        "Subject: =?utf-8?b?6YG46ICD?= 選考\r\n".encode() + HEAD[:-17] + b"\r\nraw header\r\n",
    ],
)
def test_two_judges_accept_the_signature(message: bytes) -> None:
    holds(signed(message))


def test_blank_before_a_colon_is_no_obstacle() -> None:
    """dkimpy does not read such a header; Mail::DKIM does."""
    message = signed(HEAD.replace(b"Subject:", b"Subject \t:") + b"\r\nx\r\n")
    assert judged_by_perl(message, records(KEY)) == [("example.jp", "pass")]


def test_signature_with_ed25519_is_accepted() -> None:
    """By dkimpy, which asks libsodium; Mail::DKIM knows RSA only."""
    key = ed25519_key()
    message = signed(PLAIN, key)
    assert judged_by_dkimpy(message, records(key)) == [True]
    assert b"a=ed25519-sha256" in message
    assert dns_record(key).text.startswith("v=DKIM1; k=ed25519; h=sha256; p=")


def test_what_is_signed_cannot_be_changed_and_what_is_oversigned_not_added() -> None:
    message = signed(PLAIN + b"more\r\n")
    for old, new in (
        (b"Hello", b"Hullo"), (b"Subject: Result", b"Subject: Offer"), (b"taro@", b"jiro@"),
        (b"\r\nFrom:", b"\r\nSubject: second\r\nFrom:"), (b"\r\nFrom:", b"\r\nFrom: x@y\r\nFrom:"),
        (b"\r\nDate:", b"\r\nDate: x\r\nDate:"),
    ):  # fmt: skip
        changed = message.replace(old, new, 1)
        assert changed != message
        assert judged_by_dkimpy(changed, records(KEY)) == [False]


def test_lines_of_the_signature_are_short_and_it_stands_on_top() -> None:
    message = signed(HEAD + b"References: " + b"<a@b>\r\n " * 50 + b"<c@d>\r\n\r\nx\r\n")
    field = re.match(rb"DKIM-Signature:(?:.*\r\n)(?:[ \t].*\r\n)*", message)
    assert field is not None
    assert max(map(len, field[0].split(b"\r\n"))) <= 78
    assert b"t=1793761200;" in field[0]
    holds(message)


LINES = st.lists(st.text(" \tab.", max_size=8).map(str.encode), max_size=12)


@given(lines=LINES, ended=st.booleans(), chunk=st.integers(1, 20))
def test_body_is_hashed_as_dkimpy_reads_it(lines: list[bytes], ended: bool, chunk: int) -> None:
    # A last line that does not end is given its end on the way, unless it is blank.
    body = b"\r\n".join(lines) + (b"\r\n" if ended else b"x")
    with patch.object(dkim, "_CHUNK", chunk):
        seen = body_hash(HEAD + b"\r\n" + body)
    assert seen == hashlib.sha256(Relaxed.canonicalize_body(body)).digest()


NAMES = st.sampled_from(["Subject", "subject", "Cc", "X-Other", "List-Unsubscribe", "MIME-Version"])
WORDS = st.lists(st.sampled_from([" ", "\t", "\r\n ", "\r\n\t", "a", "b:", ";", "é"]), max_size=10)


@given(headers=st.lists(st.tuples(NAMES, WORDS), max_size=6))
def test_headers_are_signed_as_dkimpy_reads_them(headers: list[tuple[str, list[str]]]) -> None:
    """Folded, blank, doubled, in any case. A fold of blanks alone is no line to any reader."""
    text = "".join(f"{name}:{''.join(words)}x\r\n" for name, words in headers)
    message = text.encode() + HEAD + b"\r\nx\r\n"
    assert judged_by_dkimpy(signed(message), records(KEY)) == [True]


# Whose key, and for whom.


def test_key_of_another_domain_signs_nothing() -> None:
    assert resign(PLAIN, key=VENDOR, at=AT) == ()


@pytest.mark.parametrize(
    "message",
    [
        PLAIN.replace(b"\r\n", b"\n"),
        HEAD + b"\r\nbare\nline\r\n",
        HEAD + b"\r\nbare\rline\r\n",
        HEAD,
        HEAD.replace(b"From: HR <hr@example.jp>\r\n", b"") + b"\r\nx\r\n",
        b"",
    ],
)
def test_message_that_no_signature_would_help_is_not_signed(message: bytes) -> None:
    assert resign(message, key=KEY, at=AT) == ()


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        (b"hr@example.jp", "example.jp"),
        (b"HR <hr@Example.JP>", "example.jp"),
        (b'"a, <x@evil.example>" <hr@example.jp>', "example.jp"),
        (b"hr@example.jp (x@evil.example)", "example.jp"),
        (b"a@example.jp, b@example.jp", "example.jp"),
        (b"a@example.jp, b@other.example", ""),
        (b"<a@example.jp>, <b@other.example>", ""),
        (b"a" * 5000 + b"@example.jp", ""),
    ],
)
def test_author_is_the_one_domain_of_from(written: bytes, domain: str) -> None:
    assert author_domain(b"From: " + written + b"\r\n\r\n") == domain


def test_author_of_two_from_fields_or_none_is_nobody() -> None:
    assert author_domain(b"From: a@example.jp\r\nFrom: a@example.jp\r\n\r\n") == ""
    assert author_domain(b"\r\n") == ""


@pytest.mark.parametrize(
    ("one", "two", "is_aligned"),
    [
        ("example.jp", "example.jp", True),
        ("mail.example.jp", "Example.jp.", True),
        ("example.jp", "mail.example.jp", True),
        ("badexample.jp", "example.jp", False),
        ("", "", False),
        ("example.jp", "", False),
    ],
)
def test_alignment(one: str, two: str, is_aligned: bool) -> None:
    assert aligned(one, two) is is_aligned


def test_key_says_which_setting_cannot_work() -> None:
    good = rsa_pem()
    for values, told in (
        (("no_domain", "s", good), "domain"),
        (("a." * 130 + "jp", "s", good), "domain"),
        (("例え.jp", "s", good), "domain"),
        (("example.jp", "bad_selector", good), "selector"),
        (("example.jp", "s" * 64, good), "selector"),
        (("example.jp", "s", "no key"), "without a pass phrase"),
        (("example.jp", "s", pem(ec.generate_private_key(ec.SECP256R1()))), "RSA of 2048"),
        (("example.jp", "s", rsa_pem(1024)), "RSA of 2048"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            DkimKey(*values)


def test_key_is_never_shown_and_published_as_one_record() -> None:
    assert "PRIVATE" not in repr(KEY)
    assert DkimKey("Example.JP", "CR1", rsa_pem()) == KEY
    record = dns_record(KEY)
    assert record.name == "cr1._domainkey.example.jp"
    assert record.text.startswith("v=DKIM1; k=rsa; h=sha256; p=MII")


# The corner cases.

OWN_KEY = Policy(next_hop_signs=False, signing_domains=frozenset({"example.jp"}))
NOBODY = Policy(next_hop_signs=False)
MARKED = (
    HEAD + b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"
    b"\r\nHello,\r\n\r\n{{career_relay_link}}\r\n\r\nHR\r\n"
)


def relayed(message: bytes, policy: Policy = OWN_KEY) -> bytes:
    """Injected, then signed with the company's key."""
    result = inject(message, PARAGRAPH, policy)
    assert result.status is Status.REPLACED
    return signed(result.assemble(message))


def signature_domains(message: bytes) -> list[bytes]:
    return re.findall(rb"\bd=([^;]+);", b"".join(message.partition(b"\r\n\r\n")[0].split()))


def test_case_142_aligned_signature_is_dropped_and_a_new_one_verifies() -> None:
    before = signed(MARKED, OLD)
    holds(before, OLD)
    after = relayed(before)
    assert URL.encode() in after
    assert after.count(b"DKIM-Signature:") == 1
    assert b"s=cr1;" in after
    holds(after)


def with_foreign(message: bytes = MARKED) -> bytes:
    """Signed by the ATS's vendor for its own domain."""
    by_vendor = message.replace(b"hr@example.jp", b"hr@ats.example.com")
    made = resign(by_vendor, key=VENDOR, at=AT)[0].replacement
    return made + message


def test_case_143_foreign_signature_is_left_alone_where_nobody_signs_after_us() -> None:
    message = with_foreign()
    for policy in (NOBODY, OWN_KEY):
        result = inject(message.replace(b"{{career_relay_link}}", b""), PARAGRAPH, policy)
        assert (result.status, result.code, result.edits) == (Status.REFUSED, "dkim_foreign", ())
    # With a marker in it, it must not go on at all.
    held = inject(message, PARAGRAPH, NOBODY)
    assert (held.code, held.notes, held.hold) == ("token_left", ("dkim_foreign",), True)
    assert inject(message, PARAGRAPH, Policy()).status is Status.REPLACED


def test_foreign_signature_is_dropped_only_on_demand() -> None:
    message = with_foreign(PLAIN)
    assert signature_domains(signed(message)) == [b"example.jp", b"ats.example.com"]
    assert signature_domains(signed(message, drop_foreign=True)) == [b"example.jp"]
    holds(signed(message, drop_foreign=True))


def test_signature_without_a_domain_is_foreign() -> None:
    message = b"DKIM-Signature: v=1; b=x\r\n" + PLAIN
    assert signed(message).count(b"DKIM-Signature:") == 2
    assert inject(message, PARAGRAPH, OWN_KEY).code == "dkim_foreign"


def test_case_144_signature_over_a_part_of_the_body_is_as_any_other() -> None:
    own = signed(MARKED, OLD).replace(b" d=example.jp;", b" d=example.jp; l=5;")
    after = relayed(own)
    assert b"l=5" not in after
    holds(after)
    foreign = with_foreign().replace(b" d=ats.example.com;", b" d=ats.example.com; l=5;")
    plain = foreign.replace(b"{{career_relay_link}}", b"")
    assert inject(plain, PARAGRAPH, OWN_KEY).code == "dkim_foreign"


def test_case_145_arc_sets_are_kept_and_none_is_added() -> None:
    chain = (
        b"ARC-Seal: i=1; a=rsa-sha256; d=first.example; s=a; cv=none; b=eA==\r\n"
        b"ARC-Message-Signature: i=1; a=rsa-sha256; d=first.example; s=a;\r\n"
        b"\th=from:to; bh=eA==; b=eA==\r\n"
        b"ARC-Authentication-Results: i=1; first.example; spf=pass\r\n"
    )
    after = relayed(chain + MARKED)
    assert chain in after
    assert after.lower().count(b"\r\narc-") == 3
    holds(after)


def test_case_146_one_click_unsubscribe_is_kept_and_covered() -> None:
    both = (
        b"List-Unsubscribe: <https://example.jp/u/1>,\r\n <mailto:u@example.jp>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    )
    after = relayed(both + MARKED)
    assert both in after
    holds(after)
    names = re.search(rb"h=([^;]+);", b"".join(after.split()))
    assert names is not None
    assert {b"list-unsubscribe", b"list-unsubscribe-post"} <= set(names[1].split(b":"))
    for old in (b"https://example.jp/u/1", b"One-Click"):
        assert judged_by_dkimpy(after.replace(old, b"x"), records(KEY)) == [False]
