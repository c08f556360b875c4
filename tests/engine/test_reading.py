"""A claim's signals are read together where that is possible, and none disturbs the others."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from careerrelay.engine import reading
from careerrelay.engine.ingest import store_signals
from careerrelay.engine.known import Known
from careerrelay.engine.signals import signal_row
from careerrelay.models.candidates import Application, ApplicationState, Reason, RejectionSide
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import (
    ApplicationRecord,
    Attempt,
    Decision,
    Delivery,
    ReasonRule,
    Signal,
)
from tests.support.toy import toy_webhook
from tests.support.world import KINDS, World


def arrive_together(
    world: World, cases: Iterable[Application], *, to: tuple[str, ...] = ("toy",), odd: bytes = b""
) -> None:
    """Webhooks about these cases, stored in one commit and so read by one job."""
    rows = []
    for number, (connection, case) in enumerate(itertools.product(to, cases)):
        told = ApplicationEvent(
            KINDS[case.state], case.changed_at, case.external_id, case.candidate.external_id, case
        )
        rows.append(
            signal_row(world.runtime, connection, f"d{number}", toy_webhook(told, delivery="d"))
        )
    if odd:
        row: dict[str, Any] = dict(rows[0], id="odd", dedupe_key="odd")
        row["body_sealed"] = world.runtime.vault.seal_bytes(odd, place="signals:odd")
        rows.insert(1, row)
    with world.runtime.database.begin() as session:
        store_signals(world.runtime, session, [row | {"due_at": world.clock()} for row in rows])


def rejected(world: World, people: int) -> list[Application]:
    return [world.application(n, ApplicationState.REJECTED) for n in range(people)]


def outcomes(world: World) -> list[tuple[str, str | None]]:
    with world.runtime.database.read() as session:
        return [(s.state, s.outcome) for s in session.scalars(select(Signal))]


def decided(world: World) -> list[str]:
    with world.runtime.database.read() as session:
        found = session.execute(
            select(ApplicationRecord.external_id, Decision.code).join(
                Decision, Decision.id == ApplicationRecord.current_decision_id
            )
        )
        return sorted(f"{id_} {code}" for id_, code in found)


def test_a_claims_signals_are_recorded_in_one_commit(world: World) -> None:
    world.connect("silent", strategies=())
    commits: list[object] = []
    event.listen(world.runtime.database.engine, "commit", commits.append)
    arrive_together(world, rejected(world, 8), to=("silent",))
    commits.clear()
    world.work()
    assert len(commits) == 2, "the claim, and everything else"
    assert outcomes(world) == [("done", "recorded")] * 8
    assert len(decided(world)) == 8
    with world.runtime.database.read() as session:
        assert all(a.finished_at and a.outcome == "done" for a in session.scalars(select(Attempt)))


def test_a_claims_cases_are_written_table_by_table(world: World) -> None:
    """However many there are: the database is asked, and told, about all of them at once."""
    written: list[str] = []
    engine = world.runtime.database.engine
    event.listen(engine, "before_cursor_execute", lambda *seen: written.append(seen[2]))
    world.connect("other")
    counts = []
    for connection, people in (("toy", 2), ("other", 8)):
        arrive_together(world, rejected(world, people), to=(connection,))
        written.clear()
        world.work()
        tables = [s.split()[2] for s in written if s.startswith("INSERT INTO")]
        counts.append({name: tables.count(name) for name in ("decisions", "deliveries")})
    assert counts[0] == counts[1]
    assert len(decided(world)) == 10


def test_who_is_erased_and_told_of_again_in_one_batch_stays_erased(world: World) -> None:
    before = world.application(1, ApplicationState.REJECTED)
    gone = ApplicationEvent(EventKind.ERASED, world.clock(), None, "c1")
    again = replace(world.application(2, ApplicationState.REJECTED), candidate=before.candidate)
    rows = [
        signal_row(world.runtime, "toy", f"d{n}", toy_webhook(told, delivery="d"))
        for n, told in enumerate((event_of(before), gone, event_of(again)))
    ]
    with world.runtime.database.begin() as session:
        store_signals(world.runtime, session, rows)
    world.work()
    with world.runtime.database.read() as session:
        found = session.scalars(select(ApplicationRecord)).all()
    assert {(case.state, case.person_sealed) for case in found} == {("erased", None)}


def event_of(case: Application) -> ApplicationEvent:
    return ApplicationEvent(
        KINDS[case.state], case.changed_at, case.external_id, case.candidate.external_id, case
    )


def test_a_signal_that_cannot_be_read_leaves_its_neighbours_alone(world: World) -> None:
    arrive_together(world, rejected(world, 3), odd=b"{}")
    world.work()
    assert sorted(outcomes(world), key=str) == [("dead", None)] + [("done", "recorded")] * 3
    assert decided(world) == ["a0 link", "a1 link", "a2 link"]


def test_a_defect_while_recording_falls_on_its_own_signal_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = reading.CaseFile.record

    def fails_for_a1(self: reading.CaseFile, told: ApplicationEvent, **asked: Known | None) -> str:
        if told.application_id == "a1":
            raise RuntimeError
        return record(self, told, **asked)

    monkeypatch.setattr(reading.CaseFile, "record", fails_for_a1)
    arrive_together(world, rejected(world, 4))
    world.work()
    assert decided(world) == ["a0 link", "a2 link", "a3 link"]
    assert outcomes(world).count(("done", "recorded")) == 3


def test_a_case_told_several_times_in_one_batch_ends_as_told_last(world: World) -> None:
    steps = (ApplicationState.ACTIVE, ApplicationState.REJECTED, ApplicationState.WITHDRAWN)
    told = [
        world.application(1, state, changed_at=world.clock() + timedelta(seconds=step))
        for step, state in enumerate(steps)
    ]
    arrive_together(world, [told[1], told[0], told[2]])
    world.work()
    assert decided(world) == ["a1 withdrawn"]
    assert sorted(str(outcome) for _, outcome in outcomes(world)) == [
        "recorded",
        "recorded",
        "stale",
    ]


def test_two_states_of_the_same_moment_in_one_batch_are_settled_by_the_ats(world: World) -> None:
    rejected_ = world.application(1, ApplicationState.REJECTED)
    active = world.application(1, ApplicationState.ACTIVE)
    arrive_together(world, [rejected_, active])
    world.work()
    assert "fetch" in world.vendor.calls
    assert decided(world) == [], "the ATS says it is active"


def test_an_unknown_reason_is_entered_once_for_a_whole_batch(world: World) -> None:
    reason = Reason("r9", "Not a fit", RejectionSide.UNKNOWN)
    cases = [world.application(n, ApplicationState.REJECTED, reason=reason) for n in range(4)]
    arrive_together(world, cases)
    world.work()
    with world.runtime.database.read() as session:
        assert [r.external_id for r in session.scalars(select(ReasonRule))] == ["r9"]
    assert decided(world) == [f"a{n} unmapped_reason" for n in range(4)]


def test_signals_of_several_connections_share_a_job_and_are_kept_apart(world: World) -> None:
    world.connect("other", strategies=())
    arrive_together(world, rejected(world, 2), to=("toy", "other"))
    world.work()
    with world.runtime.database.read() as session:
        found = session.execute(
            select(ApplicationRecord.connection_id, ApplicationRecord.external_id)
        ).all()
    assert sorted(map(tuple, found)) == [
        ("other", "a0"),
        ("other", "a1"),
        ("toy", "a0"),
        ("toy", "a1"),
    ]


def under(case: Application, address: str) -> Application:
    return replace(case, candidate=replace(case.candidate, emails=(address,)))


def addresses(world: World) -> dict[str, int]:
    """How many each case has."""
    with world.runtime.database.read() as session:
        found = session.scalars(select(ApplicationRecord)).all()
        return {case.external_id: len(case.addresses) for case in found}


def test_a_known_case_is_read_under_its_new_address_beside_new_ones(world: World) -> None:
    world.tell(world.application(0, ApplicationState.ACTIVE), delivery="before")
    world.work()
    world.clock.forward(hours=1)
    known, *new = rejected(world, 3)
    arrive_together(world, [under(known, "new@example.com"), *new])
    world.work()
    assert decided(world) == ["a0 link", "a1 link", "a2 link"]
    assert addresses(world) == {"a0": 1, "a1": 1, "a2": 1}
    assert outcomes(world) == [("done", "recorded")] * 4


def test_a_new_case_told_twice_in_one_batch_has_the_address_told_last(world: World) -> None:
    first, other = rejected(world, 2)
    later = replace(first, changed_at=first.changed_at + timedelta(seconds=1))
    arrive_together(world, [first, other, under(later, "new@example.com")])
    world.work()
    assert addresses(world) == {"a0": 1, "a1": 1}
    assert decided(world) == ["a0 link", "a1 link"]


def test_deliveries_of_different_strategies_are_owed_by_one_batch(world: World) -> None:
    """One that is done with its decision and one that is still to be done set other columns."""
    world.connect("static", strategies=("static_link",))
    arrive_together(world, rejected(world, 3), to=("toy", "static"))
    with world.runtime.database.begin() as session:
        ids = session.scalars(select(Signal.id).order_by(Signal.id)).all()
    assert reading.read_signals(world.runtime, ids) == []
    with world.runtime.database.read() as session:
        found = session.execute(select(Delivery.strategy, Delivery.state, Delivery.attempts)).all()
    assert (
        sorted(map(tuple, found))
        == [("field_token", "due", 0)] * 3 + [("static_link", "done", 0)] * 3
    )
