"""Cases 152, 158, 159, 167 and 168: no open relay, and each refusal says why."""

from __future__ import annotations

import pytest

from careerrelay.mail.relay.trace import received
from tests.mail.relay.hop import Hop, running_hop
from tests.mail.relay.relays import (
    NOW,
    PASSWORD,
    PLAIN,
    SENDER,
    TO,
    Relay,
    ToyDesk,
    account,
    running_relay,
    token,
    two_companies,
)

# Case 152.


def test_case_152_51_received_headers_are_a_loop(relay: Relay, hop: Hop) -> None:
    hops = b"Received: from a by b; Wed, 4 Nov 2026 12:00:00 +0900\r\n"
    assert relay.send(hops * 51 + PLAIN).startswith("554 5.4.6")
    assert hop.taken == []
    assert relay.send(hops * 49 + PLAIN).startswith("250")


def test_case_152_three_of_our_own_headers_are_a_loop(relay: Relay, hop: Hop) -> None:
    ours = received(
        helo="a", peer="192.0.2.1", by="relay.example.jp", protocol="ESMTPS", id_="1", now=NOW
    )
    assert relay.send(ours * 2 + PLAIN).startswith("250")
    assert relay.send(ours * 3 + PLAIN).startswith("554 5.4.6")


# Case 158.


@pytest.mark.parametrize("recipient", [TO, "other@elsewhere.example", SENDER])
def test_case_158_stranger_sends_nothing_anywhere(hop: Hop, recipient: str) -> None:
    with running_relay(account(hop.port), listed=False) as relay, relay.client() as client:
        assert client.say(f"MAIL FROM:<{SENDER}>").startswith("530 5.7.0 Sign in")
        assert client.say("MAIL FROM:<>").startswith("530")
        assert client.say(f"RCPT TO:<{recipient}>").startswith("503")
        assert client.say("DATA").startswith("503")
        client.write(f"BDAT {len(PLAIN)} LAST\r\n".encode() + PLAIN)
        assert client.reply().startswith("503")
    assert hop.seen == []


def test_case_158_mail_goes_to_the_fixed_next_hop_whatever_its_recipient(
    relay: Relay, hop: Hop
) -> None:
    for recipient in ("a@one.example", "b@[127.0.0.1]", "c%two.example@example.jp"):
        assert relay.send(PLAIN, to=recipient).startswith("250")
    assert len(hop.taken) == 3


# Case 159.


def test_case_159_login_of_one_company_with_the_from_of_another_is_refused(hop: Hop) -> None:
    forged = PLAIN.replace(f"<{SENDER}>".encode(), b"<ceo@other.example>")
    with running_relay(account(hop.port), desk=two_companies(hop.port), listed=False) as relay:
        with relay.client() as client:
            assert client.say(f"AUTH PLAIN {token()}").startswith("235")
            assert client.begin(sender="ceo@other.example").startswith("550 5.7.1")
            assert client.send(forged).startswith("550 5.7.1 The From address")
            assert client.send(PLAIN).startswith("250")
        with relay.client() as client:
            assert client.say(f"AUTH PLAIN {token('other', 'pass')}").startswith("235")
            assert client.send(PLAIN, sender="ceo@other.example").startswith("550")
            assert client.begin(sender="two@shared.example").startswith("550")
            assert client.begin(sender="One@Shared.example").startswith("250")
    assert len(hop.taken) == 1


@pytest.mark.parametrize(
    "author",
    [
        "",
        "From: ceo@other.example, saiyo@example.jp\r\n",
        "From: saiyo@example.jp\r\nFrom: ceo@other.example\r\n",
        "From: saiyo@example.jp <ceo@other.example>\r\n",
        'From: "a"@example.jp, ceo@other.example, "b" <saiyo@example.jp>\r\n',
        "From: ceo@other.example (saiyo@example.jp)\r\n",
        "From: nobody\r\n",
        f"From: {'<' * 5000}saiyo@example.jp\r\n",
        'From: "saiyo@example.jp\r\n ceo@other.example"\r\n',
    ],
)
def test_case_159_from_that_any_reader_could_take_for_another_is_refused(
    relay: Relay, hop: Hop, author: str
) -> None:
    message = PLAIN.replace(f"From: Saiyo <{SENDER}>\r\n".encode(), author.encode())
    assert message != PLAIN
    assert relay.send(message).startswith("550 5.7.1 The From address")
    assert hop.taken == []


@pytest.mark.parametrize(
    "author",
    [
        "From: saiyo@example.jp",
        "From: SAIYO@EXAMPLE.JP",
        'From: "hr@gmail.com (HR)" <saiyo@example.jp>',
        'From: "a b"@example.jp',
        "From: =?utf-8?B?5o6h55So?=\r\n <saiyo@example.jp>",
        "From: Group: saiyo@example.jp, hr@example.jp;",
    ],
)
def test_case_159_from_of_the_company_passes_however_it_is_written(
    relay: Relay, hop: Hop, author: str
) -> None:
    message = PLAIN.replace(f"From: Saiyo <{SENDER}>".encode(), author.encode())
    assert relay.send(message).startswith("250")
    assert hop.only().below_trace == message


