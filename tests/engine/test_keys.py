"""The key file: private, whole, read again when it changes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from careerrelay.engine.keys import LOOK_SECONDS, KeyFile, Keys
from careerrelay.models.crypto import Vault
from careerrelay.models.errors import ConfigurationError


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    made = KeyFile(tmp_path / "keys.toml")
    made.create()
    return made


def test_a_new_file_is_readable_by_its_owner_only(file: KeyFile) -> None:
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert len(file.current().sealing) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(file: KeyFile, mode: int) -> None:
    file.path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        KeyFile(file.path).current()


def test_a_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="careerrelay init"):
        KeyFile(tmp_path / "keys.toml").current()


def test_an_existing_file_is_never_replaced_by_a_new_one(file: KeyFile) -> None:
    with pytest.raises(ConfigurationError, match="exists already"):
        file.create()


@pytest.mark.parametrize(
    "text",
    ["", "[", 'sealing = ["x"]\nsigning = []\nsession = []\nmatching = "00"', "matching = 1"],
)
def test_a_damaged_file_is_told_as_such_without_its_content(file: KeyFile, text: str) -> None:
    file.path.write_text(text)
    with pytest.raises(ConfigurationError, match="is damaged") as caught:
        KeyFile(file.path).current()
    assert caught.value.__cause__ is None


def test_a_changed_file_is_read_again_without_a_restart(file: KeyFile) -> None:
    now = [100.0]
    file = KeyFile(file.path, clock=lambda: now[0])
    vault = Vault(file.sealing)
    sealed = vault.seal("text", place="p")
    other = KeyFile(file.path)
    other.save(other.current().with_new())
    os.utime(file.path, ns=(1, 1))
    now[0] += 1
    assert len(file.current().next_sealing) == 1
    assert vault.open(sealed, place="p") == "text"


def test_the_file_is_not_looked_at_for_every_value(file: KeyFile) -> None:
    now = [100.0]
    file = KeyFile(file.path, clock=lambda: now[0])
    keys = file.current()
    file.path.unlink()
    now[0] += LOOK_SECONDS / 2
    assert file.current() is keys
    assert not file.readable()
    now[0] += 1
    with pytest.raises(ConfigurationError, match="does not exist"):
        file.current()


def test_what_this_process_writes_it_reads_at_once(file: KeyFile) -> None:
    file.save(file.current().with_new())
    assert len(file.current().next_sealing) == 1


def test_a_waiting_key_opens_but_neither_seals_nor_signs(file: KeyFile) -> None:
    before = file.current()
    waiting = before.with_new()
    file.save(waiting)
    vault = Vault(file.sealing)
    sealed = vault.seal("x", place="p").encode()
    assert Fernet(before.sealing[0]).decrypt(sealed)
    assert file.signing()[-1] == before.signing[0]
    ahead = Fernet(waiting.next_sealing[0]).encrypt(b"p\x00from a machine that is ahead").decode()
    assert vault.open(ahead, place="p") == "from a machine that is ahead"


def test_the_matching_key_outlives_every_rotation() -> None:
    keys = Keys.generate()
    assert keys.with_new().rotated().only_newest_seal().matching == keys.matching


def test_keys_do_not_show_in_a_repr() -> None:
    keys = Keys.generate().with_new()
    assert keys.sealing[0] not in repr(keys)
    assert keys.matching not in repr(keys)
    assert keys.next_signing[0] not in repr(keys)


def test_whether_keys_can_be_had_at_all(file: KeyFile, tmp_path: Path) -> None:
    assert file.readable()
    assert not KeyFile(tmp_path / "none.toml").readable()
