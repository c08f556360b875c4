"""The parts of the kit that spare a connector its plumbing: calls, probes, rounds, settings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from marshmallow import fields

from careerrelay.connectors import (
    HISTORY_DAYS,
    NOTICE_DELAY_DAYS,
    SOURCE_CHANNELS,
    ApiPermissionError,
    ApiRateLimitedError,
    ApiResponseError,
    ApiUnavailableError,
    Channel,
    Check,
    ConfigurationError,
    Flag,
    HttpClient,
    PayloadSchema,
    Policy,
    Probe,
    Setting,
    VendorApi,
    Window,
    address,
    channels,
    listed,
    run_probes,
    whole_number,
)
from careerrelay.connectors.limits import reset_after
from careerrelay.connectors.testing import Request, Response, StandIn, route

NOW = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)


class PersonSchema(PayloadSchema):
    """A person of the invented vendor."""

    name = fields.String(required=True)


class Vendor(StandIn):
    """Knows one person, refuses a key, a permission and too many calls."""

    @route("GET", "/v1/people/<path:name>")
    def person(self, request: Request, name: str) -> tuple[int, Any]:
        if request.headers.get("X-Key") != "good":
            return 401, {}
        return (200, {"name": name}) if name != "nobody" else (404, {})

    @route("GET", "/v1/odd")
    def odd(self, _: Request) -> tuple[int, Any]:
        return 200, {"name": 7}

    @route("GET", "/v1/secret")
    def secret(self, _: Request) -> tuple[int, Any]:
        return 403, {}

    @route("GET", "/v1/busy")
    def busy(self, _: Request) -> Response:
        return self.json_response(429, {}, headers={"X-Rate-Limit-Reset": "12"})


@pytest.fixture
def url() -> Iterator[str]:
    with Vendor().serve() as base:
        yield base


def api(url: str, *, key: str = "good") -> VendorApi:
    http = HttpClient("vendor", allow_private=True)
    return VendorApi(http, url=f"{url}/v1", headers={"X-Key": key}, setting="api_key")


def read(vendor: VendorApi, *path: str) -> Any:
    return vendor.get(path, schema=PersonSchema(), operation="get a person", permission="people")


def test_an_answer_is_read_by_its_schema_and_an_id_stays_one_segment(url: str) -> None:
    assert read(api(url), "people", "a/../b") == {"name": "a/../b"}


def test_an_answer_in_another_shape_names_the_field_and_no_value(url: str) -> None:
    with pytest.raises(ApiResponseError, match=r"'get a person' not as .*: name"):
        read(api(url), "odd")


def test_a_vendor_that_only_tells_when_its_window_ends_is_given_that_time(url: str) -> None:
    with pytest.raises(ApiRateLimitedError) as refused:
        read(api(url), "busy")
    assert refused.value.retry_after == 12


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-rate-limit-reset": "30"}, 30),
        ({"x-reset": "30"}, 30),
        ({"x-ratelimit-reset": "1800000030"}, 30),
        ({"x-rate-limit-reset": "1799999990"}, 1),
        ({"x-rate-limit-reset": "0"}, 1),
        ({"ratelimit-reset": "999999"}, 3600),
        ({"x-rate-limit-reset": "soon"}, None),
        ({}, None),
    ],
)
def test_a_window_is_told_as_seconds_or_as_a_moment(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert reset_after(headers, now=1_800_000_000) == seconds


def probes(vendor: VendorApi) -> list[Check]:
    return run_probes(
        [
            Probe("people", lambda: read(vendor, "people", "nobody"), "here", absent_is_fine=True),
            Probe("somebody", lambda: read(vendor, "people", "nobody"), "look there"),
            Probe("secret", lambda: read(vendor, "secret"), "tick the box"),
            Probe("told", lambda: "3 people", ""),
            Probe("own", lambda: Check("own", False, "is missing", "make it"), ""),
        ],
        credentials="API key",
        remedy="type it again",
    )


def test_each_probe_becomes_a_check_that_says_what_to_do(url: str) -> None:
    found = {check.name: check for check in probes(api(url))}
    assert [name for name, check in found.items() if check.ok] == ["API key", "people", "told"]
    assert found["told"].detail == "3 people"
    assert found["secret"].remedy == "tick the box"
    assert "people" in found["secret"].detail
    assert found["own"].remedy == "make it"


def test_a_refused_credential_is_the_only_thing_told(url: str) -> None:
    assert [(c.name, c.ok, c.remedy) for c in probes(api(url, key="bad"))] == [
        ("API key", False, "type it again")
    ]


def test_where_nothing_answers_nobody_is_told_to_change_a_permission() -> None:
    def silent() -> None:
        raise ApiUnavailableError("no answer", connector="x", operation="list people")

    credentials, people = run_probes(
        [Probe("people", silent, "tick the box")], credentials="API key", remedy="type it again"
    )
    assert (credentials.ok, credentials.detail) == (True, "not refused, but no call succeeded")
    assert not people.ok
    assert "Try again later" in people.remedy


def test_a_permission_error_names_the_permission(url: str) -> None:
    with pytest.raises(ApiPermissionError, match="people"):
        read(api(url), "secret")


def test_rounds_follow_each_other_with_an_overlap() -> None:
    first = Window.resume({}, now=NOW, history=timedelta(days=30))
    assert (first.since, first.until, first.whole) == (NOW - timedelta(days=30), NOW, True)
    page = first.turned((), page="p2")
    assert page.more
    later = NOW + timedelta(minutes=1)
    again = Window.resume(page.cursor, now=later, history=timedelta(days=1))
    assert again == Window(first.since, NOW, "p2", whole=True)
    done = again.turned((), page="")
    assert not done.more
    after = Window.resume(done.cursor, now=later, history=timedelta(days=1))
    assert after == Window(NOW - timedelta(minutes=10), later)


def test_settings_are_read_as_numbers_lists_and_channels() -> None:
    settings = {
        "days": " 30 ",
        "tags": "DNC, 連絡不可\nStop,",
        "sources": "ABC Agency=agent, a=b=Scout,\n",
    }
    assert whole_number(settings, name="days", high=365) == 30
    assert listed(settings, name="tags") == {"dnc", "連絡不可", "stop"}
    assert channels(settings, name="sources") == {
        "abc agency": Channel.AGENT,
        "a=b": Channel.SCOUT,
    }


@pytest.mark.parametrize("value", ["", "-1", "366", "٣", "99999999999999999999", "1.5"])
def test_a_number_out_of_bounds_names_its_setting(value: str) -> None:
    with pytest.raises(ConfigurationError, match="days must be a whole number from 1 to 365"):
        whole_number({"days": value}, name="days", low=1, high=365)


@pytest.mark.parametrize("value", ["agent", "=agent", "ABC=agency", "ABC="])
def test_a_source_without_a_channel_names_its_setting(value: str) -> None:
    with pytest.raises(ConfigurationError, match="sources must look like"):
        channels({"sources": value}, name="sources")


def test_the_usual_settings_become_a_policy() -> None:
    policy = Policy.read(
        {
            "source_channels": "ABC Agency=agent",
            "do_not_contact_tags": "連絡不可, DNC",
            "notice_delay_days": "7",
            "history_days": "30",
            "api_key": "x",
        }
    )
    assert policy.history == timedelta(days=30)
    assert policy.notice_after(NOW) == NOW + timedelta(days=7)
    assert policy.channel(None, "", " abc agency ") is Channel.AGENT
    assert policy.channel("Other", otherwise=Channel.DIRECT) is Channel.DIRECT
    assert policy.flags(["vip", " dnc "]) == {Flag.DO_NOT_CONTACT}
    assert policy.flags([], do_not_contact=True) == {Flag.DO_NOT_CONTACT}
    assert policy.flags(["vip"]) == frozenset()


def test_a_connection_without_the_usual_settings_has_an_empty_policy() -> None:
    policy = Policy.read({"api_key": "x"})
    assert policy == Policy()
    assert policy.notice_after(NOW) is None


@pytest.mark.parametrize("setting", [SOURCE_CHANNELS, NOTICE_DELAY_DAYS, HISTORY_DAYS])
def test_a_usual_setting_that_cannot_be_read_is_named(setting: Setting) -> None:
    with pytest.raises(ConfigurationError, match=setting.name):
        Policy.read({setting.name: "soon"})


def test_the_address_is_a_setting_of_its_own() -> None:
    assert address("https://api.example.com").name == "api_url"
    assert address("https://api.example.com", name="base_url").default == "https://api.example.com"
