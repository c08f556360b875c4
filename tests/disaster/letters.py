"""Mail through a relay that dies: each letter is handed in until it is taken, and must arrive."""

from __future__ import annotations

import re
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from careerrelay.engine.mail_relays import RelayPlan, add_relay
from tests.disaster.audit import DOUBLED, LOST, Findings
from tests.disaster.installations import Installation
from tests.disaster.nodes import PATIENCE, wait_until
from tests.support.mailbox import Mailbox, running_mailbox

SENDER = "saiyo@acme.example.jp"
LETTER = (
    "Message-ID: <{number}@ats.example>\r\nFrom: saiyo@acme.example.jp\r\nTo: x\r\n"
    "Subject: Interview\r\n\r\nSee you on Monday.\r\n"
)
NUMBER = re.compile(rb"Message-ID: <(\d+)@ats\.example>")
TIMEOUT = 15.0


@dataclass
class Letters:
    """An MTA in front of the relay, and the mailbox behind it."""

    port: int
    mailbox: Mailbox
    attempts: Counter[int] = field(default_factory=Counter)
    acknowledged: set[int] = field(default_factory=set)
    refusals: list[str] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def send(self, number: int) -> None:
        """So many more; returns at once."""
        first = len(self._threads) * 1000
        thread = threading.Thread(
            target=self._hand_in_all, args=(range(first, first + number),), daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _hand_in_all(self, numbers: range) -> None:
        for number in numbers:
            while not self._hand_in(number):
                time.sleep(0.1)

    def _hand_in(self, number: int) -> bool:
        self.attempts[number] += 1
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=TIMEOUT) as server:
                to = [f"guest{number}@example.com"]
                server.sendmail(SENDER, to, LETTER.format(number=number))
        except (smtplib.SMTPException, OSError) as error:
            self.refusals.append(f"{number}: {error!r}")
            return False
        self.acknowledged.add(number)
        return True

    def copies(self) -> Counter[int]:
        """How often each letter arrived."""
        found = (NUMBER.search(mail.content) for mail in list(self.mailbox.messages))
        return Counter(int(match[1]) for match in found if match)

    def all_taken(self) -> None:
        """Wait until the relay has taken every one."""
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), f"a letter was never taken: {self.refusals[-3:]}"

    def audit(self, found: Findings, *, lives: int) -> None:
        """Each taken letter arrived; a second time only where an answer may have been lost."""
        self.all_taken()
        wait_until(lambda: self.acknowledged <= set(self.copies()), what="all letters arrive")
        copies = self.copies()
        found.seen["letters"] += len(self.acknowledged)
        found.seen["letters sent again after a lost answer"] += sum(copies.values()) - len(copies)
        for number in self.acknowledged:
            if not copies[number]:
                found.faults.append((LOST, f"letter {number}"))
            if copies[number] > self.attempts[number] + lives:
                found.faults.append((DOUBLED, f"letter {number}, {copies[number]} times"))


@contextmanager
def passing(installation: Installation, port: int) -> Iterator[Letters]:
    """The company's mail goes through this installation's relay, which keeps it until it is out."""
    with running_mailbox() as mailbox:
        runtime = installation.look()
        try:
            plan = RelayPlan({
                "mode": "spool", "senders": ["acme.example.jp"], "networks": ["127.0.0.1/32"],
                "next_hop_host": "127.0.0.1", "next_hop_port": mailbox.port,
                "next_hop_security": "none",
            })  # fmt: skip
            add_relay(runtime, "ats", connection="counting", plan=plan, actor="test")
        finally:
            runtime.close()
        yield Letters(port, mailbox)
