"""Cases 162, 163, 169 and 170: what the next hop does, and how much at once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from careerrelay.mail.relay.limits import Memory
from tests.mail.relay.hop import BANNER, DOT, DROP, STALL, Hop
from tests.mail.relay.relays import (
    PLAIN,
    REJECTION,
    Client,
    Relay,
    account,
    linked,
    running_relay,
    token,
)

STEPS = (BANNER, "MAIL", "RCPT", "DATA", DOT)


def test_case_162_second_recipient_is_asked_to_come_after_the_first(relay: Relay, hop: Hop) -> None:
    with relay.client() as client:
        client.begin(to="a0@example.com")
        for number in range(1, 100):
            reply = client.say(f"RCPT TO:<a{number}@example.com>")
            assert reply.startswith("452 4.5.3 One recipient at a time")
        client.say("DATA")
        assert client.content(PLAIN).startswith("250")
    assert hop.only().recipient == "RCPT TO:<a0@example.com>"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("code", ["421", "450", "451", "550", "554"])
def test_case_163_refusal_of_the_next_hop_is_the_answer_to_the_client(
    relay: Relay, hop: Hop, step: str, code: str
) -> None:
    hop.answers[step] = f"{code}-first line\r\n{code} 4.2.1 not you"
    told = relay.send(PLAIN)
    assert told.startswith(code)
    assert "not you" in told
    assert hop.taken == []
    del hop.answers[step]
    assert relay.send(PLAIN).startswith("250"), "sent again it arrives"
    assert len(hop.taken) == 1


@pytest.mark.parametrize("trouble", [STALL, DROP])
@pytest.mark.parametrize("step", STEPS)
def test_case_163_stall_and_drop_make_the_client_come_again(
    hop: Hop, step: str, trouble: str
) -> None:
    hop.answers[step] = trouble
    with running_relay(account(hop.port), next_hop_seconds=0.3, final_seconds=0.3) as relay:
        assert relay.send(PLAIN).startswith("451 4.4.")
        before = len(hop.taken)
        hop.answers.clear()
        assert relay.send(PLAIN).startswith("250")
    # An answer lost after the next hop took it: twice is possible, never is not.
    assert len(hop.taken) == before + 1
    assert before == (1 if (step, trouble) == (DOT, DROP) else 0)


def test_case_163_next_hop_that_is_not_there_makes_the_client_come_again() -> None:
    with running_relay(account(1)) as relay:
        assert relay.send(PLAIN).startswith("451 4.4.1")


@pytest.mark.parametrize("answer", ["gibberish", "999 what"])
def test_case_163_answer_that_is_none_makes_the_client_come_again(
    relay: Relay, hop: Hop, answer: str
) -> None:
    hop.answers[DOT] = answer
    assert relay.send(PLAIN).startswith("451 4.4.2")


def test_case_163_what_the_next_hop_has_against_our_account_is_no_bounce(hop: Hop) -> None:
    made = account(hop.port)
    made = replace(made, next_hop=replace(made.next_hop, username="relay", password="wrong"))
    hop.answers["EHLO"] = "250-next.example.jp\r\n250 AUTH PLAIN"
    hop.answers["AUTH"] = "535 5.7.8 wrong"
    with running_relay(made) as relay:
        assert relay.send(PLAIN).startswith("451 4.4.1")


def test_client_that_hangs_up_gives_its_room_back_when_its_mail_is_through(hop: Hop) -> None:
    hop.delay = 0.5
    with running_relay(account(hop.port), threads=2, wait_seconds=0.1) as relay:
        with relay.client() as client:
            client.begin()
            client.say("DATA")
            client.write(PLAIN + b".\r\n")
            while not hop.seen:
                time.sleep(0.01)
        assert relay.send(PLAIN).startswith("451"), "it is still under way"
        while not hop.taken:
            time.sleep(0.01)
        deadline = time.monotonic() + 30
        while not relay.send(PLAIN).startswith("250"):
            assert time.monotonic() < deadline


def test_case_169_client_of_a_byte_a_second_is_cut_by_the_total_timer(hop: Hop) -> None:
    """In small: a byte each 50 ms, and a total of half a second."""
    with running_relay(account(hop.port), data_seconds=0.5, idle_seconds=30.0) as relay:
        with relay.client() as client:
            client.begin()
            client.say("DATA")
            trickle = threading.Thread(target=_trickle, args=(client,), daemon=True)
            trickle.start()
            assert client.reply().startswith("421 4.4.2")
            trickle.join(10)
        with relay.client() as client:
            client.begin()
            client.write(b"BDAT 1000\r\n")
            assert client.reply().startswith("421 4.4.2")
            assert client.hung_up()
        assert relay.send(PLAIN).startswith("250")
    assert len(hop.taken) == 1


def _trickle(client: Client) -> None:
    try:
        for byte in PLAIN:
            client.write(bytes([byte]))
            time.sleep(0.05)
    except OSError:
        return


def test_case_169_silence_and_half_a_command_are_cut(hop: Hop) -> None:
    with running_relay(account(hop.port), idle_seconds=0.3) as relay:
        for words in (b"", b"EHLO ats.exam", b"EHLO ats.example\r\nNO"):
            with relay.client(hello=False) as client:
                client.write(words)
                while reply := client.reply():
                    assert reply.startswith(("250", "554"))


def test_case_169_message_may_take_longer_than_a_command(hop: Hop) -> None:
    with running_relay(account(hop.port), idle_seconds=0.3) as relay, relay.client() as client:
        client.begin()
        client.say("DATA")
        for position in range(0, len(PLAIN), 20):
            client.write(PLAIN[position : position + 20])
            time.sleep(0.05)
        client.write(b".\r\n")
        assert client.reply().startswith("250")


def test_case_170_many_large_mails_stay_within_the_memory_and_small_ones_pass(
    hop: Hop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In small: 24 mails of 600 kB through room for four."""
    held: list[int] = []
    take, free = Memory.take, Memory.free

    async def counted(memory: Memory, size: int) -> int:
        held.append(await take(memory, size))
        most.append(sum(held))
        return held[-1]

    def given_back(memory: Memory, size: int) -> None:
        held.remove(size)
        free(memory, size)

    most: list[int] = []
    monkeypatch.setattr(Memory, "take", counted)
    monkeypatch.setattr(Memory, "free", given_back)
    large = PLAIN + (b"x" * 76 + b"\r\n") * 7700
    hop.delay = 0.2
    budget = 3 << 20
    with (
        running_relay(account(hop.port), memory_bytes=budget, sessions=60) as relay,
        ThreadPoolExecutor(25) as pool,
    ):
        options = f" SIZE={len(large)}"
        crowd = [pool.submit(relay.send, large, options=options) for _ in range(24)]
        while len(most) < 3:
            time.sleep(0.01)
        small = pool.submit(relay.send, PLAIN, options=f" SIZE={len(PLAIN)}")
        assert small.result(30).startswith("250")
        before_small = len(hop.taken)
        assert all(answer.result(60).startswith("250") for answer in crowd)
    assert before_small < 20, "it passed most of the large ones"
    assert max(most) <= budget
    assert held == []
    assert len(hop.taken) == 25


