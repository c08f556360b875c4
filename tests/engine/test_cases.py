"""What events do to recorded cases: order, hints, merges, erasure, unmapped reasons."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from careerrelay.engine import links
from careerrelay.engine.cases import CaseFile
from careerrelay.engine.people import open_application
from careerrelay.models.candidates import (
    Application,
    ApplicationState,
    Channel,
    Flag,
    Reason,
    RejectionSide,
)
from careerrelay.models.errors import LinkRevokedError
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    Connection,
    Decision,
    Delivery,
    ReasonRule,
    RelayLink,
    Signal,
    Suppression,
)
from tests.support.world import World

UNKNOWN = Reason("r9", "その他", RejectionSide.UNKNOWN)
CANDIDATE = Reason("r2", "辞退", RejectionSide.CANDIDATE)


def record(world: World, external_id: str = "a1") -> ApplicationRecord:
    with world.runtime.database.read() as session:
        query = select(ApplicationRecord).where(ApplicationRecord.external_id == external_id)
        return session.scalars(query).one()


def codes(world: World) -> list[str]:
    with world.runtime.database.read() as session:
        return list(session.scalars(select(Decision.code).order_by(Decision.decided_at)))


def person_event(kind: EventKind, world: World, **values: object) -> ApplicationEvent:
    return ApplicationEvent(kind, world.clock(), **values)  # type: ignore[arg-type]


def test_person_is_not_readable_in_the_database(world: World) -> None:
    world.apply(1)
    world.work()
    with world.runtime.database.engine.connect() as connection:
        for table in ("applications", "application_addresses", "signals", "relay_links"):
            dump = str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())
            assert "person1" not in dump
            assert "太郎" not in dump


def test_withdrawal_is_never_linked_whatever_the_event_is_called(world: World) -> None:
    world.apply(1)
    world.clock.forward(hours=1)
    world.reject(1, reason=CANDIDATE)
    world.work()
    assert codes(world) == ["withdrawn"]


def test_unknown_reason_waits_for_the_company_and_is_decided_once_it_is_mapped(
    world: World,
) -> None:
    world.apply(1)
    world.clock.forward(hours=1)
    world.reject(1, reason=UNKNOWN)
    world.work()
    assert codes(world) == ["unmapped_reason"]
    with world.runtime.database.begin() as session:
        rule = session.scalars(select(ReasonRule)).one()
        assert (rule.text, rule.meaning) == ("その他", None)
        rule.meaning = "rejected"
        session.flush()
        case = session.scalars(select(ApplicationRecord)).one()
        connection = session.get_one(Connection, "toy")
        application = open_application(world.runtime.vault, case)
        CaseFile(world.runtime, session, connection).decide_again(case, application)
    assert codes(world) == ["unmapped_reason", "link"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"flags": frozenset({Flag.DO_NOT_CONTACT})}, "do_not_contact"),
        ({"flags": frozenset({Flag.MINOR})}, "under_18"),
        ({"flags": frozenset({Flag.TEST})}, "test_or_duplicate"),
        ({"flags": frozenset({Flag.OFFER_RESCINDED})}, "offer_rescinded"),
    ],
)
def test_each_obstacle_has_its_code(world: World, values: dict, code: str) -> None:
    world.reject(1, **values)
    world.work()
    assert codes(world) == [code]


def test_agents_candidate_gets_no_link(world: World) -> None:
    application = world.application(1, ApplicationState.REJECTED)
    agents = type(application)(
        **{
            name: getattr(application, name)
            for name in type(application).__dataclass_fields__
            if name != "channel"
        },
        channel=Channel.AGENT,
    )
    world.tell(agents)
    world.work()
    assert codes(world) == ["agent_scout_school"]


def test_corrected_reason_takes_the_link_back(world: World) -> None:
    world.apply(1)
    world.clock.forward(hours=1)
    world.reject(1)
    world.clock.forward(hours=1)
    world.reject(1, reason=CANDIDATE)
    world.work()
    assert codes(world) == ["link", "withdrawn"]


def test_rejection_seen_again_after_a_stop_link_is_no_new_decision(world: World) -> None:
    world.apply(1)
    world.clock.forward(hours=1)
    world.reject(1)
    world.work()
    with world.runtime.database.begin() as session:
        email_hash = session.scalars(select(ApplicationAddress.email_hash)).one()
        session.add(
            Suppression(email_hash=email_hash, scope="acme", cause="stop_link", at=world.clock())
        )
    world.clock.forward(hours=1)
    world.reject(1)
    world.work()
    assert codes(world) == ["link"]


def test_merged_person_keeps_the_link_under_the_id_that_stays(world: World) -> None:
    world.apply(1)
    world.clock.forward(hours=1)
    world.reject(1)
    world.work()
    world.hear(person_event(EventKind.MERGED, world, candidate_id="c1", merged_into="c77"))
    world.work()
    assert record(world).candidate_external_id == "c77"
    token = world.vendor.fields["c1"].rpartition("/")[2]
    with world.runtime.database.read() as session:
        assert links.open_link(world.runtime, session, token).link.candidate_external_id == "c77"


def test_merge_that_names_only_one_person_is_dead_and_takes_no_link_from_its_person(
    world: World,
) -> None:
    """A personal link without its person would match anybody of the company."""
    world.apply(1)
    world.work()
    world.hear(person_event(EventKind.MERGED, world, candidate_id="c1"))
    world.work()
    with world.runtime.database.read() as session:
        assert session.scalars(select(RelayLink.candidate_external_id)).one() == "c1"
        assert sorted(session.scalars(select(Signal.state))) == ["dead", "done"]


def test_rejection_dated_in_the_future_can_be_taken_back_today(world: World) -> None:
    world.reject(1, changed_at=world.clock() + timedelta(days=30))
    world.work()
    world.clock.forward(hours=2)
    world.apply(1)
    world.work()
    assert record(world).state == "active"
    assert record(world).current_decision_id is None


def test_two_states_at_one_time_are_settled_by_asking_the_ats(world: World) -> None:
    """A rejection and its taking back within one tick of the vendor's clock, in either order."""
    world.apply(1)
    world.clock.forward(hours=1)
    rejected = world.application(1, ApplicationState.REJECTED)
    taken_back = world.application(1, ApplicationState.ACTIVE)
    world.tell(taken_back)
    world.work()
    world.tell(rejected)
    world.work()
    assert record(world).state == "active"
    assert codes(world) == []
    assert world.vendor.calls.count("fetch") == 1


