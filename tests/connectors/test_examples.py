"""Reading stored examples, comparing with goldens, mutating: the suite's own tools."""

from __future__ import annotations

import dataclasses
import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from careerrelay.connectors import (
    Application,
    ApplicationEvent,
    ApplicationState,
    Candidate,
    Capability,
    Check,
    Connector,
    ConnectorSpec,
    EventKind,
    PayloadError,
    PollPage,
    Reason,
    UnsupportedCapabilityError,
    WebhookRequest,
)
from careerrelay.connectors.testing import closed_network, read_request
from careerrelay.connectors.testing.fixtures import RECEIVED_AT, file_stem, filled_in
from careerrelay.connectors.testing.golden import same_result, well_formed
from careerrelay.connectors.testing.mutations import mutations

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)
EVENT = ApplicationEvent(EventKind.REJECTED, NOON, application_id="1", ats_event="x")
CASE = Application("1", Candidate("c"), ApplicationState.REJECTED, NOON)


def stored(tmp_path: Path, raw: bytes) -> WebhookRequest:
    path = tmp_path / "event.http"
    path.write_bytes(raw)
    return read_request(path)


def form(body: bytes) -> WebhookRequest:
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    return WebhookRequest("POST", "/", "", headers, body, NOON)


def test_stored_request_keeps_its_body_to_the_byte(tmp_path: Path) -> None:
    raw = b"POST /webhooks/a?t=1&u=2 HTTP/1.1\r\nX-Sign:  a: b \r\n\r\n{\r\n\n \xe3\x81\n\n"
    request = stored(tmp_path, raw)
    assert (request.method, request.path, request.query) == ("POST", "/webhooks/a", "t=1&u=2")
    assert request.headers == {"x-sign": "a: b"}
    assert request.body == b"{\r\n\n \xe3\x81\n"
    assert request.received_at == RECEIVED_AT


def test_stored_request_may_say_when_it_arrived(tmp_path: Path) -> None:
    request = stored(tmp_path, b"GET / HTTP/1.1\nX-Received-At: 2026-11-04T12:00:00Z\n\n")
    assert request.received_at == NOON
    assert request.headers == {}


def test_file_without_a_blank_line_is_no_request(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"event\.http: a blank line"):
        stored(tmp_path, b"POST / HTTP/1.1\nHost: a\n")


def test_event_names_become_file_names() -> None:
    assert file_stem("job.application/rejected v2") == "job.application_rejected_v2"


def test_settings_in_braces_are_filled_in_everywhere_and_other_braces_stay() -> None:
    data = {"a": ["{api_url}/x", {"b": "{nothing} {}"}], "n": 1}
    assert filled_in(data, {"api_url": "https://a"}) == {
        "a": ["https://a/x", {"b": "{nothing} {}"}],
        "n": 1,
    }


def test_every_key_and_item_is_mutated_in_six_ways_and_put_back() -> None:
    body = {"a": {"b": [1, {"c": 2}]}}
    request = WebhookRequest("POST", "/", "", {}, json.dumps(body).encode(), NOON)
    changed = {label: json.loads(r.body) for label, r in mutations(request)}
    assert len(changed) == 5 * 6
    assert changed[".a.b.1.c deleted"] == {"a": {"b": [1, {}]}}
    assert changed[".a.b.0 deleted"] == {"a": {"b": [{"c": 2}]}}
    assert changed[".a -> list"] == {"a": []}
    assert changed[".a.b.1 -> null"] == {"a": {"b": [1, None]}}


def test_of_a_long_list_three_items_of_each_shape_are_mutated() -> None:
    rows = [{"id": n, "tags": ["a"] * n} for n in range(100)]
    body = {"rows": [*rows, {"id": "7"}, {"id": 7, "job": None}]}
    request = WebhookRequest("POST", "/", "", {}, json.dumps(body).encode(), NOON)
    deleted = [label for label, _ in mutations(request) if label.endswith(".id deleted")]
    items = [int(label.split(".")[2]) for label in deleted]
    assert items == [0, 1, 2, 3, 100, 101]


def test_every_form_parameter_is_deleted_emptied_and_doubled() -> None:
    changed = {label: r.body for label, r in mutations(form(b"id=7&name=%E8%A6%8B"))}
    assert changed == {
        "id deleted": b"name=%E8%A6%8B",
        "id emptied": b"name=%E8%A6%8B&id=",
        "id doubled": b"id=7&name=%E8%A6%8B&id=7",
        "name deleted": b"id=7",
        "name emptied": b"id=7&name=",
        "name doubled": b"id=7&name=%E8%A6%8B&name=%E8%A6%8B",
    }


def test_other_bodies_are_not_mutated() -> None:
    request = WebhookRequest("POST", "/", "", {}, b"\xff", NOON)
    assert not list(mutations(request))


