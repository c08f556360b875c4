"""Packets of the milter protocol, well-formed and hostile."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careerrelay.mail.milter import codec
from careerrelay.mail.milter.codec import Packet, Terms
from careerrelay.mail.milter.conversation import Conversation
from careerrelay.models.errors import MilterProtocolError
from tests.mail.milter.mta import ACTIONS, STEPS

OFFER = struct.pack("!III", 6, ACTIONS, STEPS)


def test_packet_is_length_command_and_data() -> None:
    assert Packet(b"i", b"ab").encode() == b"\0\0\0\3iab"
    assert codec.packet_length(b"\0\0\0\3") == 3


@pytest.mark.parametrize("head", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\x10\0\1"])
def test_length_that_cannot_be_is_an_error(head: bytes) -> None:
    with pytest.raises(MilterProtocolError):
        codec.packet_length(head)


def test_terms_are_what_both_can_do() -> None:
    terms, answer = codec.negotiated(OFFER)
    assert (terms.may_change, terms.leading_blank, terms.may_skip) == (True, True, True)
    assert struct.unpack("!III", answer.data) == (6, terms.actions, terms.steps)
    # What is not answered is agreed on; MAIL and the body always are.
    assert [terms.answered(c) for c in (b"C", b"M", b"R", b"L", b"N", b"B")] == [
        False, True, False, False, False, True,
    ]  # fmt: skip


def test_old_mta_gets_an_answer_to_everything() -> None:
    terms, answer = codec.negotiated(struct.pack("!III", 2, 0x3F, 0x7F))
    assert struct.unpack("!III", answer.data)[0] == 2
    assert (terms.may_change, terms.leading_blank, terms.may_skip) == (True, False, False)
    assert all(terms.answered(c) for c in (b"C", b"M", b"R", b"L", b"N", b"B"))


def test_mta_that_forbids_changes_is_known() -> None:
    assert not codec.negotiated(struct.pack("!III", 6, 0x01, STEPS))[0].may_change


@pytest.mark.parametrize("data", [b"", b"\0" * 11, struct.pack("!III", 1, 0, 0)])
def test_offer_that_cannot_be_read_is_an_error(data: bytes) -> None:
    with pytest.raises(MilterProtocolError):
        codec.negotiated(data)


@pytest.mark.parametrize(
    ("data", "address"),
    [
        (b"host\x004\0\x19192.0.2.7\0", "192.0.2.7"),
        (b"host\x006\0\x19IPv6:2001:db8::1\0", "2001:db8::1"),
        (b"host\x006\0\x192001:db8::1\0", "2001:db8::1"),
        (b"localhost\0L\0\0/run/socket\0", ""),
        (b"host\0U", codec.UNKNOWN),
        (b"host\x004\0\x19\0", codec.UNKNOWN),
        (b"host", codec.UNKNOWN),
        (b"", codec.UNKNOWN),
    ],
)
def test_client_of_the_mta(data: bytes, address: str) -> None:
    assert codec.client(data) == address


@pytest.mark.parametrize(
    ("data", "address"),
    [
        (b"<a@example.jp>\0SIZE=3\0", "a@example.jp"),
        (b"<>\0", ""),
        (b"a@example.jp\0", "a@example.jp"),
    ],
)
def test_address_of_the_envelope(data: bytes, address: str) -> None:
    assert codec.address(data) == address


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (codec.address, b""),
        (codec.address, b"<a@example.jp>"),
        (codec.header, b"Subject\0"),
        (codec.header, b"\0value\0"),
        (codec.header, b"a\0b\0c\0"),
    ],
)
def test_packet_without_its_parts_is_an_error(read: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(MilterProtocolError):
        read(data)


def test_macros_lose_their_braces() -> None:
    assert codec.macros(b"M{auth_authen}\0ats\0i\x004A\0") == {"auth_authen": "ats", "i": "4A"}


def test_reply_of_our_own_is_no_format() -> None:
    assert codec.reply(550, "5.6.0", "100%").data == b"550 5.6.0 100%%\0"


def test_large_body_goes_in_pieces_and_an_empty_one_in_one() -> None:
    sizes = [len(p.data) for p in codec.replace_body(memoryview(b"x" * (2 * 65535 + 1)))]
    assert sizes == [65535, 65535, 1]
    assert [p.data for p in codec.replace_body(memoryview(b""))] == [b""]


READERS = (codec.address, codec.header, codec.macros, codec.strings, codec.negotiated, codec.client)


@given(read=st.sampled_from(READERS), data=st.binary(max_size=200))
def test_hostile_packet_is_read_or_refused(read: Callable[[bytes], object], data: bytes) -> None:
    with suppress(MilterProtocolError):
        read(data)


COMMANDS = st.sampled_from([bytes([c]) for c in b"OCHDMRLNBATUKX\0\xff"])
DATA = st.one_of(
    st.binary(max_size=60),
    st.just(OFFER),
    st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\0", b"")), max_size=4).map(
        lambda words: b"".join(word + b"\0" for word in words)
    ),
)


@given(st.lists(st.tuples(COMMANDS, DATA), max_size=30), st.integers(0, 100))
def test_hostile_conversation_is_heard_or_refused(
    said: list[tuple[bytes, bytes]], max_bytes: int
) -> None:
    talk = Conversation(max_bytes=max_bytes)
    with suppress(MilterProtocolError):
        for command, data in said:
            answer = talk.hear(Packet(command, data))
            assert answer is None or isinstance(answer, Packet)
            gathering = talk.gathering
            if gathering is not None:
                kept = len(gathering.body) + sum(len(n) + len(v) for n, v in gathering.headers)
                assert kept <= gathering.size <= max_bytes
        talk.finish(b"")


def talk(*said: tuple[bytes, bytes]) -> Conversation:
    found = Conversation(max_bytes=1000)
    for command, data in ((b"O", OFFER), *said):
        found.hear(Packet(command, data))
    return found


def test_conversation_must_begin_with_an_offer() -> None:
    with pytest.raises(MilterProtocolError, match="did not begin with an offer"):
        Conversation(max_bytes=1).hear(Packet(b"M", b"<>\0"))


def test_content_before_mail_is_out_of_order() -> None:
    for said in ((b"R", b"<a@example.jp>\0"), (b"L", b"a\0b\0"), (b"B", b"x")):
        with pytest.raises(MilterProtocolError, match="before MAIL"):
            talk(said)


def test_who_signed_in_is_forgotten_with_the_message() -> None:
    mail = ((b"D", b"M{auth_authen}\0ats\0"), (b"M", b"<a@example.jp>\0"))
    assert talk(*mail).signed_in
    assert not talk(*mail, (b"A", b"")).signed_in
    found = talk(*mail)
    assert found.finish(b"").sender == "a@example.jp"
    assert not found.signed_in


def test_next_client_on_the_same_connection_is_another_one() -> None:
    connect = (b"C", b"host\x004\0\x19192.0.2.7\0")
    assert talk(connect).client == "192.0.2.7"
    assert talk(connect, (b"K", b"")).client == codec.UNKNOWN


def test_body_beyond_the_limit_is_not_wanted() -> None:
    found = talk((b"M", b"<a@example.jp>\0"))
    assert found.hear(Packet(b"B", b"x" * 900)) == codec.CONTINUE
    assert found.hear(Packet(b"B", b"x" * 101)) == codec.SKIP
    whole = found.finish(b"")
    assert (whole.overflowed, len(whole.body)) == (True, 900)


def test_body_beyond_the_limit_where_the_mta_knows_no_skip() -> None:
    found = Conversation(max_bytes=10)
    found.hear(Packet(b"O", struct.pack("!III", 2, ACTIONS, 0)))
    found.hear(Packet(b"M", b"<a@example.jp>\0"))
    assert found.hear(Packet(b"B", b"x" * 11)) == codec.CONTINUE


def test_envelope_and_headers_count_towards_the_limit() -> None:
    found = talk((b"M", b"<a@example.jp>\0"), *[(b"R", b"<b@example.com>\0")] * 20)
    found.hear(Packet(b"L", b"X\0y\0"))
    whole = found.finish(b"")
    assert whole.overflowed
    assert (len(whole.recipients), whole.headers) == (12, [])


def test_command_that_is_unknown_goes_on() -> None:
    assert talk().hear(Packet(b"X", b"")) == codec.CONTINUE


def test_terms_before_the_offer_are_an_error() -> None:
    with pytest.raises(MilterProtocolError):
        _ = Conversation(max_bytes=1).terms


def test_step_that_is_not_of_the_agreed_ones_is_answered() -> None:
    assert Terms(0, 0).answered(b"L")
