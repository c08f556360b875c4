"""The parts of simulate that need no server."""

from __future__ import annotations

import json

import pytest

from careerrelay.engine.simulate import changed_body, tampered
from careerrelay.models.errors import ConfigurationError

BODY = json.dumps({"a": {"b": [1, {"c": "x"}]}, "n": None}).encode()


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("n", "7", 7),
        ("n", '"7"', "7"),
        ("n", "seven", "seven"),
        ("n", "null", None),
        ("n", '{"x": 1}', {"x": 1}),
    ],
)
def test_a_value_is_json_where_it_can_be(path: str, value: str, expected: object) -> None:
    assert json.loads(changed_body(BODY, {path: value}))["n"] == expected


def test_lists_are_reached_by_position_and_new_keys_may_be_added() -> None:
    data = json.loads(changed_body(BODY, {"a.b.1.c": "y", "a.b.0": "2", "a.d": "new"}))
    assert data["a"] == {"b": [2, {"c": "y"}], "d": "new"}


def test_fresh_ids_differ() -> None:
    ids = {json.loads(changed_body(BODY, {"n": "id-{new}"}))["n"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("path", ["a.x.y", "a.b.9", "a.b.z", "n.x", "a.b.1.c.d"])
def test_a_place_the_body_does_not_have_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match="no such place"):
        changed_body(BODY, {path: "1"})


def test_only_json_can_be_changed() -> None:
    with pytest.raises(ConfigurationError, match="JSON"):
        changed_body(b"a=b", {"a": "c"})


@pytest.mark.parametrize("body", [b"", b"x", b"some body"])
def test_tampering_always_changes_the_body(body: bytes) -> None:
    assert tampered(body) != body