@pytest.mark.parametrize(
    "noted",
    [
        {"channel": Channel.AGENT},
        {"channel": Channel.SCOUT},
        {"flags": frozenset({Flag.DO_NOT_CONTACT})},
        {"flags": frozenset({Flag.MINOR})},
    ],
)
def test_no_link_waits_in_the_ats_for_whom_there_will_be_none(
    world: World, noted: dict[str, Any]
) -> None:
    """A template prints what stands in the field, whoever the mail goes to."""
    plain = world.application(1, ApplicationState.ACTIVE)
    _told(world, replace(plain, **noted))
    assert world.vendor.fields == {}
    _told(world, plain)
    assert world.vendor.fields["c1"].startswith("https://")
    _told(world, replace(plain, **noted))
    _told(world, replace(plain, **noted))
    assert world.vendor.fields == {"c1": ""}
    world.clock.forward(hours=1)
    world.reject(1)
    world.work()
    assert codes(world) == ["link"]
    assert world.vendor.fields["c1"].startswith("https://"), "noted no more, so it is due again"


def _told(world: World, application: Application) -> None:
    world.clock.forward(hours=1)
    found = replace(application, changed_at=world.clock())
    world.vendor.applications[found.external_id] = found
    world.tell(found)
    world.work()


def test_erased_person_is_forgotten_and_never_imported_again(world: World) -> None:
    world.apply(1)
    world.clock.forward(hours=1)
    world.reject(1)
    world.work()
    token = world.vendor.fields["c1"].rpartition("/")[2]
    world.hear(person_event(EventKind.ERASED, world, candidate_id="c1"))
    world.work()
    forgotten = record(world)
    assert (forgotten.state, forgotten.person_sealed) == ("erased", None)
    with world.runtime.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ApplicationAddress)) == 0
        with pytest.raises(LinkRevokedError):
            links.open_link(world.runtime, session, token)
    world.clock.forward(hours=1)
    again = world.application(2, ApplicationState.REJECTED)
    returned = type(again)(
        "a2", type(again.candidate)("c2", ("Person1@example.com",)), again.state, again.changed_at
    )
    world.tell(returned)
    world.work()
    assert record(world, "a2").person_sealed is None


def test_hint_is_believed_only_as_far_as_the_ats_confirms_it(world: World) -> None:
    world.connect("hint", connector="hint", strategies=("static_link",))
    world.application(1, ApplicationState.ACTIVE)
    forged = ApplicationEvent(
        EventKind.REJECTED,
        world.clock(),
        "a1",
        "c1",
        world.application(1, ApplicationState.REJECTED),
    )
    world.application(1, ApplicationState.ACTIVE)
    world.hear(forged, connection="hint")
    world.hear(person_event(EventKind.ERASED, world, application_id="a1"), connection="hint")
    world.hear(
        person_event(EventKind.MERGED, world, candidate_id="c1", merged_into="c2"),
        connection="hint",
    )
    world.work()
    assert record(world).state == "active"
    assert record(world).candidate_external_id == "c1"
    assert codes(world) == []
    assert world.vendor.calls.count("fetch") == 2


