"""What is peculiar to HERP: its rows, its settings, and how a walk ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from careerrelay.connectors.herp.candidacies import CandidacySchema, application_from
from careerrelay.connectors.herp.client import comment_body
from careerrelay.connectors.herp.connector import HerpConnector
from careerrelay.connectors.herp.options import Options
from careerrelay.connectors.herp.spec import SPEC
from careerrelay.connectors.herp.walk import Walk
from careerrelay.connectors.spec import Capability, Evidence
from careerrelay.models.candidates import (
    Application,
    ApplicationState,
    Channel,
    Flag,
    RejectionSide,
    Stage,
)
from careerrelay.models.errors import ConfigurationError, PayloadError

from .conftest import START, settings_for

ROW = {
    "id": "11111111-2222-4333-8444-555555555501",
    "name": "見本 花子",
    "status": "terminated",
    "requisitionId": "aaaaaaaa-0000-4000-8000-000000000001",
    "appliedAt": "2026-01-10T12:10:25+09:00",
    "step": "resumeScreening",
    "stepUpdatedAt": "2026-01-12T09:24:31+09:00",
    "email": "hanako.mihon@example.com",
    "telephoneNumber": "080-0000-0000",
    "age": "31",
    "career": "経歴の自由記述",
    "note": "メモの自由記述",
    "channel": {"type": "careerPage"},
    "terminationReason": "rejected",
    "terminatedAt": "2026-01-15T11:21:00+09:00",
    "operators": ["U-AAAAA"],
    "tags": ["見送り対応"],
    "updatedAt": "2026-01-15T11:27:55+09:00",
}


def read(settings: dict[str, str] | None = None, **changes: Any) -> Application:
    """ROW with changes (None removes a key) as an application."""
    row = {key: value for key, value in {**ROW, **changes}.items() if value is not None}
    options = Options.read(settings_for("https://herp.example.jp", **(settings or {})))
    return application_from(CandidacySchema().read(row), title="営業", options=options)


# Rows


def test_the_end_is_dated_by_the_minute_the_recruiter_typed() -> None:
    assert read().changed_at == datetime(2026, 1, 15, 2, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("missing", "left"),
    [
        ({"terminatedAt": None}, "updatedAt"),
        ({"terminatedAt": None, "updatedAt": None}, "stepUpdatedAt"),
        ({"terminatedAt": None, "updatedAt": None, "stepUpdatedAt": None}, "appliedAt"),
    ],
)
def test_without_that_time_the_next_best_dates_it(missing: dict[str, None], left: str) -> None:
    assert read(**missing).changed_at == datetime.fromisoformat(str(ROW[left]))


def test_free_text_about_a_person_is_not_read() -> None:
    told = repr(read())
    assert not [word for word in ("自由記述", "31", "080", "見送り対応") if word in told]


def test_the_one_name_field_is_kept_whole() -> None:
    candidate = read().candidate
    assert (candidate.full_name, candidate.family_name, candidate.given_name) == (
        "見本 花子",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("step", "stage"),
    [
        ("entry", Stage.DOCUMENTS),
        ("resumeScreening", Stage.DOCUMENTS),
        ("casualInterview", Stage.UNKNOWN),
        ("firstInterview", Stage.FIRST_INTERVIEW),
        ("secondInterview", Stage.LATER_INTERVIEW),
        ("thirdInterview", Stage.LATER_INTERVIEW),
        ("finalInterview", Stage.FINAL_INTERVIEW),
        ("offered", Stage.OFFER),
        ("offerAccepted", Stage.OFFER),
        ("somethingNew", Stage.UNKNOWN),
    ],
)
def test_the_step_tells_the_stage(step: str, stage: Stage) -> None:
    assert read(step=step).stage is stage


@pytest.mark.parametrize(
    ("channel", "meaning"),
    [
        ({"type": "careerPage"}, Channel.DIRECT),
        ({"type": "agent", "agent": {"id": "1", "company": "見本", "name": "担当"}}, Channel.AGENT),
        ({"type": "jobmiru"}, Channel.AGENT),
        ({"type": "media", "mediaName": "見本メディア", "isScout": True}, Channel.SCOUT),
        ({"type": "media", "mediaName": "見本メディア", "isScout": False}, Channel.DIRECT),
        ({"type": "media", "mediaName": "見本メディア"}, Channel.SCOUT),
        ({"type": "manual", "kind": "other", "description": "知人"}, Channel.AGENT),
        ({"type": "somethingNew"}, Channel.AGENT),
        (None, Channel.AGENT),
    ],
)
def test_only_what_herp_calls_direct_is_direct(
    channel: dict[str, Any] | None, meaning: Channel
) -> None:
    assert read(channel=channel).channel is meaning


def test_the_company_says_what_hand_typed_applications_are() -> None:
    application = read({"manual_channel": "direct"}, channel={"type": "manual", "kind": "x"})
    assert application.channel is Channel.DIRECT


def test_an_agents_row_gives_no_address_even_if_it_has_one() -> None:
    assert read(channel={"type": "agent"}).candidate.emails == ()


@pytest.mark.parametrize("address", [None, "", "  ", "なし"])
def test_what_is_no_address_is_none(address: str | None) -> None:
    assert read(email=address).candidate.emails == ()


@pytest.mark.parametrize("step", ["offered", "offerAccepted"])
def test_a_rejection_after_an_offer_is_a_rescinded_offer(step: str) -> None:
    assert read(step=step).flags == {Flag.OFFER_RESCINDED}


def test_a_withdrawal_after_an_offer_is_no_rescinded_offer() -> None:
    assert read(step="offered", terminationReason="refusedByCandidate").flags == frozenset()


@pytest.mark.parametrize(
    ("reason", "state", "side"),
    [
        ("rejected", ApplicationState.REJECTED, RejectionSide.COMPANY),
        ("refusedByCandidate", ApplicationState.WITHDRAWN, RejectionSide.CANDIDATE),
        ("hired", ApplicationState.HIRED, RejectionSide.UNKNOWN),
        ("notEligible", ApplicationState.REJECTED, RejectionSide.UNKNOWN),
        ("somethingNew", ApplicationState.REJECTED, RejectionSide.UNKNOWN),
        (None, ApplicationState.REJECTED, RejectionSide.UNKNOWN),
    ],
)
def test_only_one_reason_is_the_companys_rejection(
    reason: str | None, state: ApplicationState, side: RejectionSide
) -> None:
    application = read(terminationReason=reason)
    assert application.reason is not None
    assert (application.state, application.reason.side) == (state, side)


def test_a_null_means_the_same_as_an_absent_key() -> None:
    options = Options.read(settings_for("https://herp.example.jp"))
    row = CandidacySchema().read({**ROW, "email": None, "channel": None})
    assert application_from(row, title="", options=options).candidate.emails == ()


def test_a_row_without_its_application_time_is_refused() -> None:
    with pytest.raises(PayloadError, match="appliedAt"):
        read(appliedAt=None)


def test_there_is_no_back_link_without_the_tenants_name() -> None:
    assert read().ats_url is None


# What the connector says of itself


def test_the_reasons_carry_the_labels_of_the_screen_and_a_hire_asks_for_no_mapping() -> None:
    connector = HerpConnector(settings_for("https://herp.example.jp"))
    assert {r.external_id: r.text for r in connector.reasons()} == {
        "rejected": "不採用",
        "refusedByCandidate": "応募者辞退",
        "notEligible": "非選考対象",
    }


def test_the_spec_says_that_there_is_no_webhook_and_where_it_is_not() -> None:
    support = SPEC.capabilities[Capability.WEBHOOK]
    assert support.evidence is Evidence.MISSING
    assert support.source.startswith("https://public-api.herp.cloud/")
    assert not SPEC.can(Capability.WEBHOOK)


def test_a_comment_is_plain_text_and_mentions_by_id_only() -> None:
    assert comment_body("登録", mention=()) == {"body": "登録", "textType": "text/plain"}
    assert comment_body("登録", mention=["U-AAAAA"])["mentionTo"] == ["U-AAAAA"]


# Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reserved_requests", "91"),
        ("reserved_requests", "-1"),
        ("longest_selection_days", "半年"),
        ("longest_selection_days", "0"),
        ("import_days", "1.5"),
        ("import_days", "90"),
        ("known_pages", ""),
        ("mention_users", "採用担当"),
        ("tenant", "https://mihon.v1.herp.cloud"),
    ],
)
def test_a_wrong_setting_is_named_when_the_connection_is_opened(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        HerpConnector(settings_for("https://herp.example.jp", **{name: value}))


# The walk, without any HTTP


def rows(*days_ago: float, prefix: str = "c") -> list[dict[str, Any]]:
    """Rejected rows that applied so many days before START."""
    return [
        {
            "id": f"{prefix}{days}",
            "status": "terminated",
            "terminationReason": "rejected",
            "appliedAt": START - timedelta(days=days),
            "terminatedAt": START,
        }
        for days in days_ago
    ]


def begin(**state: Any) -> Walk:
    return Walk.resume(state, now=START)


OPTIONS = Options.read(settings_for("https://herp.example.jp"))


def take(walk: Walk, page: list[dict[str, Any]], *, has_next: bool = True) -> bool:
    """Read a page; True while the walk goes on."""
    walk.take(page, has_next=has_next, options=OPTIONS)
    return bool(walk.started)


def walked(*pages: list[dict[str, Any]], **state: Any) -> Walk:
    walk = begin(**state)
    for number, page in enumerate(pages, start=1):
        take(walk, page, has_next=number < len(pages))
    return walk


def test_a_walk_ends_with_the_list() -> None:
    assert not take(begin(), rows(1, 2), has_next=False)


def test_a_walk_does_not_stop_inside_the_window_however_much_is_known() -> None:
    known = walked(rows(181, 182), walks=1).cursor()
    walk = Walk.resume(known, now=START)
    assert all(take(walk, rows(*range(n, n + 10))) for n in range(1, 161, 10))


def test_a_walk_stops_after_enough_known_pages_beyond_the_window() -> None:
    known = walked(rows(181, 182), rows(183, 184), walks=1).cursor()
    walk = Walk.resume(known, now=START)
    assert take(walk, rows(181, 182))
    assert not take(walk, rows(183, 184))


def test_one_new_row_makes_the_walk_count_known_pages_anew() -> None:
    known = walked(rows(181, 182), rows(183, 184), rows(185, 186), walks=1).cursor()
    walk = Walk.resume(known, now=START)
    assert take(walk, rows(181, 182))
    assert take(walk, rows(183) + rows(183.5, prefix="new"))
    assert take(walk, rows(184, 185))
    assert not take(walk, rows(186, 186))


def test_the_first_two_walks_go_to_the_end() -> None:
    once = walked(rows(181), rows(182), rows(183)).cursor()
    walk = Walk.resume(once, now=START)
    assert take(walk, rows(181))
    assert take(walk, rows(182))
    assert take(walk, rows(183))


def test_a_case_that_left_the_list_is_doubted() -> None:
    first = walked(rows(1, 2)).cursor()
    second = Walk.resume(first, now=START)
    take(second, rows(2), has_next=False)
    assert second.doubts == ["c1"]
    assert second.more


def test_a_case_missed_on_one_page_and_met_on_the_next_is_not_doubted() -> None:
    first = walked(rows(1, 2)).cursor()
    second = Walk.resume(first, now=START)
    take(second, rows(2))
    take(second, rows(1), has_next=False)
    assert second.doubts == []


def test_cases_rejected_long_ago_are_no_longer_watched() -> None:
    first = walked(rows(1)).cursor()
    later = Walk.resume(first, now=START + timedelta(days=31))
    take(later, [], has_next=False)
    assert (later.watch, later.doubts) == ({}, [])


def test_a_cursor_with_names_from_another_version_is_read() -> None:
    assert begin(page=3, started=START.isoformat(), lane="old").page == 3


def test_a_cursor_survives_json() -> None:
    walk = begin()
    take(walk, rows(1, 2, 200))
    again = Walk.resume(json.loads(json.dumps(walk.cursor())), now=START)
    assert again == walk


def test_both_guides_name_every_setting() -> None:
    folder = Path(__file__).parents[3] / "connectors" / "herp"
    for guide in ("README.md", "README.ja.md"):
        text = (folder / guide).read_text(encoding="utf-8")
        assert [s.name for s in SPEC.settings if f"`{s.name}`" not in text] == []
