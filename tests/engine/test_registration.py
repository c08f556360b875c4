"""Registering: what proves a mailbox, what matches, what counts, and what can be taken back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from careerrelay.engine import counting, links, registration, suppression
from careerrelay.engine.registration import Application as Form
from careerrelay.engine.registration import Outcome
from careerrelay.engine.sealing import unseal
from careerrelay.link_signing import Purpose
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import LinkError, LinkExpiredError, LinkInvalidError
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.ledger import EntryKind
from careerrelay.models.registrations import RegistrationState
from careerrelay.models.tables import (
    Connection,
    Consent,
    Decision,
    LedgerEntry,
    OutgoingMail,
    Provision,
    Registration,
    RelayLink,
    Report,
    Suppression,
)
from tests.support.world import World


@pytest.fixture
def rejected(world: World) -> World:
    """Person 1 was rejected and holds the link."""
    world.apply(1)
    world.clock.forward(seconds=1)
    world.reject(1)
    world.work()
    return world


def token(world: World, number: int = 1) -> str:
    return world.vendor.fields[f"c{number}"].rpartition("/")[2]


def start(
    world: World, relay: str, *, email: str = "person1@example.com", named: bool = True
) -> str:
    return registration.start(world.runtime, relay, Form("応募 太郎", email, named, "ja"))


def code_of(world: World, id_: str) -> str:
    with world.runtime.database.read() as session:
        return unseal(world.runtime, session.get_one(Registration, id_), "code")


def press_button(world: World, id_: str) -> Outcome:
    proof = world.runtime.signer.token_for(id_, purpose=Purpose.PROOF)
    return registration.confirm_link(world.runtime, proof)


def static_token(world: World, *, job: str | None = None) -> str:
    with world.runtime.database.begin() as session:
        connection = session.get_one(Connection, "toy")
        link = links.static_link(world.runtime, session, connection, job=job)
        return world.runtime.signer.token_for(link.id)


def test_mailed_code_proves_the_mailbox(rejected: World) -> None:
    id_ = start(rejected, token(rejected))
    outcome = registration.confirm_code(rejected.runtime, id_, code_of(rejected, id_))
    assert outcome == Outcome(id_, RegistrationState.PROVED, counted=True, slot=None)


def test_code_can_be_tried_five_times_and_the_button_still_works(rejected: World) -> None:
    id_ = start(rejected, token(rejected))
    right = code_of(rejected, id_)
    wrong = f"{(int(right) + 1) % 10**8:08d}"
    for _ in range(5):
        assert registration.confirm_code(rejected.runtime, id_, wrong) is None
    assert registration.confirm_code(rejected.runtime, id_, right) is None
    assert press_button(rejected, id_).counted


def test_proof_comes_too_late_after_a_day(rejected: World) -> None:
    id_ = start(rejected, token(rejected))
    right = code_of(rejected, id_)
    rejected.clock.forward(hours=24)
    assert registration.confirm_code(rejected.runtime, id_, right) is None
    with pytest.raises(LinkExpiredError):
        press_button(rejected, id_)


def test_button_pressed_twice_counts_once(rejected: World) -> None:
    id_ = start(rejected, token(rejected))
    assert press_button(rejected, id_).counted
    again = press_button(rejected, id_)
    assert (again.state, again.counted) == (RegistrationState.PROVED, False)


def test_proof_link_of_nobody_is_invalid(rejected: World) -> None:
    with pytest.raises(LinkInvalidError):
        press_button(rejected, "x" * 22)


def test_static_link_finds_the_rejection_by_the_proved_address(rejected: World) -> None:
    relay = static_token(rejected)
    assert press_button(rejected, start(rejected, relay, email=" Ｐerson1@example.com")).counted
    stranger = press_button(rejected, start(rejected, relay, email="stranger@example.com"))
    assert stranger.state is RegistrationState.UNMATCHED


def test_static_link_of_another_job_matches_nobody_of_this_one(rejected: World) -> None:
    relay = static_token(rejected, job="j2")
    assert press_button(rejected, start(rejected, relay)).state is RegistrationState.UNMATCHED
    relay = static_token(rejected, job="j1")
    assert press_button(rejected, start(rejected, relay)).counted


def test_person_who_was_faster_than_the_ats_is_registered_when_the_rejection_comes(
    rejected: World,
) -> None:
    relay = static_token(rejected)
    id_ = start(rejected, relay, email="person2@example.com")
    assert press_button(rejected, id_).state is RegistrationState.UNMATCHED
    assert registration.match_late(rejected.runtime) == 0
    rejected.apply(2)
    rejected.clock.forward(seconds=1)
    rejected.reject(2)
    rejected.work()
    assert registration.match_late(rejected.runtime) == 1
    assert registration.match_late(rejected.runtime) == 0
    assert press_button(rejected, id_).state is RegistrationState.PROVED
    with rejected.runtime.database.read() as session:
        assert session.get_one(Registration, id_).counted
        mails = session.scalars(select(OutgoingMail.kind).order_by(OutgoingMail.created_at)).all()
        assert list(mails) == ["proof", "welcome"]
        assert session.scalars(select(Report)).one().registration_id == id_


def test_late_rejection_of_another_job_completes_nothing(rejected: World) -> None:
    relay = static_token(rejected, job="j2")
    id_ = start(rejected, relay)
    assert press_button(rejected, id_).state is RegistrationState.UNMATCHED
    assert registration.match_late(rejected.runtime) == 0


def test_same_person_under_a_tagged_address_counts_once(rejected: World) -> None:
    assert press_button(rejected, start(rejected, token(rejected))).counted
    rejected.clock.forward(hours=1)
    found = rejected.vendor.applications["a1"]
    tagged = type(found.candidate)("c50", ("person1+again@example.com",), full_name="応募 太郎")
    rejected.tell(
        type(found)("a50", tagged, found.state, rejected.clock(), found.job, found.reason)
    )
    rejected.work()
    relay = static_token(rejected)
    id_ = start(rejected, relay, email="person1+again@example.com")
    assert press_button(rejected, id_).counted is False


def test_choice_is_kept_with_text_version_and_unnamed_people_are_never_reported(
    rejected: World,
) -> None:
    press_button(rejected, start(rejected, token(rejected), named=False))
    rejected.work()
    with rejected.runtime.database.read() as session:
        consents = {c.purpose: c.given for c in session.scalars(select(Consent))}
        assert consents == {"terms": True, "named_to_company": False}
        assert session.scalars(select(Report)).all() == []
        assert session.scalars(select(Provision)).all() == []
        assert counting.count(session, "acme", EntryKind.CREDIT) == 1
    assert rejected.vendor.notes == {}


def test_named_person_leaves_a_provision_record_for_three_years(rejected: World) -> None:
    press_button(rejected, start(rejected, token(rejected)))
    with rejected.runtime.database.read() as session:
        record = session.scalars(select(Provision)).one()
    assert record.recipient_name == "株式会社アクメ"
    assert record.items == ["name", "registered_at"]
    assert record.retain_until - record.provided_at > timedelta(days=3 * 365 - 1)


def test_deleted_registration_leaves_the_count_and_keeps_no_person(rejected: World) -> None:
    id_ = start(rejected, token(rejected))
    press_button(rejected, id_)
    registration.withdraw(rejected.runtime, id_)
    registration.withdraw(rejected.runtime, id_)
    rejected.work()
    with rejected.runtime.database.read() as session:
        gone = session.get_one(Registration, id_)
        assert (gone.state, gone.name_sealed, gone.email_sealed) == ("withdrawn", None, None)
        assert counting.count(session, "acme", EntryKind.CREDIT) == 1
        assert [s.cause for s in session.scalars(select(Suppression))] == ["withdrawn"]
        assert {m.state for m in session.scalars(select(OutgoingMail))} <= {"skipped", "dead"}
    assert rejected.vendor.notes == {}


def test_deleting_takes_all_that_the_address_left_at_this_company(rejected: World) -> None:
    older = start(rejected, token(rejected))
    press_button(rejected, older)
    newer = start(rejected, token(rejected))
    someone_else = start(rejected, static_token(rejected), email="other@example.com")
    press_button(rejected, newer)
    registration.withdraw(rejected.runtime, newer)
    with rejected.runtime.database.read() as session:
        rows = {r.id: r for r in session.scalars(select(Registration))}
    assert {rows[older].state, rows[newer].state} == {"withdrawn"}
    assert {rows[older].email_sealed, rows[newer].email_sealed} == {None}
    assert rows[someone_else].email_sealed is not None


def test_person_who_registers_twice_is_noted_on_the_record_once(rejected: World) -> None:
    for _ in range(2):
        press_button(rejected, start(rejected, token(rejected)))
        rejected.work()
    assert len(rejected.vendor.notes["c1"]) == 1
    with rejected.runtime.database.read() as session:
        assert len(session.scalars(select(Provision)).all()) == 1


def test_person_is_noted_when_only_the_second_time_allows_it(rejected: World) -> None:
    for named in (False, True):
        press_button(rejected, start(rejected, token(rejected), named=named))
        rejected.work()
    assert len(rejected.vendor.notes["c1"]) == 1


def further_case(world: World, number: int, *emails: str, candidate: str) -> None:
    """Another rejected case in the ATS, seen as somebody with these addresses."""
    world.clock.forward(minutes=1)
    case = world.application(number, ApplicationState.REJECTED)
    world.tell(
        replace(case, candidate=replace(case.candidate, external_id=candidate, emails=emails))
    )
    world.work()


def counts(world: World, email: str) -> bool:
    return press_button(world, start(world, static_token(world), email=email)).counted


def test_addresses_seen_after_the_count_belong_to_the_same_person(rejected: World) -> None:
    """a is counted; b is a's second address, c is b's: none of them counts again."""
    further_case(rejected, 2, "b@example.com", "c@example.com", candidate="c2")
    further_case(rejected, 3, "c@example.com", candidate="c3")
    rejected.clock.forward(minutes=1)
    first = rejected.application(1, ApplicationState.REJECTED)
    both = replace(first.candidate, emails=("person1@example.com", "b@example.com"))
    rejected.tell(replace(first, candidate=both))
    rejected.work()
    assert counts(rejected, "person1@example.com")
    assert not counts(rejected, "b@example.com")
    assert not counts(rejected, "c@example.com")


def test_merged_person_counted_under_the_id_that_goes_does_not_count_again(rejected: World) -> None:
    assert counts(rejected, "person1@example.com")
    merge = ApplicationEvent(
        EventKind.MERGED, rejected.clock(), candidate_id="c1", merged_into="c77"
    )
    rejected.hear(merge)
    further_case(rejected, 77, "new@example.com", candidate="c77")
    with rejected.runtime.database.read() as session:
        codes = session.scalars(select(Decision.code).order_by(Decision.decided_at)).all()
    assert codes == ["link", "already_counted"]


def test_stop_link_used_many_times_at_once_stops_once(rejected: World) -> None:
    relay_id = rejected.runtime.signer.open(token(rejected))
    stop = rejected.runtime.signer.token_for(relay_id, purpose=Purpose.STOP)
    with ThreadPoolExecutor(8) as pool:
        stopped = list(
            pool.map(
                lambda _: suppression.stop(rejected.runtime, stop, email=None, cause="one_click"),
                range(8),
            )
        )
    assert stopped == [True] * 8
    rejected.work()
    assert rejected.vendor.fields == {"c1": ""}


def test_stop_link_takes_out_what_was_written_after_the_rejection_too(world: World) -> None:
    world.reject(1)
    world.work()
    relay_id = world.runtime.signer.open(token(world))
    stop = world.runtime.signer.token_for(relay_id, purpose=Purpose.STOP)
    suppression.stop(world.runtime, stop, email=None, cause="stop_link")
    world.work()
    assert world.vendor.fields == {"c1": ""}


def test_stop_link_that_overtakes_the_writing_wins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is used while the writer, who has looked already, waits for its turn at the record."""
    hold = world.runtime.locks.hold

    def stop_first(name: str) -> AbstractContextManager[None]:
        monkeypatch.setattr(world.runtime.locks, "hold", hold)
        with world.runtime.database.read() as session:
            link = session.scalars(select(RelayLink)).one()
        stop = world.runtime.signer.token_for(link.id, purpose=Purpose.STOP)
        suppression.stop(world.runtime, stop, email=None, cause="stop_link")
        return hold(name)

    monkeypatch.setattr(world.runtime.locks, "hold", stop_first)
    world.apply(1)
    world.work()
    assert world.vendor.fields.get("c1", "") == ""
    assert world.vendor.calls.count("write_link") == 1, "only the clearing"


