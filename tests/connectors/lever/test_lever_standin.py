"""Fetching, reporting and checking, over real HTTP against a pretended Lever."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors.http import HttpClient
from careerrelay.connectors.lever.connector import LeverConnector
from careerrelay.connectors.lever.spec import SPEC
from careerrelay.connectors.lever.standin import LeverStandIn
from careerrelay.models.candidates import ApplicationState, Channel, Flag, Stage
from careerrelay.models.errors import (
    ApiAuthenticationError,
    ApiNotFoundError,
    ApiPermissionError,
    ApiRateLimitedError,
    ApiRequestError,
    ApiResponseError,
    ApiUnavailableError,
)
from careerrelay.models.events import (
    RegistrationReport,
)

from .conftest import Connect, applied

Ask = Callable[..., Any]

REPORT = RegistrationReport(
    marker="CR-7F3K",
    text="登録がありました (CR-7F3K)",
    tag="CareerRelay registered",
    url="https://relay.example.co.jp/console",
)


class TestFetch:
    def test_the_truth_has_job_reason_person_and_channel(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        case = applied(lever, origin="referred")
        lever.account.archive(case, reason=lever.account.reason("Timing"))
        truth = connector.fetch_application(case)
        assert truth.state is ApplicationState.REJECTED
        assert truth.job is not None
        assert truth.job.title == "バックエンドエンジニア"
        assert truth.reason is not None
        assert truth.reason.text == "Timing"
        assert truth.candidate.emails == ("hanako@example.com",)
        assert truth.candidate.full_name == "Hanako Example"
        assert truth.candidate.external_id != case
        assert (truth.channel, truth.stage) == (Channel.REFERRAL, Stage.DOCUMENTS)
        assert truth.ats_url == f"https://hire.lever.co/candidates/{case}"

    def test_hire_and_unarchiving_are_read_from_the_record(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        case = applied(lever)
        lever.account.hire(case)
        assert connector.fetch_application(case).state is ApplicationState.HIRED
        lever.account.unarchive(case)
        assert connector.fetch_application(case).state is ApplicationState.ACTIVE

    def test_consent_of_the_contact_counts_for_the_case(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        case = applied(lever)
        lever.account.forbid_contact(case)
        assert connector.fetch_application(case).flags == {Flag.DO_NOT_CONTACT}

    def test_a_posting_the_key_cannot_see_leaves_the_case_without_job(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        case = applied(lever)
        lever.account.postings.clear()
        assert connector.fetch_application(case).job is None

    def test_a_confidential_case_is_gone_unless_the_key_may_see_it(
        self, lever: LeverStandIn, connect: Connect
    ) -> None:
        case = applied(lever)
        lever.account.hide(case)
        with pytest.raises(ApiNotFoundError):
            connect().fetch_application(case)
        privileged = connect(api_key=lever.add_key(confidential=True))
        assert privileged.fetch_application(case).flags == {Flag.PRIVATE}

    def test_a_reason_lever_lists_no_more_stays_unmapped(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        case = applied(lever)
        lever.account.archive(case, reason=str(uuid.uuid4()))
        truth = connector.fetch_application(case)
        assert truth.state is ApplicationState.REJECTED
        assert truth.reason is not None
        assert truth.reason.text == truth.reason.external_id

    def test_reasons_are_all_but_hired(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        texts = [reason.text for reason in connector.reasons()]
        assert "Withdrew" in texts
        assert "No Response - OLD" in texts
        assert "Hired" not in texts


class TestReport:
    def test_note_tag_and_link_once_however_often(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        case = applied(lever)
        truth = connector.fetch_application(case)
        for _ in range(3):
            connector.report_registration(truth, REPORT)
        assert lever.account.note_texts(case) == [REPORT.text]
        assert lever.account.tags(case) == [REPORT.tag]
        assert lever.account.links(case) == [REPORT.url]

    def test_the_note_is_found_beyond_the_first_page(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        case = applied(lever)
        truth = connector.fetch_application(case)
        connector.report_registration(truth, REPORT)
        for number in range(230):
            lever.account.add_note(case, f"interview {number}", user=lever.user)
        connector.report_registration(truth, REPORT)
        assert lever.account.note_texts(case).count(REPORT.text) == 1

    def test_one_note_although_the_first_answer_was_lost(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        case = applied(lever)
        truth = connector.fetch_application(case)
        notes = f"/v1/opportunities/{case}/notes"
        lever.fail_next(path=notes, skip=1, status=502, after_effect=True)
        with pytest.raises(ApiUnavailableError):
            connector.report_registration(truth, REPORT)
        assert lever.account.note_texts(case) == [REPORT.text]
        connector.report_registration(truth, REPORT)
        assert lever.account.note_texts(case) == [REPORT.text]
        assert lever.account.tags(case) == [REPORT.tag]

    def test_a_report_without_page_adds_no_link(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        case = applied(lever)
        truth = connector.fetch_application(case)
        connector.report_registration(truth, RegistrationReport("m", "text m", "tag"))
        assert lever.account.links(case) == []

    def test_a_wrong_user_to_perform_as_writes_nothing(
        self, lever: LeverStandIn, connect: Connect
    ) -> None:
        case = applied(lever)
        stranger = connect(perform_as=str(uuid.uuid4()))
        with pytest.raises(ApiRequestError):
            stranger.report_registration(stranger.fetch_application(case), REPORT)
        assert lever.account.note_texts(case) == []

    def test_a_key_without_notes_is_told_which_scope_is_missing(
        self, lever: LeverStandIn, connect: Connect
    ) -> None:
        case = applied(lever)
        reads = [f"{t}:read:admin" for t in ("opportunities", "archive_reasons", "postings")]
        limited = connect(api_key=lever.add_key(permissions=[*reads, "notes:read:admin"]))
        with pytest.raises(ApiPermissionError, match="notes:write:admin"):
            limited.report_registration(limited.fetch_application(case), REPORT)


class TestErrors:
    def test_over_the_limit_is_an_error_to_wait_for(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        lever.clock.step = timedelta()  # type: ignore[attr-defined]  # the bucket never refills
        for _ in range(20):
            connector.reasons()
        with pytest.raises(ApiRateLimitedError) as caught:
            connector.reasons()
        assert caught.value.retryable
        assert caught.value.retry_after is None
        assert [status for *_, status in lever.calls].count(200) == 20

    def test_a_wrong_key_names_the_setting(self, connect: Connect) -> None:
        with pytest.raises(ApiAuthenticationError, match="api_key"):
            connect(api_key="not-a-key").reasons()

    def test_an_unknown_id_is_not_found(self, connector: LeverConnector) -> None:
        with pytest.raises(ApiNotFoundError):
            connector.fetch_application(str(uuid.uuid4()))

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>maintenance</html>",
            b"",
            b"[]",
            b"null",
            b'{"data": null}',
            b'{"data": [5]}',
            b'{"data": [], "hasNext": true}',
            b'{"data": [{"text": "no id"}]}',
        ],
    )
    def test_an_answer_of_another_shape_is_one_error(
        self, lever: LeverStandIn, connector: LeverConnector, body: bytes
    ) -> None:
        lever.fail_next(path="/v1/archive_reasons", status=200, body=body)
        with pytest.raises(ApiResponseError):
            connector.reasons()

    def test_an_offset_that_does_not_move_is_no_endless_walk(
        self, lever: LeverStandIn, connector: LeverConnector
    ) -> None:
        page = json.dumps({"data": [], "hasNext": True, "next": "same"}).encode()
        lever.fail_next(times=2, path="/v1/archive_reasons", status=200, body=page)
        with pytest.raises(ApiResponseError, match="next"):
            connector.reasons()


class TestStandIn:
    """The parts of the stand-in that people and other tools use by HTTP."""

    @pytest.fixture
    def ask(self, lever: LeverStandIn, url: str) -> Iterator[Ask]:
        http = HttpClient("lever", allow_private=True)

        def call(method: str, path: str, **sent: Any) -> Any:
            answer = http.request(
                method, url + path, operation="try", auth=(lever.api_key, ""), **sent
            )
            return answer.json()

        yield call
        http.close()

    @pytest.mark.parametrize(
        "query", [{"limit": 101}, {"limit": 0}, {"offset": "%5B3%2C1%5D"}, {"offset": "2"}]
    )
    def test_limit_and_offset_are_enforced(self, ask: Ask, query: dict[str, Any]) -> None:
        with pytest.raises(ApiRequestError, match="BadRequestError"):
            ask("GET", "/v1/opportunities", params=query)

    def test_a_deleted_window_over_thirty_days_is_refused(self, ask: Ask) -> None:
        span = {"deleted_at_start": 0, "deleted_at_end": 31 * 24 * 60 * 60 * 1000}
        with pytest.raises(ApiRequestError, match="BadRequestError"):
            ask("GET", "/v1/opportunities/deleted", params=span)

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("notes", {"value": "text"}),
            ("addTags", {"tags": ["tag"]}),
            ("addLinks", {"links": ["https://relay.example.co.jp"]}),
        ],
    )
    def test_every_write_needs_a_user_to_perform_as(
        self, lever: LeverStandIn, ask: Ask, path: str, body: dict[str, Any]
    ) -> None:
        case = applied(lever)
        with pytest.raises(ApiRequestError):
            ask("POST", f"/v1/opportunities/{case}/{path}", json=body)
        user = {"perform_as": lever.user}
        assert ask("POST", f"/v1/opportunities/{case}/{path}", json=body, params=user)["data"]

    def test_a_recruiter_archives_and_takes_it_back(self, lever: LeverStandIn, ask: Ask) -> None:
        case, user = applied(lever), {"perform_as": lever.user}
        path = f"/v1/opportunities/{case}/archived"
        for reason in (lever.account.reason("Timing"), None):
            ask("PUT", path, json={"reason": reason}, params=user)
            archived = ask("GET", f"/v1/opportunities/{case}")["data"]["archived"]
            assert (archived or {}).get("reason") == reason

    def test_the_token_of_a_hook_is_told_once(self, ask: Ask) -> None:
        wanted = {"event": "candidateHired", "url": "https://relay.example.co.jp/hook"}
        made = ask("POST", "/v1/webhooks", json=wanted)["data"]
        assert made["configuration"]["signatureToken"]
        (listed,) = ask("GET", "/v1/webhooks")["data"]
        assert listed["id"] == made["id"]
        assert "signatureToken" not in listed["configuration"]


class TestCheck:
    def test_a_good_connection_is_good(self, lever: LeverStandIn, connect: Connect) -> None:
        applied(lever)
        for event in SPEC.events:
            lever.add_hook(event, "https://relay.example.co.jp/hook")
        checks = connect(signature_tokens="current-token").check()
        assert [c.name for c in checks if not c.ok] == []

    def test_polling_alone_is_a_good_connection_too(self, connector: LeverConnector) -> None:
        assert all(check.ok for check in connector.check())

    def test_a_wrong_key_is_the_only_thing_said(self, connect: Connect) -> None:
        (check,) = connect(api_key="not-a-key").check()
        assert not check.ok
        assert "api_key" in check.remedy
        assert "base_url" in check.remedy

    @pytest.mark.parametrize(
        ("missing", "name"),
        [
            ("archive_reasons", "reasons"),
            ("opportunities", "opportunities and notes"),
            ("notes", "opportunities and notes"),
            ("postings", "postings"),
            ("users", "perform_as"),
            ("webhooks", "web hooks"),
        ],
    )
    def test_each_missing_permission_is_named(
        self, lever: LeverStandIn, connect: Connect, missing: str, name: str
    ) -> None:
        applied(lever)
        words = {"opportunities", "notes", "postings", "archive_reasons", "users", "webhooks"}
        key = lever.add_key(permissions=[f"{w}:read:admin" for w in words - {missing}])
        failed = {c.name: c for c in connect(api_key=key, signature_tokens="t").check() if not c.ok}
        assert f"{missing}:read:admin" in failed[name].detail
        assert "API Credentials" in failed[name].remedy

    @pytest.mark.parametrize("kind", ["unknown", "deactivated"])
    def test_a_user_who_cannot_act_is_named(
        self, lever: LeverStandIn, connect: Connect, kind: str
    ) -> None:
        gone = lever.account.add_user(deactivated=True)
        user = gone if kind == "deactivated" else str(uuid.uuid4())
        failed = [c for c in connect(perform_as=user).check() if not c.ok]
        assert [c.name for c in failed] == ["perform_as"]
        assert "perform_as" in failed[0].remedy

    def test_missing_hooks_are_listed(self, lever: LeverStandIn, connect: Connect) -> None:
        lever.add_hook("candidateArchiveChange", "https://relay.example.co.jp/hook")
        (failed,) = [c for c in connect(signature_tokens="t").check() if not c.ok]
        assert "candidateHired, applicationCreated, candidateDeleted" in failed.detail
