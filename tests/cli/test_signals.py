"""signals and work: what arrived, what came of it, and doing it again without doing it twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from careerrelay.engine import signals as signals_module
from careerrelay.models.errors import ApiPermissionError
from careerrelay.models.tables import (
    AuditEntry,
    Decision,
    Delivery,
    Report,
    Signal,
)
from tests.cli.conftest import BOTH, CommandLine
from tests.support.toy import toy_webhook
from tests.support.world import World

pytestmark = BOTH


@pytest.fixture
def rejected(world: World) -> World:
    """Person 1 applied, was rejected, and has the link."""
    world.apply(1)
    world.clock.forward(hours=1)
    world.reject(1)
    world.work()
    return world


def latest(world: World) -> Signal:
    with world.runtime.database.read() as session:
        query = select(Signal).order_by(Signal.received_at.desc()).limit(1)
        return session.scalars(query).one()


def audited(world: World) -> list[str]:
    with world.runtime.database.read() as session:
        return [f"{e.action} {e.subject}" for e in session.scalars(select(AuditEntry))]


def test_list_filters_by_connection_state_and_time(cli: CommandLine, rejected: World) -> None:
    assert len(cli.data("signals", "list")) == 2
    assert cli.data("signals", "list", "--connection", "toy", "--state", "done")
    assert cli.data("signals", "list", "--state", "dead") == []
    since = rejected.clock().isoformat()
    assert [s["id"] for s in cli.data("signals", "list", "--since", since)] == [latest(rejected).id]
    assert "there is no connection" in cli(
        "signals", "list", "--connection", "x", code=1
    ).stderr  # fmt: skip


def test_refused_requests_are_listed_with_the_cause(cli: CommandLine, rejected: World) -> None:
    request = toy_webhook_request(rejected)
    signals_module.refuse(
        rejected.runtime, "toy", request, status=401, code="unverified", cause="wrong secret"
    )
    line = cli.data("signals", "list", "--state", "refused")[0]
    assert (line["outcome"], line["problem"]) == ("unverified", "wrong secret")
    shown = cli.data("signals", "show", line["id"])
    assert shown["problem"] == "wrong secret"
    assert "not kept" in shown["body"]


def toy_webhook_request(world: World):
    from careerrelay.models.events import ApplicationEvent, EventKind

    event = ApplicationEvent(EventKind.REJECTED, world.clock(), "a1", "c1")
    return toy_webhook(event, delivery="refused-1")


def test_show_tells_attempts_decision_and_delivery(cli: CommandLine, rejected: World) -> None:
    shown = cli.data("signals", "show", latest(rejected).id)
    assert shown["events"] == ["rejected a1"]
    assert [a["outcome"] for a in shown["attempt_log"]] == ["done"]
    case = shown["cases"][0]
    assert case["decisions"][0]["code"] == "link"
    assert "gets the link" in case["decisions"][0]["explanation"]
    assert case["deliveries"][0]["strategy"] == "field_token"
    japanese = cli("signals", "show", latest(rejected).id, lang="ja").stdout
    assert "リンクをお送りします" in japanese


def test_show_hides_people_until_revealed_which_is_written_down(
    cli: CommandLine, rejected: World
) -> None:
    id_ = latest(rejected).id
    for answer in (cli("signals", "show", id_), cli("signals", "show", id_, "--json")):
        assert "person1@example.com" not in answer.stdout
        assert "太郎" not in answer.stdout
        assert "応募" not in answer.stdout
    assert audited(rejected) == []
    assert "person1@example.com" in cli("signals", "show", id_, "--reveal").stdout
    assert audited(rejected) == [f"signals.reveal {id_}"]


def test_unknown_signals_are_not_found(cli: CommandLine) -> None:
    assert "there is no signal 'x'" in cli("signals", "show", "x", code=1).stderr
    assert "there is no signal 'x'" in cli("signals", "replay", "x", "--yes", code=1).stderr


def test_replay_needs_a_yes_and_shows_what_it_would_do(cli: CommandLine, rejected: World) -> None:
    id_ = latest(rejected).id
    answer = cli("signals", "replay", id_, code=1)
    assert id_ in answer.stdout
    assert "nothing was done; add --yes" in answer.stderr
    assert latest(rejected).state == "done"


def test_replay_reads_again_and_does_nothing_twice(cli: CommandLine, rejected: World) -> None:
    before = [*rejected.vendor.calls]
    id_ = latest(rejected).id
    assert cli.data("signals", "replay", id_, "--yes")[0]["replayed"] is True
    assert latest(rejected).state == "due"
    rejected.work()
    assert latest(rejected).state == "done"
    assert rejected.vendor.calls == before
    with rejected.runtime.database.read() as session:
        assert len(session.scalars(select(Decision)).all()) == 1
        assert len(session.scalars(select(Delivery)).all()) == 1
    assert audited(rejected) == [f"work.replay {id_}"]


def test_replay_of_what_waits_already_is_no_replay(cli: CommandLine, rejected: World) -> None:
    id_ = latest(rejected).id
    cli("signals", "replay", id_, "--yes")
    assert cli.data("signals", "replay", id_, "--yes")[0]["replayed"] is False
    assert len(audited(rejected)) == 1


def test_dead_signals_are_replayed_together(cli: CommandLine, world: World) -> None:
    with world.runtime.database.begin() as session:
        pass
    world.apply(1)
    with world.runtime.database.begin() as session:
        signal = session.scalars(select(Signal)).one()
        signal.finish(world.clock(), code="payload")
        signal.state, signal.error = "dead", "not the documented shape"
    assert cli.data("work", "list")[0]["problem"] == "not the documented shape"
    assert len(cli.data("signals", "replay", "--dead", "--yes")) == 1
    world.work()
    assert latest(world).state == "done"


def test_replay_wants_ids_or_dead(cli: CommandLine) -> None:
    assert "or --dead" in cli("signals", "replay", code=2).stderr
    assert "or --dead" in cli("signals", "replay", "x", "--dead", code=2).stderr


def die(world: World) -> str:
    """A delivery that the ATS refused for good."""

    def refuse(_operation: str) -> None:
        raise ApiPermissionError("lacks write", connector="toy", operation="write", status=403)

    world.vendor.trouble = refuse
    world.apply(2)
    world.work()
    world.vendor.trouble = lambda _operation: None
    with world.runtime.database.read() as session:
        return session.scalars(select(Delivery.id).where(Delivery.state == "dead")).one()


def test_dead_deliveries_are_listed_with_the_cause_and_done_again(
    cli: CommandLine, world: World
) -> None:
    id_ = die(world)
    assert [(w["kind"], w["problem"]) for w in cli.data("work", "list")] == [
        ("delivery", "lacks write")
    ]
    assert cli.data("work", "list", "--kind", "report") == []
    cli("work", "replay", id_, "--yes")
    world.work()
    assert cli.data("work", "list") == []
    assert world.vendor.fields["c2"].startswith("https://relay.example.jp/r/")


def test_an_uncertain_mail_needs_somebodys_word(cli: CommandLine, world: World) -> None:
    """A notice twice is as bad as none; whether the first arrived only the mail log knows."""
    id_ = die(world)
    with world.runtime.database.begin() as session:
        session.get_one(Delivery, id_).handed_over_at = world.clock()
    assert "--not-sent" in cli("work", "replay", id_, "--yes", code=1).stderr
    assert cli.data("work", "replay", id_, "--yes", "--not-sent")[0]["replayed"] is True
    with world.runtime.database.read() as session:
        assert session.get_one(Delivery, id_).handed_over_at is None


def test_dead_work_can_be_closed_by_hand(cli: CommandLine, world: World) -> None:
    id_ = die(world)
    assert cli.data("work", "close", id_, "--yes") == [{"id": id_, "closed": True}]
    assert cli.data("work", "close", id_, "--yes") == [{"id": id_, "closed": False}]
    assert cli.data("work", "list") == []
    assert audited(world) == [f"work.close {id_}"]


def test_a_done_mail_is_never_sent_again(cli: CommandLine, rejected: World) -> None:
    with rejected.runtime.database.begin() as session:
        delivery = session.scalars(select(Delivery)).one()
        delivery.handed_over_at = datetime(2026, 11, 4, tzinfo=UTC)
    error = cli("work", "replay", delivery.id, "--yes", "--not-sent", code=1).stderr
    assert "may have arrived" in error


def test_work_of_a_removed_connection_is_not_done_again(cli: CommandLine, world: World) -> None:
    id_ = die(world)
    cli("connections", "remove", "toy", "--yes")
    assert "was removed" in cli("work", "replay", id_, "--yes", code=1).stderr


def test_reports_are_work_too(cli: CommandLine, rejected: World) -> None:
    from tests.engine.test_flow import register

    register(rejected, 1)
    with rejected.runtime.database.begin() as session:
        report = session.scalars(select(Report)).one()
        report.state = "dead"
    assert [w["kind"] for w in cli.data("work", "list", "--connection", "toy")] == ["report"]
    cli("work", "replay", report.id, "--yes")
    rejected.work()
    assert len(rejected.vendor.notes["c1"]) == 1
