"""The stand-in keeps the vendor's rules, and the whole story plays on it over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from careerrelay.connectors import (
    ApplicationState,
    EventKind,
    HttpClient,
    HttpResponse,
    WebhookRequest,
)
from careerrelay.connectors.greenhouse.connector import GreenhouseConnector
from careerrelay.connectors.greenhouse.standin import GreenhouseStandIn
from careerrelay.connectors.testing import Request, Response, StandIn, route

from .conftest import NOW, SECRET, Connect

OURS = "https://relay.example.com/r/"


class Receiver(StandIn):
    """The other end of the hooks: keeps what arrives, answers as told."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[int] = []
        self.received: list[WebhookRequest] = []

    @route("POST", "/webhooks/gh")
    def receive(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(
            WebhookRequest("POST", request.path, "", headers, request.get_data(), datetime.now(UTC))
        )
        return Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def hook_url(receiver: Receiver) -> Iterator[str]:
    with receiver.serve() as address:
        yield f"{address}/webhooks/gh"


def call(url: str, greenhouse: GreenhouseStandIn, path: str, **sent: object) -> HttpResponse:
    """A call with a fresh token, past the connector."""
    http = HttpClient("greenhouse", allow_private=True)
    token = http.request(
        "POST",
        f"{url}/token",
        operation="token",
        data={"grant_type": "client_credentials", "sub": "4080"},
        auth=(greenhouse.client_id, greenhouse.client_secret),
    ).json()["access_token"]
    method = str(sent.pop("method", "GET"))
    headers = {"Authorization": f"Bearer {token}"}
    return http.request(method, f"{url}{path}", operation="try", headers=headers, **sent)  # type: ignore[arg-type]  # tests hand through what request takes


def test_story_from_application_to_the_link_in_the_mail(
    greenhouse: GreenhouseStandIn,
    connector: GreenhouseConnector,
    receiver: Receiver,
    hook_url: str,
    letters: list[tuple[str, str, str]],
) -> None:
    assert not greenhouse.add_hook(hook_url, secret=SECRET).disabled
    job = greenhouse.add_job("営業 <東京>")
    case = greenhouse.apply("陽菜", "森", emails=["hina@example.jp"], job_id=job)
    assert greenhouse.wait_delivered()
    [applied] = connector.read_webhook(receiver.received[-1])
    assert (applied.kind, applied.application_id) == (EventKind.APPLIED, str(case))
    assert applied.application
    connector.write_link(applied.application, OURS + "abc", ours=OURS)

    greenhouse.reject(case, greenhouse.reason("Too Junior"))
    assert greenhouse.wait_delivered()
    rejected = next(
        event
        for request in receiver.received[1:]
        for event in connector.read_webhook(request)
        if event.kind is EventKind.REJECTED
    )
    assert rejected.application
    assert rejected.application.state is ApplicationState.REJECTED
    [(to, subject, text)] = letters
    assert (to, subject) == ("hina@example.jp", "Your application for 営業 <東京>")
    assert OURS + "abc" in text.splitlines()


def test_hook_and_api_tell_the_same_case(
    greenhouse: GreenhouseStandIn,
    connector: GreenhouseConnector,
    receiver: Receiver,
    hook_url: str,
    case: str,
) -> None:
    """A poll after the hook must not look like another state of the case."""
    greenhouse.add_hook(hook_url, secret=SECRET, events=["reject_candidate"])
    greenhouse.reject(int(case), greenhouse.reason("Too Junior"))
    assert greenhouse.wait_delivered()
    [event] = connector.read_webhook(receiver.received[-1])
    fetched, told = connector.fetch_application(case), event.application
    assert told
    assert fetched.ats_url is None
    assert {f: getattr(fetched, f) for f in fetched.__slots__ if f != "ats_url"} == {
        f: getattr(told, f) for f in told.__slots__ if f != "ats_url"
    }


def test_every_action_fires_a_hook_the_connector_verifies_and_reads(
    greenhouse: GreenhouseStandIn,
    connector: GreenhouseConnector,
    receiver: Receiver,
    hook_url: str,
    case: str,
) -> None:
    greenhouse.add_hook(hook_url, secret=SECRET)
    person = greenhouse.application(int(case))["candidate_id"]
    number = int(case)
    for act in (
        lambda: greenhouse.move(number, "Offer"),
        lambda: greenhouse.reject(number, greenhouse.reason("Other"), notify=False),
        lambda: greenhouse.unreject(number),
        lambda: greenhouse.hire(number),
        lambda: greenhouse.unhire(number),
        lambda: greenhouse.withdraw(number),
        lambda: greenhouse.edit_candidate(person, can_email=False),
        lambda: greenhouse.delete_application(greenhouse.apply_again(person, prospect=True)),
        lambda: greenhouse.merge(
            person,
            into=greenhouse.application(greenhouse.apply("A", "B", emails=[]))["candidate_id"],
        ),
        lambda: greenhouse.anonymise(greenhouse.application(number)["candidate_id"]),
        lambda: greenhouse.delete_candidate(greenhouse.application(number)["candidate_id"]),
    ):
        act()
        assert greenhouse.wait_delivered()
    kinds = []
    for request in receiver.received[1:]:
        connector.verify_webhook(request)
        kinds += [event.kind.value for event in connector.read_webhook(request)]
    told = "changed rejected unrejected hired changed withdrawn changed changed erased applied"
    assert sorted(kinds) == sorted(f"{told} merged erased erased".split())


def test_failed_hook_is_sent_seven_times_with_one_event_id(
    greenhouse: GreenhouseStandIn, url: str, receiver: Receiver, hook_url: str, case: str
) -> None:
    greenhouse.add_hook(hook_url, secret=SECRET)
    receiver.statuses = [500] * 8
    greenhouse.reject(int(case), None)
    assert greenhouse.wait_delivered()
    attempts = receiver.received[1:]
    assert len(attempts) == 7
    assert len({request.headers["greenhouse-event-id"] for request in attempts}) == 1


def test_202_is_no_success_for_greenhouse(
    greenhouse: GreenhouseStandIn, url: str, receiver: Receiver, hook_url: str, case: str
) -> None:
    greenhouse.add_hook(hook_url, secret=SECRET)
    receiver.statuses = [202]
    greenhouse.reject(int(case), None)
    assert greenhouse.wait_delivered()
    assert len(receiver.received[1:]) == 2


def test_hook_whose_ping_fails_is_disabled(
    greenhouse: GreenhouseStandIn, url: str, receiver: Receiver, hook_url: str, case: str
) -> None:
    receiver.statuses = [401]
    assert greenhouse.add_hook(hook_url, secret=SECRET).disabled
    greenhouse.reject(int(case), None)
    assert greenhouse.wait_delivered()
    assert len(receiver.received) == 1


def test_body_is_escaped_as_the_vendors(
    greenhouse: GreenhouseStandIn, url: str, receiver: Receiver, hook_url: str
) -> None:
    greenhouse.add_hook(hook_url, secret=SECRET)
    job = greenhouse.add_job("<営業 & 企画>")
    greenhouse.apply("陽菜", "森", emails=["hina@example.jp"], job_id=job)
    assert greenhouse.wait_delivered()
    body = receiver.received[-1].body
    assert body.isascii()
    assert b"\\u003c" in body
    assert b"<" not in body


class TestMail:
    """The company's rejection mail."""

    def test_empty_field_leaves_an_empty_line(
        self, greenhouse: GreenhouseStandIn, letters: list[tuple[str, str, str]], case: str
    ) -> None:
        greenhouse.reject(int(case), None)
        [(_, _, text)] = letters
        assert "{{" not in text
        assert text.endswith("\n\n\n")

    def test_bulk_rejection_leaves_tokens_of_the_application_blank(
        self, greenhouse: GreenhouseStandIn, letters: list[tuple[str, str, str]], case: str
    ) -> None:
        person = greenhouse.application(int(case))["candidate_id"]
        greenhouse.edit_candidate(person, careerrelay_link=OURS + "abc")
        greenhouse.reject(int(case), None, in_bulk=True)
        [(_, subject, text)] = letters
        assert subject == "Your application for "
        assert OURS + "abc" in text

    def test_nobody_is_mailed_without_notice_or_against_the_flag(
        self, greenhouse: GreenhouseStandIn, letters: list[tuple[str, str, str]], case: str
    ) -> None:
        greenhouse.reject(int(case), None, notify=False)
        greenhouse.unreject(int(case))
        person = greenhouse.application(int(case))["candidate_id"]
        greenhouse.edit_candidate(person, can_email=False)
        greenhouse.reject(int(case), None)
        assert letters == []

    def test_template_with_an_unknown_token_is_refused(self, greenhouse: GreenhouseStandIn) -> None:
        with pytest.raises(ValueError, match="CANDIDATE_SALARY"):
            greenhouse.set_rejection_template(subject="Hello", text="{{CANDIDATE_SALARY}}")


class TestRules:
    """What Harvest v3 is known to do, also where it hurts."""

    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("/v3/candidates?per_page=501", "per_page"),
            ("/v3/candidates?cursor=abc&per_page=5", "do not include other query params"),
            ("/v3/candidates?cursor=abc", "cursor"),
            ("/v3/candidates?ids=" + ",".join(str(n) for n in range(51)), "ids"),
            ("/v3/applications?updated_at=gte|2026-11-01", "ISO date-times"),
            ("/v3/applications?updated_at=since|2026-11-01T00:00:00Z", "updated_at"),
            ("/v3/applications?updated_at=gte|2026-11-01T00:00:00", "ISO date-times"),
        ],
    )
    def test_bad_query_is_422(
        self, greenhouse: GreenhouseStandIn, url: str, path: str, told: str, case: str
    ) -> None:
        answer = call(url, greenhouse, path, accept=(422,))
        assert answer.status == 422
        assert told in answer.json()["errors"][0]

    def test_misspelt_date_filter_is_ignored_in_silence(
        self, greenhouse: GreenhouseStandIn, url: str, case: str
    ) -> None:
        rows = call(url, greenhouse, "/v3/applications?updated=gte|2099-01-01T00:00:00Z").json()
        assert [row["id"] for row in rows] == [int(case)]

    def test_lists_are_newest_first_and_active_is_answered_in_other_words(
        self, greenhouse: GreenhouseStandIn, url: str, case: str
    ) -> None:
        second = greenhouse.apply("B", "C", emails=[])
        rows = call(url, greenhouse, "/v3/applications?status=active").json()
        assert [row["id"] for row in rows] == [second, int(case)]
        assert {row["status"] for row in rows} == {"in_process"}

    def test_patch_empties_every_field_that_is_not_sent(
        self, greenhouse: GreenhouseStandIn, url: str, case: str
    ) -> None:
        greenhouse.add_field("Salary", name_key="salary", value_type="short_text")
        person = greenhouse.application(int(case))["candidate_id"]
        greenhouse.edit_candidate(person, salary="6,000,000")
        sent = {"custom_fields": [{"name_key": "careerrelay_link", "value": OURS}]}
        call(url, greenhouse, f"/v3/candidates/{person}", method="PATCH", json=sent)
        assert greenhouse.fields(person) == {"careerrelay_link": OURS}

    def test_note_for_nobody_is_an_orphan_with_success(
        self, greenhouse: GreenhouseStandIn, url: str
    ) -> None:
        note = {"candidate_id": 1, "body": "x", "visibility": "public", "user_id": 4080}
        assert call(url, greenhouse, "/v3/notes", method="POST", json=note).status == 201
        assert len(greenhouse.notes(1)) == 1

    def test_rate_limit_is_told_in_headers(
        self, greenhouse: GreenhouseStandIn, url: str, case: str
    ) -> None:
        headers = call(url, greenhouse, "/v3/jobs").headers
        assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("1000", "999")
        assert int(headers["x-ratelimit-reset"]) == int(NOW.timestamp()) + 30

    def test_only_cases_in_process_can_be_rejected(
        self, greenhouse: GreenhouseStandIn, case: str
    ) -> None:
        greenhouse.reject(int(case), None)
        with pytest.raises(ValueError, match="in process"):
            greenhouse.reject(int(case), None)


def test_merged_person_keeps_the_cases(
    greenhouse: GreenhouseStandIn, connect: Connect, case: str
) -> None:
    other = greenhouse.application(greenhouse.apply("H", "Mori", emails=["h@example.com"]))
    greenhouse.merge(greenhouse.application(int(case))["candidate_id"], into=other["candidate_id"])
    found = connect().fetch_application(case)
    assert found.candidate.external_id == str(other["candidate_id"])
    assert found.state is ApplicationState.ACTIVE
