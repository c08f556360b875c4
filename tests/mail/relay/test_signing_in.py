"""Sign-in, caps, and what is told of it."""

from __future__ import annotations

import logging
import smtplib
import time
from collections.abc import Callable

import pytest
import structlog

from tests.mail.conftest import Certificate
from tests.mail.relay.hop import Hop
from tests.mail.relay.relays import (
    LOGIN,
    PASSWORD,
    PLAIN,
    REJECTION,
    SENDER,
    TO,
    Client,
    Relay,
    account,
    b64,
    linked,
    running_relay,
    token,
    two_companies,
)


def test_sign_in_is_offered_and_taken_only_inside_tls(certificate: Certificate, hop: Hop) -> None:
    made = account(hop.port)
    with (
        running_relay(made, tls=certificate.context, listed=False) as relay,
        relay.client() as client,
    ):
        assert "AUTH" not in client.say("EHLO ats.example")
        assert client.say(f"AUTH PLAIN {token()}").startswith("538 5.7.11")
        client.start_tls(certificate.ca_file)
        assert "250-AUTH LOGIN PLAIN" in client.say("EHLO ats.example")
        assert client.say(f"AUTH PLAIN {token()}").startswith("235")
        assert client.send(PLAIN).startswith("250")
    assert b" with ESMTPSA id " in hop.only().content


@pytest.mark.parametrize("with_user", [True, False])
def test_login_is_taken_with_or_without_the_user_in_the_command(
    relay: Relay, with_user: bool
) -> None:
    """Microsoft's .NET client sends the user at once."""
    with relay.client() as client:
        if with_user:
            reply = client.say(f"auth login {b64(LOGIN)}")
        else:
            assert client.say("AUTH LOGIN") == f"334 {b64('Username:')}"
            reply = client.say(b64(LOGIN))
        assert reply == f"334 {b64('Password:')}"
        assert client.say(b64(PASSWORD)).startswith("235")


def test_library_signs_in_by_both_ways(relay: Relay, hop: Hop) -> None:
    for way in ("auth_plain", "auth_login"):
        with smtplib.SMTP("127.0.0.1", relay.port, timeout=30) as client:
            client.ehlo()
            client.user, client.password = LOGIN, PASSWORD
            client.auth(way.removeprefix("auth_").upper(), getattr(client, way))
            client.sendmail(SENDER, [TO], PLAIN)
    assert len(hop.taken) == 2


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (f"AUTH PLAIN {token(password='wrong')}", "535"),
        (f"AUTH PLAIN {token(authorised='somebody')}", "535"),
        ("AUTH PLAIN !!!", "501"),
        ("AUTH PLAIN =", "535"),
        (f"AUTH PLAIN {b64('no separators')}", "535"),
        ("AUTH CRAM-MD5", "504"),
        ("AUTH", "501"),
    ],
)
def test_wrong_sign_in_is_refused(relay: Relay, said: str, code: str) -> None:
    with relay.client() as client:
        assert client.say(said).startswith(code)


def test_sign_in_can_be_broken_off(relay: Relay) -> None:
    with relay.client() as client:
        client.say("AUTH LOGIN")
        assert client.say("*").startswith("501")
        client.say("AUTH PLAIN")
        assert client.say("*").startswith("501")


def test_session_ends_after_three_sign_ins(relay: Relay) -> None:
    with relay.client() as client:
        for _ in range(3):
            assert client.say(f"AUTH PLAIN {token(password='guess')}").startswith("535")
        assert client.say(f"AUTH PLAIN {token()}").startswith("421")
        assert client.hung_up()


def test_account_cannot_be_changed_inside_a_mail(hop: Hop) -> None:
    desk = two_companies(hop.port)
    with running_relay(account(hop.port), desk=desk) as relay, relay.client() as client:
        client.begin()
        assert client.say(f"AUTH PLAIN {token('other', 'pass')}").startswith("503")
        client.say("DATA")
        assert client.content(PLAIN).startswith("250")


def test_second_ehlo_ends_the_mail_and_not_the_sign_in(hop: Hop) -> None:
    with running_relay(account(hop.port), listed=False) as relay, relay.client() as client:
        client.say(f"AUTH PLAIN {token()}")
        client.begin()
        client.say("EHLO ats.example")
        assert client.say("DATA").startswith("503")
        assert client.send(PLAIN).startswith("250")


def test_parameter_auth_is_taken_as_every_server_must_that_offers_it(relay: Relay) -> None:
    """Postfix as a client sends it: https://www.rfc-editor.org/rfc/rfc4954#section-5"""
    for given in ("<>", "saiyo@example.jp", "e+3Dmc2@example.jp"):
        assert relay.send(PLAIN, options=f" SIZE=1000 AUTH={given} BODY=8BITMIME").startswith("250")


# Caps.


def test_hourly_caps_name_their_settings(hop: Hop) -> None:
    made = account(hop.port, per_hour=4, people_per_hour=2)
    with running_relay(made) as relay:
        for to in ("a@example.com", "A@example.com", "b@example.com"):
            assert relay.send(PLAIN, to=to).startswith("250")
        told = relay.send(PLAIN, to="c@example.com")
        assert told == "451 4.7.1 More recipients in this hour than people_per_hour of the relay"
        assert relay.send(PLAIN, to="a@example.com").startswith("250")
        told = relay.send(PLAIN, to="a@example.com")
        assert told == "451 4.7.1 More mails in this hour than per_hour of the mail relay allows"
    assert len(hop.taken) == 4


def test_sessions_are_counted_together_and_by_address(hop: Hop) -> None:
    with running_relay(account(hop.port), sessions=4) as relay:
        clients = [relay.client() for _ in range(3)]
        with Client(relay.port) as refused:
            assert refused.greeting.startswith("421 4.3.2")
            assert refused.hung_up()
        clients.pop().__exit__()
        _wait_for(lambda: _welcome(relay))
        for client in clients:
            client.__exit__()


def _welcome(relay: Relay) -> bool:
    with Client(relay.port) as client:
        return client.greeting.startswith("220")


def _wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_endless_commands_end_the_session(relay: Relay) -> None:
    with relay.client() as client:
        assert client.say("NOOP " + "x" * 3000).startswith("500")
        client.write(b"y" * 200_000 + b"\r\n")
        assert client.reply().startswith("500")
        replies = [client.say("NOOP") for _ in range(101)]
        assert replies[-1].startswith("421")
        assert client.hung_up()


def test_neither_logs_nor_errors_hold_an_address_or_a_password(
    hop: Hop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hop.answers["RCPT"] = f"550 5.1.1 <{TO}> is unknown here"
    with (
        structlog.testing.capture_logs() as told,
        running_relay(account(hop.port, signing=None)) as relay,
        relay.client() as client,
    ):
        relay.desk.treatment = linked
        client.say(f"AUTH PLAIN {token(password='guess')}")
        client.say(f"AUTH PLAIN {token()}")
        assert TO in client.send(REJECTION), "who sent it may know the next hop's words"
        relay.desk.trouble = RuntimeError(f"{TO} {PASSWORD}")
        client.send(PLAIN)
        client.say("EHLO again.example")
        client.say(f"MAIL FROM:<{SENDER}> WRONG=1")
    logged = f"{told} {[record.getMessage() for record in caplog.records]}"
    assert "mail_passed" in logged
    for secret in (TO, SENDER, "taro", PASSWORD, "guess", token(), "/r/taro"):
        assert secret not in logged
