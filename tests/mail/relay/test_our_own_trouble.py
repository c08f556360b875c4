"""Whatever breaks on our side, the applicant gets the company's mail, and never a raw marker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careerrelay.mail.dkim import DkimKey
from careerrelay.mail.injection import Result
from careerrelay.mail.relay import decisions, passage
from careerrelay.mail.relay.accounts import FRESH_SECONDS
from careerrelay.mail.relay.desk import Passing, Treatment
from tests.mail.relay.hop import Hop, running_hop
from tests.mail.relay.relays import (
    LOGIN,
    MARKER,
    PASSWORD,
    PLAIN,
    POLICY,
    REJECTION,
    SENDER,
    Relay,
    ToyDesk,
    account,
    linked,
    running_relay,
    token,
)
from tests.support.dkim import rsa_pem


def broken(*_: object, **__: object) -> Result:
    raise RuntimeError("a defect")


def test_mail_passes_unchanged_while_the_house_is_away(relay: Relay, hop: Hop) -> None:
    with relay.client() as client:
        relay.desk.trouble = ConnectionError("the store is away")
        assert client.send(PLAIN).startswith("250")
    assert hop.only().below_trace == PLAIN


def test_marked_mail_is_asked_for_again_while_the_house_is_away(relay: Relay, hop: Hop) -> None:
    with relay.client() as client:
        relay.desk.trouble = ConnectionError("the store is away")
        assert client.send(REJECTION).startswith("451 4.7.0")
        assert hop.taken == []
        relay.desk.trouble, relay.desk.treatment = None, linked
        assert client.send(REJECTION).startswith("250")
    assert MARKER.encode() not in hop.only().content


def test_companys_own_marker_is_known_while_the_house_is_away(hop: Hop) -> None:
    marked = PLAIN.replace(b"Monday", b"Monday [[our_own_link]]")
    desk = ToyDesk()
    made = account(hop.port, marker="[[our_own_link]]")
    with running_relay(made, desk=desk) as relay, relay.client() as client:
        desk.trouble = ConnectionError("the store is away")
        assert client.send(marked).startswith("451")
        assert client.send(REJECTION).startswith("250"), "its marker is another one"
    assert len(hop.taken) == 1


def test_account_known_before_is_served_while_the_store_is_away(hop: Hop) -> None:
    with running_relay(account(hop.port), listed=False) as relay:
        with relay.client() as client:
            assert client.say(f"AUTH PLAIN {token()}").startswith("235")
        relay.desk.trouble = ConnectionError("the store is away")
        with relay.client() as client:
            assert client.say("MAIL FROM:<saiyo@example.jp>").startswith("451 4.3.0")
            assert client.say(f"AUTH PLAIN {token(password='guess')}").startswith("454 4.7.0")
            assert client.say(f"AUTH PLAIN {token()}").startswith("235")
            assert client.send(PLAIN).startswith("250")
    assert hop.only().below_trace == PLAIN


def test_address_is_asked_about_once_in_a_second(hop: Hop) -> None:
    """Some senders open a connection for each mail; a change is heard of soon all the same."""
    with running_relay(account(hop.port)) as relay:
        began = time.monotonic()
        sent = [relay.send(PLAIN) for _ in range(20)]
        seconds = time.monotonic() - began
        assert all(answer.startswith("250") for answer in sent)
        assert len(relay.desk.peers) <= 1 + seconds // FRESH_SECONDS
        relay.desk.listed = ()
        time.sleep(FRESH_SECONDS)
        assert relay.send(PLAIN).startswith("530")


def test_account_that_was_taken_away_is_not_remembered(hop: Hop) -> None:
    with running_relay(account(hop.port), listed=False) as relay:
        for password, code in ((PASSWORD, "235"), (PASSWORD, "535"), (PASSWORD, "454")):
            with relay.client() as client:
                assert client.say(f"AUTH PLAIN {token(LOGIN, password)}").startswith(code)
            relay.desk.accounts.clear()
            if code == "535":
                relay.desk.trouble = ConnectionError("the store is away")


def test_case_165_mail_the_house_cannot_keep_is_no_250(hop: Hop) -> None:
    with running_relay(account(hop.port, spooled=True)) as relay, relay.client() as client:
        relay.desk.trouble = OSError(28, "No space left on device")
        assert client.send(PLAIN).startswith("452 4.3.1")
        relay.desk.trouble = None
        client.begin()
        assert client.say("RCPT TO:<hanako@example.com>").startswith("250")
        client.say("DATA")
        assert client.content(PLAIN) == "250 2.0.0 Ok: kept, and on its way"
    assert hop.seen == [], "the house hands it on"
    (kept,) = relay.desk.kept
    assert [passing.recipient for passing in kept] == ["taro@example.com", "hanako@example.com"]
    assert {passing.message for passing in kept} == {PLAIN}
    assert kept[0].trace.startswith(b"Received: from ats.example ")


def test_house_that_does_not_hear_of_the_end_changes_no_answer(relay: Relay, hop: Hop) -> None:
    def treat_and_die(passing: Passing) -> Treatment:
        relay.desk.trouble = RuntimeError("gone")
        return linked(passing)

    relay.desk.treatment = treat_and_die
    assert relay.send(REJECTION).startswith("250")
    assert b"/r/taro" in hop.only().content


@pytest.mark.parametrize("step", ["inject", "erase_marker"])
def test_defect_of_the_engine_lets_an_unmarked_mail_pass_and_holds_a_marked_one(
    relay: Relay, hop: Hop, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(decisions, step, broken)
    what: dict[str, Callable[[Passing], Treatment]] = {
        "inject": linked,
        "erase_marker": lambda _: Treatment(None, POLICY, "mail-4", erase=True),
    }
    relay.desk.treatment = what[step]
    assert relay.send(PLAIN).startswith("250")
    assert hop.only().below_trace == PLAIN
    assert relay.send(REJECTION).startswith("451 4.3.0")
    assert len(hop.taken) == 1
    assert relay.desk.told == [("mail-4", "failed", 250), ("mail-4", "failed", 451)]


@pytest.mark.parametrize("unreadable", [True, False])
def test_broken_signing_key_lets_an_unmarked_mail_pass_and_holds_a_marked_one(
    hop: Hop, monkeypatch: pytest.MonkeyPatch, unreadable: bool
) -> None:
    """A changed mail without a signature could be taken for forged, so it is not changed."""
    key = None if unreadable else DkimKey("example.jp", "cr", rsa_pem())
    made = account(hop.port, signing=key, unsigned=unreadable)
    monkeypatch.setattr(passage, "resign", broken)
    with running_relay(made) as relay:
        relay.desk.treatment = linked
        assert relay.send(PLAIN).startswith("250")
        assert hop.only().below_trace == PLAIN
        assert relay.send(REJECTION).startswith("451 4.3.0")
    assert len(hop.taken) == 1


def test_signature_that_our_key_cannot_renew_leaves_the_mail_as_it_came(hop: Hop) -> None:
    """Signed by the key's domain, and written by another one: nobody could sign it again."""
    key = DkimKey("example.jp", "cr", rsa_pem())
    policy = replace(POLICY, next_hop_signs=False, signing_domains=frozenset({"example.jp"}))
    made = account(hop.port, signing=key, senders=frozenset({"example.jp", "group.example"}))

    def with_policy(passing: Passing) -> Treatment:
        return replace(linked(passing), policy=policy)

    def of_group(message: bytes) -> bytes:
        return b"DKIM-Signature: v=1; d=example.jp; s=cr; b=x\r\n" + message.replace(
            f"<{SENDER}>".encode(), b"<hr@group.example>"
        )

    with running_relay(made) as relay:
        relay.desk.treatment = with_policy
        assert relay.send(of_group(PLAIN)).startswith("250")
        assert hop.only().below_trace == of_group(PLAIN)
        assert relay.send(of_group(REJECTION)).startswith("550 5.6.0")
        assert relay.desk.told == [("mail-4", "refused", 250), ("mail-4", "refused", 550)]
        assert relay.send(REJECTION).startswith("250"), "the author's own domain is signed for"
    assert hop.taken[-1].content.count(b"DKIM-Signature:") == 1


