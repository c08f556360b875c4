"""Keys rotate while everything runs, and go on after a kill at any moment."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select

from careerrelay.engine import registration, rotation
from careerrelay.engine.companies import change_company
from careerrelay.engine.delivering import deliver, deliveries
from careerrelay.engine.mail_relays import (
    NEXT_HOP_PASSWORD,
    RelayPlan,
    add_relay,
    dkim_key,
    relay_place,
)
from careerrelay.engine.mail_spool import content_of, opened, order_for, store
from careerrelay.engine.own_mail import account_of
from careerrelay.engine.people import open_candidate
from careerrelay.engine.reading import read_signal
from careerrelay.engine.rotation import Progress, new_key, rotate, sealed_columns
from careerrelay.link_signing import Purpose
from careerrelay.mail.relay.desk import Account, NextHop, Passing
from careerrelay.models.errors import ConfigurationError, RefusedError
from careerrelay.models.tables import (
    ApplicationRecord,
    Company,
    Connection,
    Delivery,
    MailRelay,
    Provision,
    Registration,
    SharedToken,
    SheetPart,
    SheetUpload,
    Signal,
    SpooledMail,
)
from tests.engine.test_flow import register
from tests.support.dkim import rsa_pem
from tests.support.toy import SECRET
from tests.support.world import World

RELAY = RelayPlan(
    values={
        "senders": ["example.jp"],
        "next_hop_host": "smtp.example.jp",
        "next_hop_username": "relay",
        "dkim_domain": "example.jp",
        "dkim_selector": "s1",
    },
    next_hop_password="hop-pass",
    signing_key=rsa_pem(),
)
NOW = {"settle": rotation.SETTLE, "sleep": lambda _seconds: None}


def test_link_whose_writing_was_cut_off_before_a_rotation_stays_as_it_was_written(
    world: World,
) -> None:
    world.apply(1)
    with world.runtime.database.read() as session:
        read_signal(world.runtime, session.scalars(select(Signal.id)).one())
    with world.runtime.database.read() as session:
        delivery = session.scalars(select(Delivery.id)).one()
    with suppress(KeyboardInterrupt), deliveries(world.runtime, [delivery]) as run:
        run(delivery)
        raise KeyboardInterrupt
    written = world.vendor.fields["c1"]
    new_key(world.runtime, actor="test")
    rotate(world.runtime, actor="test", **NOW)
    deliver(world.runtime, delivery)
    assert world.vendor.fields["c1"] == written
    with world.runtime.database.read() as session:
        assert session.get_one(Delivery, delivery).state == "done"


def test_link_that_a_second_delivery_of_the_case_writes_is_the_one_that_stands_there(
    world: World,
) -> None:
    world.reject(1)
    world.work()
    written = world.vendor.fields["c1"]
    new_key(world.runtime, actor="test")
    rotate(world.runtime, actor="test", **NOW)
    world.clock.forward(hours=1)
    world.apply(1)
    world.work()
    with world.runtime.database.read() as session:
        assert len(session.scalars(select(Delivery)).all()) == 2
    assert world.vendor.fields["c1"] == written


@pytest.fixture
def full(world: World) -> World:
    """Something sealed in every sealed column."""
    runtime = world.runtime
    for number in range(12):
        world.apply(number)
        world.clock.forward(seconds=1)
        world.reject(number)
    world.work()
    for number in range(6):
        register(world, number)
    form = registration.Application("未 証明", "new@example.com", False, "ja")
    token = world.vendor.fields["c7"].rpartition("/")[2]
    registration.start(runtime, token, form)
    change_company(
        runtime, "acme", actor="test", smtp_password="smtp-pass",
        smtp={"host": "smtp.example.jp", "sender": "hr@example.jp"},
    )  # fmt: skip
    sealed = runtime.vault.seal("token", place="shared_tokens:k")
    with runtime.database.begin() as session:
        session.add(SharedToken(key="k", token_sealed=sealed, expires_at=world.clock()))
    add_relay(runtime, "smtp", connection="toy", plan=RELAY, actor="test")
    keep_mail(world)
    keep_rows(world)
    return world


def keep_mail(world: World) -> None:
    """A mail that waits for its next hop."""
    account = Account("smtp", NextHop("", 0), frozenset())
    passing = Passing(account, "hr@example.jp", "new@example.com", b"Subject: x\r\n\r\ny\r\n")
    order = order_for(world.runtime, [passing])
    with world.runtime.database.begin() as session:
        store(world.runtime, session, order)


def keep_rows(world: World) -> None:
    """Rows of a CSV file that wait for somebody to confirm them."""
    now = world.clock()
    sealed = world.runtime.vault.seal_bytes(b"[]", place="sheet_parts:part")
    with world.runtime.database.begin() as session:
        session.add(
            SheetUpload(id="upload", connection_id="toy", counts={}, as_of=now, created_at=now)
        )
        session.flush()
        session.add(SheetPart(id="part", upload_id="upload", number=1, rows_sealed=sealed))


def assert_everything_opens(world: World) -> None:
    runtime, vault = world.runtime, world.runtime.vault
    with runtime.database.read() as session:
        for record in session.scalars(select(ApplicationRecord)):
            number = record.external_id.removeprefix("a")
            assert open_candidate(vault, record).emails == (f"person{number}@example.com",)
        for mail in session.scalars(select(SpooledMail)):
            assert content_of(runtime, session, mail)[1].startswith(b"Subject")
            assert opened(runtime, mail, "recipient") == "new@example.com"
        for signal in session.scalars(select(Signal)):
            assert vault.open_bytes(signal.body_sealed, place=f"signals:{signal.id}")
        people = session.scalars(select(Registration)).all()
        assert all("@" in registration.unseal(runtime, r, "email") for r in people)
        started = [r for r in people if r.state == "started"]
        assert len(registration.unseal(runtime, started[0], "code")) == 8
        for provision in session.scalars(select(Provision)):
            assert vault.open(provision.person_sealed, place=f"provisions:{provision.id}:person")
        assert runtime.secrets(session.get_one(Connection, "toy")) == {"webhook_secret": SECRET}
        assert account_of(runtime, session.get_one(Company, "acme")).password == "smtp-pass"
        token = session.get_one(SharedToken, "k")
        assert vault.open(token.token_sealed, place="shared_tokens:k") == "token"
        relay = session.get_one(MailRelay, "smtp")
        sealed = relay.next_hop[NEXT_HOP_PASSWORD]
        place = relay_place("smtp", NEXT_HOP_PASSWORD)
        assert vault.open(sealed, place=place) == RELAY.next_hop_password
        assert dkim_key(runtime, relay) is not None
        part = session.get_one(SheetPart, "part")
        assert vault.open_bytes(part.rows_sealed, place="sheet_parts:part") == b"[]"


def test_every_sealed_column_has_something_in_it_here(full: World) -> None:
    """Otherwise the tests below would say nothing about it."""
    with full.runtime.database.read() as session:
        for column in sealed_columns():
            values = session.scalars(select(column)).all()
            assert any(values), column
    assert len(sealed_columns()) >= 9


def test_rotation_leaves_nothing_under_the_old_key(full: World) -> None:
    old = full.runtime.keys.current().sealing[0]
    new_key(full.runtime, actor="test")
    done = rotate(full.runtime, actor="test", **NOW)
    assert done.switched
    assert done.dropped_old
    assert old not in full.runtime.keys.current().sealing
    assert_everything_opens(full)


def test_links_that_are_out_stay_good(full: World) -> None:
    token = full.vendor.fields["c9"].rpartition("/")[2]
    id_ = full.runtime.signer.open(token)
    new_key(full.runtime, actor="test")
    rotate(full.runtime, actor="test", **NOW)
    assert full.runtime.signer.open(token) == id_
    assert full.runtime.signer.token_for(id_) != token
    assert full.runtime.signer.open(full.runtime.signer.token_for(id_), purpose=Purpose.RELAY)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_batch_and_run_again_everything_opens(full: World, seed: int) -> None:
    """What a kill leaves: some values under the old key, some under the new, both of which open."""
    dice = random.Random(seed)
    new_key(full.runtime, actor="test")
    kills = 0
    for _ in range(20):
        left = dice.randint(0, 25)

        def die(_progress: Progress) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt

        try:
            rotate(full.runtime, actor="test", batch=2, progress=die, **NOW)
        except KeyboardInterrupt:
            kills += 1
            assert_everything_opens(full)
        else:
            break
    else:
        rotate(full.runtime, actor="test", **NOW)
    assert kills
    assert len(full.runtime.keys.current().sealing) == 1
    assert_everything_opens(full)


def test_a_value_sealed_with_the_old_key_meanwhile_is_found_before_it_goes(full: World) -> None:
    """A server may seal just before the switch and commit just after the pass went by."""
    runtime = full.runtime
    late = runtime.vault.seal("late", place="shared_tokens:late")
    new_key(runtime, actor="test")

    def commit_late(_seconds: float) -> None:
        with runtime.database.begin() as session:
            session.add(SharedToken(key="late", token_sealed=late, expires_at=full.clock()))

    assert rotate(runtime, actor="test", sleep=commit_late).dropped_old
    with runtime.database.read() as session:
        row = session.get_one(SharedToken, "late")
        assert runtime.vault.open(row.token_sealed, place="shared_tokens:late") == "late"


def test_the_old_key_waits_for_other_processes(full: World) -> None:
    waited: list[float] = []
    new_key(full.runtime, actor="test")
    rotate(full.runtime, actor="test", sleep=waited.append)
    assert 0 < waited[0] <= rotation.SETTLE.total_seconds()


def test_a_process_that_goes_on_with_an_old_key_file_keeps_the_old_key(
    full: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = full.runtime
    stale = runtime.vault.seal("x", place="shared_tokens:s")
    new_key(runtime, actor="test")
    run_pass = rotation._pass

    def somebody_writes(*args: Any) -> Any:
        with runtime.database.begin() as session:
            session.merge(SharedToken(key="s", token_sealed=stale, expires_at=full.clock()))
        return run_pass(*args)

    monkeypatch.setattr(rotation, "_pass", somebody_writes)
    with pytest.raises(RefusedError, match="old copy of the key file"):
        rotate(runtime, actor="test", **NOW)
    assert len(runtime.keys.current().sealing) == 2


def test_a_value_that_no_key_opens_keeps_the_old_keys_and_is_named(full: World) -> None:
    with full.runtime.database.begin() as session:
        session.get_one(SharedToken, "k").token_sealed = "gAAAAA-rubbish"
    new_key(full.runtime, actor="test")
    done = rotate(full.runtime, actor="test", **NOW)
    assert done.unreadable == ("shared_tokens.token_sealed",)
    assert not done.dropped_old
    assert len(full.runtime.keys.current().sealing) == 2


def test_without_a_waiting_key_nothing_is_rotated(full: World) -> None:
    with pytest.raises(RefusedError, match="keys new"):
        rotate(full.runtime, actor="test", **NOW)
    new_key(full.runtime, actor="test")
    with pytest.raises(ConfigurationError, match="keys rotate"):
        new_key(full.runtime, actor="test")


def test_two_rotations_at_once_are_one(full: World) -> None:
    new_key(full.runtime, actor="test")

    def another(_progress: Progress) -> None:
        with pytest.raises(RefusedError, match="at work"):
            rotate(full.runtime, actor="test", **NOW)

    assert rotate(full.runtime, actor="test", progress=another, **NOW).dropped_old


def test_the_engine_works_on_while_keys_rotate(full: World) -> None:
    """New cases arrive between the batches; they end up under the new key too."""
    number = 100
    new_key(full.runtime, actor="test")

    def meanwhile(_progress: Progress) -> None:
        nonlocal number
        number += 1
        full.apply(number)
        full.work()

    rotate(full.runtime, actor="test", progress=meanwhile, **NOW)
    assert number > 110
    assert_everything_opens(full)
