"""What is peculiar to Bullhorn: sessions, statuses, agencies' candidates, a short field."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiAuthenticationError,
    ApiConflictError,
    ApiNotFoundError,
    ApiUnavailableError,
    ApplicationState,
    Channel,
    ConfigurationError,
    EventKind,
    Flag,
    RegistrationReport,
    RejectionSide,
)
from careerrelay.connectors.bullhorn.connector import BullhornConnector
from careerrelay.connectors.bullhorn.standin import BullhornStandIn

from .conftest import Clock, Open

OURS = "https://relay.example.com/r/"
LINK = f"{OURS}AbC123"
REPORT = RegistrationReport("CR-1", "Registered <b>. [CR-1]", "CareerRelay registered")
REJECTED, WITHDRAWN = "Client Rejected", "Candidate Not Interested"


def apply(vendor: BullhornStandIn, **more: Any) -> str:
    return vendor.apply(name="Hanako Example", email="hanako@example.jp", **more)


def ended(vendor: BullhornStandIn, connector: BullhornConnector) -> Any:
    case = apply(vendor)
    vendor.set_status(case, REJECTED)
    return connector.fetch_application(case)


def drained(connector: BullhornConnector, cursor: Mapping[str, Any]) -> tuple[list[Any], Any]:
    events: list[Any] = []
    more = True
    while more:
        page = connector.poll(cursor)
        events += page.events
        cursor, more = page.cursor, page.more
    return events, cursor


# The session.


def test_all_workers_share_one_session(vendor: BullhornStandIn, opened: Open) -> None:
    case = apply(vendor)
    for _ in range(4):
        opened().fetch_application(case)
    assert vendor.sign_ins == 1


def test_session_that_ended_is_renewed_within_the_call(
    vendor: BullhornStandIn, clock: Clock, opened: Open
) -> None:
    case, connector = apply(vendor), opened()
    connector.fetch_application(case)
    vendor.end_sessions()
    assert connector.fetch_application(case).external_id == case
    clock.now += timedelta(days=2)
    assert connector.fetch_application(case).external_id == case
    assert vendor.sign_ins == 3


def test_other_data_centre_is_found_by_signing_in_again(
    vendor: BullhornStandIn, opened: Open
) -> None:
    case, connector = apply(vendor), opened()
    connector.fetch_application(case)
    vendor.fail_next(status=307, headers={"Location": "https://rest99.example.com/"})
    assert connector.fetch_application(case).external_id == case
    assert vendor.sign_ins == 2


@pytest.mark.parametrize(
    ("wrong", "named"),
    [("api_password", "api_username and api_password"), ("client_secret", "client_secret")],
)
def test_wrong_credential_is_named(
    vendor: BullhornStandIn, opened: Open, wrong: str, named: str
) -> None:
    connector = opened(**{wrong: "something else"})
    with pytest.raises(ApiAuthenticationError, match=named):
        connector.fetch_application(apply(vendor))
    assert [check.name for check in connector.check() if not check.ok] == ["api_username"]


# What a submission means.


def test_edit_makes_no_new_rejection_of_an_old_one(
    vendor: BullhornStandIn, clock: Clock, opened: Open
) -> None:
    application = ended(vendor, opened())
    clock.now += timedelta(days=60)
    vendor.edit(application.external_id, customText9="x")
    assert opened().fetch_application(application.external_id).changed_at == application.changed_at


def test_second_rejection_is_dated_by_itself(
    vendor: BullhornStandIn, clock: Clock, opened: Open
) -> None:
    application = ended(vendor, opened())
    for status in ("Submitted", REJECTED):
        clock.now += timedelta(days=1)
        vendor.set_status(application.external_id, status)
    again = opened().fetch_application(application.external_id)
    assert again.changed_at - application.changed_at > timedelta(days=2)


def test_event_dates_a_rejection_whose_history_lags_behind(
    vendor: BullhornStandIn, opened: Open
) -> None:
    case = apply(vendor)
    _, cursor = drained(opened(), {})
    vendor.set_status(case, REJECTED)
    del vendor.archive.history[-1]
    (event,), _ = drained(opened(), cursor)
    assert event.kind is EventKind.REJECTED
    assert event.occurred_at > opened().fetch_application(case).applied_at


@pytest.mark.parametrize(
    ("status", "state", "side"),
    [
        ("CLIENT REJECTED", ApplicationState.REJECTED, RejectionSide.COMPANY),
        (WITHDRAWN, ApplicationState.WITHDRAWN, RejectionSide.CANDIDATE),
        ("Placed", ApplicationState.HIRED, None),
        ("Interview Scheduled", ApplicationState.ACTIVE, None),
    ],
)
def test_settings_say_what_a_status_means(
    vendor: BullhornStandIn,
    opened: Open,
    status: str,
    state: ApplicationState,
    side: RejectionSide | None,
) -> None:
    case = apply(vendor)
    vendor.set_status(case, status)
    found = opened().fetch_application(case)
    assert found.state is state
    assert (found.reason.side if found.reason else None) is side


@pytest.mark.parametrize(
    "given",
    [
        {"withdrawn_statuses": "client rejected"},
        {"hired_statuses": "Candidate Not Interested"},
        {"link_field": "customText26"},
        {"link_field": "status"},
        {"report_field": "customText5"},
    ],
)
def test_settings_that_contradict_are_refused_where_they_are_typed_in(
    opened: Open, given: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(given))):
        opened(**given)


def test_agencys_candidate_is_told_only_when_rejected_and_never_gets_a_link(
    vendor: BullhornStandIn, opened: Open
) -> None:
    theirs, ours = apply(vendor, client=5002), apply(vendor)
    events, cursor = drained(opened(), {})
    assert [event.application_id for event in events] == [ours]
    vendor.set_status(theirs, REJECTED)
    (event,), _ = drained(opened(), cursor)
    assert event.application.channel is Channel.AGENT


def test_of_the_past_no_agencys_candidate_is_taken(vendor: BullhornStandIn, opened: Open) -> None:
    for how in ({"isAnonymized": True}, {}):
        vendor.set_status(apply(vendor, client=5002, **how), REJECTED)
    (event,), _ = drained(opened(), {})
    assert (event.kind, event.application.state) == (EventKind.ERASED, ApplicationState.ERASED)


def test_several_people_who_are_gone_are_found_with_one_call(
    vendor: BullhornStandIn, opened: Open
) -> None:
    cases = [apply(vendor) for _ in range(3)]
    _, cursor = drained(opened(), {})
    for case in cases[:2]:
        vendor.edit_person(case, isAnonymized=True)
    vendor.edit_person(cases[2], isDeleted=False)
    before = len(vendor.calls)
    events, _ = drained(opened(), cursor)
    assert [event.kind for event in events] == [EventKind.ERASED] * 2
    assert len(vendor.calls) == before + 3


@pytest.mark.parametrize("person", [{"massMailOptOut": True}, {"status": "do not contact"}])
def test_who_is_not_to_be_contacted_is_marked(
    vendor: BullhornStandIn, opened: Open, person: dict[str, Any]
) -> None:
    case = apply(vendor, **person)
    found = opened(do_not_contact_statuses="Do Not Contact").fetch_application(case)
    assert found.flags == {Flag.DO_NOT_CONTACT}


def test_opting_out_makes_all_cases_be_looked_at(vendor: BullhornStandIn, opened: Open) -> None:
    case = apply(vendor)
    _, cursor = drained(opened(), {})
    vendor.edit_person(case, massMailOptOut=True)
    vendor.edit_person(case, firstName="Hana")
    (event,), _ = drained(opened(), cursor)
    assert (event.kind, event.application_id) == (EventKind.CHANGED, None)
    assert event.candidate_id == str(vendor.archive.person_of(int(case))["id"])


@pytest.mark.parametrize("how", [{"isDeleted": True}, {"isAnonymized": True}])
def test_deleted_or_anonymised_person_is_erased(
    vendor: BullhornStandIn, opened: Open, how: dict[str, Any]
) -> None:
    case = apply(vendor)
    _, cursor = drained(opened(), {})
    vendor.edit_person(case, **how)
    (event,), _ = drained(opened(), cursor)
    assert event.kind is EventKind.ERASED
    assert opened().fetch_application(case).state is ApplicationState.ERASED


def test_deleted_submission_is_a_case_that_is_gone(vendor: BullhornStandIn, opened: Open) -> None:
    marked, removed = apply(vendor), apply(vendor)
    _, cursor = drained(opened(), {})
    vendor.edit(marked, isDeleted=True)
    vendor.remove(removed)
    events, _ = drained(opened(), cursor)
    assert {e.application_id: e.kind for e in events} == dict.fromkeys(
        (marked, removed), EventKind.ERASED
    )
    for case in (marked, removed):
        with pytest.raises(ApiNotFoundError):
            opened().fetch_application(case)


# The link.


def test_what_we_write_ourselves_is_read_by_nobody(vendor: BullhornStandIn, opened: Open) -> None:
    connector = opened()
    application = ended(vendor, connector)
    _, cursor = drained(opened(), {})
    connector.write_link(application, LINK, ours=OURS)
    connector.report_registration(application, REPORT)
    before = len(vendor.calls)
    assert drained(opened(), cursor)[0] == []
    assert len(vendor.calls) == before + 2


def test_link_goes_in_and_out_and_leaves_others_values_alone(
    vendor: BullhornStandIn, opened: Open
) -> None:
    connector = opened()
    application = ended(vendor, connector)
    row = vendor.archive.submissions[int(application.external_id)]
    for url in (LINK, LINK, ""):
        connector.write_link(application, url, ours=OURS)
        assert row["customText5"] == url
    vendor.edit(application.external_id, customText5="referral")
    with pytest.raises(ApiConflictError, match=r"customText5.*link_field"):
        connector.write_link(application, LINK, ours=OURS)
    assert row["customText5"] == "referral"


def test_link_of_100_characters_fits_and_one_of_101_is_refused_before_any_call(
    vendor: BullhornStandIn, opened: Open
) -> None:
    connector = opened()
    application = ended(vendor, connector)
    row = vendor.archive.submissions[int(application.external_id)]
    longest = OURS.ljust(100, "x")
    connector.write_link(application, longest, ours=OURS)
    assert row["customText5"] == longest
    before = len(vendor.calls)
    with pytest.raises(ConfigurationError) as refused:
        connector.write_link(application, longest + "x", ours=OURS)
    for word in ("101 characters", "customText5", "link_field", "100", "customTextBlock"):
        assert word in refused.value.message
    assert "relay.example.com" not in refused.value.message
    assert len(vendor.calls) == before


def test_block_takes_any_length(vendor: BullhornStandIn, opened: Open) -> None:
    connector = opened(link_field="customTextBlock2")
    application = ended(vendor, connector)
    connector.write_link(application, longer := OURS.ljust(180, "x"), ours=OURS)
    row = vendor.archive.submissions[int(application.external_id)]
    assert row["customTextBlock2"] == longer


# The report.


@pytest.mark.parametrize("at", range(5))
def test_report_stands_once_whatever_answer_is_lost(
    vendor: BullhornStandIn, opened: Open, at: int
) -> None:
    connector = opened()
    application = ended(vendor, connector)
    vendor.fail_next(status=502, skip=at, after_effect=True)
    for _ in range(2):
        with suppress(ApiUnavailableError):
            connector.report_registration(application, REPORT)
    assert vendor.faults_left == 0
    assert [note["externalID"] for note in vendor.archive.notes] == ["CR-1"]
    assert [file["externalID"] for file in vendor.archive.files] == ["CR-1"]
    assert vendor.archive.notes[0]["comments"] == "Registered &lt;b&gt;. [CR-1]"


def test_note_alone_takes_two_calls(vendor: BullhornStandIn, opened: Open) -> None:
    connector = opened(report_field="", report_file="no")
    application = ended(vendor, connector)
    before = len(vendor.calls)
    connector.report_registration(application, REPORT)
    assert len(vendor.calls) == before + 2
    assert vendor.archive.files == []


def test_note_is_found_among_hundreds(vendor: BullhornStandIn, opened: Open) -> None:
    connector = opened()
    application = ended(vendor, connector)
    person = int(application.candidate.external_id)
    for number in range(700):
        vendor.archive.keep(vendor.archive.notes, {"person": person, "externalID": str(number)})
    for _ in range(2):
        connector.report_registration(application, REPORT)
    assert len(vendor.archive.notes) == 701


# The budget.


def test_burst_of_rejections_takes_less_than_a_call_for_ten(
    vendor: BullhornStandIn, opened: Open
) -> None:
    cases = [apply(vendor) for _ in range(200)]
    _, cursor = drained(opened(), {})
    for case in cases:
        vendor.set_status(case, REJECTED)
    before = len(vendor.calls)
    events, _ = drained(opened(), cursor)
    assert len(events) == 200
    assert len(vendor.calls) - before <= 12


def test_quiet_round_takes_two_calls(vendor: BullhornStandIn, opened: Open) -> None:
    _, cursor = drained(opened(), {})
    before = len(vendor.calls)
    drained(opened(), cursor)
    assert len(vendor.calls) - before == 2


def test_check_names_what_the_user_lacks_and_touches_no_event(
    vendor: BullhornStandIn, opened: Open
) -> None:
    _, cursor = drained(opened(), {})
    case = apply(vendor)
    vendor.entitled = ["CREATE", "READ", "READ_CORPORATE"]
    failed = [check for check in opened().check() if not check.ok]
    assert [check.name for check in failed] == ["JobSubmission entitlements"]
    assert "UPDATE_CORPORATE" in failed[0].remedy
    assert [event.application_id for event in drained(opened(), cursor)[0]] == [case]


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        ({"jobResponseStatusList": ["New Lead", WITHDRAWN]}, "client rejected"),
        ({"rejectedJobResponseStatus": ["Not Selected"]}, "Not Selected"),
        ({"jobResponseStatusList": None}, "client rejected"),
    ],
)
def test_check_compares_statuses_with_bullhorns(
    vendor: BullhornStandIn, opened: Open, words: dict[str, Any], detail: str
) -> None:
    vendor.archive.words |= words
    failed = [check for check in opened().check() if not check.ok]
    assert [check.name for check in failed] == ["statuses"]
    assert detail in failed[0].detail
