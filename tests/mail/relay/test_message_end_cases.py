"""Cases 154 to 157 and 160, 161: where a message ends, and what is a command."""

from __future__ import annotations

import pytest

from tests.mail.conftest import Certificate
from tests.mail.relay.hop import Hop
from tests.mail.relay.relays import PLAIN, SENDER, TO, Client, Relay, account, running_relay
from tests.support.postfix import require_postfix, running_postfix

END_MARKS = {
    "LF.LF": b"\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "CR.CR": b"\r.\r",
    "CRLF.CR": b"\r\n.\r",
    "CRLF NUL.CRLF": b"\r\n\0.\r\n",
}
SECOND = (
    b"MAIL FROM:<boss@example.jp>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\n"
    b"From: boss@example.jp\r\nSubject: smuggled\r\n\r\nPay at once.\r\n"
)


def smuggling(mark: bytes) -> bytes:
    """A message in which a server that takes ``mark`` for an end sees two."""
    return PLAIN + b"see below" + mark + SECOND


@pytest.mark.parametrize("mark", END_MARKS.values(), ids=END_MARKS)
def test_case_154_other_end_marks_end_nothing_and_the_message_is_refused(
    relay: Relay, hop: Hop, mark: bytes
) -> None:
    with relay.client() as client:
        client.begin()
        client.say("DATA")
        client.write(smuggling(mark) + b".\r\n")
        assert client.reply().startswith("550 5.6.0")
        assert hop.taken == []
        assert client.send(PLAIN).startswith("250"), "the session goes on where it stood"
    assert len(hop.taken) == 1


@pytest.mark.parametrize("mark", list(END_MARKS.values())[:5], ids=list(END_MARKS)[:5])
def test_case_154_normalised_message_is_one_for_the_next_hop(hop: Hop, mark: bytes) -> None:
    made = account(hop.port, bare_line_ends="normalise")
    with running_relay(made) as relay, relay.client() as client:
        client.begin()
        client.say("DATA")
        client.write(smuggling(mark) + b".\r\n")
        assert client.reply().startswith("250")
    content = hop.only().below_trace
    assert b"Pay at once." in content
    assert content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n")


def test_case_154_postfix_with_its_defaults_can_be_fooled_without_the_relay() -> None:
    """So that the next test proves something."""
    require_postfix()
    with running_postfix() as postfix, Client(postfix.port) as client:
        client.say("EHLO ats.example")
        client.begin()
        client.say("DATA")
        client.write(smuggling(END_MARKS["LF.LF"]) + b".\r\n")
        assert client.reply().startswith("250"), "the answer to the first of two"
        postfix.wait_for_log("victim@example.com")


@pytest.mark.parametrize("bare", ["reject", "normalise"])
def test_case_154_postfix_behind_the_relay_sees_one_message_or_none(bare: str) -> None:
    require_postfix()
    with running_postfix() as postfix:
        made = account(postfix.port, bare_line_ends=bare)
        with running_relay(made) as relay, relay.client() as client:
            answers = []
            for mark in END_MARKS.values():
                client.begin()
                client.say("DATA")
                client.write(smuggling(mark) + b".\r\n")
                answers.append(client.reply()[:3])
            assert client.send(PLAIN).startswith("250")
        taken = answers.count("250") + 1
        assert answers == (["550"] * 6 if bare == "reject" else ["250"] * 5 + ["550"])
        assert len(postfix.queue()) == taken
        assert "victim@example.com" not in postfix.log()


def test_case_155_line_that_became_a_dot_by_normalising_is_stuffed(hop: Hop) -> None:
    made = account(hop.port, bare_line_ends="normalise")
    with running_relay(made) as relay, relay.client() as client:
        client.begin()
        client.say("DATA")
        client.write(PLAIN + b"one\n.\ntwo\n..\n..three\r\n..four\r\n.five\r\n.\r\n")
        assert client.reply().startswith("250")
    # Dots that the client doubled are single again, whichever way it ends its lines.
    assert hop.only().below_trace == PLAIN + b"one\r\n.\r\ntwo\r\n.\r\n.three\r\n.four\r\nfive\r\n"


