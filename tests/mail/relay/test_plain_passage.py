"""What passes a relay when nothing is wrong."""

from __future__ import annotations

import asyncio
import smtplib
from dataclasses import replace

import pytest
import structlog
from aiosmtpd.smtp import SMTP

from careerrelay.mail.relay.desk import Passing, Treatment
from careerrelay.mail.relay.house import House
from careerrelay.mail.relay.session import RelaySession
from tests.mail.relay.hop import Hop
from tests.mail.relay.relays import (
    MARKER,
    PLAIN,
    REJECTION,
    SENDER,
    TO,
    Relay,
    ToyDesk,
    account,
    linked,
    running_relay,
    settings,
    untouched,
)
from tests.support.mailbox import running_mailbox


def test_mail_that_is_none_of_ours_arrives_as_it_was_sent(relay: Relay, hop: Hop) -> None:
    assert relay.send(PLAIN) == "250 2.0.0 Ok: queued as NEXT1"
    taken = hop.only()
    assert taken.below_trace == PLAIN
    assert (taken.sender, taken.recipient) == (f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{TO}>")


def test_marker_becomes_the_link_and_the_house_hears_of_it(relay: Relay, hop: Hop) -> None:
    relay.desk.treatment = linked
    assert relay.send(REJECTION).startswith("250")
    content = hop.only().content
    assert b"https://relay.example.jp/r/taro" in content
    assert MARKER.encode() not in content
    assert relay.desk.told == [("mail-4", "replaced", 250)]


def test_library_client_and_library_server_get_on_with_the_relay() -> None:
    with running_mailbox() as box, running_relay(account(box.port)) as relay:
        relay.desk.treatment = linked
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=30) as client:
            client.ehlo()
            offered = {"8bitmime", "pipelining", "enhancedstatuscodes", "chunking", "smtputf8"}
            assert offered <= set(client.esmtp_features)
            assert client.esmtp_features["size"] == str(30 << 20)
            client.sendmail(SENDER, [TO], REJECTION)
            client.sendmail(SENDER, ["hanako@example.com"], REJECTION)
    assert [m.recipients for m in box.messages] == [[TO], ["hanako@example.com"]]
    for mail, name in zip(box.messages, (b"/r/taro", b"/r/hanako"), strict=True):
        assert mail.content.count(name) == 1


def test_old_client_without_extensions_is_served(relay: Relay, hop: Hop) -> None:
    with relay.client(hello=False) as client:
        assert client.say("HELO ats.example") == "250 relay.example.jp"
        assert client.send(PLAIN).startswith("250")
    assert b" with SMTP id " in hop.only().content


def test_empty_sender_passes(relay: Relay, hop: Hop) -> None:
    assert relay.send(PLAIN, sender="").startswith("250")
    assert hop.only().sender == "MAIL FROM:<>"


def test_connection_is_kept_for_more_than_one_mail(relay: Relay, hop: Hop) -> None:
    with relay.client() as client:
        for _ in range(3):
            assert client.send(PLAIN).startswith("250")
        assert client.say("QUIT").startswith("221")
    assert len(hop.taken) == 3


def test_mail_given_up_by_the_client_goes_nowhere(relay: Relay, hop: Hop) -> None:
    with relay.client() as client:
        client.begin()
        assert client.say("RSET").startswith("250")
        assert client.say("DATA").startswith("503")
        client.begin()
        client.say("DATA")
        client.write(PLAIN)
    assert relay.send(PLAIN).startswith("250"), "the relay is well"
    assert len(hop.taken) == 1


@pytest.mark.parametrize(
    "said",
    [
        "<a@example.jp>",
        "<a.b+c_d-e@mail.example.jp> SIZE=10 BODY=8BITMIME",
        "<a@example.jp>   SIZE=10 ",
        "<a@example.jp> (comment) SIZE=10",
        "<a@example.jp>SIZE=10",
        "<A@EXAMPLE.JP>",
        "<a@-example-.jp>",
        "<1@2>",
    ],
)
def test_plain_addresses_are_read_as_aiosmtpd_reads_all_others(said: str) -> None:
    house = House(ToyDesk(), settings())
    session = RelaySession(house, hostname="relay.example.jp", loop=asyncio.new_event_loop())
    try:
        assert session._getaddr(said) == SMTP._getaddr(session, said)
    finally:
        session.loop.close()


@pytest.mark.parametrize("message", [PLAIN, REJECTION])
def test_log_line_tells_which_mail_it_was_and_where_it_was_changed(
    relay: Relay, hop: Hop, message: bytes
) -> None:
    def treated(passing: Passing) -> Treatment:
        given = linked if MARKER.encode() in passing.message else untouched
        return replace(given(passing), mail="a keyed hash")

    relay.desk.treatment = treated
    with structlog.testing.capture_logs() as told:
        assert relay.send(message).startswith("250")
    (line,) = [line for line in told if line["event"] == "mail_passed"]
    assert line["message"] == "a keyed hash"
    assert line["size"] == len(message)
    grown = sum(put_in - (end - start) for start, end, put_in in line["spans"])
    assert len(hop.only().below_trace) == len(message) + grown
    assert bool(line["spans"]) == (message is REJECTION)
    assert line["milliseconds"] >= 0
