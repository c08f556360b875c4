"""What is peculiar to a report: pushed or fetched, signed or not, whoever's columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiResponseError,
    ApplicationState,
    ConfigurationError,
    Connector,
    EventKind,
    HttpClient,
    WebhookRequest,
    WebhookVerificationError,
    check_settings,
)
from careerrelay.connectors.report_feed.connector import ReportFeedConnector
from careerrelay.connectors.report_feed.spec import COLUMNS
from careerrelay.connectors.report_feed.standin import ReportStandIn, settings
from careerrelay.connectors.testing import Request, Response, StandIn, closed_network, route

NOW = datetime(2026, 11, 4, 10, 0, tzinfo=UTC)
PUSHED = {"webhook_secret": "feed-secret", "rejected_statuses": "Not Moving Forward"}
SAP = {
    **PUSHED,
    "rows_at": "d.results",
    "rejected_statuses": "Disqualified",
    "columns": "application_id=applicationId, candidate_id=candidateId, email=contactEmail,"
    "status=jobAppStatus.appStatusName, changed_at=lastModifiedDateTime",
}


def opened(given: dict[str, str], **more: Any) -> ReportFeedConnector:
    checked = check_settings(ReportFeedConnector.spec, given, allow_private=True)
    return ReportFeedConnector(checked, clock=lambda: NOW, **more)


def request(body: Any, **headers: str) -> WebhookRequest:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"content-type": "application/json", **headers}
    return WebhookRequest("POST", "/webhooks/feed", "", given, text, NOW)


def row(**changed: Any) -> dict[str, Any]:
    return {
        "Job_Application_ID": "JA-0001",
        "Email": "hanako@example.jp",
        "Disposition": "Not Moving Forward",
        "Disposition_Moment": "2026-11-04T18:30:00+09:00",
        **changed,
    }


@pytest.fixture
def vendor() -> ReportStandIn:
    return ReportStandIn(clock=lambda: NOW)


@pytest.fixture
def connector(vendor: ReportStandIn) -> Iterator[ReportFeedConnector]:
    with vendor.serve() as url:
        http = HttpClient("report_feed", allow_private=True)
        yield opened(settings(vendor, url), http=http)
        http.close()


def test_successfactors_shape_is_read_by_a_column_map() -> None:
    record = {
        "applicationId": "12345",
        "candidateId": 678,
        "contactEmail": "hanako.yamada@example.com",
        "lastModifiedDateTime": "/Date(1793500294000+0000)/",
        "jobAppStatus": {"appStatusId": "501", "appStatusName": "Disqualified"},
    }
    (event,) = opened(SAP).parse_webhook(request({"d": {"results": [record]}}))
    assert event.kind is EventKind.REJECTED
    assert (event.application_id, event.candidate_id) == ("12345", "678")
    assert event.occurred_at == datetime.fromtimestamp(1793500294, tz=UTC)


def test_row_without_signature_is_a_hint_and_the_report_is_asked(vendor: ReportStandIn) -> None:
    with vendor.serve() as url:
        http = HttpClient("report_feed", allow_private=True)
        given = settings(vendor, url) | {"webhook_user": "workday"}
        connector = opened(given, http=http)
        case = vendor.apply(given_name="花子", family_name="見本", email="h@example.jp", job="営業")
        vendor.dispose(case, disposition="Review")
        pushed = connector.sign_webhook(request({"Report_Entry": [row()]}))
        connector.verify_webhook(pushed)
        (event,) = connector.parse_webhook(pushed)
        assert (event.kind, event.application) == (EventKind.CHANGED, None)
        assert connector.fetch_application(case).state is ApplicationState.ACTIVE
        http.close()


def test_basic_needs_its_user_and_takes_no_signature_instead() -> None:
    given = PUSHED | {
        "webhook_user": "workday",
        "report_auth": "basic",
        "report_url": "https://wd.example.com/report",
    }
    signed = opened(PUSHED).sign_webhook(request({"Report_Entry": []}))
    with pytest.raises(WebhookVerificationError):
        opened(given).verify_webhook(signed)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"webhook_user": "workday"}, "webhook_user needs report_auth"),
        ({"report_auth": "basic"}, "report_url is missing"),
        ({"report_auth": "oauth", "report_url": "https://wd.example.com/r"}, "token_url"),
        ({"columns": "application_id=A, status=S"}, "columns must name changed_at"),
        ({"columns": "salary=Salary"}, "columns must look like"),
        ({"columns": "email="}, "columns must look like"),
        ({"hired_statuses": "not moving forward"}, "share a status"),
        ({"time_zone": "Tokyo/Asia"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
    ],
)
def test_setting_that_cannot_work_is_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        opened(PUSHED | given)


def test_json_may_itself_be_the_list() -> None:
    (event,) = opened(PUSHED | {"rows_at": "."}).parse_webhook(request([row()]))
    assert event.application_id == "JA-0001"


def test_pushed_only_asks_nobody() -> None:
    connector = opened(PUSHED)
    with closed_network():
        page = connector.poll({})
        assert (page.events, dict(page.cursor), page.more) == ((), {}, False)
        assert [check.ok for check in connector.check()] == [True]
    with pytest.raises(ConfigurationError, match="notice_delay_days"):
        connector.fetch_application("JA-0001")


def test_nothing_pushed_and_nothing_fetched_is_told() -> None:
    (check,) = opened({"rejected_statuses": "No"}).check()
    assert not check.ok
    assert "webhook_secret" in check.remedy


def test_time_without_offset_is_read_in_the_zone_of_the_setting() -> None:
    body = {"Report_Entry": [row(Disposition_Moment="2026-11-04T18:30:00")]}
    (event,) = opened(PUSHED | {"time_zone": "Asia/Tokyo"}).parse_webhook(request(body))
    assert event.occurred_at == datetime(2026, 11, 4, 9, 30, tzinfo=UTC)


def test_status_that_nobody_named_is_an_open_case() -> None:
    body = {"Report_Entry": [row(Disposition="Not moving forwrd")]}
    (event,) = opened(PUSHED).parse_webhook(request(body))
    assert event.kind is EventKind.APPLIED


def test_source_and_tags_keep_a_link_away() -> None:
    given = PUSHED | {
        "columns": COLUMNS + ", source=Source, tags=Tags",
        "source_channels": "ABC Agency=agent",
        "do_not_contact_tags": "DNC",
    }
    body = {"Report_Entry": [row(Source="ABC Agency", Tags="vip; dnc")]}
    (event,) = opened(given).parse_webhook(request(body))
    assert event.application is not None
    assert event.application.channel.value == "agent"
    assert {flag.value for flag in event.application.flags} == {"do_not_contact"}


def test_row_that_is_gone_says_nothing(
    vendor: ReportStandIn, connector: ReportFeedConnector
) -> None:
    people = [
        vendor.apply(given_name="花子", family_name="見本", email="h@example.jp", job="営業")
        for _ in range(2)
    ]
    vendor.dispose(*people, disposition="Not Moving Forward")
    first = connector.poll({})
    del vendor.rows[people[0]]
    second = connector.poll(first.cursor)
    assert [e.application_id for e in first.events] == people
    assert {(e.application_id, e.kind) for e in second.events} == {(people[1], EventKind.REJECTED)}


def test_report_as_it_was_brings_no_events_until_it_is_read_otherwise(
    vendor: ReportStandIn, connector: ReportFeedConnector
) -> None:
    case = vendor.apply(given_name="花子", family_name="見本", email="h@example.jp", job="営業")
    vendor.dispose(case, disposition="Rejected at screen")
    first = connector.poll({})
    assert [e.kind for e in first.events] == [EventKind.APPLIED]
    again = connector.poll(first.cursor)
    assert again.events == ()
    changed = {**connector.settings, "rejected_statuses": "Rejected at screen"}
    other = opened(changed, http=connector.http)
    assert [e.kind for e in other.poll(again.cursor).events] == [EventKind.REJECTED]


def test_user_who_may_not_run_the_report_is_told(
    vendor: ReportStandIn, connector: ReportFeedConnector
) -> None:
    vendor.allowed = False
    failed = [check for check in connector.check() if not check.ok]
    assert [check.name for check in failed] == ["report"]
    assert "share it" in failed[0].remedy


class OAuthReport(StandIn):
    """A report behind a token, as CSV."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self.csv = "Job_Application_ID,Disposition,Disposition_Moment\nJA-1,Not Moving Forward,"

    @route("POST", "/token")
    def token(self, request: Request) -> tuple[int, Any]:
        self.forms.append(request.form.to_dict())
        return 200, {"access_token": "t-1", "expires_in": 3600}

    @route("GET", "/report")
    def report(self, request: Request) -> Response:
        status = 200 if request.headers.get("Authorization") == "Bearer t-1" else 401
        return Response(self.csv, status, mimetype="text/csv")


