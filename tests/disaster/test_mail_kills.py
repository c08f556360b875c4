"""kill -9 while a mail is being handed over: a notice is never doubled, a proof never lost."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from careerrelay.engine import registration
from careerrelay.engine.registration import Application as Form
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Delivery, OutgoingMail
from tests.disaster.counting_ats import CountingAts, install
from tests.disaster.installations import Installation, fresh, rest, rows
from tests.disaster.nodes import Node, ended_at_last, wait_until
from tests.disaster.senders import Sender
from tests.disaster.test_kills import case
from tests.support.mailbox import Mailbox, free_port


@dataclass
class SilentMailbox(Mailbox):
    """Takes the whole message and then says nothing, as long as it is ``silent``."""

    silent: bool = True
    caught: threading.Event = field(default_factory=threading.Event)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = await super().handle_DATA(server, session, envelope)
        self.caught.set()
        while self.silent:
            await asyncio.sleep(0.02)
        return answer


@pytest.fixture
def mailbox() -> Iterator[SilentMailbox]:
    box = SilentMailbox(port=free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    box.silent = False
    controller.stop()


@pytest.fixture
def ats_url() -> Iterator[str]:
    with CountingAts().serve() as url:
        yield url


@pytest.fixture
def installation(tmp_path: Path, mailbox: SilentMailbox, ats_url: str) -> Installation:
    """One process on SQLite; the company sends its notices itself."""
    made = fresh(
        tmp_path / "installation",
        python_path=install(tmp_path / "plugins"),
        MAIL_HOST="127.0.0.1",
        MAIL_PORT=str(mailbox.port),
    )
    account = mailbox.account()
    made.found(ats_url=ats_url, company={"smtp": account}, strategies=("own_mail",))
    return made


@pytest.fixture
def node(installation: Installation) -> Iterator[Node]:
    made = installation.node("serve")
    with ended_at_last(made):
        made.start()
        yield made


def reject(installation: Installation) -> None:
    found = case(1, ApplicationState.REJECTED, step=1)
    event = ApplicationEvent(EventKind.REJECTED, found.changed_at, "a1", "c1", found)
    sender = Sender(f"{installation.url}/webhooks/counting")
    with sender.running(threads=1):
        sender.send(event, delivery="d1")


def die_in_hand_over(node: Node, mailbox: SilentMailbox) -> None:
    """The server has the message, we have no answer, and the process is gone; then it comes back,
    and the mail server answers again."""
    assert mailbox.caught.wait(60)
    node.kill()
    mailbox.silent = False
    node.start()


def command(installation: Installation, *words: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "careerrelay", *words, "--json"],
        env={**os.environ, **installation.environment},
        capture_output=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return json.loads(done.stdout)


def test_notice_cut_off_in_hand_over_is_left_to_a_person_and_never_sent_twice(
    installation: Installation, node: Node, mailbox: SilentMailbox
) -> None:
    reject(installation)
    die_in_hand_over(node, mailbox)
    runtime = installation.look()
    try:
        rest(runtime)
        (delivery,) = rows(runtime, Delivery)
        assert (delivery.state, delivery.error_code) == ("dead", "smtp_uncertain")
        assert len(mailbox.messages) == 1
        (listed,) = command(installation, "work", "list")
        assert listed["id"] == delivery.id
        command(installation, "work", "replay", delivery.id, "--not-sent", "--yes")
        wait_until(lambda: rows(runtime, Delivery)[0].state == "done", what="the replay is done")
        assert len(mailbox.messages) == 2, "once more, because a person said so"
    finally:
        runtime.close()


def test_proof_mail_cut_off_in_hand_over_is_sent_again(
    installation: Installation, node: Node, mailbox: SilentMailbox
) -> None:
    """The same code twice harms nobody; none at all would."""
    mailbox.silent = False
    reject(installation)
    runtime = installation.look()
    try:
        rest(runtime)
        mailbox.messages.clear()
        mailbox.caught.clear()
        mailbox.silent = True
        link = rows(runtime, Delivery)[0].link_id
        form = Form("応募 太郎1", "person1@example.com", True, "ja")
        registration.start(runtime, runtime.signer.token_for(link), form)
        die_in_hand_over(node, mailbox)
        wait_until(lambda: len(mailbox.messages) == 2, what="the proof mail is sent again")
        rest(runtime)
        assert [mail.state for mail in rows(runtime, OutgoingMail)] == ["done"]
        assert len({message.content for message in mailbox.messages}) == 1
    finally:
        runtime.close()
