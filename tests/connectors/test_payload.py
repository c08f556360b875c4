"""Payloads: every field either reads what it should or fails as PayloadError, quoting nothing."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields

from careerrelay.connectors import (
    CamelCaseSchema,
    EpochMilliseconds,
    ExternalId,
    IsoDateTime,
    KebabCaseSchema,
    OptionalList,
    OptionalPart,
    OptionalText,
    PayloadError,
    PayloadSchema,
    Text,
    read_json,
)

JST = timezone(timedelta(hours=9))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


class Person(PayloadSchema):
    id = ExternalId(required=True)
    name = Text(load_default="")


class Everything(PayloadSchema):
    id = ExternalId()
    name = Text()
    at = IsoDateTime()
    jst = IsoDateTime(naive_in=JST)
    ms = EpochMilliseconds()
    people = fields.List(fields.Nested(Person))


def read(field: fields.Field[Any], value: Any) -> Any:
    return PayloadSchema.from_dict({"x": field})().load({"x": value})["x"]  # type: ignore[index]


def test_unknown_keys_are_ignored() -> None:
    assert Person().read({"id": 7, "more": 1}) == {"id": "7", "name": ""}


def test_error_names_the_path_and_no_value() -> None:
    with pytest.raises(PayloadError) as caught:
        Everything().read({"people": [{"id": 1}, {"id": {"secret": "taro@example.jp"}}]})
    assert str(caught.value) == "not as the vendor documents it: people.1.id"


@pytest.mark.parametrize("data", [None, [], "x", 7, [{}]])
def test_what_is_no_object_is_a_payload_error(data: Any) -> None:
    with pytest.raises(PayloadError, match="body"):
        Person().read(data)


def test_many_are_read_as_a_list() -> None:
    assert Person(many=True).read([{"id": "a"}]) == [{"id": "a", "name": ""}]
    with pytest.raises(PayloadError, match=r"1\.id"):
        Person(many=True).read([{"id": "a"}, {}])


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(Everything().fields, ANY_JSON)))
def test_whatever_comes_is_read_or_a_payload_error(data: dict[str, Any]) -> None:
    with suppress(PayloadError):
        Everything().read(data)


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (0, "0"), (-1, "-1"), (" a-b ", "a-b")])
def test_id_is_a_number_or_a_text(value: Any, text: str) -> None:
    assert Person().read({"id": value})["id"] == text


@pytest.mark.parametrize(
    "value", [None, True, 1.5, "", "  ", "..", ".", "a\0b", "a\nb", "x" * 256, 10**300, [], {}]
)
def test_what_cannot_be_an_id_is_refused(value: Any) -> None:
    with pytest.raises(PayloadError, match="id"):
        Person().read({"id": value})


def test_text_loses_what_no_database_takes() -> None:
    assert read(Text(), " 見\0本 ") == "見本"


def test_milliseconds_become_an_aware_time() -> None:
    assert read(EpochMilliseconds(), 1793784600500) == datetime(
        2026, 11, 4, 9, 30, 0, 500000, tzinfo=UTC
    )


@pytest.mark.parametrize("value", [True, "1793784600500", 1.5, None, 10**30, -(10**30)])
def test_what_is_no_number_of_milliseconds_is_refused(value: Any) -> None:
    with pytest.raises(PayloadError, match="ms"):
        Everything().read({"ms": value})


@pytest.mark.parametrize(
    "value", ["2026-11-04T09:30:00Z", "2026-11-04T18:30:00+09:00", " 2026-11-04T18:30:00.0+0900"]
)
def test_iso_time_becomes_utc(value: str) -> None:
    assert read(IsoDateTime(), value) == datetime(2026, 11, 4, 9, 30, tzinfo=UTC)


def test_time_without_offset_needs_a_documented_zone() -> None:
    with pytest.raises(PayloadError, match="at"):
        Everything().read({"at": "2026-11-04T18:30:00"})
    read_at = Everything().read({"jst": "2026-11-04T18:30:00"})["jst"]
    assert read_at == datetime(2026, 11, 4, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("value", ["", "today", 7, None, "0001-01-01T00:00:00+09:00", "2026-13-01"])
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(PayloadError, match="at"):
        Everything().read({"at": value})


def test_json_is_read_with_or_without_a_byte_order_mark() -> None:
    assert read_json('{"a": "見本"}'.encode()) == {"a": "見本"}
    assert read_json(b'\xef\xbb\xbf{"a": "\\u898b\\u672c"}') == {"a": "見本"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        ("見本".encode("shift_jis"), "not UTF-8"),
        (b"{", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"<html>", "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b'{"a": 1e999}', "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_json_is_a_payload_error(body: bytes, why: str) -> None:
    with pytest.raises(PayloadError, match=why):
        read_json(body)


def test_half_a_sign_is_a_question_mark_and_keeps_nothing_else_from_being_read() -> None:
    body = rb'{"cut": "Hanako \ud83d", "whole": "\ud83d\ude00", "n": 1}'
    assert read_json(body) == {"cut": "Hanako ?", "whole": "\U0001f600", "n": 1}


@given(st.binary(max_size=40))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    with suppress(PayloadError):
        read_json(body)


class Place(CamelCaseSchema):
    job_title = OptionalText()
    reasonless_end = OptionalPart(Person)
    all_tags = OptionalList(fields.String())
    id = ExternalId(data_key="ID")


class Row(KebabCaseSchema):
    rejected_at = OptionalText()


def test_names_follow_the_vendors_way_of_writing() -> None:
    sent = {"jobTitle": " 営業 ", "reasonlessEnd": {"id": 1}, "allTags": ["a"], "ID": 7}
    assert Place().read(sent) == {
        "job_title": "営業",
        "reasonless_end": {"id": "1", "name": ""},
        "all_tags": ["a"],
        "id": "7",
    }
    assert Row().read({"rejected-at": "x"}) == {"rejected_at": "x"}


@pytest.mark.parametrize(
    "nothing", [{}, {"jobTitle": None, "reasonlessEnd": None, "allTags": None}]
)
def test_what_may_be_missing_may_also_be_null(nothing: dict[str, Any]) -> None:
    found = Place().read(nothing)
    assert (found["job_title"], found["reasonless_end"], found["all_tags"]) == ("", None, [])


@pytest.mark.parametrize("key", ["jobTitle", "reasonlessEnd", "allTags"])
def test_what_may_be_missing_may_not_be_something_else(key: str) -> None:
    with pytest.raises(PayloadError, match=key):
        Place().read({key: 7})