def test_person_who_is_gone_is_erased_by_a_hint_that_names_no_case(world: World) -> None:
    world.connect("hint", connector="hint", strategies=("static_link",))
    world.tell(world.application(1, ApplicationState.REJECTED), connection="hint")
    world.tell(world.application(2, ApplicationState.REJECTED), connection="hint")
    world.work()
    del world.vendor.applications["a1"]
    for person in (1, 2):
        gone = ApplicationEvent(EventKind.ERASED, world.clock(), candidate_id=f"c{person}")
        world.hear(gone, connection="hint")
    world.work()
    assert [record(world, case).state for case in ("a1", "a2")] == ["erased", "rejected"]


def test_case_that_is_gone_is_erased_by_a_hint_once_the_ats_says_so(world: World) -> None:
    world.connect("hint", connector="hint", strategies=("static_link",))
    world.application(1, ApplicationState.REJECTED)
    world.hear(person_event(EventKind.CHANGED, world, application_id="a1"), connection="hint")
    world.work()
    assert codes(world) == ["link"]
    world.vendor.applications.clear()
    world.hear(person_event(EventKind.ERASED, world, application_id="a1"), connection="hint")
    world.work()
    assert record(world).state == "erased"


def test_rejection_older_than_the_company_keeps_profiles_stores_nobody(world: World) -> None:
    world.reject(1, changed_at=world.clock() - timedelta(days=800))
    world.work()
    assert codes(world) == ["too_old"]
    assert record(world).person_sealed is None


def test_unreadable_stored_event_is_dead_and_says_so(world: World) -> None:
    world.apply(1)
    with world.runtime.database.begin() as session:
        signal = session.scalars(select(Signal)).one()
        place = f"signals:{signal.id}"
        signal.body_sealed = world.runtime.vault.seal_bytes(b'{"kind": 5}', place=place)
        signal.source = "poll"
    world.work()
    with world.runtime.database.read() as session:
        dead = session.scalars(select(Signal)).one()
        assert (dead.state, dead.error_code) == ("dead", "payload")


def test_revoked_link_is_replaced_for_a_new_case_of_the_same_person(world: World) -> None:
    world.apply(1)
    world.work()
    with world.runtime.database.begin() as session:
        session.scalars(select(RelayLink)).one().revoked_at = world.clock()
        session.scalars(select(Delivery)).one()
    world.clock.forward(hours=1)
    world.reject(1)
    world.work()
    with world.runtime.database.begin() as session:
        case = session.scalars(select(ApplicationRecord)).one()
        connection = session.get_one(Connection, "toy")
        fresh = links.personal_link(world.runtime, session, case, connection)
        assert fresh.revoked_at is None
        assert len(session.scalars(select(RelayLink)).all()) == 2


def test_change_of_a_person_refreshes_the_cases_we_know_and_nothing_else(world: World) -> None:
    world.apply(1)
    world.work()
    changed = world.application(1, ApplicationState.ACTIVE, flags=frozenset({Flag.DO_NOT_CONTACT}))
    world.hear(person_event(EventKind.CHANGED, world, candidate_id=changed.candidate.external_id))
    world.hear(person_event(EventKind.CHANGED, world, candidate_id="stranger"))
    world.work()
    assert record(world).flags == ["do_not_contact"]
    with world.runtime.database.read() as session:
        assert {s.state for s in session.scalars(select(Signal))} == {"done"}


def test_deleted_case_leaves_the_persons_other_case_its_link(world: World) -> None:
    world.apply(1)
    world.work()
    token = world.vendor.fields["c1"].rpartition("/")[2]
    first = world.application(1, ApplicationState.ACTIVE)
    world.clock.forward(hours=1)
    world.tell(
        type(first)(
            "a9",
            first.candidate,
            ApplicationState.REJECTED,
            world.clock(),
            reason=Reason("r1", "経験不足", RejectionSide.COMPANY),
            channel=Channel.DIRECT,
        )
    )
    world.hear(person_event(EventKind.ERASED, world, application_ids=("a1",)))
    world.work()
    assert record(world).state == "erased"
    with world.runtime.database.read() as session:
        assert links.open_link(world.runtime, session, token).link.revoked_at is None