@pytest.mark.parametrize(
    "event",
    [
        dataclasses.replace(EVENT, application_id=None),
        dataclasses.replace(EVENT, application_id=""),
        dataclasses.replace(EVENT, candidate_id=7),  # type: ignore[arg-type] - that is the point
        dataclasses.replace(EVENT, occurred_at=NOON.replace(tzinfo=None)),
        dataclasses.replace(EVENT, application=dataclasses.replace(CASE, external_id="2")),
        dataclasses.replace(
            EVENT, application=dataclasses.replace(CASE, changed_at=NOON.replace(tzinfo=None))
        ),
    ],
)
def test_event_the_engine_could_not_store_is_ill_formed(event: ApplicationEvent) -> None:
    with pytest.raises(AssertionError):
        well_formed(event)


GOLDEN = {"kind": "rejected", "occurred_at": "2026-11-04T12:00:00Z", "application_id": "1"}


@pytest.mark.parametrize(
    ("result", "golden"),
    [
        (None, None),
        (EVENT, GOLDEN),
        (PollPage((EVENT,), {"p": 1}), {"events": [GOLDEN], "cursor": {"p": 1}}),
        (CASE, {"external_id": "1", "candidate": {"external_id": "c"}, "state": "rejected",
                "changed_at": "2026-11-04T12:00:00Z", "stage_text": ""}),
        ([Reason("1", "a")], [{"external_id": "1", "text": "a"}]),
        ([Check("a", True, "b"), Check("c", False, "d")], [{"name": "a"}, {"ok": False}]),
        ([], []),
    ],
)  # fmt: skip
def test_results_are_compared_with_their_goldens(result: Any, golden: Any) -> None:
    same_result(result, golden)


@pytest.mark.parametrize(
    ("result", "golden"),
    [
        (None, {}),
        (EVENT, {**GOLDEN, "application_id": "2"}),
        (EVENT, {**GOLDEN, "ats_event": "y"}),
        (PollPage((), {}), {"events": [GOLDEN], "cursor": {}}),
        (PollPage((EVENT,), {}), {"events": [], "cursor": {}}),
        (PollPage((), {"p": 1}), {"events": [], "cursor": {"p": 2}}),
        (PollPage((), {}, more=True), {"events": [], "cursor": {}}),
        ([Reason("1", "a")], [{"external_id": "1", "text": "b"}]),
        ([Check("a", True, "b")], [{"name": "a"}, {"name": "b"}]),
        ([], [{"name": "a"}]),
    ],
)
def test_results_that_differ_are_told_apart(result: Any, golden: Any) -> None:
    with pytest.raises(AssertionError, match="differ at"):
        same_result(result, golden)


def test_network_is_closed_inside_and_open_again_after() -> None:
    with closed_network():
        for call in (
            lambda: socket.create_connection(("127.0.0.1", 9)),
            lambda: socket.getaddrinfo("example.com", 443),
        ):
            with pytest.raises(AssertionError, match="no I/O"):
                call()
    assert socket.getaddrinfo("127.0.0.1", 80)


# The base class


class Nothing(Connector):
    """Declares nothing and can nothing."""

    spec = ConnectorSpec("nothing", "Nothing", "https://example.com", {}, ())


REQUEST = form(b"a=1")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("verify_webhook", (REQUEST,)),
        ("parse_webhook", (REQUEST,)),
        ("sign_webhook", (REQUEST,)),
        ("fetch_application", ("1",)),
        ("poll", ({},)),
        ("import_row", ({},)),
        ("send_message", (CASE, None)),
        ("report_registration", (CASE, None)),
        ("reasons", ()),
    ],
)
def test_what_is_not_declared_is_unsupported(method: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(UnsupportedCapabilityError, match="Nothing has no"):
        getattr(Nothing({}), method)(*arguments)


def test_writing_a_link_is_unsupported_unless_declared() -> None:
    with pytest.raises(UnsupportedCapabilityError, match=Capability.FIELD_TOKEN.value):
        Nothing({}).write_link(CASE, "https://a", ours="https://")


def test_defaults_answer_no_handshake_check_nothing_and_name_a_delivery_by_its_body() -> None:
    connector = Nothing({})
    assert connector.answer_handshake(REQUEST) is None
    assert connector.check() == []
    assert connector.delivery_id(REQUEST) == connector.delivery_id(form(b"a=1"))
    assert connector.delivery_id(REQUEST) != connector.delivery_id(form(b"a=2"))


@pytest.mark.parametrize("error", [KeyError("a"), TypeError(), ZeroDivisionError()])
def test_parser_that_trips_ends_in_a_payload_error(error: Exception) -> None:
    class Trips(Nothing):
        def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
            raise error

    with pytest.raises(PayloadError, match="not the documented shape"):
        Trips({}).read_webhook(REQUEST)