def oauth(url: str, http: HttpClient, **more: str) -> Connector:
    given = {
        "report_auth": "oauth",
        "report_url": f"{url}/report",
        "token_url": f"{url}/token",
        "client_id": "client",
        "client_secret": "sesame",
        "time_zone": "UTC",
    }
    return opened({**PUSHED, **given, **more}, http=http)


@pytest.mark.parametrize(
    ("more", "grant"),
    [({}, "client_credentials"), ({"refresh_token": "r-1"}, "refresh_token")],
)
def test_report_behind_oauth_is_fetched_as_csv(more: dict[str, str], grant: str) -> None:
    company = OAuthReport()
    company.csv += "2026-11-04T09:00:00\n"
    http = HttpClient("report_feed", allow_private=True)
    with company.serve() as url:
        page = oauth(url, http, **more).poll({})
    http.close()
    assert [(e.application_id, e.kind) for e in page.events] == [("JA-1", EventKind.REJECTED)]
    assert [form["grant_type"] for form in company.forms] == [grant]


def test_ended_row_without_a_moment_refuses_the_report_and_names_the_row() -> None:
    company = OAuthReport()
    http = HttpClient("report_feed", allow_private=True)
    with company.serve() as url, pytest.raises(ApiResponseError, match=r"row 1 .* changed_at"):
        oauth(url, http).poll({})
    http.close()
