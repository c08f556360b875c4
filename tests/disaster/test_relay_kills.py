"""kill -9 while a rejection mail passes the relay: none is lost, and a second one has one link."""

from __future__ import annotations

import re
import smtplib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from careerrelay.engine.mail_relays import RelayPlan, add_relay
from careerrelay.engine.runtime import Runtime
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Delivery, RelayedMail
from tests.disaster.counting_ats import CountingAts, install
from tests.disaster.installations import Installation, fresh, rows
from tests.disaster.nodes import PATIENCE, Node, ended_at_last, wait_until
from tests.disaster.senders import Sender
from tests.disaster.test_kills import case
from tests.disaster.test_mail_kills import SilentMailbox
from tests.support.mailbox import free_port

SENDER = "saiyo@acme.example.jp"
TO = "person1@example.com"
LETTER = (
    f"Message-ID: <one@ats.example>\r\nFrom: {SENDER}\r\nTo: {TO}\r\n"
    "Subject: Your application\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
    "Thank you for applying.\r\n\r\n{{career_relay_link}}\r\n\r\nAcme\r\n"
).encode()
RELAY_LINK = re.compile(rb"https?://[^\s<>]+/r/[A-Za-z0-9._-]+")


@pytest.fixture
def mailbox() -> Iterator[SilentMailbox]:
    box = SilentMailbox(port=free_port(), silent=False)
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    box.silent = False
    controller.stop()


@dataclass
class Relayed:
    """An installation whose server relays, and the way to its port."""

    installation: Installation
    port: int
    lives: list[str] = field(default_factory=list)

    def hand_in(self) -> bool:
        """As an MTA: one attempt; whether it was taken."""
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE) as server:
                server.sendmail(SENDER, [TO], LETTER)
        except (smtplib.SMTPException, OSError) as error:
            self.lives.append(type(error).__name__)
            return False
        return True

    def hand_in_until_taken(self) -> None:
        """As an MTA: again and again."""
        deadline = time.monotonic() + PATIENCE
        while not self.hand_in():
            assert time.monotonic() < deadline, self.lives
            time.sleep(0.1)


@pytest.fixture
def relayed(tmp_path: Path, mailbox: SilentMailbox) -> Iterator[Relayed]:
    """One process on SQLite that serves and relays; one company with mails through it."""
    port = free_port()
    with CountingAts().serve() as ats_url:
        made = fresh(
            tmp_path / "installation",
            python_path=install(tmp_path / "plugins"),
            MAIL_RELAY_EMBEDDED="true",
            MAIL_RELAY_PORT=str(port),
        )
        made.found(ats_url=ats_url, company={}, strategies=("mail_relay",))
        runtime = made.look()
        try:
            values = {
                "senders": ["acme.example.jp"],
                "networks": ["127.0.0.1/32"],
                "next_hop_host": "127.0.0.1",
                "next_hop_port": mailbox.port,
                "next_hop_security": "none",
            }
            plan = RelayPlan(values)
            add_relay(runtime, "ats", connection="counting", plan=plan, actor="test")
        finally:
            runtime.close()
        yield Relayed(made, port)


@pytest.fixture
def node(relayed: Relayed) -> Iterator[Node]:
    made = relayed.installation.node("serve")
    with ended_at_last(made):
        made.start()
        yield made


@pytest.fixture
def runtime(relayed: Relayed) -> Iterator[Runtime]:
    made = relayed.installation.look()
    yield made
    made.close()


def reject(relayed: Relayed, runtime: Runtime) -> None:
    found = case(1, ApplicationState.REJECTED, step=1)
    event = ApplicationEvent(EventKind.REJECTED, found.changed_at, "a1", "c1", found)
    sender = Sender(f"{relayed.installation.url}/webhooks/counting")
    with sender.running(threads=1):
        sender.send(event, delivery="d1")
    wait_until(lambda: len(rows(runtime, Delivery)) == 1, what="the rejection is decided")


def links_in(mailbox: SilentMailbox) -> list[bytes]:
    """The relay link of each mail that arrived."""
    return [found for mail in mailbox.messages for found in RELAY_LINK.findall(mail.content)]


def test_mail_cut_off_after_the_next_hop_took_it_comes_once_more_with_the_same_link(
    relayed: Relayed, node: Node, runtime: Runtime, mailbox: SilentMailbox
) -> None:
    reject(relayed, runtime)
    mailbox.silent = True
    attempt = threading.Thread(target=relayed.hand_in)
    attempt.start()
    assert mailbox.caught.wait(PATIENCE)
    node.kill()
    attempt.join(PATIENCE)
    assert relayed.lives, "the sender was told nothing, so it sends again"
    mailbox.silent = False
    node.start()
    relayed.hand_in_until_taken()
    assert len(mailbox.messages) == 2
    assert len(set(links_in(mailbox))) == 1
    wait_until(lambda: rows(runtime, Delivery)[0].state == "done", what="the delivery is done")
    (mail,) = rows(runtime, RelayedMail)
    assert (mail.judgement, mail.reply) == ("personal", 250)


def test_mail_of_a_dead_relay_is_not_lost(
    relayed: Relayed, node: Node, runtime: Runtime, mailbox: SilentMailbox
) -> None:
    reject(relayed, runtime)
    node.kill()
    assert not relayed.hand_in()
    node.start()
    relayed.hand_in_until_taken()
    assert len(links_in(mailbox)) == len(mailbox.messages) == 1
    assert b"{{career_relay_link}}" not in mailbox.messages[0].content


def test_mail_before_its_web_hook_comes_again_and_gets_the_link(
    relayed: Relayed, node: Node, runtime: Runtime, mailbox: SilentMailbox
) -> None:
    """Nobody knows the person yet, so the marker waits with the sender, not with the applicant."""
    assert node.lives == 1
    assert not relayed.hand_in()
    assert mailbox.messages == []
    reject(relayed, runtime)
    relayed.hand_in_until_taken()
    assert len(links_in(mailbox)) == 1
