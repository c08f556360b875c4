"""own_mail: the company's notice through the company's server, once, at a decent hour."""

from __future__ import annotations

from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import select

from careerrelay.engine import own_mail
from careerrelay.engine.own_mail import SMTP_PASSWORD
from careerrelay.link_signing import Purpose
from careerrelay.models.candidates import Flag, Stage
from careerrelay.models.tables import ApplicationAddress, Company, Delivery, Suppression
from tests.support.mailbox import Mailbox
from tests.support.world import World


@pytest.fixture
def mailing(world: World, mailbox: Mailbox) -> World:
    """The company sends its notices itself."""
    account = mailbox.account()
    with world.runtime.database.begin() as session:
        session.get_one(Company, "acme").smtp = account
    world.connect("mailing", strategies=("own_mail",))
    return world


def reject(world: World, number: int, **values: Any) -> None:
    world.tell(rejected(world, number, **values), connection="mailing")
    world.work()


def rejected(world: World, number: int, **values: Any):
    from careerrelay.models.candidates import ApplicationState

    return world.application(number, ApplicationState.REJECTED, **values)


def the_mail(mailbox: Mailbox) -> EmailMessage:
    assert len(mailbox.messages) == 1
    found = message_from_bytes(mailbox.messages[0].content, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return body.get_content().replace("\r\n", "\n")


def the_delivery(world: World) -> Delivery:
    with world.runtime.database.read() as session:
        return session.scalars(select(Delivery)).one()


def test_notice_names_person_job_operator_and_carries_link_and_stop_link(
    mailing: World, mailbox: Mailbox
) -> None:
    reject(mailing, 1)
    message = the_mail(mailbox)
    text = text_of(message)
    link = str(the_delivery(mailing).link_id)
    assert "応募 太郎1 様" in text
    assert "株式会社リレー運営" in text
    assert "13-ユ-000000" in text
    assert f"\n{mailing.runtime.signer.url_for(link)}\n" in text
    stop = mailing.runtime.signer.url_for(link, purpose=Purpose.STOP)
    assert stop in text
    assert message["List-Unsubscribe"] == f"<{stop}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mailbox.messages[0].recipients == ["person1@example.com"]


def test_notice_waits_for_the_companys_hours(mailing: World, mailbox: Mailbox) -> None:
    mailing.clock.forward(hours=8)
    reject(mailing, 1)
    assert mailbox.messages == []
    mailing.clock.forward(hours=13)
    mailing.work()
    assert mailbox.messages == []
    mailing.clock.forward(hours=2)
    mailing.work()
    assert len(mailbox.messages) == 1


def test_unrejection_before_the_hour_stops_the_notice(mailing: World, mailbox: Mailbox) -> None:
    from careerrelay.models.candidates import ApplicationState

    mailing.clock.forward(hours=8)
    reject(mailing, 1)
    mailing.clock.forward(hours=1)
    mailing.tell(mailing.application(1, ApplicationState.ACTIVE), connection="mailing")
    mailing.work()
    mailing.clock.forward(hours=20)
    mailing.work()
    assert mailbox.messages == []
    skipped = the_delivery(mailing)
    assert (skipped.state, skipped.error_code) == ("skipped", "unrejected")


def test_suppressed_person_gets_the_notice_without_the_link(
    mailing: World, mailbox: Mailbox
) -> None:
    from careerrelay.models.candidates import ApplicationState

    mailing.tell(mailing.application(1, ApplicationState.ACTIVE), connection="mailing")
    mailing.work()
    with mailing.runtime.database.begin() as session:
        email_hash = session.scalars(select(ApplicationAddress.email_hash)).one()
        session.add(
            Suppression(email_hash=email_hash, scope="*", cause="stop_link", at=mailing.clock())
        )
    mailing.clock.forward(minutes=1)
    reject(mailing, 1)
    text = text_of(the_mail(mailbox))
    assert "relay.example.jp" not in text
    assert "キャリアリレー" not in text


def test_person_who_must_not_be_contacted_gets_no_mail_at_all(
    mailing: World, mailbox: Mailbox
) -> None:
    reject(mailing, 1, flags=frozenset({Flag.DO_NOT_CONTACT}))
    assert mailbox.messages == []


def test_server_that_says_not_now_is_asked_again(mailing: World, mailbox: Mailbox) -> None:
    mailbox.answers["RCPT"] = ["451 4.7.1 greylisted"]
    reject(mailing, 1)
    assert the_delivery(mailing).state == "due"
    mailing.clock.forward(seconds=10)
    mailing.work()
    assert len(mailbox.messages) == 1


def test_account_that_the_server_refuses_is_tried_again_once_it_is_corrected(
    mailing: World, mailbox: Mailbox
) -> None:
    with mailing.runtime.database.begin() as session:
        company = session.get_one(Company, "acme")
        company.smtp = {**company.smtp, "username": "old"}
    reject(mailing, 1)
    waiting = the_delivery(mailing)
    assert (waiting.state, waiting.error_code) == ("due", "smtp_rejected")
    with mailing.runtime.database.begin() as session:
        company = session.get_one(Company, "acme")
        company.smtp = {**company.smtp, "username": ""}
    mailing.clock.forward(seconds=10)
    mailing.work()
    assert len(mailbox.messages) == 1


def test_process_that_lost_its_turn_does_not_send(
    mailing: World, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept through its lease; another has taken the delivery over and sends, once."""
    note = own_mail.note_hand_over

    def too_late(runtime: Any, delivery_id: str, *, at: datetime | None) -> None:
        with runtime.database.begin() as session:
            session.get_one(Delivery, delivery_id).running_by = "another-process"
        note(runtime, delivery_id, at=at)

    monkeypatch.setattr(own_mail, "note_hand_over", too_late)
    reject(mailing, 1)
    assert mailbox.messages == []
    theirs = the_delivery(mailing)
    assert (theirs.state, theirs.running_by, theirs.handed_over_at) == (
        "due",
        "another-process",
        None,
    )


def test_refusal_after_the_data_is_final_and_replayable(mailing: World, mailbox: Mailbox) -> None:
    mailbox.answers["DATA"] = ["554 5.7.1 no"]
    reject(mailing, 1)
    refused = the_delivery(mailing)
    assert (refused.state, refused.error_code) == ("dead", "smtp_rejected")
    assert refused.handed_over_at is None


def test_notice_cut_off_behind_the_hand_over_is_left_to_a_person(
    mailing: World, mailbox: Mailbox
) -> None:
    reject(mailing, 1)
    sent = the_delivery(mailing)
    with mailing.runtime.database.begin() as session:
        again = session.get_one(Delivery, sent.id)
        again.state, again.attempts = "due", again.attempts + 1
        mailing.runtime.submit(session, "deliver", again)
    mailing.work()
    uncertain = the_delivery(mailing)
    assert (uncertain.state, uncertain.error_code) == ("dead", "smtp_uncertain")
    assert uncertain.id in str(uncertain.error)
    assert len(mailbox.messages) == 1


def test_missing_smtp_setting_is_named(world: World) -> None:
    world.connect("mailing", strategies=("own_mail",))
    reject(world, 1)
    dead = the_delivery(world)
    assert (dead.state, dead.error_code) == ("dead", "configuration")
    assert "smtp host" in str(dead.error)


def test_stage_chooses_the_wording(mailing: World, mailbox: Mailbox) -> None:
    found = rejected(mailing, 1)
    final = type(found)(
        found.external_id,
        found.candidate,
        found.state,
        found.changed_at,
        found.job,
        found.reason,
        Stage.FINAL_INTERVIEW,
        channel=found.channel,
    )
    mailing.tell(final, connection="mailing")
    mailing.work()
    assert "最終面接" in the_mail(mailbox)["Subject"]


def test_smtp_password_is_sealed_and_used(mailing: World, mailbox: Mailbox) -> None:
    from careerrelay.engine.own_mail import account_of, smtp_place

    with mailing.runtime.database.begin() as session:
        company = session.get_one(Company, "acme")
        sealed = mailing.runtime.vault.seal("p4ssw0rd", place=smtp_place("acme"))
        company.smtp = {**company.smtp, "username": "u", SMTP_PASSWORD: sealed}
    account = account_of(mailing.runtime, company)
    assert account.password == "p4ssw0rd"
    assert "p4ssw0rd" not in repr(account) + str(company.smtp)
