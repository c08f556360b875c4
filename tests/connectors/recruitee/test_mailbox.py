"""The notice from Recruitee's mailbox: one call, as the app makes it, and never a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from careerrelay.connectors import ApiError, Application, Capability, HttpClient
from careerrelay.connectors.recruitee.connector import RecruiteeConnector
from careerrelay.connectors.recruitee.standin import RecruiteeStandIn, scene
from careerrelay.connectors.testing.effects import lost_answers_are_told
from careerrelay.connectors.testing.subject import Subject
from careerrelay.engine import polling
from careerrelay.engine.rehearsal import map_as_rejections
from careerrelay.engine.service import sweep
from careerrelay.models.events import OutgoingMessage
from careerrelay.models.tables import Delivery
from tests.support.world import World

from ..company import SECOND, Clock, again, opened

SEND = "/c/12345/mailbox/send"


@pytest.fixture
def ats(world: World) -> RecruiteeStandIn:
    return RecruiteeStandIn(clock=world.clock)


@pytest.fixture
def sending(
    world: World, ats: RecruiteeStandIn, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A company that polls Recruitee and has it send the notices; nobody waits for long."""
    usual = HttpClient.__init__.__kwdefaults__ or {}
    monkeypatch.setattr(HttpClient.__init__, "__kwdefaults__", {**usual, "timeout": (2.0, 0.5)})
    ats.hang_seconds = 0.8
    with ats.serve() as url:
        given = {"api_url": url, "company_id": "12345", "mailbox_send": "on"}
        world.connect(
            "mailing",
            connector="recruitee",
            strategies=("ats_message",),
            settings={**given, "notice_delay_days": "2"},
            secrets={"api_token": ats.token},
        )
        map_as_rejections(world.runtime, "mailing", ["Underqualified"])
        yield world


def poll(world: World) -> None:
    polling.poll_now(world.runtime, "mailing", at=world.clock())
    polling.submit_due(world.runtime)
    world.work()


def reject(world: World, ats: RecruiteeStandIn) -> str:
    case = ats.apply(name="見本 花子", email="hanako@example.jp", job="営業")
    ats.disqualify(case)
    poll(world)
    return case


def later(world: World, **parts: float) -> None:
    world.clock.forward(**parts)
    sweep(world.runtime)
    world.work()


def the_delivery(world: World) -> Delivery:
    with world.runtime.database.read() as session:
        return session.scalars(select(Delivery)).one()


def test_notice_leaves_after_the_companys_delay_with_the_link(
    sending: World, ats: RecruiteeStandIn
) -> None:
    reject(sending, ats)
    later(sending, days=1)
    assert ats.mails == []
    later(sending, days=1, hours=1)
    (mail,) = ats.mails
    assert mail["to"] == [{"candidateId": 44, "candidateEmail": "hanako@example.jp"}]
    url = sending.runtime.signer.url_for(str(the_delivery(sending).link_id))
    assert f'<a href="{url}">{url}</a>' in mail["bodyHtml"]
    assert the_delivery(sending).state == "done"


def test_requalified_before_the_delay_is_over_gets_nothing(
    sending: World, ats: RecruiteeStandIn
) -> None:
    """Polling does not see it; the question before the sending does."""
    case = reject(sending, ats)
    sending.clock.forward(days=1)
    ats.requalify(case)
    later(sending, days=1, hours=1)
    assert ats.mails == []
    assert (the_delivery(sending).state, the_delivery(sending).error_code) == (
        "skipped",
        "unrejected",
    )


@pytest.mark.parametrize(
    "fault", [{"after_effect": True, "status": 504}, {"hang": True}], ids=["lost", "timeout"]
)
def test_no_answer_is_left_to_a_person(
    sending: World, ats: RecruiteeStandIn, fault: dict[str, Any]
) -> None:
    reject(sending, ats)
    ats.fail_next(path=SEND, **fault)
    later(sending, days=2, hours=1)
    for _ in range(3):
        later(sending, hours=7)
    uncertain = the_delivery(sending)
    assert (uncertain.state, uncertain.error_code) == ("dead", "api_uncertain")
    assert "Recruitee" in str(uncertain.error)
    assert sum(path == SEND for _, path, _ in ats.calls) <= 1
    assert len(ats.mails) == int("after_effect" in fault)


