"""Tokens, errors and ``doctor``'s checks, over real HTTP against the stand-in."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from careerrelay.connectors import (
    ApiAuthenticationError,
    ApiUnavailableError,
    Check,
    ConfigurationError,
    MemoryTokens,
)
from careerrelay.connectors.greenhouse.connector import GreenhouseConnector
from careerrelay.connectors.greenhouse.standin import GreenhouseStandIn

from .conftest import Clock, Connect


def statuses(greenhouse: GreenhouseStandIn) -> list[int]:
    return [status for _, _, status in greenhouse.calls]


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def wrong(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.ok]


def test_two_connectors_share_one_living_token(
    greenhouse: GreenhouseStandIn, connect: Connect, clock: Clock, case: str
) -> None:
    """A second token would end the first one."""
    tokens = MemoryTokens(clock=clock)
    first, second = connect(tokens=tokens), connect(tokens=tokens)
    for connector in (first, second, first):
        connector.fetch_application(case)
    assert greenhouse.tokens_issued == 1
    assert 401 not in statuses(greenhouse)


def test_many_threads_ask_for_one_token(
    greenhouse: GreenhouseStandIn, connect: Connect, clock: Clock, case: str
) -> None:
    tokens = MemoryTokens(clock=clock)
    connectors = [connect(tokens=tokens) for _ in range(6)]
    threads = [threading.Thread(target=c.fetch_application, args=(case,)) for c in connectors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert greenhouse.tokens_issued == 1
    assert 401 not in statuses(greenhouse)


def test_connectors_that_do_not_share_end_each_others_token(
    greenhouse: GreenhouseStandIn, connect: Connect, case: str
) -> None:
    first, second = connect(), connect()
    for connector in (first, second, first):
        connector.fetch_application(case)
    assert greenhouse.tokens_issued == 3
    assert 401 in statuses(greenhouse)


def test_token_that_expired_in_the_middle_is_replaced(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    """Greenhouse's clock is ahead of ours: the token dies before we think so."""
    connector.fetch_application(case)
    ahead = greenhouse.clock() + timedelta(hours=2)
    greenhouse.clock = lambda: ahead
    connector.fetch_application(case)
    assert greenhouse.tokens_issued == 2


def test_token_near_its_end_is_not_used_any_more(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, clock: Clock, case: str
) -> None:
    connector.fetch_application(case)
    clock.forward(timedelta(minutes=59, seconds=30))
    connector.fetch_application(case)
    assert greenhouse.tokens_issued == 2
    assert 401 not in statuses(greenhouse)


def test_both_ways_of_telling_the_expiry_are_understood(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, clock: Clock, case: str
) -> None:
    greenhouse.answers_expires_at = True
    connector.fetch_application(case)
    clock.forward(timedelta(minutes=58))
    connector.fetch_application(case)
    assert greenhouse.tokens_issued == 1


def test_one_401_is_recovered_from(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    connector.fetch_application(case)
    greenhouse.revoke_token()
    assert connector.fetch_application(case).external_id == case


def test_second_401_names_the_settings(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    connector.fetch_application(case)
    greenhouse.fail_next(times=2, status=401, path="/v3/applications")
    with pytest.raises(ApiAuthenticationError, match="client_id, client_secret and acting_user_id"):
        connector.fetch_application(case)


@pytest.mark.parametrize("setting", ["client_id", "client_secret", "acting_user_id"])
def test_wrong_credentials_are_told_without_repeating_them(
    connect: Connect, setting: str, case: str
) -> None:
    with pytest.raises(ApiAuthenticationError, match="client_id") as refused:
        connect(**{setting: "987654"}).fetch_application(case)
    assert "987654" not in refused.value.message


def test_server_error_is_worth_another_try(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    greenhouse.fail_next(status=503, path="/v3/candidates")
    with pytest.raises(ApiUnavailableError) as failed:
        connector.fetch_application(case)
    assert failed.value.retryable
    assert connector.fetch_application(case).external_id == case


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("acting_user_id", "someone"),
        ("acting_user_id", "４０８０"),
        ("backfill_months", "1.5"),
        ("source_channels", "31=headhunter"),
        ("note_visibility", "everyone"),
    ],
)
def test_impossible_setting_is_named(connect: Connect, setting: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=setting):
        connect(**{setting: value})


class TestCheck:
    """``careerrelay connections check``."""

    def test_all_is_well(
        self, greenhouse: GreenhouseStandIn, connector: GreenhouseConnector
    ) -> None:
        checks = connector.check()
        assert wrong(checks) == []
        assert {f"harvest:{s}" for s in ("notes:create", "candidates:update", "jobs:list")} <= set(
            by_name(checks)
        )

    def test_nothing_is_written(
        self, greenhouse: GreenhouseStandIn, connector: GreenhouseConnector
    ) -> None:
        connector.check()
        assert greenhouse.records.notes == {}
        assert greenhouse.records.tags == {}
        assert not {200, 201, 204} & {
            s for m, p, s in greenhouse.calls if m != "GET" and p != "/token"
        }

    @pytest.mark.parametrize(
        "scope",
        [
            "harvest:applications:list",
            "harvest:sources:list",
            "harvest:custom_fields:list",
            "harvest:candidates:update",
            "harvest:notes:create",
            "harvest:applied_candidate_tags:create",
        ],
    )
    def test_missing_scope_is_named_with_the_screen(
        self, greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, scope: str
    ) -> None:
        greenhouse.scopes.remove(scope)
        [missing] = [check for check in connector.check() if not check.ok]
        assert missing.name == scope
        assert scope in missing.remedy
        assert "API Credential Management" in missing.remedy

    def test_wrong_secret_is_one_check(self, connect: Connect) -> None:
        [check] = connect(client_secret="wrong").check()
        assert (check.name, check.ok) == ("credentials", False)

    @pytest.mark.parametrize(
        ("options", "told", "click"),
        [
            ({"token": None}, "no email token", "Create new email token"),
            ({"token": "T", "private": True}, "private", "untick 'Private'"),
            ({"token": "T", "field_type": "application"}, "not a candidate", "Candidates"),
            ({"token": "T", "value_type": "number"}, "cannot hold a link", "type URL"),
            ({"token": "T", "active": False}, "switched off", "switch the field on"),
        ],
    )
    def test_field_that_cannot_work_says_what_to_click(
        self,
        greenhouse: GreenhouseStandIn,
        connect: Connect,
        options: dict[str, object],
        told: str,
        click: str,
    ) -> None:
        greenhouse.add_field("Relay", name_key="relay", **options)
        [check] = [c for c in connect(link_field="relay").check() if not c.ok]
        assert told in check.detail
        assert click in check.remedy

    def test_missing_field_says_how_to_make_it(self, connect: Connect) -> None:
        [check] = [c for c in connect(link_field="nowhere").check() if not c.ok]
        assert "Add Field" in check.remedy

    def test_report_field_needs_no_token(
        self, greenhouse: GreenhouseStandIn, connect: Connect
    ) -> None:
        greenhouse.add_field("Relay", name_key="relay")
        assert wrong(connect(report_field="relay").check()) == []

    def test_agency_that_no_setting_names_is_told(
        self, greenhouse: GreenhouseStandIn, connect: Connect
    ) -> None:
        source = greenhouse.add_source("Example Agency", kind="Agencies")
        assert by_name(connect().check())["agency sources"].remedy.endswith(f"{source}=agent")
        assert wrong(connect(source_channels=f"{source}=agent").check()) == []
