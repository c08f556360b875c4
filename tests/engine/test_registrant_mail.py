"""The operator's mails to a registrant: sent until they are out, and never on and on."""

from __future__ import annotations

import email
import email.policy
from typing import Any

import pytest
from sqlalchemy import select

from careerrelay.engine import registrant_mail, registration
from careerrelay.engine.registration import Application as Form
from careerrelay.link_signing import Purpose
from careerrelay.models.errors import SmtpUnavailableError, SmtpUncertainError
from careerrelay.models.tables import OutgoingMail
from tests.support.world import World


@pytest.mark.parametrize(
    ("locale", "when"),
    [("ja", "（登録日時：2026年11月4日 12:00）"), ("en", "registering on 4 November 2026.")],
)
def test_welcome_says_when_as_a_person_would(
    world: World, monkeypatch: pytest.MonkeyPatch, locale: str, when: str
) -> None:
    monkeypatch.setitem(world.runtime.settings.mail, "host", "127.0.0.1")  # type: ignore[arg-type]
    sent: list[bytes] = []
    monkeypatch.setattr(registrant_mail.smtp, "send", lambda message, **_: sent.append(message))
    world.reject(1)
    world.work()
    token = world.vendor.fields["c1"].rpartition("/")[2]
    form = Form("応募 太郎", "person1@example.com", False, locale)
    id_ = registration.start(world.runtime, token, form)
    world.work()
    proof = world.runtime.signer.token_for(id_, purpose=Purpose.PROOF)
    registration.confirm_link(world.runtime, proof)
    world.work()
    welcome = email.message_from_bytes(sent[-1], policy=email.policy.default)
    body = welcome.get_body(("plain",))
    assert body is not None
    assert when in body.get_content()


@pytest.fixture
def started(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Somebody registers; the operator's server is a function that each test gives."""
    monkeypatch.setitem(world.runtime.settings.mail, "host", "127.0.0.1")  # type: ignore[arg-type]
    world.reject(1)
    world.work()
    token = world.vendor.fields["c1"].rpartition("/")[2]
    form = Form("応募 太郎", "person1@example.com", False, "ja")
    registration.start(world.runtime, token, form)
    return world


def work_for_two_days(world: World) -> OutgoingMail:
    for _ in range(100):
        world.work()
        world.clock.forward(minutes=30)
    with world.runtime.database.read() as session:
        return session.scalars(select(OutgoingMail)).one()


def test_mail_whose_answer_is_always_lost_is_not_sent_on_and_on(
    started: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server may have delivered every one of them."""
    sent = []

    def swallow(message: bytes, **_: Any) -> None:
        sent.append(message)
        raise SmtpUncertainError("the answer was lost", phase="content")

    monkeypatch.setattr(registrant_mail.smtp, "send", swallow)
    mail = work_for_two_days(started)
    assert len(sent) == 3
    assert (mail.state, mail.error_code) == ("dead", "smtp_uncertain")


def test_proof_is_not_mailed_once_it_has_expired(
    started: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_order(_message: bytes, **_: Any) -> None:
        raise SmtpUnavailableError("no answer", phase="connect")

    monkeypatch.setattr(registrant_mail.smtp, "send", out_of_order)
    mail = work_for_two_days(started)
    assert (mail.state, mail.error_code) == ("skipped", "expired")
