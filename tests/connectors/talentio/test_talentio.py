"""What is peculiar to Talentio: 辞退 is called reject, people just leave the list, tags replace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiRateLimitedError,
    ApiResponseError,
    Application,
    Channel,
    EventKind,
    Flag,
    RegistrationReport,
    Stage,
)
from careerrelay.connectors.talentio.connector import TalentioConnector
from careerrelay.connectors.talentio.standin import BASE, TalentioStandIn

from ..company import Clock, Poller, opened, told

REPORT = RegistrationReport("CR-1", "登録されました。[CR-1]", "キャリアリレー登録")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vendor(clock: Clock) -> TalentioStandIn:
    return TalentioStandIn(clock=clock)


@pytest.fixture
def connector(vendor: TalentioStandIn) -> Iterator[TalentioConnector]:
    with vendor.serve() as url:
        given = {
            "api_url": url + BASE,
            "api_token": vendor.token,
            "do_not_contact_tags": "連絡不可",
            "test_tags": "テスト",
            "source_channels": "紹介会社サイト=referral, ビズリーチ=scout, サイト=direct",
        }
        with opened(TalentioConnector, given, clock=vendor.clock) as connector:
            yield connector


def apply(vendor: TalentioStandIn, **more: Any) -> int:
    return vendor.apply(family_name="見本", given_name="花子", email="hanako@example.jp", **more)


def rejected(vendor: TalentioStandIn, **more: Any) -> int:
    id_ = apply(vendor, **more)
    vendor.reject(id_)
    return id_


@pytest.fixture
def poll(connector: TalentioConnector) -> Poller:
    return Poller(connector)


def test_only_the_companys_rejections_are_told(vendor: TalentioStandIn, poll: Poller) -> None:
    id_ = rejected(vendor)
    vendor.withdraw(apply(vendor))
    vendor.hire(apply(vendor))
    apply(vendor)
    assert told(poll()) == [(EventKind.REJECTED, str(id_))]


def test_every_page_is_read_once_and_then_only_what_changed(
    vendor: TalentioStandIn, poll: Poller, clock: Clock
) -> None:
    everybody = {str(rejected(vendor)) for _ in range(250)}
    clock.forward(minutes=15)
    assert {event.application_id for event in poll()} == everybody
    assert len(vendor.calls) == 3
    clock.forward(minutes=30)
    assert poll() == []
    id_ = rejected(vendor)
    assert told(poll()) == [(EventKind.REJECTED, str(id_))]
    assert len(vendor.calls) == 5


def test_who_leaves_the_list_is_looked_at_within_an_hour(
    vendor: TalentioStandIn, poll: Poller, clock: Clock
) -> None:
    back, gone, left, hired, stays = (rejected(vendor) for _ in range(5))
    poll()
    clock.forward(hours=1)
    vendor.reopen(back)
    vendor.erase(gone)
    vendor.withdraw(left)
    vendor.hire(hired)
    assert told(poll()) == [
        (EventKind.APPLIED, str(back)),
        (EventKind.ERASED, str(gone)),
        (EventKind.WITHDRAWN, str(left)),
        (EventKind.HIRED, str(hired)),
    ]
    clock.forward(hours=1)
    assert poll() == []
    clock.forward(minutes=5)
    vendor.reject(back)
    assert (EventKind.REJECTED, str(back)) in told(poll())
    assert poll.cursor["known"].keys() == {str(back), str(stays)}


def test_a_rejection_that_grows_too_old_to_be_listed_means_nothing(
    vendor: TalentioStandIn, poll: Poller, clock: Clock
) -> None:
    rejected(vendor)
    poll()
    clock.forward(days=366)
    assert poll() == []
    assert poll.cursor["known"] == {}


def test_a_tag_set_after_the_rejection_is_told(
    vendor: TalentioStandIn, poll: Poller, clock: Clock
) -> None:
    id_ = rejected(vendor)
    poll()
    for minutes in (5, 60):
        clock.forward(minutes=minutes)
        poll()
    vendor.tag(id_, "連絡不可")
    clock.forward(minutes=5)
    (event,) = poll()
    assert event.application is not None
    assert event.application.flags == {Flag.DO_NOT_CONTACT}


def test_candidates_of_somebody_who_left_the_company_are_read_too(
    vendor: TalentioStandIn, poll: Poller
) -> None:
    id_ = rejected(vendor)
    vendor.left_company.add(id_)
    assert told(poll()) == [(EventKind.REJECTED, str(id_))]


@pytest.mark.parametrize(
    ("channel", "meant"),
    [
        ({"channelType": "agent", "channelName": "紹介会社サイト"}, Channel.AGENT),
        ({"channelType": "agentCompany", "channelName": ""}, Channel.AGENT),
        ({"channelType": "employee", "channelName": ""}, Channel.REFERRAL),
        ({"channelType": "site", "channelName": "ビズリーチ（即戦力）"}, Channel.SCOUT),
        ({"channelType": "custom", "channelName": "紹介会社サイト"}, Channel.REFERRAL),
        ({"channelType": "site", "channelName": "自社サイト"}, Channel.DIRECT),
        ({"channelType": "custom", "channelName": "イベント"}, Channel.UNKNOWN),
    ],
)
def test_agents_are_agents_and_the_company_names_the_rest(
    vendor: TalentioStandIn, connector: TalentioConnector, channel: dict[str, str], meant: Channel
) -> None:
    found = connector.fetch_application(str(rejected(vendor, channel=channel)))
    assert found.channel is meant
    assert bool(found.candidate.emails) is (meant is not Channel.AGENT)


def test_test_candidates_are_marked(vendor: TalentioStandIn, connector: TalentioConnector) -> None:
    id_ = rejected(vendor)
    vendor.tag(id_, "テスト", "中途")
    assert connector.fetch_application(str(id_)).flags == {Flag.TEST}


@pytest.mark.parametrize(
    ("kinds", "stage"),
    [
        (["resume"], Stage.DOCUMENTS),
        (["resume", "interview"], Stage.FIRST_INTERVIEW),
        (["resume", "interview", "interview"], Stage.LATER_INTERVIEW),
        (["contact"], Stage.UNKNOWN),
        ([], Stage.UNKNOWN),
    ],
)
def test_the_confirmed_failure_says_how_far_it_went(
    vendor: TalentioStandIn, connector: TalentioConnector, kinds: list[str], stage: Stage
) -> None:
    id_ = rejected(vendor)
    at = vendor.candidates[id_]["fixedAt"]
    vendor.candidates[id_]["stages"] = [
        {"id": n, "type": kind, "status": "pass" if n else "fail", "fixedAt": at}
        for n, kind in zip(range(len(kinds) - 1, -1, -1), kinds, strict=True)
    ]
    assert connector.fetch_application(str(id_)).stage is stage


def test_our_tag_is_added_to_what_stands_there_now(
    vendor: TalentioStandIn, connector: TalentioConnector
) -> None:
    id_ = rejected(vendor)
    vendor.tag(id_, "中途", "再応募歓迎")
    application = connector.fetch_application(str(id_))
    vendor.tag(id_, "中途", "再応募歓迎", "次点")
    for _ in range(2):
        connector.report_registration(application, REPORT)
    assert vendor.tags(id_) == ["中途", "再応募歓迎", "次点", REPORT.tag]
    assert [call[0] for call in vendor.calls].count("PATCH") == 1


def test_tags_that_cannot_be_read_are_never_overwritten(
    vendor: TalentioStandIn, connector: TalentioConnector
) -> None:
    id_ = rejected(vendor)
    application: Application = connector.fetch_application(str(id_))
    del vendor.candidates[id_]["tags"]
    with pytest.raises(ApiResponseError, match="tags"):
        connector.report_registration(application, REPORT)
    assert "PATCH" not in [call[0] for call in vendor.calls]


def test_the_last_calls_of_an_hour_are_left_to_others(
    vendor: TalentioStandIn, connector: TalentioConnector, clock: Clock
) -> None:
    vendor.calls_an_hour = 101
    id_ = str(rejected(vendor))
    for _ in range(2):
        connector.fetch_application(id_)
    with pytest.raises(ApiRateLimitedError, match="left to others") as refused:
        connector.fetch_application(id_)
    assert refused.value.retry_after == 3600
    clock.forward(hours=1)
    connector.fetch_application(id_)


def test_x_reset_says_how_long_to_wait_when_nothing_is_left(
    vendor: TalentioStandIn, connector: TalentioConnector
) -> None:
    vendor.calls_an_hour = 0
    with pytest.raises(ApiRateLimitedError) as refused:
        connector.fetch_application("1")
    assert refused.value.retry_after == 3600
