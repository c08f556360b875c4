"""Our own mail on the ATS's record: what was sent, once, and nothing else."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy import select

from careerrelay.engine import replay
from careerrelay.engine.doctor_connections import connection_findings
from careerrelay.engine.rehearsal import KilledError, dying
from careerrelay.engine.service import sweep
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import ApiPermissionError, ApiUnavailableError
from careerrelay.models.events import SentMail
from careerrelay.models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    Company,
    Connection,
    Delivery,
    Suppression,
)
from tests.support.mailbox import Mailbox
from tests.support.world import World


@pytest.fixture
def keeping(world: World, mailbox: Mailbox) -> World:
    """The company sends its notices itself, and its ATS keeps such mails."""
    account = mailbox.account()
    with world.runtime.database.begin() as session:
        session.get_one(Company, "acme").smtp = account
    world.connect("keeping", connector="keeping", strategies=("own_mail",))
    return world


def reject(world: World, number: int) -> None:
    found = world.application(number, ApplicationState.REJECTED)
    world.tell(found, connection="keeping")
    world.work()


def record_of(world: World) -> Delivery:
    query = select(Delivery).where(Delivery.strategy == "mail_record")
    with world.runtime.database.read() as session:
        return session.scalars(query).one()


def kept(world: World) -> list[tuple[str, SentMail]]:
    return list(world.vendor.mails.values())


def test_mail_that_went_out_stands_on_the_record(keeping: World, mailbox: Mailbox) -> None:
    reject(keeping, 1)
    message = message_from_bytes(mailbox.messages[0].content, policy=policy.default)
    html = message.get_body(("html",))
    ((person, mail),) = kept(keeping)
    assert person == "c1"
    assert (mail.subject, mail.message_id) == (message["Subject"], message["Message-ID"])
    assert (mail.sender, mail.to) == ("saiyo@acme.example.jp", "person1@example.com")
    assert html is not None
    assert mail.html.strip() == html.get_content().replace("\r\n", "\n").strip()
    assert mail.sent_at == keeping.clock()
    assert record_of(keeping).state == "done"


def test_ats_without_such_records_is_not_asked(world: World, mailbox: Mailbox) -> None:
    with world.runtime.database.begin() as session:
        session.get_one(Company, "acme").smtp = {
            "host": "127.0.0.1", "port": mailbox.port, "security": "none", "sender": "s@example.jp"
        }  # fmt: skip
    world.connect("keeping", connector="hint", strategies=("own_mail",))
    reject(world, 1)
    assert len(mailbox.messages) == 1
    assert "record_mail" not in world.vendor.calls


def test_ats_that_is_away_holds_up_no_mail_and_gets_the_record_later(
    keeping: World, mailbox: Mailbox
) -> None:
    def away(operation: str) -> None:
        if operation == "record_mail":
            raise ApiUnavailableError("away", connector="keeping", operation=operation)

    keeping.vendor.trouble = away
    reject(keeping, 1)
    assert len(mailbox.messages) == 1
    assert (record_of(keeping).state, record_of(keeping).error_code) == ("due", "api_unavailable")
    keeping.vendor.trouble = lambda _operation: None
    keeping.clock.forward(seconds=10)
    keeping.work()
    assert len(kept(keeping)) == len(mailbox.messages) == 1


@pytest.mark.parametrize("commits", range(1, 8))
def test_process_killed_anywhere_sends_once_and_records_what_it_knows_it_sent(
    keeping: World, mailbox: Mailbox, commits: int
) -> None:
    keeping.tell(keeping.application(1, ApplicationState.REJECTED), connection="keeping")
    try:
        with dying(commits):
            keeping.work()
    except KilledError:
        keeping.runtime.running.clear()
    for _ in range(3):
        keeping.clock.forward(minutes=6)
        sweep(keeping.runtime)
        keeping.work()
    assert len(mailbox.messages) <= 1
    with keeping.runtime.database.read() as session:
        states = {d.strategy: d.state for d in session.scalars(select(Delivery))}
    uncertain = states == {"own_mail": "dead"}
    assert uncertain or states == {"own_mail": "done", "mail_record": "done"}
    assert len(kept(keeping)) == int(not uncertain)


class Deadly(dict[str, tuple[str, SentMail]]):
    """The ATS has taken the first mail when the process dies, which so never hears of it."""

    taken = 0

    def setdefault(self, key: str, value: Any = None) -> Any:
        found = super().setdefault(key, value)
        self.taken += 1
        if self.taken == 1:
            raise KilledError
        return found


def test_process_killed_before_the_ats_could_answer_records_it_once(
    keeping: World, mailbox: Mailbox
) -> None:
    keeping.vendor.mails = taking = Deadly()
    with pytest.raises(KilledError):
        reject(keeping, 1)
    keeping.runtime.running.clear()
    keeping.clock.forward(minutes=6)
    sweep(keeping.runtime)
    keeping.work()
    assert (taking.taken, len(taking), len(mailbox.messages)) == (2, 1, 1)
    assert record_of(keeping).state == "done"


def test_mail_that_cannot_be_composed_the_same_again_is_not_recorded(
    keeping: World, mailbox: Mailbox
) -> None:
    """The company's signature was changed between the mail and its record."""

    def change(operation: str) -> None:
        if operation == "record_mail":
            with keeping.runtime.database.begin() as session:
                session.get_one(Company, "acme").recruiter_name = "人事 次郎"
            raise ApiUnavailableError("away", connector="keeping", operation=operation)

    keeping.vendor.trouble = change
    reject(keeping, 1)
    keeping.vendor.trouble = lambda _operation: None
    keeping.clock.forward(seconds=10)
    keeping.work()
    skipped = record_of(keeping)
    assert (skipped.state, skipped.error_code) == ("skipped", "mail_changed")
    assert (len(mailbox.messages), kept(keeping)) == (1, [])