def test_stop_by_a_personal_link_stops_every_address_of_the_person(rejected: World) -> None:
    relay_id = rejected.runtime.signer.open(token(rejected))
    stop = rejected.runtime.signer.token_for(relay_id, purpose=Purpose.STOP)
    assert suppression.stop(rejected.runtime, stop, email=None, cause="stop_link")
    assert suppression.stop(rejected.runtime, stop, email=None, cause="stop_link")
    rejected.clock.forward(hours=1)
    again = rejected.application(1, rejected.vendor.applications["a1"].state)
    rejected.tell(
        type(again)(
            "a2",
            again.candidate,
            again.state,
            again.changed_at,
            again.job,
            again.reason,
            channel=again.channel,
        )
    )
    rejected.work()
    with rejected.runtime.database.read() as session:
        assert len(session.scalars(select(Suppression)).all()) == 1
        codes = [d.code for d in session.scalars(select(Decision).order_by(Decision.decided_at))]
        assert codes == ["link", "suppressed"]
    assert rejected.vendor.fields == {"c1": ""}, "no later notice of the ATS carries the link"


def test_stop_by_a_static_link_needs_the_address(rejected: World) -> None:
    relay_id = rejected.runtime.signer.open(static_token(rejected))
    stop = rejected.runtime.signer.token_for(relay_id, purpose=Purpose.STOP)
    assert not suppression.stop(rejected.runtime, stop, email=None, cause="one_click")
    assert suppression.stop(rejected.runtime, stop, email="a@example.com", cause="stop_link")


def test_link_dies_with_the_companys_retention(rejected: World) -> None:
    rejected.clock.forward(days=366)
    with pytest.raises(LinkExpiredError):
        start(rejected, token(rejected))


def test_tampered_link_starts_nothing(rejected: World) -> None:
    relay = token(rejected)
    with pytest.raises(LinkError):
        start(rejected, relay[:-2] + "AA")
    with rejected.runtime.database.read() as session:
        assert session.scalars(select(Registration)).all() == []


def test_ledger_names_its_evidence_and_rule_version(rejected: World) -> None:
    id_ = start(rejected, token(rejected))
    press_button(rejected, id_)
    with rejected.runtime.database.read() as session:
        line = session.scalars(select(LedgerEntry)).one()
    assert (line.kind, line.number, line.registration_id) == ("credit", 1, id_)
    assert line.rule_version.endswith("/batch-10")
    assert set(line.evidence) == {"link", "application"}
