"""Case 164: kill -9 of a relay that spools. What was acknowledged arrives, at most twice."""

from __future__ import annotations

import logging
import os
import re
import smtplib
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from careerrelay.engine.mail_relays import RelayPlan, add_relay
from careerrelay.engine.runtime import Runtime
from careerrelay.models.tables import SpooledContent, SpooledMail
from tests.disaster.counting_ats import CountingAts, install
from tests.disaster.installations import fresh, rows
from tests.disaster.nodes import PATIENCE, Node, ended_at_last, wait_until
from tests.disaster.test_mail_kills import SilentMailbox
from tests.disaster.test_relay_kills import SENDER, Relayed
from tests.support.mailbox import free_port

LETTER = (
    "Message-ID: <{number}@ats.example>\r\nFrom: saiyo@acme.example.jp\r\nTo: x\r\n"
    "Subject: Interview\r\n\r\nSee you on Monday.\r\n"
)
log = logging.getLogger(__name__)

ROUNDS = int(os.environ.get("SPOOL_KILLS", "1"))
"""How often it is killed; many times take long, so that is for who asks."""
CLIENTS = 4
NUMBER = re.compile(rb"Message-ID: <(\d+)@ats\.example>")


@pytest.fixture
def mailbox() -> Iterator[SilentMailbox]:
    box = SilentMailbox(port=free_port(), silent=False)
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    box.silent = False
    controller.stop()


@pytest.fixture
def relayed(tmp_path: Path, mailbox: SilentMailbox) -> Iterator[Relayed]:
    """One process on SQLite that serves, works and spools."""
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
            plan = RelayPlan({
                "mode": "spool", "senders": ["acme.example.jp"], "networks": ["127.0.0.1/32"],
                "next_hop_host": "127.0.0.1", "next_hop_port": mailbox.port,
                "next_hop_security": "none",
            })  # fmt: skip
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


def copies(mailbox: SilentMailbox) -> Counter[int]:
    """How often each numbered mail arrived."""
    found = (NUMBER.search(mail.content) for mail in mailbox.messages)
    return Counter(int(match[1]) for match in found if match)


class Crowd:
    """Clients that send numbered mails until the relay is gone."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._next = 0
        self.acknowledged: set[int] = set()

    def send_until_it_dies(self) -> None:
        try:
            with smtplib.SMTP("127.0.0.1", self._port, timeout=PATIENCE) as client:
                while True:
                    with self._lock:
                        self._next += 1
                        number = self._next
                    letter = LETTER.format(number=number)
                    client.sendmail(SENDER, [f"person{number}@example.com"], letter)
                    with self._lock:
                        self.acknowledged.add(number)
        except (smtplib.SMTPException, OSError):
            return


def test_case_164_killed_under_load_every_acknowledged_mail_arrives(
    relayed: Relayed, node: Node, runtime: Runtime, mailbox: SilentMailbox
) -> None:
    crowd = Crowd(relayed.port)
    for _ in range(ROUNDS):
        kill_under_load(node, crowd)
    wait_until(
        lambda: crowd.acknowledged <= set(copies(mailbox)), what="all acknowledged mails arrive"
    )
    wait_until(
        lambda: {mail.state for mail in rows(runtime, SpooledMail)} == {"done"},
        what="nothing is left to hand on",
    )
    assert max(copies(mailbox).values()) <= 1 + ROUNDS
    twice = sum(number - 1 for number in copies(mailbox).values())
    log.info("%d kills: %d mails, %d came twice", ROUNDS, len(crowd.acknowledged), twice)
    assert rows(runtime, SpooledContent) == []


def kill_under_load(node: Node, crowd: Crowd) -> None:
    """In the thick of it; and the next life begins."""
    before = len(crowd.acknowledged)
    clients = [threading.Thread(target=crowd.send_until_it_dies) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    wait_until(lambda: len(crowd.acknowledged) >= before + 40, what="40 mails are acknowledged")
    node.kill()
    for client in clients:
        client.join(PATIENCE)
    node.start()


def test_case_164_killed_between_delivery_and_its_record_it_arrives_once_more(
    relayed: Relayed, node: Node, runtime: Runtime, mailbox: SilentMailbox
) -> None:
    mailbox.silent = True
    with smtplib.SMTP("127.0.0.1", relayed.port, timeout=PATIENCE) as client:
        client.sendmail(SENDER, ["person1@example.com"], LETTER.format(number=1))
    assert mailbox.caught.wait(PATIENCE), "the next hop has it and has not said so"
    node.kill()
    mailbox.silent = False
    node.start()
    wait_until(lambda: [m.state for m in rows(runtime, SpooledMail)] == ["done"], what="it is done")
    assert copies(mailbox) == {1: 2}