def test_user_who_may_not_send_is_a_definite_no(sending: World, ats: RecruiteeStandIn) -> None:
    ats.may_send = False
    reject(sending, ats)
    later(sending, days=2, hours=1)
    refused = the_delivery(sending)
    assert (refused.state, refused.error_code, refused.handed_over_at) == (
        "dead",
        "api_permission",
        None,
    )
    assert "to send e-mail" in str(refused.error)


@pytest.fixture
def connector() -> Iterator[RecruiteeConnector]:
    vendor = RecruiteeStandIn(clock=Clock(step=SECOND))
    with vendor.serve() as url:
        given = {"api_url": url, "company_id": "12345", "api_token": vendor.token}
        with opened(RecruiteeConnector, given, clock=vendor.clock) as connector:
            connector.vendor = vendor  # type: ignore[attr-defined]
            yield connector


def test_doctor_asks_for_the_right_to_send_only_where_it_is_wanted(
    connector: RecruiteeConnector,
) -> None:
    vendor: RecruiteeStandIn = connector.vendor  # type: ignore[attr-defined]
    vendor.may_send = False
    assert all(check.ok for check in connector.check())
    wanted = again(connector, mailbox_send="on")
    (failed,) = [check for check in wanted.check() if not check.ok]
    assert failed.name == "email templates"
    assert "send e-mail" in failed.remedy


def test_stand_in_takes_nothing_but_what_the_app_sends(connector: RecruiteeConnector) -> None:
    vendor: RecruiteeStandIn = connector.vendor  # type: ignore[attr-defined]
    case = vendor.apply(name="見本 花子", email="hanako@example.jp", job="営業")
    application = connector.fetch_application(case)
    connector.send_message(application, OutgoingMessage("m", "件名", "<b>本文</b>"))
    (mail,) = vendor.mails
    assert mail["bodyHtml"] == "<p>&lt;b&gt;本文&lt;/b&gt;</p>"
    client, url = HttpClient("recruitee", allow_private=True), connector.settings["api_url"]
    bearer, accent = {"Authorization": f"Bearer {vendor.token}"}, {"x-json-accent": "pascal"}
    wrong = [(mail, {}), ({**mail, "more": 1}, accent), ({**mail, "to": []}, accent)]
    for body, headers in wrong:
        answer = client.request(
            "POST", url + SEND, operation="send", json=body, headers={**bearer, **headers},
            accept=(422,),
        )  # fmt: skip
        assert answer.status == 422
    assert len(vendor.mails) == 1


class Hides(RecruiteeConnector):
    """Takes no answer for a good one."""

    def send_message(self, application: Application, message: OutgoingMessage) -> None:
        with suppress(ApiError):
            super().send_message(application, message)


class Repeats(RecruiteeConnector):
    """Tries again by itself."""

    def send_message(self, application: Application, message: OutgoingMessage) -> None:
        with suppress(ApiError):
            super().send_message(application, message)
            return
        super().send_message(application, message)


class Looks(RecruiteeConnector):
    """Asks something first, for nothing."""

    def send_message(self, application: Application, message: OutgoingMessage) -> None:
        self.reasons()
        super().send_message(application, message)


@pytest.mark.parametrize(
    ("kind", "told"), [(Hides, "passes for"), (Repeats, "passes for"), (Looks, "2 calls")]
)
def test_suite_catches_who_hides_or_repeats_a_lost_answer(
    kind: type[RecruiteeConnector], told: str
) -> None:
    examined = Subject(kind, Path(__file__).parent, scene)
    with pytest.raises(AssertionError, match=told):
        lost_answers_are_told(examined, Capability.ATS_MESSAGE)
