"""Sealed values open in their place only, with any of the keys; addresses match by keyed hash."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from careerrelay.models.crypto import SealingKeys, Vault
from careerrelay.models.errors import ConfigurationError

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def vault(*keys: str, matching: bytes = b"m" * 32) -> Vault:
    return Vault(lambda: SealingKeys(keys, matching))


def test_sealed_text_hides_and_returns_the_text() -> None:
    sealed = vault(OLD).seal("応募 太郎", place="applications:1")
    assert "応募" not in sealed
    assert vault(OLD).open(sealed, place="applications:1") == "応募 太郎"


def test_value_copied_to_another_place_does_not_open_there() -> None:
    sealed = vault(OLD).seal("secret", place="connections:a:key")
    with pytest.raises(ConfigurationError, match="place"):
        vault(OLD).open(sealed, place="connections:b:key")


def test_newest_key_seals_and_older_keys_open() -> None:
    old = vault(OLD).seal("x", place="p")
    assert vault(OLD, NEW).open(old, place="p") == "x"
    new = vault(OLD, NEW).seal("x", place="p")
    assert vault(NEW).open(new, place="p") == "x"
    with pytest.raises(ConfigurationError, match="key file"):
        vault(OLD).open(new, place="p")


def test_resealed_value_opens_with_the_new_key_alone() -> None:
    old = vault(OLD).seal_bytes(b"\x00\xff", place="p")
    assert vault(NEW).open_bytes(vault(OLD, NEW).reseal(old), place="p") == b"\x00\xff"


def test_hash_depends_on_address_and_key_and_survives_key_rotation() -> None:
    one = vault(OLD).match("taro@example.com")
    assert one == vault(OLD, NEW).match("taro@example.com")
    assert one != vault(OLD).match("jiro@example.com")
    assert one != vault(OLD, matching=b"n" * 32).match("taro@example.com")


def test_keys_do_not_show_in_a_repr() -> None:
    assert OLD not in repr(SealingKeys((OLD,), b"m" * 32))
