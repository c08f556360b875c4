"""Names, addresses and secrets encrypted at rest; addresses matched by keyed hash.

Sealing is ``cryptography``'s MultiFernet: the newest key seals, every key opens. Fernet has no
associated data, so the place a value belongs to is sealed in front of it and compared on
opening: a value copied to another row or column does not open there.

The matching key never changes: the hashes outlive the addresses they were made from
(suppression after erasure, people counted for ever), so they cannot be made again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from .errors import ConfigurationError

SEPARATOR = b"\x00"
_NO_KEY = (
    "a stored value does not open with any key of the key file; "
    "restore the key that was in use when it was written"
)


@dataclass(frozen=True, slots=True)
class SealingKeys:
    """``sealing``: Fernet keys, oldest first. ``matching``: 32 bytes, never rotated."""

    sealing: tuple[str, ...] = field(repr=False)
    matching: bytes = field(repr=False)


@lru_cache(maxsize=8)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in reversed(keys)])


class Vault:
    """Seals and opens; asks for the keys each time, so a rotation needs no restart."""

    def __init__(self, keys: Callable[[], SealingKeys]) -> None:
        self._keys = keys

    def seal_bytes(self, value: bytes, *, place: str) -> bytes:
        """``value`` encrypted for ``place``, a stable name such as ``signals:<id>``."""
        return _fernet(self._keys().sealing).encrypt(place.encode() + SEPARATOR + value)

    def open_bytes(self, sealed: bytes, *, place: str) -> bytes:
        """The inverse. Raises ConfigurationError when no key opens it or the place is wrong."""
        try:
            plain = _fernet(self._keys().sealing).decrypt(sealed)
        except InvalidToken:
            raise ConfigurationError(_NO_KEY) from None
        found, _, value = plain.partition(SEPARATOR)
        if found != place.encode():
            raise ConfigurationError("a sealed value was found in a place it was not sealed for")
        return value

    def seal(self, text: str, *, place: str) -> str:
        """``seal_bytes`` for text columns."""
        return self.seal_bytes(text.encode(), place=place).decode("ascii")

    def open(self, sealed: str, *, place: str) -> str:
        """``open_bytes`` for text columns."""
        return self.open_bytes(sealed.encode("ascii"), place=place).decode()

    def reseal(self, sealed: bytes) -> bytes:
        """The same value under the newest key; its place stays inside.

        Raises ConfigurationError when no key opens it.
        """
        try:
            return _fernet(self._keys().sealing).rotate(sealed)
        except InvalidToken:
            raise ConfigurationError(_NO_KEY) from None

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the newest key alone opens it, so that older keys are not needed for it."""
        try:
            Fernet(self._keys().sealing[-1]).decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def match(self, normalised: str) -> str:
        """Keyed SHA-256 (hex) of an address already normalised for matching."""
        return hmac.new(self._keys().matching, normalised.encode(), hashlib.sha256).hexdigest()