def test_case_156_whole_dialogue_in_one_packet_is_answered_in_order(relay: Relay, hop: Hop) -> None:
    with relay.client() as client:
        dialogue = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{TO}>\r\nDATA\r\n".encode()
        client.write(dialogue + PLAIN + b".\r\nNOOP\r\nQUIT\r\n")
        codes = [client.reply()[:3] for _ in range(6)]
        assert client.hung_up()
    assert codes == ["250", "250", "354", "250", "250", "221"]
    assert hop.only().below_trace == PLAIN


def test_case_156_dialogue_byte_by_byte_is_the_same(relay: Relay, hop: Hop) -> None:
    with relay.client() as client:
        client.begin()
        client.say("DATA")
        content = PLAIN + b"..dot\r\n" + b"x" * 3000 + b"\r\n.\r\n"
        for position in range(len(content)):
            client.write(content[position : position + 1])
        assert client.reply().startswith("250")
    assert hop.only().below_trace == PLAIN + b".dot\r\n" + b"x" * 3000 + b"\r\n"


def test_case_156_words_before_the_answer_to_ehlo_end_the_session(relay: Relay, hop: Hop) -> None:
    """RFC 2920 section 3.1: until then a client cannot know what it may say at once."""
    with relay.client(hello=False) as client:
        client.write(b"EHLO ats.example\r\nMAIL FROM:<%s>\r\n" % SENDER.encode())
        assert client.reply().startswith("250")
        assert client.reply().startswith("554 5.5.0")
        assert client.hung_up()
    assert hop.seen == []


def test_case_157_commands_injected_before_starttls_are_discarded(
    certificate: Certificate, hop: Hop
) -> None:
    with running_relay(account(hop.port), tls=certificate.context) as relay:
        with relay.client() as client:
            client.write(b"STARTTLS\r\nMAIL FROM:<%s>\r\n" % SENDER.encode())
            assert client.reply().startswith("554 5.5.0")
            assert client.hung_up()
        with relay.client() as client:
            client.begin()
            client.start_tls(certificate.ca_file)
            assert client.say("DATA").startswith("503"), "what was said before TLS counts no more"
            assert client.say(f"MAIL FROM:<{SENDER}>").startswith("503"), "EHLO again"
            client.say("EHLO ats.example")
            assert client.send(PLAIN).startswith("250")
    assert b" with ESMTPS id " in hop.only().content


def test_case_157_something_else_than_tls_ends_the_session(
    certificate: Certificate, hop: Hop
) -> None:
    with running_relay(account(hop.port), tls=certificate.context) as relay:
        with relay.client() as client:
            assert client.say("STARTTLS").startswith("220")
            client.write(b"MAIL FROM:<x@example.jp>\r\n" * 4)
            assert b"250" not in _rest(client)
        assert relay.send(PLAIN).startswith("250"), "the relay is well"


def _rest(client: Client) -> bytes:
    try:
        return client._socket.recv(1000)
    except OSError:
        return b""


def test_case_160_message_larger_than_announced_is_refused_and_the_session_goes_on(
    relay: Relay, hop: Hop
) -> None:
    large = PLAIN + b"x" * 70 * 1000 + b"\r\n"
    with relay.client() as client:
        assert client.send(large, options=" SIZE=1000").startswith("552 5.3.4")
        assert client.send(large, options=f" SIZE={len(large) * 95 // 100}").startswith("250")
        assert client.send(PLAIN).startswith("250")
    assert len(hop.taken) == 2


def test_case_160_message_over_the_limit_is_refused_before_it_is_read_or_after(hop: Hop) -> None:
    made = account(hop.port, max_bytes=10_000)
    with running_relay(made, max_bytes=10_000) as relay, relay.client() as client:
        assert client.begin(options=" SIZE=10001").startswith("552")
        assert client.send(PLAIN + b"x" * 20_000 + b"\r\n").startswith("552 5.3.4")
        assert client.send(PLAIN).startswith("250")
    assert len(hop.taken) == 1