def test_notice_without_a_link_is_recorded_without_one(keeping: World, mailbox: Mailbox) -> None:
    """The person has used the stop link; the company's own notice still goes out."""
    keeping.clock.forward(hours=8)
    reject(keeping, 1)
    with keeping.runtime.database.begin() as session:
        theirs = session.scalars(select(ApplicationAddress)).one()
        session.add(
            Suppression(
                email_hash=theirs.email_hash, scope="acme", cause="stop_link", at=keeping.clock()
            )
        )
    keeping.clock.forward(hours=16)
    keeping.work()
    assert len(mailbox.messages) == 1
    ((_, mail),) = kept(keeping)
    assert "/r/" not in mail.html


def test_erased_person_gets_no_record(keeping: World) -> None:
    def erase(operation: str) -> None:
        if operation == "record_mail":
            with keeping.runtime.database.begin() as session:
                session.scalars(select(ApplicationRecord)).one().person_sealed = None
            raise ApiUnavailableError("away", connector="keeping", operation=operation)

    keeping.vendor.trouble = erase
    reject(keeping, 1)
    keeping.clock.forward(seconds=10)
    keeping.work()
    assert (record_of(keeping).state, record_of(keeping).error_code) == ("skipped", "erased")


def test_key_that_may_only_read_sends_mails_and_doctor_names_the_permission(
    keeping: World, mailbox: Mailbox
) -> None:
    def refuse(operation: str) -> None:
        if operation == "record_mail":
            raise ApiPermissionError("no", connector="keeping", operation=operation, status=403)

    with keeping.runtime.database.read() as session:
        connection = session.get_one(Connection, "keeping")

    def told() -> tuple[str, str]:
        found = connection_findings(keeping.runtime, connection)
        finding = next(f for f in found if f.name == "mail record")
        return finding.status, finding.detail + finding.remedy

    assert told() == ("ok", "the mails we send are recorded. Needs the permission mails:write.")
    keeping.vendor.trouble = refuse
    reject(keeping, 1)
    assert len(mailbox.messages) == 1
    skipped = record_of(keeping)
    assert (skipped.state, skipped.error_code) == ("skipped", "not_permitted")
    status, text = told()
    assert status == "hint"
    assert "mails:write" in text
    keeping.vendor.trouble = lambda _operation: None
    line = replay.found_work(keeping.runtime, [skipped.id])[0]
    assert replay.replay(keeping.runtime, line, actor="admin")
    keeping.work()
    assert len(kept(keeping)) == len(mailbox.messages) == 1
    assert told()[0] == "ok"