def test_message_that_cannot_be_changed_goes_on_as_it_is_unless_the_company_demands_the_link(
    hop: Hop,
) -> None:
    signed = PLAIN.replace(b"text/plain", b"multipart/signed; boundary=x;")
    with running_relay(account(hop.port)) as relay:
        relay.desk.treatment = linked
        assert relay.send(signed).startswith("250")
        assert hop.only().below_trace == signed
    with running_relay(account(hop.port, demand=True)) as relay:
        relay.desk.treatment = linked
        assert relay.send(signed).startswith("550 5.6.0")


def test_marker_that_cannot_be_replaced_is_refused(relay: Relay, hop: Hop) -> None:
    relay.desk.treatment = linked
    held = REJECTION.replace(b"text/plain", b"multipart/signed; boundary=x;")
    assert relay.send(held).startswith("550 5.6.0")
    assert hop.taken == []
    assert relay.desk.told == [("mail-4", "refused", 550)]


@pytest.mark.parametrize(
    ("treatment", "told"),
    [
        (Treatment(None, POLICY, retry_later="not_rejected"), "451 4.7.0"),
        (Treatment(None, POLICY, refuse="not_rejected"), "550 5.7.1"),
        (Treatment(None, POLICY, refuse="loop"), "554 5.4.6"),
    ],
)
def test_house_may_hold_or_refuse_a_mail(
    relay: Relay, hop: Hop, treatment: Treatment, told: str
) -> None:
    relay.desk.treatment = lambda _: treatment
    assert relay.send(REJECTION).startswith(told)
    assert hop.seen == []