def test_case_161_message_in_three_chunks_is_one_message(relay: Relay, hop: Hop) -> None:
    message = PLAIN + b".dots stay single\r\n..\r\n"
    parts = message[:100], message[100:101], message[101:]
    with relay.client() as client:
        client.begin()
        for number, part in enumerate(parts):
            last = " LAST" if number == 2 else ""
            client.write(f"BDAT {len(part)}{last}\r\n".encode() + part)
            assert client.reply().startswith("250 2.0.0")
        assert client.send(PLAIN).startswith("250"), "and DATA after it"
    assert [taken.below_trace for taken in hop.taken] == [message, PLAIN]


def test_case_161_chunks_all_at_once_and_an_empty_last_one(relay: Relay, hop: Hop) -> None:
    with relay.client() as client:
        commands = f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<{TO}>\r\nBDAT {len(PLAIN)}\r\n".encode()
        client.write(commands + PLAIN + b"BDAT 0 LAST\r\nQUIT\r\n")
        assert [client.reply()[:3] for _ in range(5)] == ["250", "250", "250", "250", "221"]
    assert hop.only().below_trace == PLAIN


def test_case_161_chunk_that_is_not_wanted_is_read_all_the_same(relay: Relay, hop: Hop) -> None:
    """Its octets look like commands; none of them is obeyed."""
    with relay.client() as client:
        client.write(f"BDAT {len(SECOND)} LAST\r\n".encode() + SECOND)
        assert client.reply().startswith("503")
        client.begin()
        too_much = 31 << 20
        client.write(f"BDAT {too_much}\r\n".encode() + SECOND + b"x" * (too_much - len(SECOND)))
        assert client.reply().startswith("552")
        client.write(f"BDAT {len(SECOND)} LAST\r\n".encode() + SECOND)
        assert client.reply().startswith("503"), "that mail is over"
        assert client.send(PLAIN).startswith("250")
    assert hop.only().below_trace == PLAIN


def test_case_161_size_that_cannot_be_read_ends_the_session(relay: Relay, hop: Hop) -> None:
    for argument in ("", " many", " -1", " 5 FIRST", " 5 LAST LAST", " 0x10"):
        with relay.client() as client:
            client.begin()
            client.write(f"BDAT{argument}\r\n".encode() + SECOND)
            assert client.reply().startswith("501")
            assert client.hung_up()
    assert hop.seen == []


def test_case_161_message_whose_last_chunk_never_comes_goes_nowhere(relay: Relay, hop: Hop) -> None:
    with relay.client() as client:
        client.begin()
        client.write(f"BDAT {len(PLAIN)}\r\n".encode() + PLAIN)
        assert client.reply().startswith("250")
        for command in ("DATA", f"RCPT TO:<{TO}>", f"MAIL FROM:<{SENDER}>"):
            assert client.say(command).startswith("503"), command
        assert client.say("NOOP").startswith("250")
        assert client.say("RSET").startswith("250")
        client.begin()
        client.write(f"BDAT {len(PLAIN)}\r\n".encode() + PLAIN)
        assert client.reply().startswith("250")
        assert client.say("QUIT").startswith("221")
    assert hop.taken == []


def test_case_161_chunk_larger_than_told_leaves_the_rest_to_be_no_command(
    relay: Relay, hop: Hop
) -> None:
    with relay.client() as client:
        client.begin()
        client.write(f"BDAT {len(PLAIN)} LAST\r\n".encode() + PLAIN + b"and more\r\n")
        assert client.reply().startswith("250")
        assert client.reply().startswith("500")
        assert client.send(PLAIN).startswith("250")
    assert [taken.below_trace for taken in hop.taken] == [PLAIN, PLAIN]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\0\r\n"])
def test_case_161_bare_line_ends_are_judged_in_chunks_as_well(
    relay: Relay, hop: Hop, end: bytes
) -> None:
    message = PLAIN + b"line" + end + b".\r\n"
    with relay.client() as client:
        client.begin()
        client.write(f"BDAT {len(message)} LAST\r\n".encode() + message)
        assert client.reply().startswith("550 5.6.0")
    assert hop.taken == []


def test_case_161_last_line_without_an_end_gets_one(relay: Relay, hop: Hop) -> None:
    message = PLAIN + b"no line end"
    with relay.client() as client:
        client.begin()
        client.write(f"BDAT {len(message)} LAST\r\n".encode() + message)
        assert client.reply().startswith("250")
    assert hop.only().below_trace == message + b"\r\n"
