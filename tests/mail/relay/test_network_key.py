"""Networks that others share: a mail proves by a key whose it is, and goes on without the key."""

from __future__ import annotations

import pytest

from careerrelay.mail.relay.network_key import without_keys
from tests.mail.relay.hop import Hop
from tests.mail.relay.relays import (
    PASSWORD,
    PLAIN,
    REJECTION,
    Relay,
    account,
    linked,
    running_relay,
    token,
)

KEY = f"X-CareerRelay-Key: {PASSWORD}\r\n".encode()
REFUSED = "550 5.7.1 Without the mail relay's password as X-CareerRelay-Key"


def at_its_end(message: bytes, field: bytes) -> bytes:
    """With a field more behind the others."""
    return message.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n", 1)


def test_another_customer_of_the_provider_sends_nothing_as_the_company(hop: Hop) -> None:
    with running_relay(account(hop.port, keyed=True), threads=2) as relay:
        relay.desk.treatment = linked
        for message in (
            PLAIN,
            REJECTION,
            KEY.replace(PASSWORD.encode(), b"guess") + PLAIN,
            KEY + KEY + PLAIN,
            KEY.replace(PASSWORD.encode(), b"") + PLAIN,
            PLAIN + KEY,
            b"X-CareerRelay-Key2: " + PASSWORD.encode() + b"\r\n" + PLAIN,
            b"X-A: b\r\n " + KEY + PLAIN,
            KEY.replace(PASSWORD.encode(), b"\xff\xfe") + PLAIN,
        ):
            assert relay.send(message).startswith(REFUSED)
        assert relay.send(KEY + PLAIN).startswith("250"), "and the session's room was given back"
    assert len(hop.taken) == 1


@pytest.mark.parametrize(
    "field",
    [KEY, KEY.lower(), KEY.replace(b": ", b":"), KEY.replace(b": ", b":\r\n\t")],
)
def test_mail_with_the_key_goes_on_without_it_and_is_else_the_same(hop: Hop, field: bytes) -> None:
    with running_relay(account(hop.port, keyed=True)) as relay:
        for message in (field + PLAIN, at_its_end(PLAIN, field)):
            assert relay.send(message).startswith("250")
        relay.desk.treatment = linked
        assert relay.send(field + REJECTION).startswith("250")
    assert [taken.below_trace for taken in hop.taken[:2]] == [PLAIN, PLAIN]
    assert PASSWORD.encode() not in b"".join(taken.content for taken in hop.taken)


def test_mail_in_pieces_and_mail_for_the_spool_are_asked_for_it_too(hop: Hop) -> None:
    with running_relay(account(hop.port, keyed=True, spooled=True)) as relay:
        with relay.client() as client:
            client.begin()
            client.write(f"BDAT {len(PLAIN)} LAST\r\n".encode() + PLAIN)
            assert client.reply().startswith(REFUSED)
            assert client.send(KEY + PLAIN).startswith("250")
        (kept,) = relay.desk.kept
    assert kept[0].message == PLAIN


def test_who_has_signed_in_needs_none_and_it_goes_no_further(hop: Hop) -> None:
    with running_relay(account(hop.port, keyed=True)) as relay, relay.client() as client:
        assert client.say(f"AUTH PLAIN {token()}").startswith("235")
        assert client.send(PLAIN).startswith("250")
        assert client.send(KEY + PLAIN).startswith("250")
    assert [taken.below_trace for taken in hop.taken] == [PLAIN, PLAIN]


def test_key_is_known_while_the_store_is_away_if_it_was_known_before(hop: Hop) -> None:
    with running_relay(account(hop.port, keyed=True)) as relay, relay.client() as client:
        trouble = ConnectionError("the store is away")
        relay.desk.trouble = trouble
        assert client.send(KEY + PLAIN).startswith("451 4.3.0")
        relay.desk.trouble = None
        assert client.send(KEY + PLAIN).startswith("250")
        relay.desk.trouble = trouble
        assert client.send(KEY + PLAIN).startswith("250")


def test_defect_while_the_key_is_looked_at_gives_the_room_back(
    hop: Hop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> bytes:
        raise RuntimeError("a defect")

    with running_relay(account(hop.port, keyed=True), threads=2) as relay:
        with monkeypatch.context() as patched:
            patched.setattr("careerrelay.mail.relay.onward.unlocked", broken)
            assert relay.send(KEY + PLAIN).startswith("451 4.3.0")
        assert relay.send(KEY + PLAIN).startswith("250")


def test_where_no_key_is_asked_for_the_field_is_anybodys(relay: Relay, hop: Hop) -> None:
    assert relay.send(KEY + PLAIN).startswith("250")
    assert hop.only().below_trace == KEY + PLAIN


@pytest.mark.parametrize("message", [b"", b"\r\n\r\n", b"no header", KEY, b"X: y\r\n\r\n" + KEY])
def test_odd_messages_are_read_as_far_as_their_header_goes(message: bytes) -> None:
    keys, rest = without_keys(message)
    assert (keys, rest) == (([PASSWORD], b"") if message == KEY else ([], message))
