"""keys new and rotate on the command line; the rotation itself is tested with the engine."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from careerrelay.cli import keys as keys_module
from careerrelay.engine import rotation
from careerrelay.engine.keys import KeyFile
from careerrelay.models.tables import ApplicationRecord, AuditEntry
from tests.cli.conftest import BOTH, CommandLine
from tests.support.world import World

pytestmark = BOTH


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait for other processes is tested with the engine."""
    rotate = rotation.rotate
    monkeypatch.setattr(
        keys_module, "rotate", lambda *args, **kw: rotate(*args, **kw, sleep=lambda _: None)
    )


def test_rotate_seals_everything_anew_and_drops_the_old_key(cli: CommandLine, world: World) -> None:
    world.apply(1)
    world.work()
    assert cli.data("keys", "new")["key_file"] == str(world.runtime.keys.path)
    done = cli.data("keys", "rotate")
    assert done["switched"]
    assert done["dropped_old"]
    assert done["resealed"] >= 3
    assert len(world.runtime.keys.current().sealing) == 1
    with world.runtime.database.read() as session:
        record = session.scalars(select(ApplicationRecord)).one()
        audited = [e.action for e in session.scalars(select(AuditEntry).order_by(AuditEntry.at))]
    assert record.person_sealed is not None
    assert "person1@example.com" in world.runtime.vault.open(
        record.person_sealed, place=f"applications:{record.id}"
    )
    assert set(audited) == {"keys.new", "keys.rotate", "keys.drop_old"}


def test_old_keys_may_be_kept_until_every_machine_has_the_new_file(
    cli: CommandLine, world: World
) -> None:
    cli("keys", "new")
    assert cli.data("keys", "rotate", "--keep-old")["dropped_old"] is False
    assert len(KeyFile(world.runtime.keys.path).current().sealing) == 2
    assert cli.data("keys", "rotate")["dropped_old"] is True


def test_keys_come_in_order(cli: CommandLine) -> None:
    assert "keys new" in cli("keys", "rotate", code=1).stderr
    cli("keys", "new")
    assert "keys rotate" in cli("keys", "new", code=2).stderr


def test_no_key_is_ever_printed(cli: CommandLine, world: World) -> None:
    said = cli("keys", "new").stdout
    keys = world.runtime.keys.current()
    said += cli("keys", "rotate").stdout + cli("doctor", code=1).stdout
    for key in (*keys.sealing, *keys.next_sealing, *keys.signing, keys.matching):
        assert key not in said
