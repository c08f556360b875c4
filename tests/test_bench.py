"""The measurements' output: what a program that reads build/bench.json may count on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.results import Result, compared, table, write

FIELDS = ["name", "ours", "peer", "ratio", "target", "ok"]


@pytest.mark.parametrize(
    ("ours", "target", "ok"),
    [(6.0, ">= 0.6", True), (5.9, ">= 0.6", False), (20.0, "<= 2", True), (20.1, "<= 2", False)],
)
def test_a_target_is_judged_by_the_ratio(ours: float, target: str, *, ok: bool) -> None:
    assert compared("x", ours=ours, peer=10.0, target=target).ok is ok


def test_the_file_is_a_list_of_objects_with_these_fields(tmp_path: Path) -> None:
    results = [compared("受信, /s", ours=1234.5, peer=1000.0, target=">= 1")]
    path = tmp_path / "build" / "bench.json"
    write(results, path)
    (read,) = json.loads(path.read_text())
    assert list(read) == FIELDS
    assert read == {
        "name": "受信, /s", "ours": 1230.0, "peer": 1000.0, "ratio": 1.23, "target": ">= 1",
        "ok": True,
    }  # fmt: skip


def test_the_table_says_which_target_was_missed() -> None:
    lines = table([Result("a", 1, 2, 0.5, ">= 1", ok=False), Result("b", 2, 1, 2, ">= 1", ok=True)])
    assert [line.split()[-1] for line in lines.splitlines()[1:]] == ["MISSED", "ok"]


def test_without_a_target_a_line_is_told_and_not_judged() -> None:
    told = compared("x, p50 ms", ours=9.0, peer=0.5, target="")
    assert told.ok
    words = table([told]).splitlines()[1]
    assert "ok" not in words
    assert "MISSED" not in words