def test_case_159_companies_that_share_an_address_are_told_apart_by_their_senders(
    hop: Hop,
) -> None:
    desk = two_companies(hop.port)
    desk.listed = list(desk.accounts.values())
    with running_relay(account(hop.port), desk=desk) as relay, relay.client() as client:
        assert client.say(f"MAIL FROM:<{SENDER}>").startswith("250")
        client.say("RSET")
        assert client.say("MAIL FROM:<ceo@other.example>").startswith("250")
        client.say("RSET")
        assert client.say("MAIL FROM:<x@third.example>").startswith("550")
        assert client.say("MAIL FROM:<>").startswith("530"), "nobody knows whose it is"


# Case 167.


def test_case_167_international_address_needs_a_next_hop_that_takes_it() -> None:
    address = "応募@例え.jp"
    with running_hop() as hop, running_relay(account(hop.port)) as relay:
        assert relay.send(PLAIN, to=address).startswith("553 5.6.7"), "not announced"
        told = relay.send(PLAIN, to=address, options=" SMTPUTF8")
        assert told.startswith("553 5.6.7")
        assert hop.taken == []
        hop.answers["EHLO"] = "250-next.example.jp\r\n250-8BITMIME\r\n250 SMTPUTF8"
        assert relay.send(PLAIN, to=address, options=" SMTPUTF8").startswith("250")
        assert hop.only().recipient == f"RCPT TO:<{address}>"
        assert hop.only().sender == f"MAIL FROM:<{SENDER}> SMTPUTF8"
        assert b" with UTF8SMTP id " in hop.only().content


def test_case_167_sender_is_known_by_the_domain_that_dns_knows(hop: Hop) -> None:
    hop.answers["EHLO"] = "250-next.example.jp\r\n250 SMTPUTF8"
    made = account(hop.port, senders=frozenset({"xn--r8jz45g.jp", "example.jp"}))
    with running_relay(made) as relay:
        assert relay.send(PLAIN, sender="採用@例え.jp", options=" SMTPUTF8").startswith("250")
        assert relay.send(PLAIN, sender="採用@例え.com", options=" SMTPUTF8").startswith("550")


def test_case_167_eight_bit_content_needs_a_next_hop_that_takes_it() -> None:
    message = PLAIN.replace(b"Monday", "月曜日".encode())
    with running_hop() as hop, running_relay(account(hop.port)) as relay:
        assert relay.send(message).startswith("250")
        assert hop.only().sender == f"MAIL FROM:<{SENDER}> BODY=8BITMIME"
    with running_hop() as hop, running_relay(account(hop.port)) as relay:
        hop.answers["EHLO"] = "250 next.example.jp"
        assert relay.send(message).startswith("554 5.6.3")
        assert relay.send(PLAIN, options=" BODY=8BITMIME").startswith("554 5.6.3")
        assert relay.send(PLAIN).startswith("250")


# Case 168.


@pytest.mark.parametrize(
    "command",
    [
        b"MAIL FROM:<saiyo@example.jp> SIZE=1\rRCPT TO:<x@example.com>",
        b"MAIL FROM:<saiyo@example.jp>\0",
        b"MAIL FROM:<sai\ryo@example.jp>",
        b"MAIL FROM:<sai\x85yo@example.jp> SMTPUTF8",
        b"MAIL FROM:<sai\xffyo@example.jp>",
        b"EHLO ats\rReceived: forged",
        b"EHLO ats\x1b[2J",
        b"AUTH PLAIN\rX",
    ],
)
def test_case_168_control_characters_in_commands_are_refused(
    relay: Relay, hop: Hop, command: bytes
) -> None:
    with relay.client() as client:
        client.write(command + b"\r\n")
        assert client.reply().startswith("501")
        assert client.send(PLAIN).startswith("250")
    assert hop.only().below_trace == PLAIN


def test_case_168_name_in_ehlo_is_cut_to_harmless_signs(relay: Relay, hop: Hop) -> None:
    with relay.client(hello=False) as client:
        assert client.say("EHLO <x>(y);\tz@{{career_relay_link}}").startswith("501")
        assert client.say("EHLO <x>(y);z@{{career_relay_link}}").startswith("250")
        assert client.send(PLAIN).startswith("250")
    trace = hop.only().content.partition(PLAIN)[0].decode()
    assert trace.startswith("Received: from xyzcareer_relay_link ([127.0.0.1])\r\n\tby ")
    assert trace.count("\r\n") == 3
    assert TO not in trace


@pytest.mark.parametrize("login", ["a\r\nb", "a\nb", "\x7f", "ログイン", ""])
def test_case_168_login_with_strange_signs_is_nobody(hop: Hop, login: str) -> None:
    desk = ToyDesk(accounts={f"{login}:{PASSWORD}": account(hop.port)})
    with running_relay(account(hop.port), desk=desk) as relay, relay.client() as client:
        assert client.say(f"AUTH PLAIN {token(login)}").startswith("535 5.7.8")


def test_case_168_recipient_with_brackets_never_reaches_the_next_hop(
    relay: Relay, hop: Hop
) -> None:
    answer = relay.send(PLAIN, to='"a> SIZE=1"@example.com')
    assert answer.startswith("55")
    assert hop.taken == []
