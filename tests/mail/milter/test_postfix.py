"""A real Postfix asks our milter and then a signing one: link and signature arrive."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from careerrelay.mail.injection import Status
from tests.mail.judges import compare, read_all, require_judges
from tests.mail.milter.desks import PARAGRAPH, URL, FakeDesk, running_milter
from tests.support.dkim import judged_by_dkimpy, judged_by_perl, records, rsa_key
from tests.support.mailbox import Mailbox, running_mailbox
from tests.support.opendkim import SELECTOR, require_opendkim, running_opendkim
from tests.support.postfix import Postfix, require_postfix, running_postfix

LETTER = (
    "Received: from ats.example.com by one.example.com; Wed, 4 Nov 2026 12:00:00 +0900\r\n"
    "Received: from app.example.com by ats.example.com;\r\n"
    "\tWed, 4 Nov 2026 11:59:58 +0900\r\n"
    "Message-ID: <1@ats.example.com>\r\nDate: Wed, 4 Nov 2026 12:00:00 +0900\r\n"
    "From: =?utf-8?b?5o6h55So5ouF5b2T?= <hr@example.jp>\r\nTo: taro@example.com\r\n"
    "Subject: =?utf-8?b?6YG46ICD57WQ5p6c44Gu44GU6YCj57Wh?=\r\n"
    " =?utf-8?b?77yI5rOV5Lq65Za25qWt77yJ?=\r\n"
    "X-Empty:\r\nX-Note:no blank\r\nX-Note:  two blanks\r\n"
    'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="b1"\r\n\r\n'
    "--b1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "お世話になっております。\r\n\r\n{{career_relay_link}}\r\n\r\n.\r\n採用担当\r\n"
    "--b1\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "<html><body><p>お世話になっております。</p><p>{{career_relay_link}}</p></body></html>\r\n"
    "--b1--\r\n"
).encode()
PLAIN = b"From: hr@example.jp\r\nTo: taro@example.com\r\nSubject: News\r\n\r\nNothing new.\r\n"


@contextmanager
def passing(
    desk: FakeDesk, *, signs: str = "after", **settings: str
) -> Iterator[tuple[Postfix, Mailbox]]:
    """Postfix with our milter, and opendkim after or before it, or none."""
    require_postfix()
    require_judges()
    with ExitStack() as stack:
        box = stack.enter_context(running_mailbox())
        place = stack.enter_context(running_milter(desk))
        ours = f"{{ inet:127.0.0.1:{place.port}, default_action=tempfail }}"
        milters = [ours]
        if signs:
            require_opendkim()
            signing = stack.enter_context(running_opendkim())
            milters.insert(1 if signs == "after" else 0, signing)
        postfix = stack.enter_context(
            running_postfix(next_hop=box.port, milters=milters, settings=settings)
        )
        yield postfix, box


def arrived(postfix: Postfix, box: Mailbox, message: bytes, **how: object) -> bytes:
    postfix.send(message, **how)  # type: ignore[arg-type] - keywords of send
    postfix.wait_until_empty()
    return box.messages[-1].content


def own_part(received: bytes) -> bytes:
    """From the ATS's first field on; what stands above was put there on the way."""
    return received[received.index(b"Received: from ats.example.com") :]


def test_link_arrives_nothing_else_changes_and_the_signature_after_it_holds() -> None:
    desk = FakeDesk()
    with passing(desk) as (postfix, box):
        received = arrived(postfix, box, LETTER, options=["BODY=8BITMIME"])
        assert (desk.told[0].result.status, desk.told[0].reply.code) == (Status.REPLACED, 250)
        assert desk.asked == [("hr@example.jp", "127.0.0.1", False)]
        assert received.count(URL.encode()) == 3  # the text, and href and text of the anchor
        assert b"{{career_relay_link}}" not in received
        found = compare(
            read_all(LETTER), read_all(own_part(received)), paragraph=PARAGRAPH,
            result=desk.told[0].result,
        )  # fmt: skip
        assert found == []
        published = records(rsa_key(selector=SELECTOR))
        assert judged_by_dkimpy(received, published) == [True]
        assert judged_by_perl(received, published) == [("example.jp", "pass")]


def test_headers_keep_value_place_and_order() -> None:
    with passing(FakeDesk(), signs="") as (postfix, box):
        received = arrived(postfix, box, LETTER, options=["BODY=8BITMIME"])
    before, after = LETTER.split(b"\r\n\r\n")[0], own_part(received).split(b"\r\n\r\n")[0]
    assert after == before
    assert received.startswith(b"X-CareerRelay: v=1; s=replaced;")


def test_mail_that_is_not_to_be_linked_arrives_as_it_was_sent() -> None:
    desk = FakeDesk(account=None)
    with passing(desk, signs="") as (postfix, box):
        received = arrived(postfix, box, LETTER, options=["BODY=8BITMIME"])
    assert own_part(received) == LETTER
    assert desk.treated == []


def test_signature_made_before_the_link_is_put_in_does_not_hold() -> None:
    """The wrong order, shown: this is why our milter stands first."""
    with passing(FakeDesk(), signs="before") as (postfix, box):
        received = arrived(postfix, box, LETTER, options=["BODY=8BITMIME"])
    published = records(rsa_key(selector=SELECTOR))
    assert judged_by_dkimpy(received, published) == [False]
    assert judged_by_perl(received, published) == [("example.jp", "fail")]


def test_mta_that_takes_one_recipient_at_a_time_gives_each_a_link() -> None:
    desk = FakeDesk()
    to = ("taro@example.com", "hanako@example.com")
    with passing(desk, signs="", smtpd_recipient_limit="1") as (postfix, box):
        with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
            refused = client.sendmail("hr@example.jp", to, LETTER, ["BODY=8BITMIME"])
            assert refused["hanako@example.com"][0] == 452
            client.sendmail("hr@example.jp", list(refused), LETTER, ["BODY=8BITMIME"])
        postfix.wait_until_empty()
        assert [t.recipient for t in desk.told] == list(to)
        assert all(URL.encode() in mail.content for mail in box.messages)


def test_raw_marker_for_several_people_goes_back_to_the_sender() -> None:
    desk = FakeDesk()
    to = ("taro@example.com", "hanako@example.com")
    with passing(desk, signs="") as (postfix, box):
        with pytest.raises(smtplib.SMTPDataError, match="multi_rcpt") as caught:
            postfix.send(LETTER, to=to, options=["BODY=8BITMIME"])
        assert caught.value.smtp_code == 550
        assert box.messages == []
        assert [(t.recipient, t.result.code, t.reply.code) for t in desk.told] == [
            (address, "multi_rcpt", 550) for address in to
        ]


def test_milter_that_is_away_keeps_mails_back_for_a_while() -> None:
    require_postfix()
    with running_mailbox() as box:
        with running_milter(FakeDesk()) as place:
            port = place.port
        away = f"{{ inet:127.0.0.1:{port}, default_action=tempfail, connect_timeout=2s }}"
        with running_postfix(next_hop=box.port, milters=[away]) as postfix:
            with pytest.raises(smtplib.SMTPResponseException) as caught:
                postfix.send(PLAIN)
            assert caught.value.smtp_code == 451
        assert box.messages == []
