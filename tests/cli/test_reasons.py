"""reasons: open ones first, mapping decides the cases that wait."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from careerrelay.engine import reasons as reasons_module
from careerrelay.engine.reasons import decide_cases
from careerrelay.models.candidates import ApplicationState, Reason, RejectionSide
from careerrelay.models.tables import ApplicationRecord, Decision, Delivery
from tests.cli.conftest import BOTH, CommandLine, ReasonToy
from tests.support.world import World

SKILL = Reason("r-skill", "スキル不足", RejectionSide.UNKNOWN)
LEFT = Reason("r-left", "他社決定", RejectionSide.CANDIDATE)

pytestmark = BOTH


@pytest.fixture
def waiting(world: World, reason_toy: type[ReasonToy]) -> World:
    """Three people rejected for a reason nobody has mapped, one who withdrew."""
    world.connect("tokyo", connector="reasontoy", settings={"region": "jp"},
                  secrets={"webhook_secret": "toy-webhook-secret", "api_key": "k"})  # fmt: skip
    for number in (1, 2, 3):
        case = world.application(number, ApplicationState.REJECTED, reason=SKILL)
        world.tell(case, connection="tokyo")
    world.tell(world.application(4, ApplicationState.WITHDRAWN, reason=LEFT), connection="tokyo")
    world.work()
    return world


def codes(world: World) -> list[str]:
    current = select(Decision.code).join(
        ApplicationRecord, ApplicationRecord.current_decision_id == Decision.id
    )
    with world.runtime.database.read() as session:
        return sorted(session.scalars(current))


def test_list_shows_open_reasons_first_with_counts(cli: CommandLine, waiting: World) -> None:
    lines = cli.data("reasons", "list", "tokyo")
    assert [(r["id"], r["open"], r["cases"], r["waiting"]) for r in lines] == [
        ("r-skill", True, 3, 3),
        ("r-left", False, 1, 0),
    ]
    text = cli("reasons", "list", "tokyo").stdout.splitlines()
    assert text[1].startswith("NOT MAPPED\tr-skill\tスキル不足")
    assert "withdrawn (says the ATS)" in text[2]


def test_list_offline_asks_no_ats(
    cli: CommandLine, waiting: World, reason_toy: type[ReasonToy]
) -> None:
    reason_toy.listed = (Reason("r-new", "新しい理由", RejectionSide.UNKNOWN),)
    assert {r["id"] for r in cli.data("reasons", "list", "tokyo")} == {
        "r-skill", "r-left", "r-new",
    }  # fmt: skip
    ids = {r["id"] for r in cli.data("reasons", "list", "tokyo", "--offline")}
    assert ids == {"r-skill", "r-left"}


def test_mapping_a_reason_decides_the_cases_that_waited(cli: CommandLine, waiting: World) -> None:
    assert codes(waiting) == ["unmapped_reason"] * 3 + ["withdrawn"]
    answer = cli.data("reasons", "map", "tokyo", "r-skill", "rejected")
    assert (answer["decided"], answer["codes"]) == (3, {"link": 3})
    assert codes(waiting) == ["link"] * 3 + ["withdrawn"]
    waiting.work()
    with waiting.runtime.database.read() as session:
        done = session.scalars(select(Delivery.state)).all()
    assert done == ["done"] * 3


def test_mapping_the_same_again_decides_nothing_twice(cli: CommandLine, waiting: World) -> None:
    cli("reasons", "map", "tokyo", "スキル不足", "rejected")
    assert cli.data("reasons", "map", "tokyo", "r-skill", "rejected")["decided"] == 0
    waiting.work()
    with waiting.runtime.database.read() as session:
        assert len(session.scalars(select(Delivery)).all()) == 3


def test_a_changed_mind_supersedes_the_decisions(cli: CommandLine, waiting: World) -> None:
    cli("reasons", "map", "tokyo", "r-skill", "rejected")
    assert cli.data("reasons", "map", "tokyo", "r-skill", "test")["codes"] == {
        "test_or_duplicate": 3
    }
    cli("reasons", "map", "tokyo", "r-skill", "none")
    assert codes(waiting) == ["unmapped_reason"] * 3 + ["withdrawn"]


def test_after_a_kill_in_between_the_same_command_decides_the_rest(
    cli: CommandLine, waiting: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide_one = reasons_module._decide_one
    seen: list[str] = []

    def die_after_one(*args: Any) -> str | None:
        if seen:
            raise KeyboardInterrupt
        seen.append(args[2])
        return decide_one(*args)

    with monkeypatch.context() as patched:
        patched.setattr(reasons_module, "_decide_one", die_after_one)
        cli("reasons", "map", "tokyo", "r-skill", "rejected", code=1)
    assert codes(waiting).count("link") == 1
    assert cli.data("reasons", "map", "tokyo", "r-skill", "rejected")["decided"] == 2


def test_a_reason_only_the_ats_lists_can_be_mapped_ahead(
    cli: CommandLine, waiting: World, reason_toy: type[ReasonToy]
) -> None:
    reason_toy.listed = (Reason("r-new", "新しい理由", RejectionSide.UNKNOWN),)
    assert cli.data("reasons", "map", "tokyo", "新しい理由", "rejected")["reason"] == "r-new"


def test_unknown_reasons_and_meanings_are_refused(cli: CommandLine, waiting: World) -> None:
    assert "no such reason" in cli("reasons", "map", "tokyo", "r-x", "rejected", code=1).stderr
    assert "Invalid value" in cli("reasons", "map", "tokyo", "r-skill", "maybe", code=2).stderr
    assert "there is no connection" in cli("reasons", "list", "x", code=1).stderr


def test_erased_people_are_not_decided_again(cli: CommandLine, waiting: World) -> None:
    with waiting.runtime.database.begin() as session:
        record = session.scalars(select(ApplicationRecord).limit(1)).one()
        record.state = ApplicationState.ERASED.value
    assert decide_cases(waiting.runtime, "tokyo", "r-skill") == {}
    assert cli.data("reasons", "map", "tokyo", "r-skill", "rejected")["decided"] == 2


def test_an_import_maps_reasons_and_decides_too(cli: CommandLine, waiting: World, tmp_path) -> None:
    path = tmp_path / "connections.toml"
    path.write_text(
        '[connections.tokyo]\ncompany = "acme"\nconnector = "reasontoy"\n'
        '[connections.tokyo.reasons]\nr-skill = "rejected"\n'
    )
    assert cli.data("connections", "import", str(path)) == [
        {"id": "tokyo", "outcome": "changed", "decided": 3}
    ]
    assert 'r-skill = "rejected"' in cli("connections", "export", "tokyo").stdout