def test_defect_in_a_session_is_no_permanent_refusal(
    relay: Relay, hop: Hop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("careerrelay.mail.relay.session.hand_on", broken)
    assert relay.send(PLAIN) == "451 4.3.0 Something went wrong here, please try again"
    assert hop.taken == []


# Whatever it is, below our trace it is the same.

LINES = st.lists(
    st.one_of(
        st.sampled_from([
            b"", b".", b"..", b".x", b"...", b"From x", b"--b", b"\t", b" ", b"\x1b$B$\"\x1b(B",
            b"x" * 1200, "候補者様".encode(), b"\xff\xfe\x80", b"Received: x", b"=", b"Subject:",
            b"Content-Type: multipart/mixed; boundary=b", b"no field at all", b"DATA", b"QUIT",
        ]),
        st.binary(max_size=40).map(lambda raw: raw.translate(None, b"\r\n\0")),
    ),
    max_size=12,
)  # fmt: skip


@pytest.fixture(scope="module")
def way() -> Iterator[tuple[Relay, Hop]]:
    """One for all examples."""
    with running_hop() as hop, running_relay(account(hop.port, per_hour=10_000)) as relay:
        yield relay, hop


@settings(max_examples=150)
@given(before=LINES, after=LINES)
def test_any_mail_that_is_none_of_ours_is_the_same_below_our_trace(
    way: tuple[Relay, Hop], before: list[bytes], after: list[bytes]
) -> None:
    """Odd fields, odd bodies, no body at all: the bytes arrive as they were sent."""
    relay, hop = way
    fields = [*(b"X-Odd: " + line for line in before), f"From: {SENDER}".encode(), b"To: x"]
    message = b"\r\n".join([*fields, *after, b""])
    hop.taken.clear()
    with relay.client() as client:
        client.begin()
        client.write(f"BDAT {len(message)} LAST\r\n".encode() + message)
        assert client.reply().startswith("250")
        assert client.send(message).startswith("250")
    assert [taken.below_trace for taken in hop.taken] == [message, message]
