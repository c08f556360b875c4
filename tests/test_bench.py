"""The measurements' output: what a program that reads build/bench.json may count on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.__main__ import main, run_apart
from bench.parts import FULL, PARTS, asked_for
from bench.results import Result, compared, read, table, write

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


LINE = "[{'name': 'a', 'ours': 1, 'peer': 1, 'ratio': 1, 'target': '', 'ok': True}]"
WRITES = f"import json, pathlib, sys; pathlib.Path(sys.argv[2]).write_text(json.dumps({LINE}))"


def test_a_part_is_measured_in_a_process_of_its_own() -> None:
    assert run_apart("a", seconds=60, module=("-c", WRITES)) == [Result("a", 1, 1, 1, "", ok=True)]


def test_a_part_that_fails_or_hangs_says_so_in_a_few_words() -> None:
    assert run_apart("a", seconds=60, module=("-c", "raise SystemExit(3)")) == "ended with 3"
    hangs = "import time; time.sleep(600)"
    assert run_apart("a", seconds=0.2, module=("-c", hangs)) == "not done within 0 s"


def test_one_failed_part_is_told_at_the_end_and_the_others_are_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answers = {"links": "ended with 1", "flood": [Result("f", 1, 1, 1, "", ok=True)]}
    monkeypatch.setattr("bench.__main__.run_apart", lambda name, **_: answers[name])
    monkeypatch.setattr("bench.__main__.OUTPUT", tmp_path / "bench.json")
    assert main(["links", "flood"]) == 1
    assert capsys.readouterr().out.endswith("FAILED links: ended with 1\n")
    assert [result.name for result in read(tmp_path / "bench.json")] == ["f"]
    assert main(["flood"]) == 0
    for mistake in (["swimming"], ["--fast"]):
        with pytest.raises(SystemExit) as refused:
            main(mistake)
        assert refused.value.code == 2


def test_all_parts_together_stay_within_the_stated_hour() -> None:
    assert sum(PARTS[name].minutes for name in asked_for()) <= 60


def test_full_run_leaves_no_part_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FULL, raising=False)
    assert PARTS.keys() - asked_for() == {"kills", "queue"}
    monkeypatch.setenv(FULL, "yes")
    assert asked_for() == list(PARTS)
