"""The operator's mails to a registrant: sent until they are out, and never on and on."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from careerrelay.engine import registrant_mail, registration
from careerrelay.engine.registration import Application as Form
from careerrelay.models.errors import SmtpUnavailableError, SmtpUncertainError
from careerrelay.models.tables import OutgoingMail
from tests.support.world import World


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
