"""Web hooks as Lever delivers them, and as others might, over real HTTP."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest

from careerrelay.connectors.lever.connector import LeverConnector
from careerrelay.connectors.lever.spec import SPEC
from careerrelay.connectors.lever.standin import LeverStandIn
from careerrelay.connectors.testing.standin import Request, StandIn, route
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import WebhookVerificationError
from careerrelay.models.events import ApplicationEvent, EventKind, WebhookRequest

from .conftest import Connect, applied


class Receiver(StandIn):
    """Our side of a web hook: verify, drop what was seen, keep what it says."""

    def __init__(self, connector: LeverConnector) -> None:
        super().__init__(clock=connector.clock)
        self.connector = connector
        self.events: list[ApplicationEvent] = []
        self.seen: set[str] = set()
        self.refusals: list[str] = []
        self.guard = threading.Lock()

    @route("POST", "/hook")
    def hook(self, request: Request) -> tuple[int, None]:
        with self.guard:
            return self._take(
                WebhookRequest("POST", "/hook", "", {}, request.data, self.connector.clock())
            ), None

    def _take(self, arrived: WebhookRequest) -> int:
        try:
            self.connector.verify_webhook(arrived)
        except WebhookVerificationError as error:
            self.refusals.append(error.message)
            return 401
        if self.connector.delivery_id(arrived) not in self.seen:
            self.seen.add(self.connector.delivery_id(arrived))
            self.events += self.connector.read_webhook(arrived)
        return 200


@pytest.fixture
def receiver(connect: Connect) -> Receiver:
    return Receiver(connect(signature_tokens="current-token, previous-token"))


@pytest.fixture
def hook_url(receiver: Receiver) -> Iterator[str]:
    with receiver.serve() as base:
        yield f"{base}/hook"


@pytest.fixture
def hooked(lever: LeverStandIn, hook_url: str) -> LeverStandIn:
    """The stand-in with a hook for each event it knows, all of one token."""
    for event in (*SPEC.events, "candidateStageChange"):
        lever.add_hook(event, hook_url, token="current-token")
    return lever


def test_each_change_is_a_reason_to_look(hooked: LeverStandIn, receiver: Receiver) -> None:
    case = applied(hooked)
    hooked.account.move(case, stage="offer")
    hooked.account.archive(case)
    hooked.account.unarchive(case)
    hooked.account.hire(case)
    hooked.account.delete(case)
    assert hooked.wait_delivered()
    assert receiver.refusals == []
    kinds = sorted(event.kind for event in receiver.events)
    assert kinds == [EventKind.CHANGED] * 5 + [EventKind.ERASED]
    assert {event.application_id for event in receiver.events} == {case}


def test_forged_data_with_a_valid_signature_only_make_us_look(
    hooked: LeverStandIn, receiver: Receiver, hook_url: str
) -> None:
    """Whoever saw one delivery can change what it says, but not what the API says."""
    case, victim = applied(hooked), applied(hooked)
    hooked.account.archive(case)
    assert hooked.wait_delivered()
    seen = hooked.deliveries[-1].body
    receiver.seen.clear()
    receiver.events.clear()
    archived = {"reason": hooked.account.reasons[0]["id"], "archivedAt": 1}
    for event in ("candidateArchiveChange", "candidateHired", "candidateDeleted"):
        forged = json.loads(seen) | {
            "event": event,
            "data": {"opportunityId": victim, "toArchived": archived},
        }
        receiver.seen.clear()
        assert hooked.ping(hook_url, json.dumps(forged).encode(), {})
    assert [event.application for event in receiver.events] == [None] * 3
    for event in receiver.events:
        truth = receiver.connector.fetch_application(event.application_id or "")
        assert truth.state is ApplicationState.ACTIVE


def test_a_replay_is_known_by_its_token(
    hooked: LeverStandIn, receiver: Receiver, hook_url: str
) -> None:
    applied(hooked)
    assert hooked.wait_delivered()
    body = hooked.deliveries[0].body
    again = json.dumps(json.loads(body) | {"data": {"opportunityId": str(uuid.uuid4())}})
    assert hooked.ping(hook_url, body, {})
    assert hooked.ping(hook_url, again.encode(), {})
    assert len(receiver.events) == 1


def test_retries_of_a_failed_delivery_are_one_signal(
    hooked: LeverStandIn, receiver: Receiver
) -> None:
    receiver.fail_next(times=2, status=500)
    receiver.fail_next(status=503, after_effect=True)
    applied(hooked)
    assert hooked.wait_delivered()
    assert [attempt.number for attempt in hooked.deliveries] == [1, 2, 3, 4]
    assert len(receiver.events) == 1


def test_lever_gives_up_after_five_more_tries(hooked: LeverStandIn, receiver: Receiver) -> None:
    receiver.fail_next(times=10, status=500)
    applied(hooked)
    assert hooked.wait_delivered()
    assert len(hooked.deliveries) == 6


def test_old_and_new_token_both_count_while_changing(
    lever: LeverStandIn, receiver: Receiver, hook_url: str
) -> None:
    lever.add_hook("applicationCreated", hook_url, token="previous-token")
    lever.add_hook("candidateArchiveChange", hook_url, token="current-token")
    lever.add_hook("candidateArchiveChange", hook_url, token="somebody-elses")
    lever.account.archive(applied(lever))
    assert lever.wait_delivered()
    assert len(receiver.events) == 2
    assert "signature_tokens" in receiver.refusals[0]


def test_a_hook_older_than_a_day_is_refused_on_every_retry(
    hooked: LeverStandIn, receiver: Receiver, hook_url: str
) -> None:
    applied(hooked)
    assert hooked.wait_delivered()
    hooked.clock.now += timedelta(days=2)  # type: ignore[attr-defined]
    receiver.seen.clear()
    assert not hooked.ping(hook_url, hooked.deliveries[0].body, {})
    assert "webhook_max_age_hours" in receiver.refusals[0]


def test_a_hook_limited_to_applicants_says_nothing_of_the_sourced(
    lever: LeverStandIn, receiver: Receiver, hook_url: str
) -> None:
    lever.add_hook("applicationCreated", hook_url, origins=("applied",), token="current-token")
    applied(lever, origin="sourced")
    applied(lever)
    assert lever.wait_delivered()
    assert len(receiver.events) == 1
