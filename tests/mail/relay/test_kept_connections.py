"""Connections to the next server outlive a mail, and no mail is lost or doubled by that."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from careerrelay.mail.smtp import Security, SmtpAccount, send
from careerrelay.mail.smtp_pool import MOST_KEPT, MOST_MAILS, SmtpPool
from tests.mail.relay.hop import CONTENT, DOT, DROP, Hop
from tests.mail.relay.relays import PLAIN, SENDER, TO, Relay, account, running_relay


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def mail(pool: SmtpPool, to: SmtpAccount) -> None:
    pool.send(
        lambda opened: send(
            PLAIN,
            account=to,
            envelope_from=SENDER,
            to=TO,
            before_data=lambda: None,
            opened=opened,
        )
    )


def smtp_account(hop: Hop) -> SmtpAccount:
    return SmtpAccount("127.0.0.1", hop.port, Security.NONE)


def test_a_kept_connection_is_used_again(relay: Relay, hop: Hop) -> None:
    for _ in range(3):
        assert relay.send(PLAIN).startswith("250")
    assert len(hop.taken) == 3
    assert hop.count("EHLO") == 1


@pytest.mark.parametrize("step", ["RCPT", "DATA", DOT])
def test_after_a_refusal_it_is_reset_and_used_again(relay: Relay, hop: Hop, step: str) -> None:
    hop.once[step] = "550 5.1.1 nobody"
    assert relay.send(PLAIN) == "550 5.1.1 nobody"
    assert relay.send(PLAIN).startswith("250")
    assert (hop.count("EHLO"), hop.count("RSET"), len(hop.taken)) == (1, 1, 1)


@pytest.mark.parametrize("reset", [DROP, "500 what?"])
def test_a_refusal_whose_reset_is_not_answered_ends_it(relay: Relay, hop: Hop, reset: str) -> None:
    hop.once.update(RCPT="550 5.1.1 nobody", RSET=reset)
    assert relay.send(PLAIN) == "550 5.1.1 nobody"
    assert relay.send(PLAIN).startswith("250")
    assert hop.count("EHLO") == 2


def test_closed_by_the_next_hop_while_idle_costs_and_doubles_nothing(
    relay: Relay, hop: Hop
) -> None:
    assert relay.send(PLAIN).startswith("250")
    hop.hang_up()
    assert relay.send(PLAIN).startswith("250")
    assert len(hop.taken) == 2
    assert hop.count("MAIL") == 2, "nothing was said to the dead one"


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("trouble", [DROP, "421 4.4.2 idle too long"])
def test_a_kept_one_that_dies_before_the_content_is_replaced_once(
    relay: Relay, hop: Hop, step: str, trouble: str
) -> None:
    assert relay.send(PLAIN).startswith("250")
    hop.once[step] = trouble
    assert relay.send(PLAIN).startswith("250")
    assert (hop.count("EHLO"), len(hop.taken)) == (2, 2)
    hop.answers[step] = trouble
    assert relay.send(PLAIN)[:4] in ("451 ", "421 ")
    assert (hop.count("EHLO"), len(hop.taken)) == (3, 2), "once, and no more"


def test_too_many_mails_by_one_connection_is_no_answer_to_a_mail(relay: Relay, hop: Hop) -> None:
    assert relay.send(PLAIN).startswith("250")
    hop.once["MAIL"] = "452 4.3.2 too many mails by this connection"
    assert relay.send(PLAIN).startswith("250")
    assert hop.count("EHLO") == 2


@pytest.mark.parametrize("step", [CONTENT, DOT])
def test_dropped_in_or_behind_the_content_is_uncertain_and_not_tried_again(
    relay: Relay, hop: Hop, step: str
) -> None:
    assert relay.send(PLAIN).startswith("250")
    hop.once[step] = DROP
    assert relay.send(PLAIN).startswith("451 4.4.2")
    assert hop.count("DATA") == 2
    assert hop.count("EHLO") == 1


def test_an_answer_that_comes_late_is_not_taken_for_the_next_one(relay: Relay, hop: Hop) -> None:
    hop.once[DOT] = "250 2.0.0 Ok\r\n250 2.0.0 who asked?"
    assert relay.send(PLAIN).startswith("250")
    assert relay.send(PLAIN).startswith("250")
    assert (hop.count("EHLO"), len(hop.taken)) == (2, 2)


def test_international_addresses_of_one_mail_change_nothing_for_the_next(
    relay: Relay, hop: Hop
) -> None:
    hop.answers["EHLO"] = "250-next.example.jp\r\n250-8BITMIME\r\n250 SMTPUTF8"
    with relay.client() as client:
        assert client.send(PLAIN, to="太郎@example.com", options=" SMTPUTF8").startswith("250")
        assert client.send(PLAIN).startswith("250")
    assert [taken.sender.endswith("SMTPUTF8") for taken in hop.taken] == [True, False]
    assert hop.count("EHLO") == 1


def test_credentials_are_not_shared(hop: Hop) -> None:
    hop.answers["EHLO"] = "250-next.example.jp\r\n250 AUTH PLAIN"
    hop.answers["AUTH"] = "235 2.7.0 Ok"
    pool, one = SmtpPool(), replace(smtp_account(hop), username="one", password="a")
    for user in (one, replace(one, username="two"), replace(one, password="b"), one):
        mail(pool, user)
    pool.close()
    assert hop.count("AUTH") == 3


def test_accounts_without_credentials_at_another_server_are_not_mixed_up(hop: Hop) -> None:
    pool = SmtpPool()
    mail(pool, smtp_account(hop))
    mail(pool, replace(smtp_account(hop), host="localhost"))
    pool.close()
    assert hop.count("EHLO") == 2


def test_stop_closes_what_is_kept(hop: Hop) -> None:
    with running_relay(account(hop.port)) as relay:
        assert relay.send(PLAIN).startswith("250")
        assert len(hop.open) == 1
    wait_for(lambda: not hop.open)
    assert hop.seen[-1].upper() == "QUIT"


def test_a_closed_pool_keeps_nothing(hop: Hop) -> None:
    pool = SmtpPool()
    pool.close()
    mail(pool, smtp_account(hop))
    wait_for(lambda: not hop.open)
    assert len(hop.taken) == 1


def test_an_idle_one_is_closed_without_another_mail(hop: Hop) -> None:
    pool = SmtpPool(idle_seconds=0.1)
    mail(pool, smtp_account(hop))
    wait_for(lambda: not hop.open)
    pool.close()


def test_idle_for_too_long_is_not_used_again(hop: Hop) -> None:
    now = [1000.0]
    pool = SmtpPool(clock=lambda: now[0])
    mail(pool, smtp_account(hop))
    now[0] += 31
    mail(pool, smtp_account(hop))
    pool.close()
    assert hop.count("EHLO") == 2


def test_a_connection_brings_a_hundred_mails(hop: Hop) -> None:
    pool = SmtpPool()
    for _ in range(MOST_MAILS + 1):
        mail(pool, smtp_account(hop))
    pool.close()
    assert hop.count("EHLO") == 2


def test_not_more_than_so_many_are_kept(hop: Hop) -> None:
    pool, to = SmtpPool(), smtp_account(hop)

    def nested(depth: int) -> None:
        """That many connections at once: each waits before its content for the next."""
        pool.send(
            lambda opened: send(
                PLAIN,
                account=to,
                envelope_from=SENDER,
                to=TO,
                before_data=lambda: nested(depth - 1) if depth else None,
                opened=opened,
            )
        )

    nested(MOST_KEPT)
    wait_for(lambda: len(hop.open) == MOST_KEPT)
    pool.close()
    assert len(hop.taken) == MOST_KEPT + 1
