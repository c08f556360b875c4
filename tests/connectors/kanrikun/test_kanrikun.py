"""What is peculiar to 採用一括かんりくん: no times, no ids to read by, only lists by status."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiAuthenticationError,
    ApiRateLimitedError,
    Channel,
    ConfigurationError,
    EventKind,
    HttpClient,
    check_settings,
)
from careerrelay.connectors.kanrikun.connector import KanrikunConnector
from careerrelay.connectors.kanrikun.standin import REJECTED, KanrikunStandIn

from ..company import START, Clock, Poller, told

ACCEPTED, DECLINED, DOCUMENTS = 4, 5, 1


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vendor(clock: Clock) -> KanrikunStandIn:
    return KanrikunStandIn(clock=clock)


Connect = Callable[..., KanrikunConnector]


@pytest.fixture
def connect(vendor: KanrikunStandIn) -> Iterator[Connect]:
    http = HttpClient("kanrikun", allow_private=True)
    with vendor.serve() as url:

        def connected(**more: str) -> KanrikunConnector:
            given = {"api_url": url, "client_id": vendor.client_id, "channel": "direct"}
            given |= {"client_secret": vendor.client_secret, **more}
            settings = check_settings(KanrikunConnector.spec, given, allow_private=True)
            return KanrikunConnector(settings, http=http, clock=vendor.clock)

        yield connected
        http.close()


@pytest.fixture
def poll(connect: Connect) -> Poller:
    return Poller(connect())


def enter(vendor: KanrikunStandIn, **more: Any) -> int:
    given = {"email": "hanako@example.jp", **more}
    return vendor.enter(family_name="見本", given_name="花子", **given)


def rejected(vendor: KanrikunStandIn, **more: Any) -> int:
    id_ = enter(vendor, **more)
    vendor.move(id_, REJECTED)
    return id_


def test_who_is_met_first_was_rejected_before_and_the_next_one_now(
    vendor: KanrikunStandIn, poll: Poller, clock: Clock
) -> None:
    rejected(vendor, on=START - timedelta(days=200))
    (old,) = poll()
    assert START - old.occurred_at > timedelta(days=200)
    clock.forward(minutes=30)
    id_ = rejected(vendor, on=START - timedelta(days=100))
    (new,) = poll()
    assert (new.application_id, new.occurred_at) == (str(id_), clock())
    clock.forward(minutes=30)
    assert poll() == []


def test_a_longer_history_brings_up_old_rejections_as_old(
    vendor: KanrikunStandIn, poll: Poller, clock: Clock, connect: Connect
) -> None:
    rejected(vendor, on=START - timedelta(days=400))
    poll.connector = connect(history_days="100")
    assert poll() == []
    clock.forward(minutes=30)
    poll.connector = connect(history_days="500")
    (event,) = poll()
    assert START - event.occurred_at >= timedelta(days=400)


def test_every_page_of_every_status_is_read_once(
    vendor: KanrikunStandIn, connect: Connect, clock: Clock
) -> None:
    poll = Poller(connect(rejected_statuses="7,8", withdrawn_statuses="5,6"))
    everybody = {str(rejected(vendor)) for _ in range(250)}
    others = {enter(vendor) for _ in range(3)}
    for id_ in others:
        vendor.move(id_, 7)
    assert {event.application_id for event in poll()} == everybody | {str(i) for i in others}
    assert len(vendor.calls) == 1 + 3 + 1
    clock.forward(minutes=30)
    assert poll() == []


def test_who_leaves_the_list_is_searched_for(
    vendor: KanrikunStandIn, poll: Poller, clock: Clock
) -> None:
    back, gone, left, took, stays = (rejected(vendor) for _ in range(5))
    poll()
    clock.forward(minutes=30)
    for id_, status in ((back, DOCUMENTS), (left, DECLINED), (took, ACCEPTED)):
        vendor.move(id_, status)
    vendor.erase(gone)
    assert told(poll()) == [
        (EventKind.APPLIED, str(back)),
        (EventKind.ERASED, str(gone)),
        (EventKind.WITHDRAWN, str(left)),
        (EventKind.HIRED, str(took)),
    ]
    assert poll.cursor["known"].keys() == {str(stays)}
    clock.forward(minutes=30)
    vendor.move(back, REJECTED)
    (again,) = poll()
    assert (again.application_id, again.occurred_at) == (str(back), clock())


def test_nobody_is_deleted_while_the_api_shows_nobody(
    vendor: KanrikunStandIn, poll: Poller, clock: Clock
) -> None:
    both = {str(rejected(vendor)), str(rejected(vendor, on=START - timedelta(days=9)))}
    poll()
    clock.forward(minutes=30)
    hidden, vendor.students = vendor.students, {}
    assert poll() == []
    assert poll.cursor["known"].keys() == both
    clock.forward(minutes=30)
    vendor.students = hidden
    assert poll() == []


def test_an_entry_that_grows_too_old_is_no_deletion(
    vendor: KanrikunStandIn, poll: Poller, clock: Clock
) -> None:
    rejected(vendor)
    poll()
    clock.forward(days=731)
    assert poll() == []
    assert poll.cursor["known"] == {}


def test_addresses_are_the_pcs_and_then_the_mobiles(vendor: KanrikunStandIn, poll: Poller) -> None:
    pairs = [
        ("hanako@example.jp", "hanako@docomo.example.jp"),
        ("", "hanako@docomo.example.jp"),
        ("hanako@example.jp", "hanako@example.jp"),
        ("", ""),
    ]
    for email, mobile in pairs:
        rejected(vendor, email=email, mobile=mobile)
    found = [event.application.candidate.emails for event in poll() if event.application]
    assert found == [
        ("hanako@example.jp", "hanako@docomo.example.jp"),
        ("hanako@docomo.example.jp",),
        ("hanako@example.jp",),
        (),
    ]


def test_where_agents_cannot_be_told_apart_nobody_is_mailed(
    vendor: KanrikunStandIn, connect: Connect
) -> None:
    rejected(vendor)
    (event,) = Poller(connect(channel="agent"))()
    assert event.application is not None
    assert event.application.channel is Channel.AGENT
    assert event.application.candidate.emails == ()


def test_the_company_must_say_how_its_students_came(connect: Connect) -> None:
    with pytest.raises(ConfigurationError, match="channel"):
        connect(channel="")


@pytest.mark.parametrize("codes", [",", "x", "８", "8;9"])
def test_statuses_that_are_no_codes_are_refused(connect: Connect, codes: str) -> None:
    with pytest.raises(ConfigurationError, match="rejected_statuses"):
        connect(rejected_statuses=codes)


def test_a_token_serves_for_its_hour_and_is_replaced_before_it_ends(
    vendor: KanrikunStandIn, poll: Poller, clock: Clock
) -> None:
    for _ in range(6):
        poll()
        clock.forward(minutes=14)
    assert len(vendor.tokens) == 2


def test_a_token_that_is_refused_is_replaced_once(vendor: KanrikunStandIn, poll: Poller) -> None:
    poll()
    vendor.tokens.clear()
    poll()
    vendor.client_secret = "changed"
    vendor.tokens.clear()
    with pytest.raises(ApiAuthenticationError, match="client_id and client_secret"):
        poll()


def test_the_limit_is_a_pause(vendor: KanrikunStandIn, poll: Poller) -> None:
    vendor.calls_an_hour = 0
    with pytest.raises(ApiRateLimitedError):
        poll()


def test_the_check_counts_students_by_status(vendor: KanrikunStandIn, connect: Connect) -> None:
    for _ in range(3):
        rejected(vendor)
    enter(vendor)
    told_ = {check.name: check.detail for check in connect().check()}
    assert told_["students"] == "8: 3, 1: 0, 2: 1, 3: 0, 4: 0, 5: 0, 6: 0, 7: 0"