def test_case_170_mail_that_finds_no_room_in_time_is_asked_for_again(hop: Hop) -> None:
    hop.delay = 1.0
    with (
        running_relay(account(hop.port), memory_bytes=1 << 20, wait_seconds=0.2) as relay,
        ThreadPoolExecutor(2) as pool,
    ):
        first = pool.submit(relay.send, PLAIN)
        while not hop.seen:
            time.sleep(0.01)
        assert relay.send(PLAIN).startswith("451 4.3.2")
        assert first.result(30).startswith("250")


def test_one_account_leaves_others_a_way(hop: Hop) -> None:
    hop.delay = 1.0
    with running_relay(account(hop.port), threads=2) as relay, ThreadPoolExecutor(2) as pool:
        first = pool.submit(relay.send, PLAIN)
        while not hop.seen:
            time.sleep(0.01)
        assert relay.send(PLAIN).startswith("451 4.3.2 Too many mails of this relay at once")
        relay.desk.accounts["other:pass"] = account(hop.port, id="other")
        with relay.client() as client:
            assert client.say(f"AUTH PLAIN {token('other', 'pass')}").startswith("235")
            assert client.send(PLAIN).startswith("250")
        assert first.result(30).startswith("250")


def test_relay_that_stops_ends_what_it_holds(hop: Hop) -> None:
    hop.delay = 0.5
    with (
        running_relay(account(hop.port)) as relay,
        relay.client() as idle,
        ThreadPoolExecutor(1) as pool,
    ):
        under_way = pool.submit(relay.send, PLAIN)
        while not hop.seen:
            time.sleep(0.01)
        relay.server.stop()
        assert idle.reply().startswith("421 4.3.2")
        assert idle.hung_up()
        assert under_way.result(10).startswith("250")
    assert len(hop.taken) == 1


def test_links_of_several_recipients_are_their_own(relay: Relay, hop: Hop) -> None:
    relay.desk.treatment = linked
    for name in ("taro", "hanako"):
        relay.send(REJECTION, to=f"{name}@example.com")
    assert [b"/r/taro" in t.content for t in hop.taken] == [True, False]
    assert [b"/r/hanako" in t.content for t in hop.taken] == [False, True]
