"""What is peculiar to Personio: phases, times beside their zones, a history to ask, no write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from careerrelay.connectors import (
    ApiAuthenticationError,
    ApiPermissionError,
    Application,
    ApplicationState,
    Capability,
    EventKind,
    Evidence,
    RegistrationReport,
    UnsupportedCapabilityError,
)
from careerrelay.connectors.personio.connector import PersonioConnector
from careerrelay.connectors.personio.standin import PersonioStandIn

from ..company import Clock, again, opened, walk


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 4, 10, tzinfo=UTC))


@pytest.fixture
def vendor(clock: Clock) -> PersonioStandIn:
    return PersonioStandIn(clock=clock)


@pytest.fixture
def connector(vendor: PersonioStandIn) -> Iterator[PersonioConnector]:
    client = {"client_id": vendor.client_id, "client_secret": vendor.client_secret}
    with vendor.serve() as url:
        given = client | {"api_url": url}
        with opened(PersonioConnector, given, clock=vendor.clock) as connector:
            yield connector


def apply(vendor: PersonioStandIn, **more: str) -> str:
    return vendor.apply(
        given="Hanako", family="Example", email="hanako@example.jp", job="営業", **more
    )


def test_the_past_is_read_page_by_page_for_whose_case_has_ended(
    vendor: PersonioStandIn, connector: PersonioConnector
) -> None:
    cases = [apply(vendor) for _ in range(450)]
    for case in cases[::3]:
        vendor.move(case, "rejected")
    events, _ = walk(connector, {})
    assert sorted(event.application_id or "" for event in events) == cases[::3]
    assert len(vendor.calls) == 1 + 3


def test_a_rejection_and_its_revert_are_seen_and_an_edit_is_not_a_new_one(
    vendor: PersonioStandIn, connector: PersonioConnector, clock: Clock
) -> None:
    case = apply(vendor)
    clock.now += timedelta(hours=1)
    _, cursor = walk(connector, {})
    clock.now += timedelta(hours=1)
    vendor.move(case, "rejected")
    rejected_at = clock.now
    for hours in (1, 60 * 24):
        clock.now += timedelta(hours=hours)
        vendor.touch(case)
        (hint, *_), cursor = walk(connector, cursor)
        assert hint.kind is EventKind.CHANGED
        assert connector.fetch_application(case).changed_at == rejected_at
    clock.now += timedelta(hours=1)
    vendor.move(case, "Interview")
    (event,), cursor = walk(connector, cursor)
    assert (event.kind, event.occurred_at) == (EventKind.APPLIED, clock.now)


def test_the_daily_sweep_finds_what_did_not_move_updated_at(
    vendor: PersonioStandIn, connector: PersonioConnector, clock: Clock
) -> None:
    case = apply(vendor)
    clock.now += timedelta(hours=1)
    _, cursor = walk(connector, {})
    vendor.touches_updated_at = False
    clock.now += timedelta(hours=1)
    vendor.move(case, "rejected")
    assert walk(connector, cursor)[0] == []
    clock.now += timedelta(days=1)
    (event,), _ = walk(connector, cursor)
    assert (event.application_id, event.ats_event) == (case, "rejected")


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        ("rejected", ApplicationState.REJECTED),
        ("withdrawn", ApplicationState.WITHDRAWN),
        ("accepted", ApplicationState.HIRED),
        ("offer", ApplicationState.ACTIVE),
        ("Absage nach Gespräch", ApplicationState.ACTIVE),
    ],
)
def test_a_phase_is_what_the_settings_name_and_no_more(
    vendor: PersonioStandIn, connector: PersonioConnector, phase: str, state: ApplicationState
) -> None:
    case = apply(vendor)
    vendor.move(case, phase)
    assert connector.fetch_application(case).state is state


def test_a_phase_of_the_company_s_own_counts_once_it_is_named(
    vendor: PersonioStandIn, connector: PersonioConnector
) -> None:
    case = apply(vendor)
    vendor.move(case, "Absage nach Gespräch")
    named = again(connector, rejected_stages="rejected, absage NACH gespräch")
    assert named.fetch_application(case).state is ApplicationState.REJECTED


def test_who_is_anonymised_is_forgotten_at_the_next_poll(
    vendor: PersonioStandIn, connector: PersonioConnector, clock: Clock
) -> None:
    case = apply(vendor)
    vendor.move(case, "rejected")
    _, cursor = walk(connector, {})
    clock.now += timedelta(hours=1)
    vendor.anonymise(case)
    (event,), _ = walk(connector, cursor)
    assert (event.kind, event.application_id) == (EventKind.ERASED, case)
    assert event.application is not None
    assert event.application.candidate.emails == ()


def test_a_registration_is_written_nowhere_and_the_spec_says_so(
    vendor: PersonioStandIn, connector: PersonioConnector
) -> None:
    support = PersonioConnector.spec.capabilities[Capability.REPORT]
    assert support.evidence is Evidence.MISSING
    assert "does not show on the record" in support.note
    found: Application = connector.fetch_application(apply(vendor))
    with pytest.raises(UnsupportedCapabilityError):
        connector.report_registration(found, RegistrationReport("CR-1", "text", "tag"))
    assert {method for method, path, _ in vendor.calls if "recruiting" in path} == {"GET"}


def test_a_token_that_died_is_replaced_once(
    vendor: PersonioStandIn, connector: PersonioConnector, clock: Clock
) -> None:
    case = apply(vendor)
    connector.fetch_application(case)
    clock.now += timedelta(days=2)
    vendor.tokens = dict.fromkeys(vendor.tokens, clock.now)
    connector.fetch_application(case)
    assert [path for method, path, _ in vendor.calls if method == "POST"] == ["/v2/auth/token"] * 2


def test_wrong_credentials_and_a_missing_scope_are_told_by_name(
    vendor: PersonioStandIn, connector: PersonioConnector
) -> None:
    case = apply(vendor)
    vendor.scopes = set()
    with pytest.raises(ApiPermissionError, match="personio:recruiting:read"):
        connector.fetch_application(case)
    vendor.tokens = dict.fromkeys(vendor.tokens, vendor.clock())
    vendor.client_secret = "another"
    with pytest.raises(ApiAuthenticationError, match="client_id and client_secret"):
        connector.fetch_application(case)
